/* Use cases as rows of pages. Each call copies what it is given; one dialogue is shown at a time. */
#ifdef HAVE_NBGL
#include "nbgl_use_case.h"

#include "glyphs.h"
#include "pager.h"
#include "shim.h"

#define TICK_MS 100

static struct {
    const char *app_name;
    const nbgl_icon_details_t *icon;
    const char *tagline;
    const nbgl_genericContents_t *settings;
    const nbgl_contentInfoList_t *infos;
    const nbgl_homeAction_t *action;
    nbgl_callback_t quit;
    /* The switch that was just turned, so that its new state shows before the app says so; -1: none. */
    int turned;
} home;

static struct {
    nbgl_operationType_t type;
    const nbgl_contentTagValueList_t *pairs;
    const nbgl_contentTagValueList_t *more_pairs;
    const nbgl_icon_details_t *icon;
    const char *title;
    const char *subtitle;
    const char *accept;
    const char *reject;
    nbgl_choiceCallback_t answer;
    nbgl_contentTagValue_t address;
    nbgl_contentTagValueList_t address_list;
} review;

static struct {
    const nbgl_icon_details_t *icon;
    const char *message;
    const char *details;
    const char *accept;
    const char *reject;
    nbgl_choiceCallback_t answer;
    nbgl_callback_t done;
} dialogue;

static void put_text(page_t *page, const char *text, bool bold)
{
    if (text != NULL) {
        page->bold = (uint8_t) (page->bold | (bold << page->count));
        page->lines[page->count++] = SHIM_PIC(text);
        page->broken = true;
        page->breaks = BREAK_AFTER_SPACE;
    }
}

static void put_icon(page_t *page, const nbgl_icon_details_t *icon)
{
    page->icon = icon != NULL ? SHIM_PIC(icon) : NULL;
}

static void put_action(page_t *page, const nbgl_icon_details_t *icon, const char *text)
{
    put_icon(page, icon);
    put_text(page, text, true);
}

static void start(void (*describe_page)(uint16_t, page_t *), void (*choose)(uint16_t), uint16_t count, uint16_t index)
{
    const row_t row = {.describe = describe_page, .choose = choose, .count = count};
    pager_start(&row, index);
}

/* Home, settings, infos */

typedef enum {
    HOME_APP,
    HOME_ACTION,
    HOME_SETTINGS,
    HOME_INFOS,
    HOME_QUIT,
} home_page_t;

static void show_home(home_page_t page);

/* The pages that this app's home screen has, in order. */
static uint8_t home_pages(home_page_t pages[static 5])
{
    uint8_t count = 0;
    pages[count++] = HOME_APP;
    if (home.action != NULL) {
        pages[count++] = HOME_ACTION;
    }
    if (home.settings != NULL) {
        pages[count++] = HOME_SETTINGS;
    }
    if (home.infos != NULL) {
        pages[count++] = HOME_INFOS;
    }
    pages[count++] = HOME_QUIT;
    return count;
}

static void describe_home(uint16_t index, page_t *page)
{
    home_page_t pages[5];
    home_pages(pages);
    switch (pages[index]) {
        case HOME_APP:
            put_icon(page, home.icon);
            if (home.tagline != NULL) {
                put_text(page, home.tagline, true);
            }
            else {
                put_text(page, home.app_name, true);
                put_text(page, "app is ready", false);
            }
            break;
        case HOME_ACTION:
            put_action(page, home.action->icon, home.action->text);
            break;
        case HOME_SETTINGS:
            put_action(page, &C_icon_coggle, "App settings");
            break;
        case HOME_INFOS:
            put_action(page, &C_icon_certificate, "App info");
            break;
        case HOME_QUIT:
        default:
            put_action(page, &C_icon_dashboard_x, "Quit app");
            break;
    }
}

/* The content that holds entry number *index of all settings; *index then counts within it. */
static bool find_setting(uint16_t *index, nbgl_content_t *content)
{
    for (uint8_t i = 0; i < home.settings->nbContents; i++) {
        if (home.settings->callbackCallNeeded) {
            memset(content, 0, sizeof(*content));
            SHIM_PIC(home.settings->contentGetterCallback)(i, content);
        }
        else {
            const nbgl_content_t *contents = SHIM_PIC(home.settings->contentsList);
            *content = contents[i];
        }
        uint16_t count = 0;
        if (content->type == SWITCHES_LIST) {
            count = content->content.switchesList.nbSwitches;
        }
        else if (content->type == INFOS_LIST) {
            count = content->content.infosList.nbInfos;
        }
        if (*index < count) {
            return true;
        }
        *index = (uint16_t) (*index - count);
    }
    return false;
}

static uint16_t count_settings(void)
{
    nbgl_content_t content;
    uint16_t missing = UINT16_MAX;
    find_setting(&missing, &content);
    return (uint16_t) (UINT16_MAX - missing);
}

static void put_info(page_t *page, const nbgl_contentInfoList_t *infos, uint16_t index)
{
    const char *const *types = SHIM_PIC(infos->infoTypes);
    const char *const *contents = SHIM_PIC(infos->infoContents);
    put_text(page, types[index], true);
    put_text(page, contents[index], false);
    page->paged = page->count > 1;
}

static void describe_settings(uint16_t index, page_t *page)
{
    const uint16_t number = index;
    nbgl_content_t content;
    if (!find_setting(&index, &content)) {
        put_action(page, &C_icon_back_x, "Back");
    }
    else if (content.type == INFOS_LIST) {
        put_info(page, &content.content.infosList, index);
    }
    else {
        const nbgl_contentSwitch_t *entry = SHIM_PIC(content.content.switchesList.switches);
        const bool on = (entry[index].initState == ON_STATE) != (home.turned == number);
        put_text(page, entry[index].text, true);
        put_text(page, entry[index].subText, false);
        put_text(page, on ? "Enabled" : "Disabled", true);
    }
}

static void choose_setting(uint16_t index)
{
    const uint16_t number = index;
    nbgl_content_t content;
    if (!find_setting(&index, &content)) {
        show_home(HOME_SETTINGS);
        return;
    }
    if (content.type != SWITCHES_LIST || content.contentActionCallback == NULL) {
        return;
    }
    const nbgl_contentSwitch_t *entry = SHIM_PIC(content.content.switchesList.switches);
    const uint8_t state = entry[index].initState == ON_STATE ? OFF_STATE : ON_STATE;
    home.turned = number;
    pager_redisplay();
    home.turned = -1;
    SHIM_PIC(content.contentActionCallback)(entry[index].token, state, number);
}

static void show_settings(uint16_t index)
{
    home.turned = -1;
    start(describe_settings, choose_setting, (uint16_t) (count_settings() + 1), index);
}

static void describe_infos(uint16_t index, page_t *page)
{
    if (index < home.infos->nbInfos) {
        put_info(page, home.infos, index);
    }
    else {
        put_action(page, &C_icon_back_x, "Back");
    }
}

static void choose_info(uint16_t index)
{
    if (index >= home.infos->nbInfos) {
        show_home(HOME_INFOS);
    }
}

static void choose_home(uint16_t index)
{
    home_page_t pages[5];
    home_pages(pages);
    switch (pages[index]) {
        case HOME_ACTION:
            SHIM_PIC(home.action->callback)();
            break;
        case HOME_SETTINGS:
            show_settings(0);
            break;
        case HOME_INFOS:
            start(describe_infos, choose_info, home.infos->nbInfos + 1u, 0);
            break;
        case HOME_QUIT:
            home.quit();
            break;
        case HOME_APP:
        default:
            break;
    }
}

static void show_home(home_page_t page)
{
    home_page_t pages[5];
    uint8_t index = 0;
    const uint8_t count = home_pages(pages);
    while (pages[index] != page) {
        index++;
    }
    start(describe_home, choose_home, count, index);
}

void nbgl_useCaseHomeAndSettings(const char *appName,
                                 const nbgl_icon_details_t *appIcon,
                                 const char *tagline,
                                 const uint8_t initSettingPage,
                                 const nbgl_genericContents_t *settingContents,
                                 const nbgl_contentInfoList_t *infosList,
                                 const nbgl_homeAction_t *action,
                                 nbgl_callback_t quitCallback)
{
    home.app_name = appName;
    home.icon = appIcon;
    home.tagline = tagline;
    home.settings = settingContents != NULL ? SHIM_PIC(settingContents) : NULL;
    home.infos = infosList != NULL ? SHIM_PIC(infosList) : NULL;
    home.action = action != NULL ? SHIM_PIC(action) : NULL;
    home.quit = SHIM_PIC(quitCallback);
    if (initSettingPage != INIT_HOME_PAGE && home.settings != NULL) {
        show_settings(initSettingPage);
    }
    else {
        show_home(HOME_APP);
    }
}

/* Reviews */

static const char *accept_text(nbgl_operationType_t type)
{
    if (type & BLIND_OPERATION) {
        switch (type & REAL_TYPE_MASK) {
            case TYPE_TRANSACTION:
                return "Accept risk and sign transaction";
            case TYPE_MESSAGE:
                return "Accept risk and sign message";
            default:
                return "Accept risk and sign operation";
        }
    }
    switch (type & REAL_TYPE_MASK) {
        case TYPE_TRANSACTION:
            return "Sign transaction";
        case TYPE_MESSAGE:
            return "Sign message";
        default:
            return "Sign operation";
    }
}

static const char *reject_text(nbgl_operationType_t type)
{
    switch (type & REAL_TYPE_MASK) {
        case TYPE_TRANSACTION:
            return "Reject transaction";
        case TYPE_MESSAGE:
            return "Reject message";
        default:
            return "Reject operation";
    }
}

static uint16_t count_pairs(const nbgl_contentTagValueList_t *list)
{
    return list != NULL ? list->nbPairs : 0;
}

static void put_pair(page_t *page, const nbgl_contentTagValueList_t *list, uint16_t index)
{
    const nbgl_contentTagValue_t *pairs = SHIM_PIC(list->pairs);
    const nbgl_contentTagValue_t *pair = pairs != NULL
                                             ? &pairs[index]
                                             : SHIM_PIC(list->callback)((uint8_t) (list->startIndex + index));
    pair = SHIM_PIC(pair);
    put_text(page, pair->item, true);
    put_text(page, pair->value, false);
    page->paged = page->count > 1;
    page->breaks = list->wrapping ? BREAK_AFTER_SPACE : BREAK_ANYWHERE;
}

/* Title, pairs of both lists, accept, reject. */
static void describe_review(uint16_t index, page_t *page)
{
    const uint16_t first = count_pairs(review.pairs);
    const uint16_t pairs = (uint16_t) (first + count_pairs(review.more_pairs));
    if (index == 0) {
        put_icon(page, review.icon);
        put_text(page, review.title, true);
        put_text(page, review.subtitle, false);
    }
    else if (index <= first) {
        put_pair(page, review.pairs, index - 1);
    }
    else if (index <= pairs) {
        put_pair(page, review.more_pairs, (uint16_t) (index - 1 - first));
    }
    else if (index == pairs + 1) {
        put_action(page, &C_icon_validate_14, review.accept);
    }
    else {
        put_action(page, &C_icon_crossmark, review.reject);
    }
}

static void choose_review(uint16_t index)
{
    const uint16_t pairs = (uint16_t) (count_pairs(review.pairs) + count_pairs(review.more_pairs));
    if (index > pairs) {
        review.answer(index == pairs + 1);
    }
}

static void show_review(void)
{
    const uint16_t pairs = (uint16_t) (count_pairs(review.pairs) + count_pairs(review.more_pairs));
    start(describe_review, choose_review, (uint16_t) (pairs + 3), 0);
}

static void set_review(nbgl_operationType_t type,
                       const nbgl_contentTagValueList_t *pairs,
                       const nbgl_icon_details_t *icon,
                       const char *title,
                       const char *subtitle,
                       const char *accept,
                       nbgl_choiceCallback_t answer)
{
    review.type = type;
    review.pairs = pairs != NULL ? SHIM_PIC(pairs) : NULL;
    review.more_pairs = NULL;
    review.icon = icon;
    review.title = title;
    review.subtitle = subtitle;
    review.accept = accept != NULL ? accept : accept_text(type);
    review.reject = reject_text(type);
    review.answer = SHIM_PIC(answer);
}

void nbgl_useCaseReview(nbgl_operationType_t operationType,
                        const nbgl_contentTagValueList_t *tagValueList,
                        const nbgl_icon_details_t *icon,
                        const char *reviewTitle,
                        const char *reviewSubTitle,
                        const char *finishTitle,
                        nbgl_choiceCallback_t choiceCallback)
{
    set_review(operationType, tagValueList, icon, reviewTitle, reviewSubTitle, finishTitle, choiceCallback);
    show_review();
}

void nbgl_useCaseReviewLight(nbgl_operationType_t operationType,
                             const nbgl_contentTagValueList_t *tagValueList,
                             const nbgl_icon_details_t *icon,
                             const char *reviewTitle,
                             const char *reviewSubTitle,
                             const char *finishTitle,
                             nbgl_choiceCallback_t choiceCallback)
{
    nbgl_useCaseReview(
        operationType, tagValueList, icon, reviewTitle, reviewSubTitle, finishTitle, choiceCallback);
}

static void describe_warning(uint16_t index, page_t *page)
{
    if (index == 0) {
        put_icon(page, &C_icon_warning);
        put_text(page, "Blind signing ahead", true);
        put_text(page, "To accept risk, press both buttons", false);
    }
    else {
        put_action(page, &C_icon_crossmark, review.reject);
    }
}

static void choose_warning(uint16_t index)
{
    if (index == 0) {
        show_review();
    }
    else {
        review.answer(false);
    }
}

void nbgl_useCaseReviewBlindSigning(nbgl_operationType_t operationType,
                                    const nbgl_contentTagValueList_t *tagValueList,
                                    const nbgl_icon_details_t *icon,
                                    const char *reviewTitle,
                                    const char *reviewSubTitle,
                                    const char *finishTitle,
                                    const nbgl_tipBox_t *tipBox,
                                    nbgl_choiceCallback_t choiceCallback)
{
    (void) tipBox;
    set_review(operationType | BLIND_OPERATION,
               tagValueList,
               icon,
               reviewTitle,
               reviewSubTitle,
               finishTitle,
               choiceCallback);
    start(describe_warning, choose_warning, 2, 0);
}

void nbgl_useCaseAddressReview(const char *address,
                               const nbgl_contentTagValueList_t *additionalTagValueList,
                               const nbgl_icon_details_t *icon,
                               const char *reviewTitle,
                               const char *reviewSubTitle,
                               nbgl_choiceCallback_t choiceCallback)
{
    set_review(TYPE_OPERATION, NULL, icon, reviewTitle, reviewSubTitle, "Confirm", choiceCallback);
    review.address = (nbgl_contentTagValue_t){.item = "Address", .value = address};
    review.address_list = (nbgl_contentTagValueList_t){.pairs = &review.address, .nbPairs = 1};
    review.pairs = &review.address_list;
    review.more_pairs = additionalTagValueList != NULL ? SHIM_PIC(additionalTagValueList) : NULL;
    review.reject = "Cancel";
    show_review();
}

/* Short dialogues */

static void set_dialogue(const nbgl_icon_details_t *icon, const char *message, const char *details)
{
    dialogue.icon = icon;
    dialogue.message = message;
    dialogue.details = details;
    dialogue.accept = NULL;
    dialogue.reject = NULL;
    dialogue.answer = NULL;
    dialogue.done = NULL;
}

static void describe_message(uint16_t index, page_t *page)
{
    (void) index;
    put_icon(page, dialogue.icon);
    put_text(page, dialogue.message, true);
}

static void finish_message(void)
{
    pager_stop();
    if (dialogue.done != NULL) {
        dialogue.done();
    }
}

static void choose_message(uint16_t index)
{
    (void) index;
    finish_message();
}

static void ignore_choice(uint16_t index)
{
    (void) index;
}

void nbgl_useCaseStatus(const char *message, bool isSuccess, nbgl_callback_t quitCallback)
{
    set_dialogue(isSuccess ? &C_icon_validate_14 : &C_icon_crossmark, message, NULL);
    dialogue.done = SHIM_PIC(quitCallback);
    start(describe_message, choose_message, 1, 0);
    pager_set_timeout(STATUS_SCREEN_DURATION / TICK_MS, finish_message);
}

void nbgl_useCaseReviewStatus(nbgl_reviewStatusType_t reviewStatusType, nbgl_callback_t quitCallback)
{
    const char *message = "Operation rejected";
    bool success = false;
    switch (reviewStatusType) {
        case STATUS_TYPE_TRANSACTION_SIGNED:
            message = "Transaction signed";
            success = true;
            break;
        case STATUS_TYPE_TRANSACTION_REJECTED:
            message = "Transaction rejected";
            break;
        case STATUS_TYPE_MESSAGE_SIGNED:
            message = "Message signed";
            success = true;
            break;
        case STATUS_TYPE_MESSAGE_REJECTED:
            message = "Message rejected";
            break;
        case STATUS_TYPE_OPERATION_SIGNED:
            message = "Operation signed";
            success = true;
            break;
        case STATUS_TYPE_ADDRESS_VERIFIED:
            message = "Address verified";
            success = true;
            break;
        case STATUS_TYPE_ADDRESS_REJECTED:
            message = "Address verification cancelled";
            break;
        case STATUS_TYPE_OPERATION_REJECTED:
        default:
            break;
    }
    nbgl_useCaseStatus(message, success, quitCallback);
}

/* The message, its details under it if there are any, accept, reject. */
static void describe_choice(uint16_t index, page_t *page)
{
    const uint16_t details = dialogue.details != NULL;
    if (index == 0) {
        describe_message(0, page);
    }
    else if (index == 1 && details) {
        put_text(page, dialogue.message, true);
        put_text(page, dialogue.details, false);
        page->paged = true;
    }
    else if (index == 1 + details) {
        put_action(page, &C_icon_validate_14, dialogue.accept);
    }
    else {
        put_action(page, &C_icon_crossmark, dialogue.reject);
    }
}

static void choose_choice(uint16_t index)
{
    const uint16_t accept = dialogue.details != NULL ? 2 : 1;
    if (index < accept) {
        return;
    }
    if (dialogue.answer != NULL) {
        dialogue.answer(index == accept);
    }
    else if (index == accept) {
        dialogue.done();
    }
}

static uint16_t count_choice(void)
{
    const uint16_t details = dialogue.details != NULL;
    return (uint16_t) (1 + details + 1 + (dialogue.reject != NULL));
}

void nbgl_useCaseChoice(const nbgl_icon_details_t *icon,
                        const char *message,
                        const char *subMessage,
                        const char *confirmText,
                        const char *rejectString,
                        nbgl_choiceCallback_t callback)
{
    set_dialogue(icon, message, subMessage);
    dialogue.accept = confirmText;
    dialogue.reject = rejectString;
    dialogue.answer = SHIM_PIC(callback);
    start(describe_choice, choose_choice, count_choice(), 0);
}

void nbgl_useCaseConfirm(const char *message,
                         const char *subMessage,
                         const char *confirmText,
                         const char *rejectText,
                         nbgl_callback_t callback)
{
    set_dialogue(NULL, message, subMessage);
    dialogue.accept = confirmText;
    dialogue.reject = rejectText;
    dialogue.done = SHIM_PIC(callback);
    start(describe_choice, choose_choice, count_choice(), 0);
}

void nbgl_useCaseAction(const nbgl_icon_details_t *icon,
                        const char *message,
                        const char *actionText,
                        nbgl_callback_t callback)
{
    set_dialogue(icon, message, NULL);
    dialogue.accept = actionText;
    dialogue.done = SHIM_PIC(callback);
    start(describe_choice, choose_choice, count_choice(), 0);
}

void nbgl_useCaseSpinner(const char *text)
{
    set_dialogue(&C_icon_processing, text, NULL);
    start(describe_message, ignore_choice, 1, 0);
}
#endif
