/* Which messages are signed, and what is put before them; attestations; keys and paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/attestation.h"
#include "core/message.h"
#include "core/path.h"
#include "core/public_key.h"

static message_result_t check(const char *text)
{
    return message_check((const uint8_t *) text, strlen(text));
}

static void test_messages(void **state)
{
    (void) state;
    assert_int_equal(check(""), MESSAGE_EMPTY);
    assert_int_equal(check("I owe you one."), MESSAGE_OK);
    assert_int_equal(check("0x"), MESSAGE_OK);
    assert_int_equal(check("a\nb"), MESSAGE_NOT_TEXT);
    for (unsigned int c = 0; c < 256; c++) {
        const uint8_t text[] = {'a', (uint8_t) c};
        assert_int_equal(message_check(text, 2), c >= 0x20 && c <= 0x7e ? MESSAGE_OK : MESSAGE_NOT_TEXT);
    }
}

static void test_hashes_in_disguise(void **state)
{
    (void) state;
    static const char *const digits[] = {"0123456789", "abcdefabcd", "ABCDEFABCD", "0aF9Bc1d2E"};
    for (size_t length = 1; length <= 140; length++) {
        for (size_t i = 0; i < 4; i++) {
            char text[160] = "0x";
            for (size_t k = 0; k < length; k++) {
                text[2 + k] = digits[i][k % 10];
            }
            text[2 + length] = '\0';
            const message_result_t expected = length >= 40 && length <= 128 ? MESSAGE_IS_HASH : MESSAGE_OK;
            assert_int_equal(check(text), expected);
            assert_int_equal(check(text + 2), expected);
            text[2 + length / 2] = 'g';
            assert_int_equal(check(text), MESSAGE_OK);
            text[1] = 'X';
            assert_int_equal(check(text), MESSAGE_OK);
        }
    }
}

static void test_prefixes(void **state)
{
    (void) state;
    uint8_t out[MESSAGE_PREFIX_MAX];
    assert_int_equal(message_prefix(7, out), 19);
    assert_memory_equal(out, "\x19Notary message:\n7\n", 19);
    assert_int_equal(message_prefix(MESSAGE_MAX, out), 21);
    assert_memory_equal(out, "\x19Notary message:\n400\n", 21);
    assert_int_equal(message_prefix(0, out), 19);
    uint8_t document[DOCUMENT_PREFIX_MAX];
    assert_int_equal(document_prefix(DOCUMENT_PAGES_MAX, document), 21);
    assert_memory_equal(document, "\x19Notary document:\n99\n", 21);
}

static void test_attestations(void **state)
{
    (void) state;
    uint8_t id[DOCUMENT_ID_SIZE];
    uint8_t hash[PAGE_HASH_SIZE];
    uint8_t out[ATTESTATION_SIZE + 1];
    attestation_t attestation;
    memset(id, 1, sizeof(id));
    memset(hash, 3, sizeof(hash));
    memset(out, 4, sizeof(out));
    attestation_encode(id, 2, hash, out);
    assert_true(attestation_parse(out, ATTESTATION_SIZE, &attestation));
    assert_memory_equal(attestation.document_id, id, sizeof(id));
    assert_int_equal(attestation.page, 2);
    assert_memory_equal(attestation.page_hash, hash, sizeof(hash));
    assert_ptr_equal(attestation.tag, &out[ATTESTED_SIZE]);
    for (size_t size = 0; size <= sizeof(out); size++) {
        assert_int_equal(attestation_parse(out, size, &attestation), size == ATTESTATION_SIZE);
    }
    assert_null(attestation.tag);
}

static void test_public_key(void **state)
{
    (void) state;
    uint8_t point[POINT_SIZE];
    uint8_t key[PUBLIC_KEY_SIZE];
    for (uint8_t i = 0; i < POINT_SIZE; i++) {
        point[i] = i;
    }
    public_key_encode(point, key);
    assert_int_equal(key[0], 64);
    assert_int_equal(key[31], 33);
    point[32] = 1;
    public_key_encode(point, key);
    assert_int_equal(key[31], 33 | 0x80);
}

static void test_paths(void **state)
{
    (void) state;
    path_t path;
    uint8_t bytes[1 + 4 * 11] = {2, 0x80, 0, 0, 13, 0x80, 0, 0, 7};
    assert_int_equal(path_parse(bytes, sizeof(bytes), &path), 9);
    assert_int_equal(path.length, 2);
    assert_int_equal(path.elements[1], 0x80000007);
    for (size_t size = 0; size < 9; size++) {
        assert_int_equal(path_parse(bytes, size, &path), 0);
    }
    bytes[0] = 0;
    assert_int_equal(path_parse(bytes, sizeof(bytes), &path), 0);
    bytes[0] = 11;
    assert_int_equal(path_parse(bytes, sizeof(bytes), &path), 0);
    bytes[0] = 3;
    assert_int_equal(path_parse(bytes, sizeof(bytes), &path), 0);
    assert_int_equal(path.elements[0], 0);
    bytes[0] = 2;
    bytes[4] = 44;
    assert_int_equal(path_parse(bytes, sizeof(bytes), &path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_hashes_in_disguise),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_attestations),
        cmocka_unit_test(test_public_key),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
