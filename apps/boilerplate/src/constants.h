/* Numbers of the app's protocol: doc/apdu.md. */
#pragma once

#define CLA 0xE0

enum {
    INS_GET_VERSION = 0x03,
    INS_GET_APP_NAME = 0x04,
    INS_GET_PUBLIC_KEY = 0x05,
    INS_SIGN_TRANSACTION = 0x06,
};

/* GET_PUBLIC_KEY */
enum {
    P1_SILENT = 0x00,
    P1_SHOW = 0x01,
};

/* SIGN_TRANSACTION: P1 counts the chunks, the first is the path. */
enum {
    P1_FIRST = 0x00,
    P2_LAST = 0x00,
    P2_MORE = 0x80,
};

/* From ISO 7816-4, then the app's own. */
enum {
    SW_OK = 0x9000,
    SW_WRONG_LENGTH = 0x6700,
    SW_DENIED = 0x6985,
    SW_WRONG_P1P2 = 0x6A86,
    SW_INS_NOT_SUPPORTED = 0x6D00,
    SW_CLA_NOT_SUPPORTED = 0x6E00,
    SW_BAD_PATH = 0xB001,
    SW_KEY_FAILURE = 0xB002,
    SW_BAD_STATE = 0xB003,
    SW_TX_TOO_LONG = 0xB004,
    SW_TX_MALFORMED = 0xB005,
    SW_BLIND_SIGNING_OFF = 0xB006,
    SW_SIGNING_FAILURE = 0xB007,
    SW_DISPLAY_FAILURE = 0xB008,
};
