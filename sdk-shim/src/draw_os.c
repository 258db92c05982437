/* Drawing where the operating system has the fonts (API level 24 and up): 128 by 64 pixels. */
#ifndef TARGET_NANOS
#include <string.h>

#include "nbgl_types.h"
#include "screen.h"
#include "shim.h"

#define LINE_PITCH  14
#define LINE_HEIGHT 12
#define ICON_GAP    4
#define ARROW_WIDTH 7

static nbgl_font_id_e font(bool bold)
{
    return bold ? BAGL_FONT_OPEN_SANS_EXTRABOLD_11px_1bpp : BAGL_FONT_OPEN_SANS_REGULAR_11px_1bpp;
}

static void draw_image(int x, int y, const bagl_icon_details_t *icon)
{
    const nbgl_area_t area = {
        .x0 = (int16_t) x,
        .y0 = (int16_t) y,
        .width = icon->width,
        .height = icon->height,
        .backgroundColor = BLACK,
        .bpp = NBGL_BPP_1,
    };
    nbgl_frontDrawImage(&area, SHIM_PIC(icon->bitmap), NO_TRANSFORMATION, WHITE);
}

static void draw_line(int y, const screen_line_t *line, bool bold)
{
    const uint16_t width = nbgl_getSingleLineTextWidthInLen(font(bold), line->text, line->length);
    const nbgl_area_t area = {
        .x0 = (int16_t) (width < SCREEN_WIDTH ? (SCREEN_WIDTH - width) / 2 : 0),
        .y0 = (int16_t) y,
        .width = MIN(width, SCREEN_WIDTH),
        .height = LINE_HEIGHT,
        .backgroundColor = BLACK,
        .bpp = NBGL_BPP_1,
    };
    nbgl_drawText(&area, line->text, line->length, font(bold), WHITE);
}

/* A triangle of vertical strokes that grow from its tip. */
static void draw_arrow(int tip, int step)
{
    for (int i = 0; i < 4; i++) {
        const nbgl_area_t stroke = {
            .x0 = (int16_t) (tip + i * step),
            .y0 = (int16_t) (SCREEN_HEIGHT / 2 - 1 - i),
            .width = 1,
            .height = (uint16_t) (1 + 2 * i),
            .backgroundColor = WHITE,
            .bpp = NBGL_BPP_1,
        };
        nbgl_frontDrawRect(&stroke);
    }
}

void screen_show(const screen_t *screen)
{
    const nbgl_area_t all = {
        .width = SCREEN_WIDTH, .height = SCREEN_HEIGHT, .backgroundColor = BLACK, .bpp = NBGL_BPP_1};
    const int icon_height = screen->icon != NULL ? screen->icon->height + ICON_GAP : 0;
    int y = (SCREEN_HEIGHT - icon_height - screen->count * LINE_PITCH) / 2;

    nbgl_frontDrawRect(&all);
    if (screen->icon != NULL) {
        draw_image((SCREEN_WIDTH - screen->icon->width) / 2, y, screen->icon);
        y += icon_height;
    }
    for (uint8_t i = 0; i < screen->count; i++) {
        draw_line(y, &screen->lines[i], (screen->bold >> i) & 1);
        y += LINE_PITCH;
    }
    if (screen->arrows & ARROW_LEFT) {
        draw_arrow(1, 1);
    }
    if (screen->arrows & ARROW_RIGHT) {
        draw_arrow(SCREEN_WIDTH - 2, -1);
    }
    nbgl_frontRefreshArea(&all, BLACK_AND_WHITE_REFRESH, POST_REFRESH_FORCE_POWER_ON);
}

uint8_t screen_fitting(const char *text, uint8_t length, bool bold, bool arrows, bool flow)
{
    unsigned int room = SCREEN_WIDTH - (arrows ? 2 * ARROW_WIDTH : 0);
    uint8_t n = 0;
    while (n < length && text[n] != '\n') {
        /* Flows count what reaches into the character before as if it stood apart. */
        room -= flow && strchr("_jJ", text[n]) != NULL;
        if (nbgl_getSingleLineTextWidthInLen(font(bold), text, (uint16_t) (n + 1)) > room) {
            break;
        }
        n++;
    }
    return n > 0 ? n : (length > 0);
}
#endif
