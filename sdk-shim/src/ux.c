/* Flows and lists over screens. The buttons act when they are released. */
#include "ux.h"

#include <stdio.h>

#include "screen.h"
#include "shim.h"

ux_state_t G_ux;
bolos_ux_params_t G_ux_params;

/* What the buttons walk through now: a flow or a list. */
static struct {
    const ux_flow_step_t *const *steps;
    list_item_value_t get_item;
    list_item_select_t select_item;
    uint16_t index;
    uint16_t count;
    uint8_t page;
    uint8_t pages;
    bool loops;
    ux_flow_direction_t direction;
    uint8_t held_buttons;
} ux;

static screen_t screen;
static char title[32];

unsigned int ux_stack_push(void)
{
    G_ux.stack_count = 1;
    return 0;
}

unsigned int ux_stack_pop(void)
{
    G_ux.stack_count = 0;
    return UX_STACK_SLOT_COUNT;
}

static void add_line(const char *text)
{
    if (text != NULL && screen.count < SCREEN_LINES_MAX) {
        text = SHIM_PIC(text);
        screen.lines[screen.count].text = text;
        screen.lines[screen.count].length = (uint8_t) strnlen(text, UINT8_MAX);
        screen.count++;
    }
}

static const ux_flow_step_t *current_step(void)
{
    return SHIM_PIC(ux.steps[ux.index]);
}

/* Lines of text that a page holds below its title. */
#define PAGE_LINES (SCREEN_LINES_MAX - 1)

/* Cuts text into pages; fills the lines of one of them and returns how many there are. */
static uint8_t cut_pages(const char *text, uint8_t wanted)
{
    uint8_t pages = 0;
    do {
        for (uint8_t i = 0; i < PAGE_LINES && (*text != '\0' || i == 0); i++) {
            const uint8_t length = screen_fitting(text, (uint8_t) strnlen(text, UINT8_MAX));
            if (pages == wanted) {
                screen.lines[screen.count++] = (screen_line_t){text, length};
            }
            text += length;
        }
        pages++;
    } while (*text != '\0' && pages < UINT8_MAX);
    return pages;
}

static void show_paged(const shim_paged_t *params)
{
    add_line(params->title);
    ux.pages = cut_pages(SHIM_PIC(params->text), ux.page);
    if (ux.pages > 1) {
        snprintf(title, sizeof(title), "%s (%u/%u)", SHIM_PIC(params->title), ux.page + 1u, ux.pages);
        screen.lines[0].text = title;
        screen.lines[0].length = (uint8_t) strlen(title);
    }
}

static void show_step(const ux_flow_step_t *step)
{
    const void *params = SHIM_PIC(step->params);
    if (step->layout & SHIM_LAYOUT_PAGED) {
        show_paged(params);
    }
    else {
        const char *const *lines = params;
        if (step->layout & SHIM_LAYOUT_ICON) {
            const bagl_icon_details_t *const *icon = params;
            screen.icon = SHIM_PIC(*icon);
            lines++;
        }
        for (unsigned int i = 0; i < SHIM_LINES(step->layout); i++) {
            add_line(lines[i]);
        }
    }
    screen.bold = SHIM_BOLD(step->layout);
}

static bool has_previous(void)
{
    return ux.page > 0 || ux.index > 0 || ux.loops;
}

static bool has_next(void)
{
    return ux.page + 1 < ux.pages || ux.index + 1 < ux.count || ux.loops;
}

void ux_stack_redisplay(void)
{
    if (ux.count == 0) {
        return;
    }
    memset(&screen, 0, sizeof(screen));
    ux.pages = 1;
    if (ux.get_item != NULL) {
        add_line(ux.get_item(ux.index));
        screen.bold = 1;
    }
    else {
        show_step(current_step());
    }
    screen.arrows = (uint8_t) ((has_previous() ? ARROW_LEFT : 0) | (has_next() ? ARROW_RIGHT : 0));
    screen_show(&screen);
}

/* Arrives at the step of ux.index; shows it unless its code went elsewhere. */
static void enter_step(void)
{
    ux.page = 0;
    if (ux.get_item == NULL) {
        const ux_flow_step_t *step = current_step();
        const ux_flow_step_t *const *flow = ux.steps;
        if (step->enter != NULL) {
            SHIM_PIC(step->enter)(0);
        }
        if (step->layout == SHIM_LAYOUT_NONE || ux.steps != flow || ux.get_item != NULL) {
            return;
        }
        /* Walking backwards, a text is entered at its last page. */
        if ((step->layout & SHIM_LAYOUT_PAGED) && ux.direction == FLOW_DIRECTION_BACKWARD) {
            const shim_paged_t *params = SHIM_PIC(step->params);
            ux.page = (uint8_t) (cut_pages(SHIM_PIC(params->text), UINT8_MAX) - 1);
        }
    }
    ux_stack_redisplay();
}

static void start(uint16_t index)
{
    ux.index = index < ux.count ? index : 0;
    ux.direction = FLOW_DIRECTION_START;
    ux_stack_push();
    if (ux.count > 0) {
        enter_step();
    }
}

void ux_flow_init(unsigned int stack_slot, const ux_flow_step_t *const *steps, const ux_flow_step_t *start_step)
{
    (void) stack_slot;
    uint16_t index = 0;
    ux.get_item = NULL;
    ux.steps = SHIM_PIC(steps);
    ux.loops = false;
    for (ux.count = 0; ux.steps[ux.count] != FLOW_END_STEP; ux.count++) {
        if (ux.steps[ux.count] == FLOW_LOOP) {
            ux.loops = true;
            break;
        }
        if (start_step != NULL && SHIM_PIC(ux.steps[ux.count]) == SHIM_PIC(start_step)) {
            index = ux.count;
        }
    }
    start(index);
}

void ux_flow_uninit(unsigned int stack_slot)
{
    (void) stack_slot;
    ux.count = 0;
}

void ux_menulist_init_select(unsigned int stack_slot,
                             list_item_value_t getter,
                             list_item_select_t selector,
                             unsigned int selected)
{
    (void) stack_slot;
    ux.get_item = SHIM_PIC(getter);
    ux.select_item = SHIM_PIC(selector);
    ux.loops = false;
    for (ux.count = 0; ux.get_item(ux.count) != NULL; ux.count++) {
    }
    start((uint16_t) selected);
}

void ux_menulist_init(unsigned int stack_slot, list_item_value_t getter, list_item_select_t selector)
{
    ux_menulist_init_select(stack_slot, getter, selector, 0);
}

void ux_flow_next(void)
{
    ux.direction = FLOW_DIRECTION_FORWARD;
    if (ux.page + 1 < ux.pages) {
        ux.page++;
        ux_stack_redisplay();
    }
    else if (has_next()) {
        ux.index = ux.index + 1 < ux.count ? (uint16_t) (ux.index + 1) : 0;
        enter_step();
    }
}

void ux_flow_prev(void)
{
    ux.direction = FLOW_DIRECTION_BACKWARD;
    if (ux.page > 0) {
        ux.page--;
        ux_stack_redisplay();
    }
    else if (has_previous()) {
        ux.index = (uint16_t) ((ux.index > 0 ? ux.index : ux.count) - 1);
        enter_step();
    }
}

void ux_flow_validate(void)
{
    if (ux.get_item != NULL) {
        ux.select_item(ux.index);
        return;
    }
    const ux_flow_step_t *step = current_step();
    if (step->validate_flow != NULL) {
        ux_flow_init(0, step->validate_flow, NULL);
    }
    else if (step->choose != NULL) {
        SHIM_PIC(step->choose)();
    }
}

ux_flow_direction_t ux_flow_direction(void)
{
    return ux.direction;
}

unsigned int ux_flow_is_first(void)
{
    return !has_previous();
}

unsigned int ux_flow_is_last(void)
{
    return !has_next();
}

static void handle_buttons(uint8_t pressed)
{
    if (pressed != 0) {
        ux.held_buttons |= pressed;
        return;
    }
    const uint8_t released = ux.held_buttons;
    ux.held_buttons = 0;
    if (ux.count == 0) {
        return;
    }
    if (released == BUTTON_LEFT) {
        ux_flow_prev();
    }
    else if (released == BUTTON_RIGHT) {
        ux_flow_next();
    }
    else if (released == (BUTTON_LEFT | BUTTON_RIGHT)) {
        ux_flow_validate();
    }
}

void shim_ux_event(const uint8_t *event)
{
    G_ux_params.ux_id = BOLOS_UX_EVENT;
    G_ux_params.len = 0;
    os_ux(&G_ux_params);
    G_ux_params.len = os_sched_last_status(TASK_BOLOS_UX);
    if (G_ux_params.len == BOLOS_UX_REDRAW) {
        ux_stack_redisplay();
    }
    else if (G_ux_params.len != BOLOS_UX_IGNORE && G_ux_params.len != BOLOS_UX_CONTINUE &&
             event[0] == SEPROXYHAL_TAG_BUTTON_PUSH_EVENT) {
        handle_buttons(event[3] >> 1);
    }
}
