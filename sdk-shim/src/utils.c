/* Small helpers of os.h. */
#include <string.h>

#include "shim.h"

char os_secure_memcmp(const void *src1, const void *src2, size_t length)
{
    const volatile uint8_t *a = src1;
    const volatile uint8_t *b = src2;
    uint8_t difference = 0;
    for (size_t i = 0; i < length; i++) {
        difference |= (uint8_t) (a[i] ^ b[i]);
    }
    return (char) difference;
}

void os_xor(void *dst, void *src1, void *src2, unsigned int length)
{
    uint8_t *to = dst;
    const uint8_t *a = src1;
    const uint8_t *b = src2;
    for (unsigned int i = 0; i < length; i++) {
        to[i] = (uint8_t) (a[i] ^ b[i]);
    }
}

static int to_hex(char *out, size_t out_size, const uint8_t *bytes, size_t n, char ten)
{
    if (out_size < 2 * n + 1) {
        return -1;
    }
    for (size_t i = 0; i < 2 * n; i++) {
        const uint8_t digit = i % 2 == 0 ? bytes[i / 2] >> 4 : bytes[i / 2] & 15;
        out[i] = (char) (digit < 10 ? '0' + digit : ten + digit - 10);
    }
    out[2 * n] = '\0';
    return 0;
}

int bytes_to_hex(char *out, size_t outl, const void *value, size_t len)
{
    return to_hex(out, outl, value, len, 'A');
}

int bytes_to_lowercase_hex(char *out, size_t outl, const void *value, size_t len)
{
    return to_hex(out, outl, value, len, 'a');
}

bool is_printable_string(const char *str, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (str[i] < 0x20 || str[i] > 0x7e) {
            return false;
        }
    }
    return true;
}
