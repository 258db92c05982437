#include "amount.h"

#include <string.h>

/* Twenty digits are the most that 64 bits have. */
#define DIGITS_MAX 20

/* Writes the digits, at least `least` of them, right-aligned; returns where they begin. */
static size_t write_digits(uint64_t number, size_t least, char digits[static DIGITS_MAX])
{
    size_t start = DIGITS_MAX;
    while (number > 0 || DIGITS_MAX - start < least) {
        digits[--start] = (char) ('0' + number % 10);
        number /= 10;
    }
    return start;
}

bool number_format(uint64_t number, char *out, size_t size)
{
    char digits[DIGITS_MAX];
    const size_t start = write_digits(number, 1, digits);
    const size_t length = DIGITS_MAX - start;
    if (length + 1 > size) {
        return false;
    }
    memcpy(out, &digits[start], length);
    out[length] = '\0';
    return true;
}

bool amount_format(uint64_t units, char *out, size_t size)
{
    static const char prefix[] = TICKER " ";
    char digits[DIGITS_MAX];
    const size_t start = write_digits(units, DECIMALS + 1, digits);
    const size_t point = DIGITS_MAX - DECIMALS;
    const size_t whole = point - start;
    size_t fraction = DECIMALS;
    while (fraction > 0 && digits[point + fraction - 1] == '0') {
        fraction--;
    }
    const size_t length = sizeof(prefix) - 1 + whole + (fraction > 0 ? 1 + fraction : 0);
    if (length + 1 > size) {
        return false;
    }
    memcpy(out, prefix, sizeof(prefix) - 1);
    out += sizeof(prefix) - 1;
    memcpy(out, &digits[start], whole);
    out += whole;
    if (fraction > 0) {
        *out++ = '.';
        memcpy(out, &digits[point], fraction);
        out += fraction;
    }
    *out = '\0';
    return true;
}
