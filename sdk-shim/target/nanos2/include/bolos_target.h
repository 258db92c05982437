/* generated from toolchain/targets/nanosp.toml by toolchain/shim.py; do not edit */
#pragma once

#ifndef ST33K1M5
#define ST33K1M5
#endif

#ifndef TARGET_NANOS2
#define TARGET_NANOS2
#endif

#ifndef TARGET_ID
#define TARGET_ID 0x33100004
#endif

/* Entry of the library that the OS shares with apps. */
#define SHARED_TRAMPOLINE_ADDR 0x00808001

#ifndef BAGL_WIDTH
#define BAGL_WIDTH 128
#endif
#ifndef BAGL_HEIGHT
#define BAGL_HEIGHT 64
#endif
