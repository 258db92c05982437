#include "public_key.h"

void public_key_encode(const uint8_t point[static POINT_SIZE], uint8_t out[static PUBLIC_KEY_SIZE])
{
    for (int i = 0; i < PUBLIC_KEY_SIZE; i++) {
        out[i] = point[POINT_SIZE - 1 - i];
    }
    if (point[PUBLIC_KEY_SIZE] & 1) {
        out[PUBLIC_KEY_SIZE - 1] |= 0x80;
    }
}
