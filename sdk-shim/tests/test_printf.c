/* Formatting, compared with the C library's own where both know the directive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Under names of its own, beside the C library's. */
#define snprintf  shim_snprintf
#define vsnprintf shim_vsnprintf
#include "../src/printf.c"
#undef snprintf
#undef vsnprintf

#define SAME(...)                                                        \
    do {                                                                 \
        char expected[64];                                               \
        char seen[64];                                                   \
        const int length = snprintf(expected, sizeof(expected), __VA_ARGS__); \
        assert_int_equal(shim_snprintf(seen, sizeof(seen), __VA_ARGS__), length); \
        assert_string_equal(seen, expected);                             \
    } while (0)

static void test_like_the_c_library(void **state)
{
    (void) state;
    SAME("plain");
    SAME("%d %i %u", -7, 0, 4294967295u);
    SAME("%d", INT32_MIN);
    SAME("%x %X %08x %-8xe", 0xBEEFu, 0xBEEFu, 0xBEEFu, 0xBEEFu);
    SAME("%lld %llu", (long long) INT64_MIN, (unsigned long long) UINT64_MAX);
    SAME("%5d|%-5d|%05d|%.3d|%5.3d|%05d", 42, 42, 42, 42, 42, -42);
    SAME("%*d|%-*d|%.*d", 6, 1, 6, 1, 4, 1);
    SAME("%s|%6s|%-6s|%.2s|%.*s", "text", "ab", "ab", "text", 3, "text");
    SAME("%c%c|%3c|%-3c|", 'a', 'b', 'c', 'd');
    SAME("100%%");
    SAME("%hhu %hu", (unsigned char) 200, (unsigned short) 60000);
    SAME("%s", "");
    SAME("%.0d", 5);
}

static void test_bytes(void **state)
{
    (void) state;
    char text[16];
    static const uint8_t bytes[] = {0x00, 0xAB, 0xFF};
    assert_int_equal(shim_snprintf(text, sizeof(text), "%.*H", 3, bytes), 6);
    assert_string_equal(text, "00ABFF");
    shim_snprintf(text, sizeof(text), "%.*h|", 2, bytes);
    assert_string_equal(text, "00ab|");
    shim_snprintf(text, sizeof(text), "%.*h", -1, bytes);
    assert_string_equal(text, "");
}

static void test_pointer(void **state)
{
    (void) state;
    char text[16];
    shim_snprintf(text, sizeof(text), "%p", (void *) 0x1234);
    assert_string_equal(text, "1234");
}

static void test_cut_short(void **state)
{
    (void) state;
    char text[4] = "???";
    assert_int_equal(shim_snprintf(text, sizeof(text), "abcdef"), 6);
    assert_string_equal(text, "abc");
    assert_int_equal(shim_snprintf(text, 1, "%u", 12345u), 5);
    assert_string_equal(text, "");
    assert_int_equal(shim_snprintf(NULL, 0, "%u", 12345u), 5);
    shim_snprintf(text, sizeof(text), "a%y");
    assert_string_equal(text, "ay");
    shim_snprintf(text, sizeof(text), "a%");
    assert_string_equal(text, "a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_like_the_c_library),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_pointer),
        cmocka_unit_test(test_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
