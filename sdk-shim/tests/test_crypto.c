/* What the key helpers leave behind: nothing, on every path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crypto_helpers.h"
#include "host.h"

static const uint32_t path[] = {0x8000002C, 0x80000001};
static const uint8_t zeros[128];

static int setup(void **state)
{
    (void) state;
    host_reset();
    return 0;
}

static void test_private_key(void **state)
{
    (void) state;
    cx_ecfp_256_private_key_t key;
    uint8_t chain_code[32];
    assert_int_equal(bip32_derive_init_privkey_256(CX_CURVE_256K1, path, 2, &key, chain_code), CX_OK);
    assert_int_equal(key.d_len, 32);
    assert_int_equal(key.d[31], 0xDD);
    assert_int_equal(chain_code[31], 0xCC);
}

static void test_failures_leave_no_key(void **state)
{
    (void) state;
    cx_ecfp_256_private_key_t key;
    memset(&key, 0xAA, sizeof(key));
    host.derivation_exception = EXCEPTION_SECURITY;
    assert_int_equal(bip32_derive_init_privkey_256(CX_CURVE_256K1, path, 2, &key, NULL), EXCEPTION_SECURITY);
    assert_memory_equal(&key, zeros, sizeof(key));
    assert_null(try_context_get());

    host_reset();
    host.cx_error = CX_INTERNAL_ERROR;
    memset(&key, 0xAA, sizeof(key));
    assert_int_equal(bip32_derive_init_privkey_256(CX_CURVE_256K1, path, 2, &key, NULL), CX_INTERNAL_ERROR);
    assert_memory_equal(&key, zeros, sizeof(key));
}

static void test_raw_derivation(void **state)
{
    (void) state;
    uint8_t raw[64];
    assert_int_equal(os_derive_bip32_no_throw(CX_CURVE_256K1, path, 2, raw, NULL), CX_OK);
    assert_int_equal(raw[0], 0xDD);
    host.derivation_exception = INVALID_PARAMETER;
    assert_int_equal(os_derive_bip32_no_throw(CX_CURVE_256K1, path, 2, raw, NULL), INVALID_PARAMETER);
    assert_memory_equal(raw, zeros, sizeof(raw));
}

static void test_public_key(void **state)
{
    (void) state;
    uint8_t public_key[65];
    assert_int_equal(bip32_derive_get_pubkey_256(CX_CURVE_256K1, path, 2, public_key, NULL, CX_SHA512), CX_OK);
    assert_int_equal(public_key[64], 0xEE);
    host.cx_error = CX_INTERNAL_ERROR;
    assert_int_equal(bip32_derive_get_pubkey_256(CX_CURVE_256K1, path, 2, public_key, NULL, CX_SHA512),
                     CX_INTERNAL_ERROR);
}

static cx_err_t sign(uint8_t *signature, size_t *length)
{
    uint32_t info;
    return bip32_derive_ecdsa_sign_hash_256(
        CX_CURVE_256K1, path, 2, CX_RND_RFC6979 | CX_LAST, CX_SHA256, zeros, 32, signature, length, &info);
}

static void test_ecdsa(void **state)
{
    (void) state;
    uint8_t signature[72];
    size_t length = sizeof(signature);
    memset(host.signature, 0x30, 70);
    host.signature_length = 70;
    assert_int_equal(sign(signature, &length), CX_OK);
    assert_int_equal(length, 70);
    host.derivation_exception = EXCEPTION_SECURITY;
    length = sizeof(signature);
    assert_int_equal(sign(signature, &length), EXCEPTION_SECURITY);
    assert_memory_equal(signature, zeros, sizeof(signature));
}

static cx_err_t sign_rs(const char *der, size_t der_length, uint8_t r[32], uint8_t s[32])
{
    uint32_t info = 0;
    memcpy(host.signature, der, der_length);
    host.signature_length = der_length;
    return bip32_derive_ecdsa_sign_rs_hash_256(
        CX_CURVE_256K1, path, 2, CX_RND_RFC6979 | CX_LAST, CX_SHA256, zeros, 32, r, s, &info);
}

static void test_ecdsa_r_and_s(void **state)
{
    (void) state;
    uint8_t r[32];
    uint8_t s[32];
    assert_int_equal(sign_rs("\x30\x07\x02\x02\x00\x81\x02\x01\x05", 9, r, s), CX_OK);
    assert_memory_equal(r, zeros, 31);
    assert_int_equal(r[31], 0x81);
    assert_int_equal(s[31], 5);

    static const struct {
        const char *der;
        size_t length;
    } malformed[] = {
        {"\x30", 1},
        {"\x30\x00", 2},
        {"\x30\x03\x02\x01\x05", 5},
        {"\x30\x01\x02", 3},
        {"\x30\x06\x02\x01\x05\x03\x01\x05", 8},
        {"\x30\x06\x02\x09\x05\x02\x01\x05", 8},
        {"\x30\x06\x02\x00\x02\x01\x05\x00", 8},
        {"\x30\x26\x02\x21\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
         "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x01\x05",
         40},
    };
    for (size_t i = 0; i < ARRAYLEN(malformed); i++) {
        memset(r, 0xAA, sizeof(r));
        assert_int_not_equal(sign_rs(malformed[i].der, malformed[i].length, r, s), CX_OK);
        assert_memory_equal(r, zeros, 32);
        assert_memory_equal(s, zeros, 32);
    }
    cx_ecfp_private_key_t key = {0};
    uint32_t info;
    assert_int_equal(cx_ecdsa_sign_rs_no_throw(&key, 0, CX_SHA256, zeros, 32, 33, r, s, &info),
                     CX_INVALID_PARAMETER_SIZE);
}

static void test_eddsa(void **state)
{
    (void) state;
    uint8_t signature[64];
    size_t length = sizeof(signature);
    assert_int_equal(bip32_derive_eddsa_sign_hash_256(
                         CX_CURVE_Ed25519, path, 2, CX_SHA512, zeros, 32, signature, &length),
                     CX_OK);
    assert_int_equal(length, 64);
    assert_int_equal(signature[63], 0x55);
    host.cx_error = CX_INTERNAL_ERROR;
    assert_int_equal(bip32_derive_eddsa_sign_hash_256(
                         CX_CURVE_Ed25519, path, 2, CX_SHA512, zeros, 32, signature, &length),
                     CX_INTERNAL_ERROR);
    assert_memory_equal(signature, zeros, sizeof(signature));
}

static void test_hash_of_pieces(void **state)
{
    (void) state;
    uint8_t one[64] = {0};
    uint8_t two[64] = {0};
    const cx_iovec_t pieces[] = {{(const uint8_t *) "ab", 2}, {(const uint8_t *) "c", 1}};
    assert_int_equal(cx_sha256_hash_iovec(pieces, 2, one), CX_OK);
    assert_int_equal(cx_sha256_hash((const uint8_t *) "abc", 3, two), CX_OK);
    assert_memory_equal(one, two, 32);
    assert_int_equal(cx_keccak_256_hash_iovec(pieces, 2, two), CX_OK);
    assert_memory_not_equal(one, two, 32);
    host.cx_error = CX_INVALID_PARAMETER;
    assert_int_equal(cx_ripemd160_hash_iovec(pieces, 2, one), CX_INVALID_PARAMETER);
}

/* Calls with its n-th cx_* function failing, for each n; how many it has. Every failure is reported. */
static unsigned int fail_each(cx_err_t (*call)(void))
{
    for (unsigned int n = 1;; n++) {
        host.cx_fails = n;
        const cx_err_t error = call();
        if (host.cx_fails > 0) {
            host.cx_fails = 0;
            assert_int_equal(error, CX_OK);
            return n - 1;
        }
        assert_int_equal(error, CX_INTERNAL_ERROR);
    }
}

static uint8_t out[72];

static cx_err_t call_get_public_key(void)
{
    return bip32_derive_get_pubkey_256(CX_CURVE_256K1, path, 2, out, NULL, CX_SHA512);
}

static cx_err_t call_ecdsa(void)
{
    size_t length = sizeof(out);
    host.signature_length = 70;
    const cx_err_t error = sign(out, &length);
    assert_true(error == CX_OK || memcmp(out, zeros, sizeof(out)) == 0);
    return error;
}

static cx_err_t call_ecdsa_rs(void)
{
    const cx_err_t error = sign_rs("\x30\x06\x02\x01\x05\x02\x01\x05", 8, out, &out[32]);
    assert_true(error == CX_OK || memcmp(out, zeros, 64) == 0);
    return error;
}

static cx_err_t call_eddsa(void)
{
    size_t length = 64;
    const cx_err_t error =
        bip32_derive_eddsa_sign_hash_256(CX_CURVE_Ed25519, path, 2, CX_SHA512, zeros, 32, out, &length);
    assert_true(error == CX_OK || memcmp(out, zeros, 64) == 0);
    return error;
}

static cx_err_t call_hash(void)
{
    return cx_sha256_hash(zeros, 1, out);
}

static void test_every_failure_of_the_system_is_reported(void **state)
{
    (void) state;
    assert_int_equal(fail_each(call_get_public_key), 3);
    assert_int_equal(fail_each(call_ecdsa), 3);
    assert_int_equal(fail_each(call_ecdsa_rs), 3);
    assert_int_equal(fail_each(call_eddsa), 4);
    assert_int_equal(fail_each(call_hash), 3);
}

static void test_exceptions(void **state)
{
    (void) state;
    volatile unsigned int trace = 0;
    BEGIN_TRY
    {
        TRY
        {
            BEGIN_TRY
            {
                TRY
                {
                    THROW(TIMEOUT);
                }
                CATCH(INVALID_STATE)
                {
                    trace |= 1;
                }
                FINALLY
                {
                    trace |= 2;
                }
            }
            END_TRY;
            trace |= 4;
        }
        CATCH(TIMEOUT)
        {
            trace |= 8;
        }
        CATCH_ALL
        {
            trace |= 16;
        }
        FINALLY
        {
            trace |= 32;
        }
    }
    END_TRY;
    assert_int_equal(trace, 2 | 8 | 32);
    assert_null(try_context_get());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_private_key, setup),
        cmocka_unit_test_setup(test_failures_leave_no_key, setup),
        cmocka_unit_test_setup(test_raw_derivation, setup),
        cmocka_unit_test_setup(test_public_key, setup),
        cmocka_unit_test_setup(test_ecdsa, setup),
        cmocka_unit_test_setup(test_ecdsa_r_and_s, setup),
        cmocka_unit_test_setup(test_eddsa, setup),
        cmocka_unit_test_setup(test_hash_of_pieces, setup),
        cmocka_unit_test_setup(test_every_failure_of_the_system_is_reported, setup),
        cmocka_unit_test_setup(test_exceptions, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
