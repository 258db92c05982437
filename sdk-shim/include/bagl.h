/* Icons. A bitmap's layout is the target's business: tools/glyphs.py makes it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef TARGET_NANOS
typedef struct bagl_icon_details_s {
    unsigned int width;
    unsigned int height;
    unsigned int bpp;
    const unsigned int *colors;
    const unsigned char *bitmap;
} bagl_icon_details_t;
#else
#include "nbgl_types.h"
typedef nbgl_icon_details_t bagl_icon_details_t;
#endif
