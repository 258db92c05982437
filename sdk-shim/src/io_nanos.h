/* What drawing and transport of the Nano S share: every receive needs a packet sent before it. */
#pragma once

#include <stdbool.h>

/* Sends the next element of the screen; false if there is none. */
bool shim_draw_next(void);
