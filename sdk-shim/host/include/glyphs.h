/* Icons are not drawn on the PC. */
#pragma once

#include "bagl.h"

#define C_icon_coggle      host_icons[0]
#define C_icon_certificate host_icons[1]
#define C_icon_dashboard_x host_icons[2]
#define C_icon_back_x      host_icons[3]
#define C_icon_validate_14 host_icons[4]
#define C_icon_crossmark   host_icons[5]
#define C_icon_warning     host_icons[6]
#define C_icon_processing  host_icons[7]

extern const bagl_icon_details_t host_icons[8];
