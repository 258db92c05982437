/* Icons are not drawn on the PC. */
#pragma once

#include "bagl.h"

extern const bagl_icon_details_t C_icon_warning;
