/* Use cases, walked with the buttons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "glyphs.h"
#include "host.h"
#include "nbgl_use_case.h"
#include "shim.h"
#include "ux.h"

static int answered;
static int token_seen;
static int page_seen;

static void press(uint8_t buttons)
{
    const uint8_t down[] = {SEPROXYHAL_TAG_BUTTON_PUSH_EVENT, 0, 1, (uint8_t) (buttons << 1)};
    const uint8_t up[] = {SEPROXYHAL_TAG_BUTTON_PUSH_EVENT, 0, 1, 0};
    shim_ux_event(down);
    shim_ux_event(up);
}

#define LEFT  press(BUTTON_LEFT)
#define RIGHT press(BUTTON_RIGHT)
#define BOTH  press(BUTTON_LEFT | BUTTON_RIGHT)

/* The lines of the screen, with bars between. */
static const char *shown(void)
{
    static char text[256];
    text[0] = '\0';
    for (uint8_t i = 0; i < host.screen.count; i++) {
        if (i > 0) {
            strcat(text, "|");
        }
        strncat(text, host.screen.lines[i].text, host.screen.lines[i].length);
    }
    return text;
}

static void answer(bool yes)
{
    answered = yes ? 1 : 0;
}

static void done(void)
{
    answered = 2;
}

static void turned(int token, uint8_t index, int page)
{
    token_seen = token;
    page_seen = page;
    (void) index;
}

static int setup(void **state)
{
    (void) state;
    host_reset();
    host.line_length = 20;
    answered = -1;
    token_seen = -1;
    return 0;
}

static nbgl_contentSwitch_t switches[2];
static const char *const info_types[] = {"Version", "Maker"};
static const char *const info_contents[] = {"1.0.0", "Us"};
static const nbgl_contentInfoList_t infos = {
    .infoTypes = info_types, .infoContents = info_contents, .nbInfos = 2};
static const nbgl_content_t contents[] = {
    {.type = SWITCHES_LIST,
     .content.switchesList = {.switches = switches, .nbSwitches = 2},
     .contentActionCallback = turned},
    {.type = INFOS_LIST, .content.infosList = {info_types, info_contents, NULL, 1, 0, false}},
    {.type = CENTERED_INFO},
};
static const nbgl_genericContents_t settings = {.contentsList = contents, .nbContents = 3};

static void start_home(uint8_t page, const nbgl_homeAction_t *action)
{
    switches[0] = (nbgl_contentSwitch_t){.text = "One", .subText = "first\nswitch", .token = 51};
    switches[1] = (nbgl_contentSwitch_t){.text = "Two", .initState = ON_STATE, .token = 52};
    nbgl_useCaseHomeAndSettings("App", NULL, NULL, page, &settings, &infos, action, done);
}

static void test_home(void **state)
{
    (void) state;
    const nbgl_homeAction_t action = {.text = "Do it", .callback = done};
    start_home(INIT_HOME_PAGE, &action);
    assert_string_equal(shown(), "App|app is ready");
    BOTH;
    assert_int_equal(answered, -1);
    RIGHT;
    assert_string_equal(shown(), "Do it");
    BOTH;
    assert_int_equal(answered, 2);
    RIGHT;
    assert_string_equal(shown(), "App settings");
    RIGHT;
    assert_string_equal(shown(), "App info");
    BOTH;
    assert_string_equal(shown(), "Version|1.0.0");
    BOTH;
    RIGHT;
    assert_string_equal(shown(), "Maker|Us");
    RIGHT;
    BOTH;
    assert_string_equal(shown(), "App info");
    RIGHT;
    assert_string_equal(shown(), "Quit app");
    answered = -1;
    BOTH;
    assert_int_equal(answered, 2);

    nbgl_useCaseHomeAndSettings("App", NULL, "A line", INIT_HOME_PAGE, NULL, NULL, NULL, done);
    assert_string_equal(shown(), "A line");
    RIGHT;
    assert_string_equal(shown(), "Quit app");
}

static void test_settings(void **state)
{
    (void) state;
    start_home(INIT_HOME_PAGE, NULL);
    RIGHT;
    BOTH;
    assert_string_equal(shown(), "One|first|switch|Disabled");
    BOTH;
    assert_string_equal(shown(), "One|first|switch|Enabled");
    assert_int_equal(token_seen, 51);
    assert_int_equal(page_seen, 0);
    switches[0].initState = ON_STATE;
    RIGHT;
    assert_string_equal(shown(), "Two|Enabled");
    RIGHT;
    assert_string_equal(shown(), "Version|1.0.0");
    token_seen = -1;
    BOTH;
    assert_int_equal(token_seen, -1);
    RIGHT;
    assert_string_equal(shown(), "Back");
    BOTH;
    assert_string_equal(shown(), "App settings");
    start_home(1, NULL);
    assert_string_equal(shown(), "Two|Enabled");
}

static void get_content(uint8_t index, nbgl_content_t *content)
{
    *content = contents[index];
    content->contentActionCallback = NULL;
}

static void test_settings_by_callback(void **state)
{
    (void) state;
    const nbgl_genericContents_t generic = {
        .callbackCallNeeded = true, .contentGetterCallback = get_content, .nbContents = 2};
    switches[0] = (nbgl_contentSwitch_t){.text = "One"};
    nbgl_useCaseHomeAndSettings("App", NULL, NULL, 0, &generic, NULL, NULL, done);
    assert_string_equal(shown(), "One|Disabled");
    BOTH;
    assert_string_equal(shown(), "One|Disabled");
}

static nbgl_contentTagValue_t pairs[] = {{.item = "Amount", .value = "1 BOL"},
                                         {.item = "To", .value = "0123456789012345678901234"}};

static nbgl_contentTagValue_t *get_pair(uint8_t index)
{
    return &pairs[index];
}

static void test_review(void **state)
{
    (void) state;
    const nbgl_contentTagValueList_t list = {.pairs = pairs, .nbPairs = 2};
    nbgl_useCaseReview(TYPE_TRANSACTION, &list, NULL, "Review\ntransaction", "of Bolos", NULL, answer);
    assert_string_equal(shown(), "Review|transaction|of Bolos");
    BOTH;
    RIGHT;
    assert_string_equal(shown(), "Amount|1 BOL");
    RIGHT;
    assert_string_equal(shown(), "To|01234567890123456789|01234");
    BOTH;
    assert_int_equal(answered, -1);
    RIGHT;
    assert_string_equal(shown(), "Sign transaction");
    BOTH;
    assert_int_equal(answered, 1);
    RIGHT;
    assert_string_equal(shown(), "Reject transaction");
    BOTH;
    assert_int_equal(answered, 0);
}

static void test_review_of_other_things(void **state)
{
    (void) state;
    static const struct {
        nbgl_operationType_t type;
        const char *accept;
        const char *reject;
    } cases[] = {
        {TYPE_MESSAGE, "Sign message", "Reject message"},
        {TYPE_OPERATION, "Sign operation", "Reject operation"},
        {TYPE_TRANSACTION | SKIPPABLE_OPERATION, "Sign transaction", "Reject transaction"},
        {TYPE_TRANSACTION | BLIND_OPERATION, "Accept risk and |sign transaction", "Reject transaction"},
        {TYPE_MESSAGE | BLIND_OPERATION, "Accept risk and sign |message", "Reject message"},
        {TYPE_OPERATION | BLIND_OPERATION, "Accept risk and |sign operation", "Reject operation"},
    };
    const nbgl_contentTagValueList_t list = {
        .callback = get_pair, .startIndex = 1, .nbPairs = 1, .wrapping = true};
    for (size_t i = 0; i < ARRAYLEN(cases); i++) {
        host.line_length = i == 4 ? 21 : 18;
        nbgl_useCaseReviewLight(cases[i].type, &list, NULL, "Review", NULL, NULL, answer);
        RIGHT;
        assert_memory_equal(shown(), "To", 2);
        RIGHT;
        assert_string_equal(shown(), cases[i].accept);
        RIGHT;
        assert_string_equal(shown(), cases[i].reject);
    }
    nbgl_useCaseReview(TYPE_MESSAGE, NULL, NULL, "Review", NULL, "Go!", answer);
    RIGHT;
    assert_string_equal(shown(), "Go!");
}

static void test_blind_signing(void **state)
{
    (void) state;
    const nbgl_contentTagValueList_t list = {.pairs = pairs, .nbPairs = 1};
    host.line_length = 19;
    nbgl_useCaseReviewBlindSigning(TYPE_TRANSACTION, &list, NULL, "Review", NULL, NULL, NULL, answer);
    assert_string_equal(shown(), "Blind signing ahead|To accept risk, |press both buttons");
    assert_ptr_equal(host.screen.icon, &C_icon_warning);
    RIGHT;
    assert_string_equal(shown(), "Reject transaction");
    BOTH;
    assert_int_equal(answered, 0);
    LEFT;
    BOTH;
    assert_string_equal(shown(), "Review");
    RIGHT;
    RIGHT;
    assert_string_equal(shown(), "Accept risk and |sign transaction");
    BOTH;
    assert_int_equal(answered, 1);
}

static void test_address(void **state)
{
    (void) state;
    const nbgl_contentTagValueList_t more = {.pairs = pairs, .nbPairs = 1};
    nbgl_useCaseAddressReview("abc", &more, NULL, "Verify address", NULL, answer);
    assert_string_equal(shown(), "Verify address");
    RIGHT;
    assert_string_equal(shown(), "Address|abc");
    RIGHT;
    assert_string_equal(shown(), "Amount|1 BOL");
    RIGHT;
    assert_string_equal(shown(), "Confirm");
    BOTH;
    assert_int_equal(answered, 1);
    RIGHT;
    assert_string_equal(shown(), "Cancel");
    nbgl_useCaseAddressReview("abc", NULL, NULL, "Verify address", NULL, answer);
    RIGHT;
    RIGHT;
    assert_string_equal(shown(), "Confirm");
}

static void test_choice(void **state)
{
    (void) state;
    nbgl_useCaseChoice(NULL, "Sure?", "It is\nfinal.", "Yes", "No", answer);
    assert_string_equal(shown(), "Sure?");
    BOTH;
    RIGHT;
    assert_string_equal(shown(), "Sure?|It is|final.");
    BOTH;
    assert_int_equal(answered, -1);
    RIGHT;
    assert_string_equal(shown(), "Yes");
    BOTH;
    assert_int_equal(answered, 1);
    RIGHT;
    assert_string_equal(shown(), "No");
    BOTH;
    assert_int_equal(answered, 0);

    answered = -1;
    nbgl_useCaseConfirm("Leave?", NULL, "Yes", "No", done);
    RIGHT;
    RIGHT;
    BOTH;
    assert_int_equal(answered, -1);
    LEFT;
    BOTH;
    assert_int_equal(answered, 2);

    answered = -1;
    nbgl_useCaseAction(NULL, "Ready", "Go", done);
    RIGHT;
    assert_string_equal(shown(), "Go");
    RIGHT;
    assert_string_equal(shown(), "Go");
    BOTH;
    assert_int_equal(answered, 2);
}

static void test_status(void **state)
{
    (void) state;
    static const struct {
        nbgl_reviewStatusType_t type;
        const char *message;
        bool success;
    } cases[] = {
        {STATUS_TYPE_TRANSACTION_SIGNED, "Transaction signed", true},
        {STATUS_TYPE_TRANSACTION_REJECTED, "Transaction rejected", false},
        {STATUS_TYPE_MESSAGE_SIGNED, "Message signed", true},
        {STATUS_TYPE_MESSAGE_REJECTED, "Message rejected", false},
        {STATUS_TYPE_OPERATION_SIGNED, "Operation signed", true},
        {STATUS_TYPE_OPERATION_REJECTED, "Operation rejected", false},
        {STATUS_TYPE_ADDRESS_VERIFIED, "Address verified", true},
        {STATUS_TYPE_ADDRESS_REJECTED, "Address |verification |cancelled", false},
    };
    static const uint8_t tick[] = {SEPROXYHAL_TAG_TICKER_EVENT, 0, 0, 0};
    for (size_t i = 0; i < ARRAYLEN(cases); i++) {
        answered = -1;
        host.line_length = i == 7 ? 14 : 20;
        nbgl_useCaseReviewStatus(cases[i].type, done);
        assert_string_equal(shown(), cases[i].message);
        assert_ptr_equal(host.screen.icon, cases[i].success ? &C_icon_validate_14 : &C_icon_crossmark);
        for (int ticks = 0; ticks < 29; ticks++) {
            shim_ux_event(tick);
        }
        assert_int_equal(answered, -1);
        shim_ux_event(tick);
        assert_int_equal(answered, 2);
        answered = -1;
        shim_ux_event(tick);
        BOTH;
        assert_int_equal(answered, -1);
    }
    nbgl_useCaseStatus("Done", true, done);
    BOTH;
    assert_int_equal(answered, 2);
    nbgl_useCaseStatus("Done", true, NULL);
    BOTH;
    nbgl_useCaseSpinner("Wait");
    assert_string_equal(shown(), "Wait");
    BOTH;
    assert_string_equal(shown(), "Wait");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_home, setup),
        cmocka_unit_test_setup(test_settings, setup),
        cmocka_unit_test_setup(test_settings_by_callback, setup),
        cmocka_unit_test_setup(test_review, setup),
        cmocka_unit_test_setup(test_review_of_other_things, setup),
        cmocka_unit_test_setup(test_blind_signing, setup),
        cmocka_unit_test_setup(test_address, setup),
        cmocka_unit_test_setup(test_choice, setup),
        cmocka_unit_test_setup(test_status, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
