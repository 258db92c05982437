#include "message.h"

#include <string.h>

/* Hexadecimal digits of hashes from 160 to 512 bits. */
#define HASH_DIGITS_MIN 40
#define HASH_DIGITS_MAX 128

static bool is_shown(uint8_t c)
{
    return c >= 0x20 && c <= 0x7e;
}

static bool is_hex_digit(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool all(const uint8_t *text, size_t size, bool (*property)(uint8_t))
{
    for (size_t i = 0; i < size; i++) {
        if (!property(text[i])) {
            return false;
        }
    }
    return true;
}

message_result_t message_check(const uint8_t *text, size_t size)
{
    if (size == 0) {
        return MESSAGE_EMPTY;
    }
    if (!all(text, size, is_shown)) {
        return MESSAGE_NOT_TEXT;
    }
    if (size > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        text += 2;
        size -= 2;
    }
    if (size >= HASH_DIGITS_MIN && size <= HASH_DIGITS_MAX && all(text, size, is_hex_digit)) {
        return MESSAGE_IS_HASH;
    }
    return MESSAGE_OK;
}

static size_t prefix(const char *kind, size_t kind_length, size_t number, uint8_t *out)
{
    uint8_t digits[20];
    size_t start = sizeof(digits);
    digits[--start] = '\n';
    do {
        digits[--start] = (uint8_t) ('0' + number % 10);
        number /= 10;
    } while (number > 0);
    memcpy(out, kind, kind_length);
    memcpy(&out[kind_length], &digits[start], sizeof(digits) - start);
    return kind_length + sizeof(digits) - start;
}

size_t message_prefix(size_t size, uint8_t out[static MESSAGE_PREFIX_MAX])
{
    static const char kind[] = "\x19Notary message:\n";
    return prefix(kind, sizeof(kind) - 1, size, out);
}

size_t document_prefix(size_t pages, uint8_t out[static DOCUMENT_PREFIX_MAX])
{
    static const char kind[] = "\x19Notary document:\n";
    return prefix(kind, sizeof(kind) - 1, pages, out);
}
