#pragma once

#define APDU_OFF_CLA  0
#define APDU_OFF_INS  1
#define APDU_OFF_P1   2
#define APDU_OFF_P2   3
#define APDU_OFF_LC   4
#define APDU_OFF_DATA 5
