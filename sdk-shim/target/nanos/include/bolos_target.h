/* generated from toolchain/targets/nanos.toml by toolchain/shim.py; do not edit */
#pragma once

#ifndef ST31
#define ST31
#endif

#ifndef TARGET_NANOS
#define TARGET_NANOS
#endif

#ifndef TARGET_ID
#define TARGET_ID 0x31100004
#endif

/* Entry of the library that the OS shares with apps. */
#define SHARED_TRAMPOLINE_ADDR 0x00120001

#ifndef BAGL_WIDTH
#define BAGL_WIDTH 128
#endif
#ifndef BAGL_HEIGHT
#define BAGL_HEIGHT 32
#endif
