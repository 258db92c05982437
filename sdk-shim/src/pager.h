/* A row of pages that the buttons walk through. Flows, lists and use cases are such rows. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "screen.h"

#define PAGE_LINES_MAX 4

/* Where a line that is too long may end. */
typedef enum {
    BREAK_ANYWHERE,
    /* Use cases: behind the last space. */
    BREAK_AFTER_SPACE,
    /* Flows: words take what divides them along to the next line. */
    BREAK_BEFORE_DIVIDER,
} line_break_t;

/* One page as its owner describes it. Texts are valid at run time until the page is left. */
typedef struct {
    const bagl_icon_details_t *icon;
    const char *lines[PAGE_LINES_MAX];
    uint8_t count;
    /* A bit per line. */
    uint8_t bold;
    /* Lines are broken where they do not fit, and at newlines. */
    bool broken;
    line_break_t breaks;
    /* The last line may go over several screens; the lines above say which one it is. */
    bool paged;
} page_t;

typedef struct {
    /* Fills a page, which is empty before. */
    void (*describe)(uint16_t index, page_t *page);
    /* Both buttons. */
    void (*choose)(uint16_t index);
    /* Runs when the row arrives at a page; false if it led elsewhere. May be NULL. */
    bool (*enter)(uint16_t index);
    uint16_t count;
    bool loops;
} row_t;

/* Shows a row from the page of that index on. The row is copied. */
void pager_start(const row_t *row, uint16_t index);

/* Shows nothing, and does not answer to buttons. */
void pager_stop(void);

/* Calls back after that many ticks of 100 ms, unless another row comes first. */
void pager_set_timeout(uint16_t ticks, void (*callback)(void));

void pager_redisplay(void);
void pager_next(void);
void pager_previous(void);
void pager_choose(void);
bool pager_is_first(void);
bool pager_is_last(void);
uint16_t pager_index(void);
/* -1, 0, 1: how the page was arrived at. */
int pager_direction(void);
/* Counts the rows that were shown: a change says that another one was begun. */
uint16_t pager_generation(void);
