#include "bip32.h"

#include "read.h"

bool bip32_path_read(const uint8_t *in, size_t in_len, uint32_t *out, size_t out_len)
{
    if (out_len == 0 || out_len > MAX_BIP32_PATH || in_len < 4 * out_len) {
        return false;
    }
    for (size_t i = 0; i < out_len; i++) {
        out[i] = read_u32_be(in, 4 * i);
    }
    return true;
}

/* Writes "/1'" and returns its length, 0 if it does not fit. The longest is "/2147483647'". */
static size_t format_element(uint32_t element, bool first, char *out, size_t room)
{
    char text[13];
    size_t length = 0;
    uint32_t index = element & ~BIP32_HARDENED_MASK;
    size_t start = sizeof(text);
    if (element & BIP32_HARDENED_MASK) {
        text[--start] = '\'';
    }
    do {
        text[--start] = (char) ('0' + index % 10);
        index /= 10;
    } while (index > 0);
    if (!first) {
        text[--start] = '/';
    }
    if (sizeof(text) - start > room) {
        return 0;
    }
    while (start < sizeof(text)) {
        out[length++] = text[start++];
    }
    return length;
}

bool bip32_path_format(const uint32_t *bip32_path, size_t bip32_path_len, char *out, size_t out_len)
{
    size_t used = 0;
    if (out_len == 0) {
        return false;
    }
    if (bip32_path_len == 0 || bip32_path_len > MAX_BIP32_PATH) {
        out[0] = '\0';
        return false;
    }
    for (size_t i = 0; i < bip32_path_len; i++) {
        const size_t length = format_element(bip32_path[i], i == 0, &out[used], out_len - 1 - used);
        if (length == 0) {
            out[0] = '\0';
            return false;
        }
        used += length;
    }
    out[used] = '\0';
    return true;
}
