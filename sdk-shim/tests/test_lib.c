/* The helpers of the standard app: edges that lie where numbers and buffers end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bip32.h"
#include "buffer.h"
#include "format.h"
#include "os.h"
#include "parser.h"
#include "read.h"
#include "varint.h"
#include "write.h"

static void test_numbers(void **state)
{
    (void) state;
    static const uint8_t bytes[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF};
    uint8_t out[9] = {0};
    assert_int_equal(read_u16_be(bytes, 0), 0x0123);
    assert_int_equal(read_u32_be(bytes, 1), 0x23456789);
    assert_true(read_u64_be(bytes, 0) == 0x0123456789ABCDEF);
    assert_int_equal(read_u16_le(bytes, 6), 0xEFCD);
    assert_int_equal(read_u32_le(bytes, 0), 0x67452301);
    assert_true(read_u64_le(bytes, 0) == 0xEFCDAB8967452301);
    write_u16_be(out, 1, 0x0123);
    write_u32_be(out, 3, 0x456789AB);
    assert_memory_equal(out, "\x00\x01\x23\x45\x67\x89\xAB\x00\x00", 9);
    write_u64_be(out, 0, 0x0123456789ABCDEF);
    assert_memory_equal(out, bytes, 8);
    write_u64_le(out, 0, 0xEFCDAB8967452301);
    assert_memory_equal(out, bytes, 8);
    write_u32_le(out, 0, 0x03020100);
    write_u16_le(out, 4, 0x0504);
    assert_memory_equal(out, "\x00\x01\x02\x03\x04\x05", 6);
}

static void test_buffer_reads(void **state)
{
    (void) state;
    uint8_t bytes[] = {0xFF, 1, 2, 3, 4, 5, 6, 7, 8};
    buffer_t buffer = buffer_create(bytes, sizeof(bytes));
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    uint8_t out[4];

    assert_true(buffer_peek(&buffer, &u8));
    assert_int_equal(u8, 0xFF);
    assert_true(buffer_peek_n(&buffer, 8, &u8));
    assert_int_equal(u8, 8);
    assert_false(buffer_peek_n(&buffer, 9, &u8));
    assert_int_equal(u8, 0);
    assert_true(buffer_read_u8(&buffer, &u8));
    assert_true(buffer_read_u64(&buffer, &u64, BE));
    assert_true(u64 == 0x0102030405060708);
    assert_false(buffer_read_u8(&buffer, &u8));
    assert_false(buffer_read_u16(&buffer, &u16, BE));
    assert_false(buffer_read_u32(&buffer, &u32, LE));
    assert_false(buffer_read_u64(&buffer, &u64, LE));
    assert_int_equal(u8 + u16 + u32, 0);
    assert_false(buffer_peek(&buffer, &u8));

    assert_true(buffer_seek_set(&buffer, 1));
    assert_true(buffer_read_u16(&buffer, &u16, LE));
    assert_int_equal(u16, 0x0201);
    assert_true(buffer_read_u32(&buffer, &u32, LE));
    assert_int_equal(u32, 0x06050403);
    assert_true(buffer_seek_end(&buffer, 8));
    assert_true(buffer_read_u16(&buffer, &u16, BE));
    assert_true(buffer_read_u32(&buffer, &u32, BE));
    assert_int_equal(u32, 0x03040506);
    assert_true(buffer_seek_set(&buffer, 1));
    assert_true(buffer_read_u64(&buffer, &u64, LE));
    assert_true(u64 == 0x0807060504030201);

    assert_false(buffer_seek_set(&buffer, 10));
    assert_false(buffer_seek_cur(&buffer, 1));
    assert_false(buffer_seek_end(&buffer, 10));
    assert_true(buffer_seek_set(&buffer, 5));
    assert_false(buffer_read_bytes(&buffer, out, 5));
    assert_false(buffer_copy(&buffer, out, 3));
    assert_true(buffer_copy(&buffer, out, 4));
    assert_memory_equal(out, &bytes[5], 4);
    assert_int_equal(buffer.offset, 5);
    assert_false(buffer_move(&buffer, out, 3));
    assert_true(buffer_read_bytes(&buffer, out, 2));
    assert_true(buffer_move(&buffer, out, 4));
    assert_int_equal(buffer.offset, sizeof(bytes));

    /* A position behind the end, as an app could make it, reads nothing. */
    buffer.offset = sizeof(bytes) + 1;
    assert_false(buffer_can_read(&buffer, 1));
    assert_false(buffer_read_u8(&buffer, &u8));
}

static void test_buffer_writes(void **state)
{
    (void) state;
    uint8_t bytes[15];
    buffer_t buffer = buffer_create(bytes, sizeof(bytes));
    assert_true(buffer_write_u8(&buffer, 1));
    assert_true(buffer_write_u16(&buffer, 0x0203, BE));
    assert_true(buffer_write_u32(&buffer, 0x04050607, BE));
    assert_true(buffer_write_u64(&buffer, 0x08090A0B0C0D0E0F, BE));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        assert_int_equal(bytes[i], i + 1);
    }
    assert_false(buffer_write_u8(&buffer, 0));
    assert_false(buffer_write_u16(&buffer, 0, LE));
    assert_false(buffer_write_u32(&buffer, 0, LE));
    assert_false(buffer_write_u64(&buffer, 0, LE));
    assert_true(buffer_seek_set(&buffer, 0));
    assert_true(buffer_write_u16(&buffer, 0x0100, LE));
    assert_true(buffer_write_u32(&buffer, 0x05040302, LE));
    assert_true(buffer_write_u64(&buffer, 0x0D0C0B0A09080706, LE));
    for (size_t i = 0; i < 14; i++) {
        assert_int_equal(bytes[i], i);
    }
}

static void test_varint(void **state)
{
    (void) state;
    static const struct {
        uint64_t value;
        uint8_t size;
        const char *bytes;
    } cases[] = {
        {0, 1, "\x00"},
        {0xFC, 1, "\xFC"},
        {0xFD, 3, "\xFD\xFD\x00"},
        {0xFFFF, 3, "\xFD\xFF\xFF"},
        {0x10000, 5, "\xFE\x00\x00\x01\x00"},
        {0xFFFFFFFF, 5, "\xFE\xFF\xFF\xFF\xFF"},
        {0x100000000, 9, "\xFF\x00\x00\x00\x00\x01\x00\x00\x00"},
        {UINT64_MAX, 9, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"},
    };
    for (size_t i = 0; i < ARRAYLEN(cases); i++) {
        uint8_t out[10] = {0};
        uint64_t value = 1;
        assert_int_equal(varint_size(cases[i].value), cases[i].size);
        assert_int_equal(varint_write(out, 1, cases[i].value), cases[i].size);
        assert_memory_equal(&out[1], cases[i].bytes, cases[i].size);
        assert_int_equal(varint_read(&out[1], cases[i].size, &value), cases[i].size);
        assert_true(value == cases[i].value);
        assert_int_equal(varint_read(&out[1], cases[i].size - 1, &value), -1);
        buffer_t buffer = buffer_create(&out[1], cases[i].size);
        assert_true(buffer_read_varint(&buffer, &value));
        assert_int_equal(buffer.offset, cases[i].size);
        assert_false(buffer_read_varint(&buffer, &value));
        assert_true(value == 0);
    }
}

static void test_bip32(void **state)
{
    (void) state;
    uint8_t bytes[] = {0x80, 0, 0, 44, 0x80, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF};
    uint32_t path[MAX_BIP32_PATH] = {0};
    char text[32];
    assert_false(bip32_path_read(bytes, 11, path, 3));
    assert_false(bip32_path_read(bytes, 12, path, 0));
    assert_false(bip32_path_read(bytes, 12, path, MAX_BIP32_PATH + 1));
    assert_int_equal(path[0], 0);
    buffer_t buffer = buffer_create(bytes, sizeof(bytes));
    assert_false(buffer_read_bip32_path(&buffer, path, 4));
    assert_true(buffer_read_bip32_path(&buffer, path, 3));
    assert_int_equal(buffer.offset, 12);
    assert_true(bip32_path_format(path, 3, text, sizeof(text)));
    assert_string_equal(text, "44'/1'/2147483647'");
    assert_true(bip32_path_format(path, 3, text, 19));
    assert_false(bip32_path_format(path, 3, text, 18));
    assert_string_equal(text, "");
    assert_false(bip32_path_format(path, 0, text, sizeof(text)));
    assert_false(bip32_path_format(path, MAX_BIP32_PATH + 1, text, sizeof(text)));
    assert_false(bip32_path_format(path, 3, text, 0));
    assert_false(bip32_path_format(path, 3, text, 1));
}

static void test_parser(void **state)
{
    (void) state;
    uint8_t bytes[] = {0xE0, 1, 2, 3, 2, 0xAA, 0xBB};
    command_t command;
    for (size_t length = 0; length < 4; length++) {
        assert_false(apdu_parser(&command, bytes, length));
    }
    assert_true(apdu_parser(&command, bytes, 4));
    assert_int_equal(command.lc, 0);
    assert_null(command.data);
    assert_false(apdu_parser(&command, bytes, 5));
    assert_false(apdu_parser(&command, bytes, 6));
    assert_true(apdu_parser(&command, bytes, 7));
    assert_int_equal(command.cla, 0xE0);
    assert_int_equal(command.ins, 1);
    assert_int_equal(command.p1, 2);
    assert_int_equal(command.p2, 3);
    assert_int_equal(command.lc, 2);
    assert_ptr_equal(command.data, &bytes[5]);
    bytes[4] = 0;
    assert_true(apdu_parser(&command, bytes, 5));
    assert_null(command.data);
}

static void test_format(void **state)
{
    (void) state;
    char text[32];
    assert_true(format_i64(text, 21, INT64_MIN));
    assert_string_equal(text, "-9223372036854775808");
    assert_false(format_i64(text, 20, INT64_MIN));
    assert_string_equal(text, "");
    assert_true(format_i64(text, sizeof(text), 7));
    assert_string_equal(text, "7");
    assert_true(format_u64(text, 21, UINT64_MAX));
    assert_string_equal(text, "18446744073709551615");
    assert_false(format_u64(text, 1, 0));
    assert_false(format_u64(text, 0, 0));
    assert_true(format_u64(text, 2, 0));
    assert_string_equal(text, "0");

    assert_true(format_fpu64(text, sizeof(text), 1234, 2));
    assert_string_equal(text, "12.34");
    assert_true(format_fpu64(text, sizeof(text), 1, 8));
    assert_string_equal(text, "0.00000001");
    assert_true(format_fpu64(text, sizeof(text), 0, 3));
    assert_string_equal(text, "0.000");
    assert_true(format_fpu64(text, sizeof(text), 1, 0));
    assert_string_equal(text, "1.");
    assert_true(format_fpu64(text, 22, UINT64_MAX, 19));
    assert_string_equal(text, "1.8446744073709551615");
    assert_false(format_fpu64(text, 21, UINT64_MAX, 19));
    assert_false(format_fpu64(text, sizeof(text), 1, 255));
    assert_true(format_fpu64(text, sizeof(text), 5, 25));
    assert_string_equal(text, "0.0000000000000000000000005");

    assert_true(format_fpu64_trimmed(text, sizeof(text), 1200, 3));
    assert_string_equal(text, "1.2");
    assert_true(format_fpu64_trimmed(text, sizeof(text), 12000, 3));
    assert_string_equal(text, "12");
    assert_true(format_fpu64_trimmed(text, sizeof(text), 0, 3));
    assert_string_equal(text, "0");
    assert_false(format_fpu64_trimmed(text, 3, 1200, 3));

    static const uint8_t bytes[] = {0x0A, 0xBC};
    assert_int_equal(format_hex(bytes, 2, text, 5), 5);
    assert_string_equal(text, "0ABC");
    assert_int_equal(format_hex(bytes, 2, text, 4), -1);
    assert_string_equal(text, "");
}

static void test_utils(void **state)
{
    (void) state;
    char text[8];
    uint8_t sum[2];
    assert_int_equal(os_secure_memcmp("abc", "abc", 3), 0);
    assert_int_not_equal(os_secure_memcmp("abc", "abd", 3), 0);
    assert_int_equal(os_secure_memcmp("abc", "xyz", 0), 0);
    os_xor(sum, (uint8_t[]){0x0F, 0xF0}, (uint8_t[]){0xFF, 0xFF}, 2);
    assert_memory_equal(sum, "\xF0\x0F", 2);
    assert_int_equal(bytes_to_hex(text, sizeof(text), "\x1f\xa0", 2), 0);
    assert_string_equal(text, "1FA0");
    assert_int_equal(bytes_to_lowercase_hex(text, 5, "\x1f\xa0", 2), 0);
    assert_string_equal(text, "1fa0");
    assert_int_equal(bytes_to_hex(text, 4, "\x1f\xa0", 2), -1);
    assert_true(is_printable_string(" ~", 2));
    assert_false(is_printable_string("\x1f", 1));
    assert_false(is_printable_string("\x7f", 1));
    uint8_t encoded[4];
    U4BE_ENCODE(encoded, 0, 0x01020304);
    assert_int_equal(U4BE(encoded, 0), 0x01020304);
    assert_int_equal(U4LE(encoded, 0), 0x04030201);
    U4LE_ENCODE(encoded, 0, 0x01020304);
    assert_int_equal(U2LE(encoded, 0), 0x0304);
    assert_true(U8BE((const uint8_t *) "\0\0\0\0\0\0\1\0", 0) == 256);
    assert_true(U8LE((const uint8_t *) "\0\1\0\0\0\0\0\0", 0) == 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_buffer_reads),
        cmocka_unit_test(test_buffer_writes),
        cmocka_unit_test(test_varint),
        cmocka_unit_test(test_bip32),
        cmocka_unit_test(test_parser),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_utils),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
