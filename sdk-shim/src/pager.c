#include "pager.h"

#include <stdio.h>
#include <string.h>

#include "os_ux.h"
#include "shim.h"
#include "ux.h"

ux_state_t G_ux;
bolos_ux_params_t G_ux_params;

static struct {
    row_t row;
    uint16_t index;
    uint16_t generation;
    uint8_t screen_index;
    uint8_t screen_count;
    int8_t direction;
    uint8_t held_buttons;
    uint16_t ticks_left;
    void (*timeout)(void);
} pager;

static screen_t screen;
/* The first line with its "(2/3)" behind. */
static char numbered[40];

static bool is_divider(char c)
{
    return c == ' ' || c == '-' || c == '_';
}

/* Whether a line may end in front of that character. */
static bool may_end(const char *text, uint8_t at, line_break_t breaks)
{
    return breaks == BREAK_AFTER_SPACE ? text[at - 1] == ' ' : is_divider(text[at]);
}

/* Length of the part of text that goes into a line. */
static uint8_t fitting(const char *text, line_break_t breaks, bool bold)
{
    uint8_t length = 0;
    while (length < UINT8_MAX && text[length] != '\0' && text[length] != '\n') {
        length++;
    }
    const bool flow = breaks == BREAK_BEFORE_DIVIDER;
    const uint8_t fits = screen_fitting(text, length, bold, pager.row.count > 1, flow);
    const bool full = flow && fits > 0 && is_divider(text[fits - 1]);
    if (breaks != BREAK_ANYWHERE && fits < length && !full) {
        for (uint8_t i = fits; i > 0; i--) {
            if (may_end(text, i, breaks)) {
                return i;
            }
        }
    }
    return fits;
}

static void add_line(const char *text, uint8_t length, bool bold)
{
    if (screen.count < SCREEN_LINES_MAX) {
        screen.lines[screen.count] = (screen_line_t){text, length};
        screen.bold = (uint8_t) (screen.bold | (bold << screen.count));
        screen.count++;
    }
}

/* Adds at most room lines of text; what is left of it. */
static const char *add_broken(const char *text, uint8_t room, const page_t *page, bool bold)
{
    for (uint8_t i = 0; i < room && *text != '\0'; i++) {
        const uint8_t length = fitting(text, page->breaks, bold);
        add_line(text, length, bold);
        text += length;
        if (*text == '\n') {
            text++;
        }
    }
    return text;
}

/* Lays out one screen of a page; whether text is left for more. */
static bool lay_out(const page_t *page, uint8_t wanted)
{
    const uint8_t fixed = (uint8_t) (page->count - (page->paged ? 1 : 0));
    screen.icon = page->icon;
    screen.count = 0;
    screen.bold = 0;
    for (uint8_t i = 0; i < fixed; i++) {
        const bool bold = (page->bold >> i) & 1;
        if (page->broken) {
            add_broken(page->lines[i], SCREEN_LINES_MAX, page, bold);
        }
        else {
            add_line(page->lines[i], (uint8_t) strnlen(page->lines[i], UINT8_MAX), bold);
        }
    }
    if (!page->paged) {
        return false;
    }
    const uint8_t head = screen.count;
    const char *rest = page->lines[fixed];
    if (*rest == '\0') {
        add_line(rest, 0, false);
    }
    for (uint8_t i = 0; i <= wanted; i++) {
        screen.count = head;
        if (*rest != '\0') {
            rest = add_broken(rest, SCREEN_LINES_MAX - head, page, (page->bold >> fixed) & 1);
        }
    }
    return *rest != '\0';
}

static void describe(page_t *page)
{
    memset(page, 0, sizeof(*page));
    pager.row.describe(pager.index, page);
}

/* How many screens the current page takes. */
static uint8_t count_screens(const page_t *page)
{
    uint8_t count = 0;
    while (lay_out(page, count) && count < UINT8_MAX - 1) {
        count++;
    }
    return (uint8_t) (count + 1);
}

static bool has_previous(void)
{
    return pager.screen_index > 0 || pager.index > 0 || pager.row.loops;
}

static bool has_next(void)
{
    return pager.screen_index + 1 < pager.screen_count || pager.index + 1 < pager.row.count ||
           pager.row.loops;
}

void pager_redisplay(void)
{
    page_t page;
    if (pager.row.count == 0) {
        return;
    }
    describe(&page);
    pager.screen_count = count_screens(&page);
    pager.screen_index = MIN(pager.screen_index, (uint8_t) (pager.screen_count - 1));
    lay_out(&page, pager.screen_index);
    if (pager.screen_count > 1) {
        snprintf(numbered,
                 sizeof(numbered),
                 "%s (%u/%u)",
                 page.lines[0],
                 pager.screen_index + 1u,
                 pager.screen_count);
        screen.lines[0] = (screen_line_t){numbered, (uint8_t) strlen(numbered)};
    }
    screen.arrows = (uint8_t) ((has_previous() ? ARROW_LEFT : 0) | (has_next() ? ARROW_RIGHT : 0));
    screen_show(&screen);
}

/* Shows the page of pager.index, unless its owner goes elsewhere. */
static void arrive(void)
{
    pager.screen_index = pager.direction < 0 ? UINT8_MAX : 0;
    if (pager.row.enter == NULL || pager.row.enter(pager.index)) {
        pager_redisplay();
    }
}

void pager_start(const row_t *row, uint16_t index)
{
    pager.row = *row;
    /* The compiler may have copied a constant, whose addresses are those of the linker. */
    pager.row.describe = SHIM_PIC(row->describe);
    pager.row.choose = SHIM_PIC(row->choose);
    pager.row.enter = SHIM_PIC(row->enter);
    pager.index = index < row->count ? index : 0;
    pager.direction = 0;
    pager.generation++;
    pager.ticks_left = 0;
    if (row->count > 0) {
        arrive();
    }
}

void pager_stop(void)
{
    pager.row.count = 0;
    pager.ticks_left = 0;
}

void pager_set_timeout(uint16_t ticks, void (*callback)(void))
{
    pager.ticks_left = ticks;
    pager.timeout = SHIM_PIC(callback);
}

void pager_next(void)
{
    pager.direction = 1;
    if (pager.screen_index + 1 < pager.screen_count) {
        pager.screen_index++;
        pager_redisplay();
    }
    else if (has_next()) {
        pager.index = pager.index + 1 < pager.row.count ? (uint16_t) (pager.index + 1) : 0;
        arrive();
    }
}

void pager_previous(void)
{
    pager.direction = -1;
    if (pager.screen_index > 0) {
        pager.screen_index--;
        pager_redisplay();
    }
    else if (has_previous()) {
        pager.index = (uint16_t) ((pager.index > 0 ? pager.index : pager.row.count) - 1);
        arrive();
    }
}

void pager_choose(void)
{
    pager.row.choose(pager.index);
}

bool pager_is_first(void)
{
    return !has_previous();
}

bool pager_is_last(void)
{
    return !has_next();
}

uint16_t pager_index(void)
{
    return pager.index;
}

int pager_direction(void)
{
    return pager.direction;
}

uint16_t pager_generation(void)
{
    return pager.generation;
}

static void handle_buttons(uint8_t pressed)
{
    if (pressed != 0) {
        pager.held_buttons |= pressed;
        return;
    }
    const uint8_t released = pager.held_buttons;
    pager.held_buttons = 0;
    if (pager.row.count == 0) {
        return;
    }
    if (released == BUTTON_LEFT) {
        pager_previous();
    }
    else if (released == BUTTON_RIGHT) {
        pager_next();
    }
    else if (released == (BUTTON_LEFT | BUTTON_RIGHT)) {
        pager_choose();
    }
}

static void tick(void)
{
    if (pager.ticks_left > 0 && --pager.ticks_left == 0) {
        pager.timeout();
    }
}

void shim_ux_event(const uint8_t *event)
{
    G_ux_params.ux_id = BOLOS_UX_EVENT;
    G_ux_params.len = 0;
    os_ux(&G_ux_params);
    G_ux_params.len = os_sched_last_status(TASK_BOLOS_UX);
    if (G_ux_params.len == BOLOS_UX_REDRAW) {
        pager_redisplay();
    }
    else if (G_ux_params.len == BOLOS_UX_IGNORE || G_ux_params.len == BOLOS_UX_CONTINUE) {
        return;
    }
    if (event[0] == SEPROXYHAL_TAG_BUTTON_PUSH_EVENT) {
        handle_buttons(event[3] >> 1);
    }
    else if (event[0] == SEPROXYHAL_TAG_TICKER_EVENT) {
        tick();
    }
}
