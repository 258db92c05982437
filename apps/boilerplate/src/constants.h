/* Numbers of the app's protocol: doc/apdu.md. */
#pragma once

#define CLA 0xE0

enum {
    INS_GET_VERSION = 0x03,
    INS_GET_APP_NAME = 0x04,
    INS_GET_PUBLIC_KEY = 0x05,
};

enum {
    P1_SILENT = 0x00,
};

/* Status words of its own; those of ISO 7816-4 stand beside them. */
enum {
    SW_OK = 0x9000,
    SW_WRONG_LENGTH = 0x6700,
    SW_DENIED = 0x6985,
    SW_WRONG_P1P2 = 0x6A86,
    SW_INS_NOT_SUPPORTED = 0x6D00,
    SW_CLA_NOT_SUPPORTED = 0x6E00,
    SW_BAD_PATH = 0xB001,
    SW_KEY_FAILURE = 0xB002,
};

/* Keys are derived below m/44'/1' only. */
#define PURPOSE   0x8000002Cu
#define COIN_TYPE 0x80000001u
