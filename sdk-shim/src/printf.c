/*
 * Formatting: %d %i %u %x %X %p %c %s %%, flags 0 and -, width, precision (both also as *), lengths
 * h l ll z, and %.*H %.*h for bytes in hexadecimal. The result is the length of the whole text, as in C.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "shim.h"

typedef struct {
    char *dst;
    size_t size;
    size_t length;
    bool prints;
} sink_t;

typedef struct {
    bool zero;
    bool left;
    bool has_precision;
    size_t width;
    size_t precision;
    unsigned int longs;
} directive_t;

static void put(sink_t *sink, char c)
{
    if (sink->length + 1 < sink->size) {
        sink->dst[sink->length] = c;
    }
#ifdef HAVE_PRINTF
    else if (sink->prints) {
        shim_debug_print(&c, 1);
    }
#endif
    sink->length++;
}

static void put_repeated(sink_t *sink, char c, size_t n)
{
    while (n-- > 0) {
        put(sink, c);
    }
}

static void put_padded(sink_t *sink, const directive_t *d, const char *text, size_t length)
{
    const size_t padding = d->width > length ? d->width - length : 0;
    if (!d->left) {
        put_repeated(sink, ' ', padding);
    }
    for (size_t i = 0; i < length; i++) {
        put(sink, text[i]);
    }
    if (d->left) {
        put_repeated(sink, ' ', padding);
    }
}

static void put_number(sink_t *sink, const directive_t *d, uint64_t value, unsigned int base, bool upper,
                       bool negative)
{
    char digits[24];
    char *first = digits + sizeof(digits);
    const char *const end = first;
    const char ten = upper ? 'A' : 'a';
    do {
        const unsigned int digit = (unsigned int) (value % base);
        *--first = (char) (digit < 10 ? '0' + digit : ten + (digit - 10));
        value /= base;
    } while (value != 0);

    size_t length = (size_t) (end - first);
    size_t zeros = d->has_precision && d->precision > length ? d->precision - length : 0;
    if (d->zero && !d->left && !d->has_precision && d->width > length + negative) {
        zeros = d->width - length - negative;
    }
    const size_t total = length + zeros + negative;
    const size_t padding = d->width > total ? d->width - total : 0;
    if (!d->left) {
        put_repeated(sink, ' ', padding);
    }
    if (negative) {
        put(sink, '-');
    }
    put_repeated(sink, '0', zeros);
    while (length-- > 0) {
        put(sink, *first++);
    }
    if (d->left) {
        put_repeated(sink, ' ', padding);
    }
}

static void put_bytes(sink_t *sink, const uint8_t *bytes, size_t n, bool upper)
{
    const directive_t two_digits = {.has_precision = true, .precision = 2};
    for (size_t i = 0; i < n; i++) {
        put_number(sink, &two_digits, bytes[i], 16, upper, false);
    }
}

static size_t parse_count(const char **format, va_list *args)
{
    size_t n = 0;
    if (**format == '*') {
        const int value = va_arg(*args, int);
        (*format)++;
        return value > 0 ? (size_t) value : 0;
    }
    while (**format >= '0' && **format <= '9') {
        n = n * 10 + (size_t) (**format - '0');
        (*format)++;
    }
    return n;
}

/* h is a length before a number, else a directive of its own. */
static bool is_half(const char *format)
{
    return format[0] == 'h' && format[1] != '\0' && strchr("diuxXh", format[1]) != NULL;
}

static directive_t parse_directive(const char **format, va_list *args)
{
    directive_t d = {0};
    for (;; (*format)++) {
        if (**format == '0') {
            d.zero = true;
        }
        else if (**format == '-') {
            d.left = true;
        }
        else {
            break;
        }
    }
    d.width = parse_count(format, args);
    if (**format == '.') {
        (*format)++;
        d.has_precision = true;
        d.precision = parse_count(format, args);
    }
    for (;; (*format)++) {
        if (**format == 'l') {
            d.longs++;
        }
        else if (**format != 'z' && !is_half(*format)) {
            break;
        }
    }
    return d;
}

static void format_into(sink_t *sink, const char *format, va_list *args)
{
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            put(sink, *format);
            continue;
        }
        format++;
        const directive_t d = parse_directive(&format, args);
        switch (*format) {
            case 'd':
            case 'i': {
                const int64_t value = d.longs >= 2 ? va_arg(*args, long long) : va_arg(*args, int);
                put_number(sink, &d, value < 0 ? 0 - (uint64_t) value : (uint64_t) value, 10, false, value < 0);
                break;
            }
            case 'u':
            case 'x':
            case 'X': {
                const uint64_t value =
                    d.longs >= 2 ? va_arg(*args, unsigned long long) : va_arg(*args, unsigned int);
                put_number(sink, &d, value, *format == 'u' ? 10 : 16, *format == 'X', false);
                break;
            }
            case 'p':
                put_number(sink, &d, (uintptr_t) va_arg(*args, void *), 16, false, false);
                break;
            case 'c': {
                const char c = (char) va_arg(*args, int);
                put_padded(sink, &d, &c, 1);
                break;
            }
            case 's': {
                const char *text = SHIM_PIC(va_arg(*args, const char *));
                put_padded(sink, &d, text, strnlen(text, d.has_precision ? d.precision : SIZE_MAX));
                break;
            }
            case 'H':
            case 'h':
                put_bytes(sink, va_arg(*args, const uint8_t *), d.precision, *format == 'H');
                break;
            case '\0':
                return;
            default:
                put(sink, *format);
                break;
        }
    }
}

int vsnprintf(char *restrict dst, size_t size, const char *restrict format, va_list args)
{
    sink_t sink = {.dst = dst, .size = size};
    va_list copy;
    va_copy(copy, args);
    format_into(&sink, SHIM_PIC(format), &copy);
    va_end(copy);
    if (size > 0) {
        dst[sink.length < size ? sink.length : size - 1] = '\0';
    }
    return (int) sink.length;
}

int snprintf(char *restrict dst, size_t size, const char *restrict format, ...)
{
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(dst, size, format, args);
    va_end(args);
    return length;
}

#ifdef HAVE_PRINTF
void mcu_usb_printf(const char *format, ...)
{
    sink_t sink = {.prints = true};
    va_list args;
    va_start(args, format);
    format_into(&sink, SHIM_PIC(format), &args);
    va_end(args);
}
#endif
