/* generated from toolchain/targets/nanox.toml by toolchain/shim.py; do not edit */
#pragma once

#ifndef ST33
#define ST33
#endif

#ifndef TARGET_NANOX
#define TARGET_NANOX
#endif

#ifndef TARGET_ID
#define TARGET_ID 0x33000004
#endif

/* Entry of the library that the OS shares with apps. */
#define SHARED_TRAMPOLINE_ADDR 0x00210001

#ifndef BAGL_WIDTH
#define BAGL_WIDTH 128
#endif
#ifndef BAGL_HEIGHT
#define BAGL_HEIGHT 64
#endif
