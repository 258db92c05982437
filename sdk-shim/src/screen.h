/* A screen as content, and the two ways to draw it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bagl.h"

#ifdef TARGET_NANOS
#define SCREEN_LINES_MAX 2
#else
#define SCREEN_LINES_MAX 4
#endif

enum {
    ARROW_LEFT = 1,
    ARROW_RIGHT = 2,
};

typedef struct {
    const char *text;
    uint8_t length;
} screen_line_t;

/* Pointers are valid at run time: no PIC needed. */
typedef struct {
    const bagl_icon_details_t *icon;
    screen_line_t lines[SCREEN_LINES_MAX];
    uint8_t count;
    uint8_t bold;
    uint8_t arrows;
} screen_t;

/* Shows the screen, which stays where it is until the next one comes. */
void screen_show(const screen_t *screen);

/* How many characters of text, at most length, fit into a line: beside arrows or not, as flows measure or not. */
uint8_t screen_fitting(const char *text, uint8_t length, bool bold, bool arrows, bool flow);
