/* Keys derived from the seed, used and cleared; hashes over several pieces. */
#include <string.h>

#include "crypto_helpers.h"
#include "shim.h"

/* Bytes that the operating system writes at most when it derives a key. */
#define RAW_KEY_SIZE 64

/* DER around two integers of 32 bytes. */
#define DER_SIGNATURE_MAX 72

cx_err_t os_derive_bip32_with_seed_no_throw(unsigned int derivation_mode,
                                            cx_curve_t curve,
                                            const unsigned int *path,
                                            unsigned int path_len,
                                            unsigned char raw_privkey[static 64],
                                            unsigned char *chain_code,
                                            unsigned char *seed,
                                            unsigned int seed_len)
{
    volatile cx_err_t error = CX_OK;
    BEGIN_TRY
    {
        TRY
        {
            os_perso_derive_node_with_seed_key(
                derivation_mode, curve, path, path_len, raw_privkey, chain_code, seed, seed_len);
        }
        CATCH_OTHER(e)
        {
            error = e;
            explicit_bzero(raw_privkey, RAW_KEY_SIZE);
        }
        FINALLY {}
    }
    END_TRY;
    return error;
}

cx_err_t bip32_derive_with_seed_init_privkey_256(unsigned int derivation_mode,
                                                 cx_curve_t curve,
                                                 const uint32_t *path,
                                                 size_t path_len,
                                                 cx_ecfp_256_private_key_t *privkey,
                                                 uint8_t *chain_code,
                                                 unsigned char *seed,
                                                 size_t seed_len)
{
    cx_err_t error;
    size_t length;
    uint8_t raw_key[RAW_KEY_SIZE];

    CX_CHECK(os_derive_bip32_with_seed_no_throw(derivation_mode,
                                                curve,
                                                (const unsigned int *) path,
                                                (unsigned int) path_len,
                                                raw_key,
                                                chain_code,
                                                seed,
                                                (unsigned int) seed_len));
    CX_CHECK(cx_ecdomain_parameters_length(curve, &length));
    CX_CHECK(cx_ecfp_init_private_key_no_throw(curve, raw_key, length, privkey));

end:
    explicit_bzero(raw_key, sizeof(raw_key));
    if (error != CX_OK) {
        explicit_bzero(privkey, sizeof(*privkey));
    }
    return error;
}

cx_err_t bip32_derive_with_seed_get_pubkey_256(unsigned int derivation_mode,
                                               cx_curve_t curve,
                                               const uint32_t *path,
                                               size_t path_len,
                                               uint8_t raw_pubkey[static 65],
                                               uint8_t *chain_code,
                                               cx_md_t hashID,
                                               unsigned char *seed,
                                               size_t seed_len)
{
    cx_err_t error;
    cx_ecfp_256_private_key_t private_key;
    cx_ecfp_256_public_key_t public_key;

    CX_CHECK(bip32_derive_with_seed_init_privkey_256(
        derivation_mode, curve, path, path_len, &private_key, chain_code, seed, seed_len));
    CX_CHECK(cx_ecfp_generate_pair2_no_throw(curve, &public_key, &private_key, true, hashID));
    if (public_key.W_len != sizeof(public_key.W)) {
        CX_CHECK(CX_EC_INVALID_CURVE);
    }
    memcpy(raw_pubkey, public_key.W, sizeof(public_key.W));

end:
    explicit_bzero(&private_key, sizeof(private_key));
    return error;
}

cx_err_t bip32_derive_with_seed_ecdsa_sign_hash_256(unsigned int derivation_mode,
                                                    cx_curve_t curve,
                                                    const uint32_t *path,
                                                    size_t path_len,
                                                    uint32_t sign_mode,
                                                    cx_md_t hashID,
                                                    const uint8_t *hash,
                                                    size_t hash_len,
                                                    uint8_t *sig,
                                                    size_t *sig_len,
                                                    uint32_t *info,
                                                    unsigned char *seed,
                                                    size_t seed_len)
{
    cx_err_t error;
    cx_ecfp_256_private_key_t private_key;
    const size_t room = *sig_len;

    CX_CHECK(bip32_derive_with_seed_init_privkey_256(
        derivation_mode, curve, path, path_len, &private_key, NULL, seed, seed_len));
    CX_CHECK(cx_ecdsa_sign_no_throw(&private_key, sign_mode, hashID, hash, hash_len, sig, sig_len, info));

end:
    explicit_bzero(&private_key, sizeof(private_key));
    if (error != CX_OK) {
        explicit_bzero(sig, room);
    }
    return error;
}

/* Takes an INTEGER of the DER signature and writes it as 32 bytes; how far it read, or 0 if malformed. */
static size_t read_integer(const uint8_t *der, size_t length, uint8_t out[static 32])
{
    if (length < 2 || der[0] != 0x02 || der[1] == 0 || der[1] > length - 2) {
        return 0;
    }
    const uint8_t *value = &der[2];
    size_t size = der[1];
    if (value[0] == 0) {
        value++;
        size--;
    }
    if (size > 32) {
        return 0;
    }
    memset(out, 0, 32 - size);
    memcpy(&out[32 - size], value, size);
    return 2u + der[1];
}

cx_err_t cx_ecdsa_sign_rs_no_throw(const cx_ecfp_private_key_t *key,
                                   uint32_t mode,
                                   cx_md_t hashID,
                                   const uint8_t *hash,
                                   size_t hash_len,
                                   size_t rs_len,
                                   uint8_t *sig_r,
                                   uint8_t *sig_s,
                                   uint32_t *info)
{
    cx_err_t error;
    uint8_t der[DER_SIGNATURE_MAX];
    size_t length = sizeof(der);

    if (rs_len != 32) {
        return CX_INVALID_PARAMETER_SIZE;
    }
    CX_CHECK(cx_ecdsa_sign_no_throw(key, mode, hashID, hash, hash_len, der, &length, info));
    if (length < 2 || length > sizeof(der)) {
        CX_CHECK(CX_INTERNAL_ERROR);
    }
    const size_t r_size = read_integer(&der[2], length - 2, sig_r);
    if (r_size == 0 || read_integer(&der[2 + r_size], length - 2 - r_size, sig_s) == 0) {
        CX_CHECK(CX_INTERNAL_ERROR);
    }

end:
    return error;
}

cx_err_t bip32_derive_with_seed_ecdsa_sign_rs_hash_256(unsigned int derivation_mode,
                                                       cx_curve_t curve,
                                                       const uint32_t *path,
                                                       size_t path_len,
                                                       uint32_t sign_mode,
                                                       cx_md_t hashID,
                                                       const uint8_t *hash,
                                                       size_t hash_len,
                                                       uint8_t sig_r[static 32],
                                                       uint8_t sig_s[static 32],
                                                       uint32_t *info,
                                                       unsigned char *seed,
                                                       size_t seed_len)
{
    cx_err_t error;
    cx_ecfp_256_private_key_t private_key;

    CX_CHECK(bip32_derive_with_seed_init_privkey_256(
        derivation_mode, curve, path, path_len, &private_key, NULL, seed, seed_len));
    CX_CHECK(cx_ecdsa_sign_rs_no_throw(
        &private_key, sign_mode, hashID, hash, hash_len, 32, sig_r, sig_s, info));

end:
    explicit_bzero(&private_key, sizeof(private_key));
    if (error != CX_OK) {
        explicit_bzero(sig_r, 32);
        explicit_bzero(sig_s, 32);
    }
    return error;
}

cx_err_t bip32_derive_with_seed_eddsa_sign_hash_256(unsigned int derivation_mode,
                                                    cx_curve_t curve,
                                                    const uint32_t *path,
                                                    size_t path_len,
                                                    cx_md_t hashID,
                                                    const uint8_t *hash,
                                                    size_t hash_len,
                                                    uint8_t *sig,
                                                    size_t *sig_len,
                                                    unsigned char *seed,
                                                    size_t seed_len)
{
    cx_err_t error;
    size_t length;
    cx_ecfp_256_private_key_t private_key;
    const size_t room = *sig_len;

    CX_CHECK(bip32_derive_with_seed_init_privkey_256(
        derivation_mode, curve, path, path_len, &private_key, NULL, seed, seed_len));
    CX_CHECK(cx_eddsa_sign_no_throw(&private_key, hashID, hash, hash_len, sig, room));
    CX_CHECK(cx_ecdomain_parameters_length(curve, &length));
    *sig_len = 2 * length;

end:
    explicit_bzero(&private_key, sizeof(private_key));
    if (error != CX_OK) {
        explicit_bzero(sig, room);
    }
    return error;
}

static cx_err_t hash_pieces(cx_hash_t *hash,
                            size_t context_size,
                            cx_md_t algorithm,
                            size_t output_size,
                            const cx_iovec_t *pieces,
                            size_t count,
                            uint8_t *digest)
{
    cx_err_t error;
    CX_CHECK(algorithm == CX_KECCAK || algorithm == CX_SHA3 ? cx_hash_init_ex(hash, algorithm, output_size)
                                                            : cx_hash_init(hash, algorithm));
    for (size_t i = 0; i < count; i++) {
        CX_CHECK(cx_hash_update(hash, pieces[i].iov_base, pieces[i].iov_len));
    }
    CX_CHECK(cx_hash_final(hash, digest));

end:
    explicit_bzero(hash, context_size);
    return error;
}

#define HASH_PIECES(name, context_t, algorithm, size)                                                     \
    cx_err_t cx_##name##_hash_iovec(const cx_iovec_t *iovec, size_t iovec_len, uint8_t digest[static size]) \
    {                                                                                                     \
        context_t context;                                                                                \
        return hash_pieces(                                                                               \
            (cx_hash_t *) &context, sizeof(context), algorithm, size, iovec, iovec_len, digest);          \
    }

HASH_PIECES(sha224, cx_sha256_t, CX_SHA224, 28)
HASH_PIECES(sha256, cx_sha256_t, CX_SHA256, 32)
HASH_PIECES(sha384, cx_sha512_t, CX_SHA384, 48)
HASH_PIECES(sha512, cx_sha512_t, CX_SHA512, 64)
HASH_PIECES(sha3_256, cx_sha3_t, CX_SHA3, 32)
HASH_PIECES(sha3_512, cx_sha3_t, CX_SHA3, 64)
HASH_PIECES(keccak_256, cx_sha3_t, CX_KECCAK, 32)
HASH_PIECES(keccak_512, cx_sha3_t, CX_KECCAK, 64)
HASH_PIECES(ripemd160, cx_ripemd160_t, CX_RIPEMD160, 20)
