/* Numbers of the app's protocol: doc/apdu.md. */
#pragma once

#define CLA 0xE0

enum {
    INS_GET_VERSION = 0x03,
    INS_GET_APP_NAME = 0x04,
    INS_GET_PUBLIC_KEY = 0x05,
    INS_SIGN_MESSAGE = 0x06,
    INS_BEGIN_DOCUMENT = 0x07,
    INS_ATTEST_PAGE = 0x08,
    INS_SIGN_DOCUMENT = 0x09,
    INS_SIGN_HASH = 0x0A,
};

/* GET_PUBLIC_KEY */
enum {
    P1_SILENT = 0x00,
    P1_SHOW = 0x01,
};

/* Commands in several parts: P1 counts them, P2 says whether more follow. */
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
    SW_BAD_PATH = 0xB101,
    SW_KEY_FAILURE = 0xB102,
    SW_BAD_STATE = 0xB103,
    SW_TOO_LONG = 0xB104,
    SW_NOT_TEXT = 0xB105,
    SW_HASH_REFUSED = 0xB106,
    SW_SIGNING_FAILURE = 0xB107,
    SW_BAD_ATTESTATION = 0xB108,
    SW_TOO_MANY_PAGES = 0xB109,
};
