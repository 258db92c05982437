/* Parsing, field selection and formatting of transactions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/amount.h"
#include "core/fields.h"
#include "core/path.h"
#include "core/transaction.h"

#define HEADER_SIZE 38

/* Version, nonce 7, address D0…E3, value 123456789, memo of that many bytes. */
static size_t make(uint8_t tx[static TX_MAX_SIZE + 1], const char *memo, size_t memo_length)
{
    memset(tx, 0, TX_MAX_SIZE + 1);
    tx[0] = TX_VERSION;
    tx[8] = 7;
    for (uint8_t i = 0; i < TX_ADDRESS_SIZE; i++) {
        tx[9 + i] = 0xD0 + i;
    }
    memcpy(&tx[33], "\x07\x5B\xCD\x15", 4);
    tx[37] = (uint8_t) memo_length;
    memcpy(&tx[HEADER_SIZE], memo, memo_length <= TX_MEMO_MAX ? memo_length : 0);
    return HEADER_SIZE + memo_length;
}

static void test_parse(void **state)
{
    (void) state;
    uint8_t bytes[TX_MAX_SIZE + 1];
    transaction_t tx;
    const size_t size = make(bytes, "Hello", 5);
    assert_int_equal(tx_parse(bytes, size, &tx), TX_OK);
    assert_true(tx.nonce == 7);
    assert_true(tx.value == 123456789);
    assert_ptr_equal(tx.to, &bytes[9]);
    assert_ptr_equal(tx.memo, &bytes[HEADER_SIZE]);
    assert_int_equal(tx.memo_length, 5);
    assert_true(tx.memo_is_text);
}

static void test_every_truncation_is_refused(void **state)
{
    (void) state;
    static const transaction_t none;
    uint8_t bytes[TX_MAX_SIZE + 1];
    transaction_t tx;
    const size_t size = make(bytes, "Hello", 5);
    for (size_t length = 0; length < size; length++) {
        assert_int_equal(tx_parse(bytes, length, &tx), TX_TRUNCATED);
        assert_memory_equal(&tx, &none, sizeof(tx));
    }
    assert_int_equal(tx_parse(bytes, size + 1, &tx), TX_TRAILING_BYTES);
    assert_memory_equal(&tx, &none, sizeof(tx));
}

static void test_versions(void **state)
{
    (void) state;
    uint8_t bytes[TX_MAX_SIZE + 1];
    transaction_t tx;
    const size_t size = make(bytes, "", 0);
    for (unsigned int version = 0; version < 256; version++) {
        bytes[0] = (uint8_t) version;
        assert_int_equal(tx_parse(bytes, size, &tx), version == TX_VERSION ? TX_OK : TX_BAD_VERSION);
    }
}

static void test_memo_lengths(void **state)
{
    (void) state;
    uint8_t bytes[TX_MAX_SIZE + 1];
    char memo[TX_MEMO_MAX];
    transaction_t tx;
    memset(memo, '~', sizeof(memo));
    assert_int_equal(make(bytes, memo, sizeof(memo)), TX_MAX_SIZE);
    assert_int_equal(tx_parse(bytes, TX_MAX_SIZE, &tx), TX_OK);
    assert_true(tx.memo_is_text);
    bytes[37] = TX_MEMO_MAX + 1;
    assert_int_equal(tx_parse(bytes, TX_MAX_SIZE + 1, &tx), TX_BAD_MEMO_LENGTH);
}

static void test_what_is_text(void **state)
{
    (void) state;
    uint8_t bytes[TX_MAX_SIZE + 1];
    transaction_t tx;
    const size_t size = make(bytes, "a?b", 3);
    for (unsigned int c = 0; c < 256; c++) {
        bytes[HEADER_SIZE + 1] = (uint8_t) c;
        assert_int_equal(tx_parse(bytes, size, &tx), TX_OK);
        assert_int_equal(tx.memo_is_text, c >= 0x20 && c <= 0x7e);
    }
}

static void shown_as(const field_t *field, const char *name, const char *text)
{
    char out[FIELD_TEXT_MAX];
    assert_string_equal(field->name, name);
    assert_true(field_format(field, out, sizeof(out)));
    assert_string_equal(out, text);
    /* One byte less is refused, and leaves nothing behind. */
    assert_true(field_format(field, out, strlen(text) + 1));
    assert_false(field_format(field, out, strlen(text)));
    if (text[0] != '\0') {
        assert_string_equal(out, "");
    }
    assert_false(field_format(field, out, 0));
}

static void test_fields(void **state)
{
    (void) state;
    uint8_t bytes[TX_MAX_SIZE + 1];
    field_t fields[FIELDS_MAX];
    transaction_t tx;
    assert_int_equal(tx_parse(bytes, make(bytes, "Hello", 5), &tx), TX_OK);
    assert_int_equal(fields_select(&tx, fields), 4);
    shown_as(&fields[0], "Amount", "BOL 1.23456789");
    shown_as(&fields[1], "To", "0xd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3");
    shown_as(&fields[2], "Nonce", "7");
    shown_as(&fields[3], "Memo", "Hello");
    assert_int_equal(tx_parse(bytes, make(bytes, "\x00\xff", 2), &tx), TX_OK);
    assert_int_equal(fields_select(&tx, fields), 4);
    shown_as(&fields[3], "Memo", "00ff");
    assert_int_equal(tx_parse(bytes, make(bytes, "", 0), &tx), TX_OK);
    assert_int_equal(fields_select(&tx, fields), 3);
    const field_t unknown = {.name = "?", .type = (field_type_t) 99};
    char out[2] = "x";
    assert_false(field_format(&unknown, out, sizeof(out)));
    assert_string_equal(out, "");
}

static void test_longest_fields_fit(void **state)
{
    (void) state;
    uint8_t bytes[TX_MAX_SIZE + 1];
    char memo[TX_MEMO_MAX] = {0};
    char out[FIELD_TEXT_MAX];
    field_t fields[FIELDS_MAX];
    transaction_t tx;
    assert_int_equal(tx_parse(bytes, make(bytes, memo, sizeof(memo)), &tx), TX_OK);
    const size_t count = fields_select(&tx, fields);
    for (size_t i = 0; i < count; i++) {
        assert_true(field_format(&fields[i], out, sizeof(out)));
    }
}

static void test_amounts(void **state)
{
    (void) state;
    static const struct {
        uint64_t units;
        const char *text;
    } cases[] = {
        {0, "BOL 0"},
        {1, "BOL 0.00000001"},
        {10, "BOL 0.0000001"},
        {99999999, "BOL 0.99999999"},
        {100000000, "BOL 1"},
        {100000001, "BOL 1.00000001"},
        {123456000000, "BOL 1234.56"},
        {UINT64_MAX, "BOL 184467440737.09551615"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[32];
        assert_true(amount_format(cases[i].units, out, sizeof(out)));
        assert_string_equal(out, cases[i].text);
        assert_false(amount_format(cases[i].units, out, strlen(cases[i].text)));
    }
    char out[21];
    assert_true(number_format(UINT64_MAX, out, sizeof(out)));
    assert_string_equal(out, "18446744073709551615");
    assert_false(number_format(UINT64_MAX, out, sizeof(out) - 1));
}

static void test_paths(void **state)
{
    (void) state;
    path_t path;
    uint8_t bytes[] = {3, 0x80, 0, 0, 44, 0x80, 0, 0, 1, 0, 0, 0, 5, 0xFF};
    assert_int_equal(path_parse(bytes, sizeof(bytes), &path), 13);
    assert_int_equal(path.length, 3);
    assert_int_equal(path.elements[2], 5);
    for (size_t size = 0; size < 13; size++) {
        assert_int_equal(path_parse(bytes, size, &path), 0);
        assert_int_equal(path.length, 0);
    }
    for (unsigned int count = 0; count < 256; count++) {
        uint8_t longest[1 + 4 * 256] = {0};
        memcpy(longest, bytes, sizeof(bytes));
        longest[0] = (uint8_t) count;
        const bool valid = count >= 2 && count <= PATH_MAX_LENGTH;
        assert_int_equal(path_parse(longest, sizeof(longest), &path), valid ? 1 + 4 * count : 0);
    }
    bytes[4] = 49;
    assert_int_equal(path_parse(bytes, sizeof(bytes), &path), 0);
    bytes[4] = 44;
    bytes[5] = 0;
    assert_int_equal(path_parse(bytes, sizeof(bytes), &path), 0);
    assert_int_equal(path.elements[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_memo_lengths),
        cmocka_unit_test(test_what_is_text),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_longest_fields_fit),
        cmocka_unit_test(test_amounts),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
