/* Flows and lists as rows of pages. */
#include "ux.h"

#include "pager.h"
#include "shim.h"

static const ux_flow_step_t *const *flow_steps;
static list_item_value_t get_item;
static list_item_select_t select_item;

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

void ux_stack_redisplay(void)
{
    pager_redisplay();
}

static const ux_flow_step_t *step_at(uint16_t index)
{
    return SHIM_PIC(flow_steps[index]);
}

static void describe_step(uint16_t index, page_t *page)
{
    const ux_flow_step_t *step = step_at(index);
    const char *const *lines = SHIM_PIC(step->params);
    if (step->layout & SHIM_LAYOUT_ICON) {
        const bagl_icon_details_t *const *icon = SHIM_PIC(step->params);
        page->icon = SHIM_PIC(*icon);
        lines++;
    }
    for (unsigned int i = 0; i < SHIM_LINES(step->layout); i++) {
        if (lines[i] != NULL) {
            page->lines[page->count++] = SHIM_PIC(lines[i]);
        }
    }
    page->bold = SHIM_BOLD(step->layout);
    page->paged = (step->layout & SHIM_LAYOUT_PAGED) && page->count > 1;
    page->breaks = BREAK_BEFORE_DIVIDER;
}

static bool enter_step(uint16_t index)
{
    const ux_flow_step_t *step = step_at(index);
    const uint16_t generation = pager_generation();
    if (step->enter != NULL) {
        SHIM_PIC(step->enter)(0);
    }
    return step->layout != SHIM_LAYOUT_NONE && generation == pager_generation();
}

static void choose_step(uint16_t index)
{
    const ux_flow_step_t *step = step_at(index);
    if (step->validate_flow != NULL) {
        ux_flow_init(0, step->validate_flow, NULL);
    }
    else if (step->choose != NULL) {
        SHIM_PIC(step->choose)();
    }
}

void ux_flow_init(unsigned int stack_slot, const ux_flow_step_t *const *steps, const ux_flow_step_t *start_step)
{
    (void) stack_slot;
    row_t row = {.describe = describe_step, .choose = choose_step, .enter = enter_step};
    uint16_t index = 0;
    flow_steps = SHIM_PIC(steps);
    for (; flow_steps[row.count] != FLOW_END_STEP; row.count++) {
        if (flow_steps[row.count] == FLOW_LOOP) {
            row.loops = true;
            break;
        }
        if (start_step != NULL && step_at(row.count) == SHIM_PIC(start_step)) {
            index = row.count;
        }
    }
    ux_stack_push();
    pager_start(&row, index);
}

void ux_flow_uninit(unsigned int stack_slot)
{
    (void) stack_slot;
    pager_stop();
}

static void describe_item(uint16_t index, page_t *page)
{
    page->lines[0] = SHIM_PIC(get_item(index));
    page->count = 1;
    page->bold = 1;
}

static void choose_item(uint16_t index)
{
    select_item(index);
}

void ux_menulist_init_select(unsigned int stack_slot,
                             list_item_value_t getter,
                             list_item_select_t selector,
                             unsigned int selected)
{
    (void) stack_slot;
    row_t row = {.describe = describe_item, .choose = choose_item};
    get_item = SHIM_PIC(getter);
    select_item = SHIM_PIC(selector);
    while (get_item(row.count) != NULL) {
        row.count++;
    }
    ux_stack_push();
    pager_start(&row, (uint16_t) selected);
}

void ux_menulist_init(unsigned int stack_slot, list_item_value_t getter, list_item_select_t selector)
{
    ux_menulist_init_select(stack_slot, getter, selector, 0);
}

void ux_flow_next(void)
{
    pager_next();
}

void ux_flow_prev(void)
{
    pager_previous();
}

void ux_flow_validate(void)
{
    pager_choose();
}

ux_flow_direction_t ux_flow_direction(void)
{
    return (ux_flow_direction_t) pager_direction();
}

unsigned int ux_flow_is_first(void)
{
    return pager_is_first();
}

unsigned int ux_flow_is_last(void)
{
    return pager_is_last();
}
