#include "format.h"

#include <string.h>

/* Digits of 64 bits, or as many decimals as a byte counts. */
#define DIGITS_MAX 20

static bool refuse(char *dst, size_t dst_len)
{
    if (dst_len > 0) {
        dst[0] = '\0';
    }
    return false;
}

/* Right-aligned in digits; where they begin. */
static size_t write_digits(uint64_t value, char digits[static DIGITS_MAX])
{
    size_t start = DIGITS_MAX;
    do {
        digits[--start] = (char) ('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return start;
}

static bool write_number(char *dst, size_t dst_len, bool negative, uint64_t magnitude)
{
    char digits[DIGITS_MAX];
    const size_t start = write_digits(magnitude, digits);
    const size_t length = DIGITS_MAX - start;
    if (negative + length + 1 > dst_len) {
        return refuse(dst, dst_len);
    }
    if (negative) {
        *dst++ = '-';
    }
    memcpy(dst, &digits[start], length);
    dst[length] = '\0';
    return true;
}

bool format_i64(char *dst, size_t dst_len, int64_t value)
{
    return write_number(dst, dst_len, value < 0, value < 0 ? 0 - (uint64_t) value : (uint64_t) value);
}

bool format_u64(char *dst, size_t dst_len, uint64_t value)
{
    return write_number(dst, dst_len, false, value);
}

bool format_fpu64(char *dst, size_t dst_len, uint64_t value, uint8_t decimals)
{
    char digits[DIGITS_MAX];
    const size_t start = write_digits(value, digits);
    const size_t count = DIGITS_MAX - start;
    const size_t whole = count > decimals ? count - decimals : 0;
    const size_t zeros = count < decimals ? decimals - count : 0;
    const size_t length = (whole > 0 ? whole : 1) + 1 + decimals;
    if (length + 1 > dst_len) {
        return refuse(dst, dst_len);
    }
    if (whole > 0) {
        memcpy(dst, &digits[start], whole);
        dst += whole;
    }
    else {
        *dst++ = '0';
    }
    *dst++ = '.';
    memset(dst, '0', zeros);
    dst += zeros;
    memcpy(dst, &digits[start + whole], count - whole);
    dst[count - whole] = '\0';
    return true;
}

bool format_fpu64_trimmed(char *dst, size_t dst_len, uint64_t value, uint8_t decimals)
{
    if (!format_fpu64(dst, dst_len, value, decimals)) {
        return false;
    }
    size_t length = strlen(dst);
    while (dst[length - 1] == '0') {
        length--;
    }
    if (dst[length - 1] == '.') {
        length--;
    }
    dst[length] = '\0';
    return true;
}

int format_hex(const uint8_t *in, size_t in_len, char *out, size_t out_len)
{
    static const char digits[] = "0123456789ABCDEF";
    if (out_len < 2 * in_len + 1) {
        refuse(out, out_len);
        return -1;
    }
    for (size_t i = 0; i < in_len; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
    out[2 * in_len] = '\0';
    return (int) (2 * in_len + 1);
}
