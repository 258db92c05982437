/* What the drawing calls of the operating system take. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCREEN_WIDTH  128
#define SCREEN_HEIGHT 64

#define NO_TRANSFORMATION 0
#define INVALID_COLOR_MAP 0

typedef enum {
    BLACK = 0,
    DARK_GRAY,
    LIGHT_GRAY,
    WHITE,
} color_t;

typedef enum {
    NBGL_BPP_1 = 0,
    NBGL_BPP_2,
    NBGL_BPP_4,
} nbgl_bpp_t;

typedef struct __attribute__((packed)) nbgl_area_s {
    int16_t x0;
    int16_t y0;
    uint16_t width;
    uint16_t height;
    color_t backgroundColor;
    nbgl_bpp_t bpp;
} nbgl_area_t;

typedef enum {
    FULL_COLOR_REFRESH,
    FULL_COLOR_PARTIAL_REFRESH,
    FULL_COLOR_CLEAN_REFRESH,
    BLACK_AND_WHITE_REFRESH,
    BLACK_AND_WHITE_FAST_REFRESH,
    INIT_REFRESH,
} nbgl_refresh_mode_t;

typedef enum {
    POST_REFRESH_FORCE_POWER_OFF,
    POST_REFRESH_FORCE_POWER_ON,
    POST_REFRESH_FORCE_POWER_ON_WITH_PIPELINE,
    POST_REFRESH_KEEP_POWER_STATE,
} nbgl_post_refresh_t;

typedef uint8_t nbgl_transformation_t;
typedef uint8_t nbgl_color_map_t;

typedef struct __attribute__((packed)) nbgl_icon_details_s {
    uint16_t width;
    uint16_t height;
    nbgl_bpp_t bpp;
    bool isFile;
    const uint8_t *bitmap;
} nbgl_icon_details_t;

typedef enum {
    OFF_STATE,
    ON_STATE,
} nbgl_state_t;

typedef enum {
    BAGL_FONT_OPEN_SANS_EXTRABOLD_11px_1bpp = 8,
    BAGL_FONT_OPEN_SANS_LIGHT_16px_1bpp = 9,
    BAGL_FONT_OPEN_SANS_REGULAR_11px_1bpp = 10,
} nbgl_font_id_e;

/* System calls and library calls (src/abi.S) */

void nbgl_frontDrawRect(const nbgl_area_t *area);
void nbgl_frontDrawLine(const nbgl_area_t *area, uint8_t dotStartIdx, color_t lineColor);
void nbgl_frontDrawImage(const nbgl_area_t *area,
                         const uint8_t *buffer,
                         nbgl_transformation_t transformation,
                         nbgl_color_map_t colorMap);
void nbgl_frontRefreshArea(const nbgl_area_t *area, nbgl_refresh_mode_t mode, nbgl_post_refresh_t post_refresh);
nbgl_font_id_e nbgl_drawText(const nbgl_area_t *area,
                             const char *text,
                             uint16_t textLen,
                             nbgl_font_id_e fontId,
                             color_t fontColor);
uint16_t nbgl_getSingleLineTextWidthInLen(nbgl_font_id_e fontId, const char *text, uint16_t maxLen);
