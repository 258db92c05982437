/* The PC in the place of a device. */
#pragma once

#define TARGET_HOST
#define TARGET_ID    0
#define BAGL_WIDTH   128
#define BAGL_HEIGHT  64
