/*
 * Cryptography of the operating system: prototypes, structures and numbers of SDK v25.13.0.
 * Nothing is computed here; every function is a system call or a call of the shared library (src/abi.S).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cx_errors.h"
#include "decorators.h"

#define CX_CALL WARN_UNUSED_RESULT

/* Modes, or-ed together */

#define CX_LAST (1 << 0)

#define CX_ENCRYPT (2 << 1)
#define CX_DECRYPT (0 << 1)
#define CX_SIGN    (3 << 1)
#define CX_VERIFY  (1 << 1)

#define CX_PAD_NONE      (0 << 3)
#define CX_PAD_ISO9797M1 (1 << 3)
#define CX_PAD_ISO9797M2 (2 << 3)

#define CX_CHAIN_ECB (0 << 6)
#define CX_CHAIN_CBC (1 << 6)
#define CX_CHAIN_CTR (2 << 6)
#define CX_CHAIN_CFB (3 << 6)
#define CX_CHAIN_OFB (4 << 6)

#define CX_NO_CANONICAL (1 << 6)

#define CX_RND_PRNG     (1 << 9)
#define CX_RND_TRNG     (2 << 9)
#define CX_RND_RFC6979  (3 << 9)
#define CX_RND_PROVIDED (4 << 9)

#define CX_ECSCHNORR_BIP0340     (0 << 12)
#define CX_ECDH_POINT            (1 << 12)
#define CX_ECDH_X                (2 << 12)
#define CX_ECSCHNORR_ISO14888_XY (3 << 12)
#define CX_ECSCHNORR_ISO14888_X  (4 << 12)
#define CX_ECSCHNORR_BSI03111    (5 << 12)
#define CX_ECSCHNORR_LIBSECP     (6 << 12)
#define CX_ECSCHNORR_Z           (7 << 12)

#define CX_NO_REINIT (1 << 15)

/* Hash functions */

enum cx_md_e {
    CX_NONE = 0,
    CX_RIPEMD160 = 1,
    CX_SHA224 = 2,
    CX_SHA256 = 3,
    CX_SHA384 = 4,
    CX_SHA512 = 5,
    CX_KECCAK = 6,
    CX_SHA3 = 7,
    CX_BLAKE2B = 9,
    CX_SHAKE128 = 10,
    CX_SHAKE256 = 11,
    CX_SHA3_256 = 12,
    CX_SHA3_512 = 13,
};
typedef enum cx_md_e cx_md_t;

#define CX_RIPEMD160_SIZE   20
#define CX_SHA224_SIZE      28
#define CX_SHA256_SIZE      32
#define CX_SHA384_SIZE      48
#define CX_SHA512_SIZE      64
#define CX_SHA3_256_SIZE    32
#define CX_SHA3_512_SIZE    64
#define CX_KECCAK_256_SIZE  32
#define CX_KECCAK_512_SIZE  64
#define CX_BLAKE2B_256_SIZE 32
#define CX_BLAKE2B_512_SIZE 64

typedef struct {
    const uint8_t *iov_base;
    size_t iov_len;
} cx_iovec_t;

typedef struct cx_hash_header_s cx_hash_t;

typedef struct {
    cx_md_t md_type;
    size_t output_size;
    size_t block_size;
    size_t ctx_size;
    cx_err_t (*init_func)(cx_hash_t *ctx);
    cx_err_t (*update_func)(cx_hash_t *ctx, const uint8_t *data, size_t len);
    cx_err_t (*finish_func)(cx_hash_t *ctx, uint8_t *digest);
    cx_err_t (*init_ex_func)(cx_hash_t *ctx, size_t output_size);
    size_t (*output_size_func)(const cx_hash_t *ctx);
} cx_hash_info_t;

struct cx_hash_header_s {
    const cx_hash_info_t *info;
    uint32_t counter;
};

struct cx_ripemd160_s {
    struct cx_hash_header_s header;
    size_t blen;
    uint8_t block[64];
    uint8_t acc[5 * 4];
};
typedef struct cx_ripemd160_s cx_ripemd160_t;

struct cx_sha256_s {
    struct cx_hash_header_s header;
    size_t blen;
    uint8_t block[64];
    uint8_t acc[8 * 4];
};
typedef struct cx_sha256_s cx_sha256_t;

struct cx_sha512_s {
    struct cx_hash_header_s header;
    size_t blen;
    uint8_t block[128];
    uint8_t acc[8 * 8];
};
typedef struct cx_sha512_s cx_sha512_t;

/* A 64-bit lane as two words: the OS is built for 32 bits. */
struct uint64_s {
    uint32_t l;
    uint32_t h;
};
typedef struct uint64_s uint64bits_t;

struct cx_sha3_s {
    struct cx_hash_header_s header;
    size_t output_size;
    size_t block_size;
    size_t blen;
    uint8_t block[200];
    uint64bits_t acc[25];
};
typedef struct cx_sha3_s cx_sha3_t;

struct blake2b_state__ {
    uint64_t h[8];
    uint64_t t[2];
    uint64_t f[2];
    uint8_t buf[128];
    size_t buflen;
    size_t outlen;
    uint8_t last_node;
};

struct cx_blake2b_s {
    struct cx_hash_header_s header;
    size_t output_size;
    struct blake2b_state__ ctx;
};
typedef struct cx_blake2b_s cx_blake2b_t;

typedef struct {
    uint8_t key[128];
    cx_hash_t hash_ctx;
} cx_hmac_t;

typedef struct {
    uint8_t key[128];
    cx_ripemd160_t hash_ctx;
} cx_hmac_ripemd160_t;

typedef struct {
    uint8_t key[128];
    cx_sha256_t hash_ctx;
} cx_hmac_sha256_t;

typedef struct {
    uint8_t key[128];
    cx_sha512_t hash_ctx;
} cx_hmac_sha512_t;

typedef uint32_t (*cx_rng_u32_range_randfunc_t)(void);

/* Elliptic curves */

enum cx_curve_e {
    CX_CURVE_NONE,
    CX_CURVE_WEIERSTRASS_START = 0x20,
    CX_CURVE_SECP256K1 = 0x21,
    CX_CURVE_SECP256R1 = 0x22,
    CX_CURVE_SECP384R1 = 0x23,
    CX_CURVE_SECP521R1 = 0x24,
    CX_CURVE_BrainPoolP256T1 = 0x31,
    CX_CURVE_BrainPoolP256R1 = 0x32,
    CX_CURVE_BrainPoolP320T1 = 0x33,
    CX_CURVE_BrainPoolP320R1 = 0x34,
    CX_CURVE_BrainPoolP384T1 = 0x35,
    CX_CURVE_BrainPoolP384R1 = 0x36,
    CX_CURVE_BrainPoolP512T1 = 0x37,
    CX_CURVE_BrainPoolP512R1 = 0x38,
    CX_CURVE_BLS12_381_G1 = 0x39,
    CX_CURVE_FRP256V1 = 0x41,
    CX_CURVE_Stark256 = 0x51,
    CX_CURVE_WEIERSTRASS_END = 0x6F,
    CX_CURVE_TWISTED_EDWARDS_START = 0x70,
    CX_CURVE_Ed25519 = 0x71,
    CX_CURVE_Ed448 = 0x72,
    CX_CURVE_TWISTED_EDWARDS_END = 0x7F,
    CX_CURVE_MONTGOMERY_START = 0x80,
    CX_CURVE_Curve25519 = 0x81,
    CX_CURVE_Curve448 = 0x82,
    CX_CURVE_MONTGOMERY_END = 0x8F,
};
typedef enum cx_curve_e cx_curve_t;

#define CX_CURVE_256K1    CX_CURVE_SECP256K1
#define CX_CURVE_256R1    CX_CURVE_SECP256R1
#define CX_CURVE_NISTP256 CX_CURVE_SECP256R1
#define CX_CURVE_NISTP384 CX_CURVE_SECP384R1
#define CX_CURVE_NISTP521 CX_CURVE_SECP521R1

#define CX_CURVE_RANGE(i, dom) (((i) > (CX_CURVE_##dom##_START)) && ((i) < (CX_CURVE_##dom##_END)))

/* Bits of *info: the y coordinate of the signature's point is odd, its x is above the order. */
#define CX_ECCINFO_PARITY_ODD 1
#define CX_ECCINFO_xGTn       2

typedef enum cx_curve_dom_param_s {
    CX_CURVE_PARAM_NONE = 0,
    CX_CURVE_PARAM_A = 1,
    CX_CURVE_PARAM_B = 2,
    CX_CURVE_PARAM_Field = 3,
    CX_CURVE_PARAM_Gx = 4,
    CX_CURVE_PARAM_Gy = 5,
    CX_CURVE_PARAM_Order = 6,
    CX_CURVE_PARAM_Cofactor = 7,
} cx_curve_dom_param_t;

typedef uint32_t cx_bn_t;

typedef struct cx_ec_point_s {
    cx_curve_t curve;
    cx_bn_t x;
    cx_bn_t y;
    cx_bn_t z;
} cx_ecpoint_t;

struct cx_ecfp_256_public_key_s {
    cx_curve_t curve;
    size_t W_len;
    uint8_t W[65];
};
struct cx_ecfp_256_private_key_s {
    cx_curve_t curve;
    size_t d_len;
    uint8_t d[32];
};
typedef struct cx_ecfp_256_public_key_s cx_ecfp_256_public_key_t;
typedef struct cx_ecfp_256_private_key_s cx_ecfp_256_private_key_t;

struct cx_ecfp_384_public_key_s {
    cx_curve_t curve;
    size_t W_len;
    uint8_t W[97];
};
struct cx_ecfp_384_private_key_s {
    cx_curve_t curve;
    size_t d_len;
    uint8_t d[48];
};
typedef struct cx_ecfp_384_public_key_s cx_ecfp_384_public_key_t;
typedef struct cx_ecfp_384_private_key_s cx_ecfp_384_private_key_t;

struct cx_ecfp_512_public_key_s {
    cx_curve_t curve;
    size_t W_len;
    uint8_t W[129];
};
struct cx_ecfp_512_private_key_s {
    cx_curve_t curve;
    size_t d_len;
    uint8_t d[64];
};
typedef struct cx_ecfp_512_public_key_s cx_ecfp_512_public_key_t;
typedef struct cx_ecfp_512_private_key_s cx_ecfp_512_private_key_t;

struct cx_ecfp_640_public_key_s {
    cx_curve_t curve;
    size_t W_len;
    uint8_t W[161];
};
struct cx_ecfp_640_private_key_s {
    cx_curve_t curve;
    size_t d_len;
    uint8_t d[80];
};
typedef struct cx_ecfp_640_public_key_s cx_ecfp_640_public_key_t;
typedef struct cx_ecfp_640_private_key_s cx_ecfp_640_private_key_t;

/* What the functions take: a longer key is passed by a cast. */
typedef cx_ecfp_256_public_key_t cx_ecfp_public_key_t;
typedef cx_ecfp_256_private_key_t cx_ecfp_private_key_t;

#define CX_ECDSA_SHA256_SIG_MIN_ASN1_LENGTH 8
#define CX_ECDSA_SHA256_SIG_MAX_ASN1_LENGTH 72

/* Ciphers */

#define CX_AES_BLOCK_SIZE  16
#define CX_AES_128_KEY_LEN 16
#define CX_AES_192_KEY_LEN 24
#define CX_AES_256_KEY_LEN 32
#define CX_AES_MAX_KEY_LEN CX_AES_256_KEY_LEN

struct cx_aes_key_s {
    uint32_t size;
    uint8_t keys[CX_AES_MAX_KEY_LEN];
};
typedef struct cx_aes_key_s cx_aes_key_t;

typedef struct {
    cx_aes_key_t key;
    size_t len;
    size_t aad_len;
    uint8_t enc_block[16];
    uint8_t J0[16];
    uint8_t processed[16];
    uint8_t hash_key[16];
    uint32_t mode;
    uint8_t flag;
} cx_aes_gcm_context_t;

/* Random numbers */

cx_err_t cx_get_random_bytes(void *buffer, size_t len);
void cx_trng_get_random_data(uint8_t *buf, size_t size);
void cx_rng_no_throw(uint8_t *buffer, size_t len);
CX_CALL cx_err_t cx_rng_rfc6979(cx_md_t hash_id, const uint8_t *x, size_t x_len, const uint8_t *h1,
                                size_t h1_len, const uint8_t *q, size_t q_len, uint8_t *out, size_t out_len);
uint32_t cx_rng_u32_range_func(uint32_t a, uint32_t b, cx_rng_u32_range_randfunc_t randfunc);

/* Hashes */

CX_CALL cx_err_t cx_blake2b_init2_no_throw(cx_blake2b_t *hash, size_t out_len, uint8_t *salt,
                                           size_t salt_len, uint8_t *perso, size_t perso_len);
CX_CALL cx_err_t cx_blake2b_init_no_throw(cx_blake2b_t *hash, size_t out_len);
CX_CALL cx_err_t cx_hash_final(cx_hash_t *hash, uint8_t *digest);
size_t cx_hash_get_size(const cx_hash_t *ctx);
CX_CALL cx_err_t cx_hash_init(cx_hash_t *hash, cx_md_t hash_id);
CX_CALL cx_err_t cx_hash_init_ex(cx_hash_t *hash, cx_md_t hash_id, size_t output_size);
CX_CALL cx_err_t cx_hash_no_throw(cx_hash_t *hash, uint32_t mode, const uint8_t *in, size_t len,
                                  uint8_t *out, size_t out_len);
size_t cx_hash_sha256(const uint8_t *in, size_t len, uint8_t *out, size_t out_len);
size_t cx_hash_sha512(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len);
CX_CALL cx_err_t cx_hash_update(cx_hash_t *hash, const uint8_t *in, size_t in_len);
CX_CALL cx_err_t cx_keccak_init_no_throw(cx_sha3_t *hash, size_t size);
CX_CALL cx_err_t cx_ripemd160_init_no_throw(cx_ripemd160_t *hash);
cx_err_t cx_sha224_init_no_throw(cx_sha256_t *hash);
cx_err_t cx_sha256_init_no_throw(cx_sha256_t *hash);
cx_err_t cx_sha384_init_no_throw(cx_sha512_t *hash);
CX_CALL cx_err_t cx_sha3_init_no_throw(cx_sha3_t *hash, size_t size);
CX_CALL cx_err_t cx_sha3_xof_init_no_throw(cx_sha3_t *hash, size_t size, size_t out_length);
cx_err_t cx_sha512_init_no_throw(cx_sha512_t *hash);
CX_CALL cx_err_t cx_shake128_init_no_throw(cx_sha3_t *hash, size_t out_size);
CX_CALL cx_err_t cx_shake256_init_no_throw(cx_sha3_t *hash, size_t out_size);
#ifndef TARGET_NANOS
size_t cx_hash_ripemd160(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len);
#endif

/* Message authentication, key derivation */

CX_CALL cx_err_t cx_hmac_final(cx_hmac_t *ctx, uint8_t *out, size_t *out_len);
CX_CALL cx_err_t cx_hmac_init(cx_hmac_t *hmac, cx_md_t hash_id, const uint8_t *key, size_t key_len);
CX_CALL cx_err_t cx_hmac_no_throw(cx_hmac_t *hmac, uint32_t mode, const uint8_t *in, size_t len,
                                  uint8_t *mac, size_t mac_len);
CX_CALL cx_err_t cx_hmac_ripemd160_init_no_throw(cx_hmac_ripemd160_t *hmac, const uint8_t *key,
                                                 size_t key_len);
CX_CALL cx_err_t cx_hmac_sha224_init(cx_hmac_sha256_t *hmac, const uint8_t *key, unsigned int key_len);
size_t cx_hmac_sha256(const uint8_t *key, size_t key_len, const uint8_t *in, size_t len, uint8_t *mac,
                      size_t mac_len);
CX_CALL cx_err_t cx_hmac_sha256_init_no_throw(cx_hmac_sha256_t *hmac, const uint8_t *key, size_t key_len);
CX_CALL cx_err_t cx_hmac_sha384_init(cx_hmac_sha512_t *hmac, const uint8_t *key, unsigned int key_len);
size_t cx_hmac_sha512(const uint8_t *key, size_t key_len, const uint8_t *in, size_t len, uint8_t *mac,
                      size_t mac_len);
CX_CALL cx_err_t cx_hmac_sha512_init_no_throw(cx_hmac_sha512_t *hmac, const uint8_t *key, size_t key_len);
CX_CALL cx_err_t cx_hmac_update(cx_hmac_t *hmac, const uint8_t *in, size_t in_len);
cx_err_t cx_pbkdf2_no_throw(cx_md_t md_type, const uint8_t *password, size_t passwordlen, uint8_t *salt,
                            size_t saltlen, uint32_t iterations, uint8_t *out, size_t outLength);

/* Keys and signatures on elliptic curves */

int cx_decode_coord(uint8_t *coord, int len);
CX_CALL cx_err_t cx_ecdh_no_throw(const cx_ecfp_private_key_t *pvkey, uint32_t mode, const uint8_t *P,
                                  size_t P_len, uint8_t *secret, size_t secret_len);
CX_CALL cx_err_t cx_ecdsa_sign_no_throw(const cx_ecfp_private_key_t *pvkey, uint32_t mode, cx_md_t hashID,
                                        const uint8_t *hash, size_t hash_len, uint8_t *sig, size_t *sig_len,
                                        uint32_t *info);
CX_CALL bool cx_ecdsa_verify_no_throw(const cx_ecfp_public_key_t *pukey, const uint8_t *hash,
                                      size_t hash_len, const uint8_t *sig, size_t sig_len);
CX_CALL cx_err_t cx_ecfp_add_point_no_throw(cx_curve_t curve, uint8_t *R, const uint8_t *P, const uint8_t *Q);
CX_CALL cx_err_t cx_ecfp_generate_pair2_no_throw(cx_curve_t curve, cx_ecfp_public_key_t *pubkey,
                                                 cx_ecfp_private_key_t *privkey, bool keepprivate,
                                                 cx_md_t hashID);
CX_CALL cx_err_t cx_ecfp_generate_pair_no_throw(cx_curve_t curve, cx_ecfp_public_key_t *pubkey,
                                                cx_ecfp_private_key_t *privkey, bool keepprivate);
CX_CALL cx_err_t cx_ecfp_init_private_key_no_throw(cx_curve_t curve, const uint8_t *rawkey, size_t key_len,
                                                   cx_ecfp_private_key_t *pvkey);
CX_CALL cx_err_t cx_ecfp_init_public_key_no_throw(cx_curve_t curve, const uint8_t *rawkey, size_t key_len,
                                                  cx_ecfp_public_key_t *key);
CX_CALL cx_err_t cx_ecfp_scalar_mult_no_throw(cx_curve_t curve, uint8_t *P, const uint8_t *k, size_t k_len);
CX_CALL cx_err_t cx_ecschnorr_sign_no_throw(const cx_ecfp_private_key_t *pvkey, uint32_t mode,
                                            cx_md_t hashID, const uint8_t *msg, size_t msg_len, uint8_t *sig,
                                            size_t *sig_len);
CX_CALL bool cx_ecschnorr_verify(const cx_ecfp_public_key_t *pukey, uint32_t mode, cx_md_t hashID,
                                 const uint8_t *msg, size_t msg_len, const uint8_t *sig, size_t sig_len);
CX_CALL cx_err_t cx_eddsa_get_public_key_no_throw(const cx_ecfp_private_key_t *pvkey, cx_md_t hashID,
                                                  cx_ecfp_public_key_t *pukey, uint8_t *a, size_t a_len,
                                                  uint8_t *h, size_t h_len);
CX_CALL cx_err_t cx_eddsa_sign_no_throw(const cx_ecfp_private_key_t *pvkey, cx_md_t hashID,
                                        const uint8_t *hash, size_t hash_len, uint8_t *sig, size_t sig_len);
CX_CALL bool cx_eddsa_verify_no_throw(const cx_ecfp_public_key_t *pukey, cx_md_t hashID, const uint8_t *hash,
                                      size_t hash_len, const uint8_t *sig, size_t sig_len);
CX_CALL cx_err_t cx_edwards_compress_point_no_throw(cx_curve_t curve, uint8_t *p, size_t p_len);
CX_CALL cx_err_t cx_edwards_decompress_point_no_throw(cx_curve_t curve, uint8_t *p, size_t p_len);
void cx_encode_coord(uint8_t *coord, int len, int sign);
CX_CALL cx_err_t cx_x25519(uint8_t *u, const uint8_t *k, size_t k_len);
CX_CALL cx_err_t cx_x448(uint8_t *u, const uint8_t *k, size_t k_len);

/* Curves and points */

CX_CALL cx_err_t cx_ecdomain_size(cx_curve_t curve, size_t *length);
CX_CALL cx_err_t cx_ecdomain_parameters_length(cx_curve_t cv, size_t *length);
CX_CALL cx_err_t cx_ecdomain_parameter(cx_curve_t cv, cx_curve_dom_param_t id, uint8_t *p, uint32_t p_len);
CX_CALL cx_err_t cx_ecdomain_generator(cx_curve_t cv, uint8_t *Gx, uint8_t *Gy, size_t len);
CX_CALL cx_err_t cx_ecpoint_alloc(cx_ecpoint_t *P, cx_curve_t cv);
CX_CALL cx_err_t cx_ecpoint_destroy(cx_ecpoint_t *P);
CX_CALL cx_err_t cx_ecpoint_init(cx_ecpoint_t *P, const uint8_t *x, size_t x_len, const uint8_t *y,
                                 size_t y_len);
CX_CALL cx_err_t cx_ecpoint_export(const cx_ecpoint_t *P, uint8_t *x, size_t x_len, uint8_t *y, size_t y_len);
CX_CALL cx_err_t cx_ecpoint_compress(const cx_ecpoint_t *P, uint8_t *xy_compressed, size_t xy_compressed_len,
                                     uint32_t *sign);
CX_CALL cx_err_t cx_ecpoint_decompress(cx_ecpoint_t *P, const uint8_t *xy_compressed,
                                       size_t xy_compressed_len, uint32_t sign);
CX_CALL cx_err_t cx_ecpoint_add(cx_ecpoint_t *R, const cx_ecpoint_t *P, const cx_ecpoint_t *Q);
CX_CALL cx_err_t cx_ecpoint_neg(cx_ecpoint_t *P);
CX_CALL cx_err_t cx_ecpoint_scalarmul(cx_ecpoint_t *P, const uint8_t *k, size_t k_len);
CX_CALL cx_err_t cx_ecpoint_rnd_scalarmul(cx_ecpoint_t *P, const uint8_t *k, size_t k_len);
CX_CALL cx_err_t cx_ecpoint_cmp(const cx_ecpoint_t *P, const cx_ecpoint_t *Q, bool *is_equal);
CX_CALL cx_err_t cx_ecpoint_is_on_curve(const cx_ecpoint_t *R, bool *is_on_curve);

/* Big numbers */

CX_CALL cx_err_t cx_bn_lock(size_t word_nbytes, uint32_t flags);
uint32_t cx_bn_unlock(void);
CX_CALL cx_err_t cx_bn_alloc(cx_bn_t *x, size_t nbytes);
CX_CALL cx_err_t cx_bn_alloc_init(cx_bn_t *x, size_t nbytes, const uint8_t *value, size_t value_nbytes);
CX_CALL cx_err_t cx_bn_destroy(cx_bn_t *x);
CX_CALL cx_err_t cx_bn_export(const cx_bn_t x, uint8_t *bytes, size_t nbytes);
CX_CALL cx_err_t cx_bn_cmp(const cx_bn_t a, const cx_bn_t b, int *diff);
CX_CALL cx_err_t cx_bn_mod_add(cx_bn_t r, const cx_bn_t a, const cx_bn_t b, const cx_bn_t n);
CX_CALL cx_err_t cx_bn_mod_sub(cx_bn_t r, const cx_bn_t a, const cx_bn_t b, const cx_bn_t n);
CX_CALL cx_err_t cx_bn_mod_mul(cx_bn_t r, const cx_bn_t a, const cx_bn_t b, const cx_bn_t n);
CX_CALL cx_err_t cx_bn_reduce(cx_bn_t r, const cx_bn_t d, const cx_bn_t n);
CX_CALL cx_err_t cx_math_addm_no_throw(uint8_t *r, const uint8_t *a, const uint8_t *b, const uint8_t *m,
                                       size_t len);
CX_CALL cx_err_t cx_math_add_no_throw(uint8_t *r, const uint8_t *a, const uint8_t *b, size_t len);
CX_CALL cx_err_t cx_math_cmp_no_throw(const uint8_t *a, const uint8_t *b, size_t length, int *diff);
CX_CALL cx_err_t cx_math_invintm_no_throw(uint8_t *r, uint32_t a, const uint8_t *m, size_t len);
CX_CALL cx_err_t cx_math_invprimem_no_throw(uint8_t *r, const uint8_t *a, const uint8_t *m, size_t len);
CX_CALL cx_err_t cx_math_is_prime_no_throw(const uint8_t *r, size_t len, bool *prime);
CX_CALL cx_err_t cx_math_modm_no_throw(uint8_t *v, size_t len_v, const uint8_t *m, size_t len_m);
CX_CALL cx_err_t cx_math_multm_no_throw(uint8_t *r, const uint8_t *a, const uint8_t *b, const uint8_t *m,
                                        size_t len);
CX_CALL cx_err_t cx_math_mult_no_throw(uint8_t *r, const uint8_t *a, const uint8_t *b, size_t len);
CX_CALL cx_err_t cx_math_next_prime_no_throw(uint8_t *r, uint32_t len);
CX_CALL cx_err_t cx_math_powm_no_throw(uint8_t *r, const uint8_t *a, const uint8_t *e, size_t len_e,
                                       const uint8_t *m, size_t len);
CX_CALL cx_err_t cx_math_subm_no_throw(uint8_t *r, const uint8_t *a, const uint8_t *b, const uint8_t *m,
                                       size_t len);
CX_CALL cx_err_t cx_math_sub_no_throw(uint8_t *r, const uint8_t *a, const uint8_t *b, size_t len);

/* Ciphers */

CX_CALL cx_err_t cx_aes_dec_block(const cx_aes_key_t *key, const uint8_t *inblock, uint8_t *outblock);
CX_CALL cx_err_t cx_aes_enc_block(const cx_aes_key_t *key, const uint8_t *inblock, uint8_t *outblock);
CX_CALL cx_err_t cx_aes_init_key_no_throw(const uint8_t *rawkey, size_t key_len, cx_aes_key_t *key);
CX_CALL cx_err_t cx_aes_iv_no_throw(const cx_aes_key_t *key, uint32_t mode, const uint8_t *iv, size_t iv_len,
                                    const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len);
CX_CALL cx_err_t cx_aes_no_throw(const cx_aes_key_t *key, uint32_t mode, const uint8_t *in, size_t in_len,
                                 uint8_t *out, size_t *out_len);
#ifndef TARGET_NANOS
CX_CALL cx_err_t cx_aes_gcm_check_tag(cx_aes_gcm_context_t *ctx, const uint8_t *tag, size_t tag_len);
CX_CALL cx_err_t cx_aes_gcm_decrypt_and_auth(cx_aes_gcm_context_t *ctx, uint8_t *in, size_t len,
                                             const uint8_t *iv, size_t iv_len, const uint8_t *aad,
                                             size_t aad_len, uint8_t *out, const uint8_t *tag,
                                             size_t tag_len);
CX_CALL cx_err_t cx_aes_gcm_encrypt_and_tag(cx_aes_gcm_context_t *ctx, uint8_t *in, size_t len,
                                            const uint8_t *iv, size_t iv_len, const uint8_t *aad,
                                            size_t aad_len, uint8_t *out, uint8_t *tag, size_t tag_len);
CX_CALL cx_err_t cx_aes_gcm_finish(cx_aes_gcm_context_t *ctx, uint8_t *tag, size_t tag_len);
void cx_aes_gcm_init(cx_aes_gcm_context_t *ctx);
CX_CALL cx_err_t cx_aes_gcm_set_key(cx_aes_gcm_context_t *ctx, const uint8_t *raw_key, size_t key_len);
CX_CALL cx_err_t cx_aes_gcm_start(cx_aes_gcm_context_t *ctx, uint32_t mode, const uint8_t *iv, size_t iv_len);
CX_CALL cx_err_t cx_aes_gcm_update_aad(cx_aes_gcm_context_t *ctx, const uint8_t *aad, size_t aad_len);
CX_CALL cx_err_t cx_aes_gcm_update(cx_aes_gcm_context_t *ctx, const uint8_t *in, uint8_t *out, size_t len);
#endif

/* Checksums */

uint16_t cx_crc16(const void *buffer, size_t len);
uint16_t cx_crc16_update(uint16_t crc, const void *buffer, size_t len);
uint32_t cx_crc32(const void *buf, size_t len);
#ifndef TARGET_NANOS
uint32_t cx_crc32_update(uint32_t crc_state, const void *buf, size_t len);
#endif
/* Shorthands over the functions above */

CX_CALL cx_err_t cx_ecdsa_sign_rs_no_throw(const cx_ecfp_private_key_t *key, uint32_t mode, cx_md_t hashID,
                                           const uint8_t *hash, size_t hash_len, size_t rs_len,
                                           uint8_t *sig_r, uint8_t *sig_s, uint32_t *info);

cx_err_t cx_sha224_hash_iovec(const cx_iovec_t *iovec, size_t iovec_len, uint8_t digest[static 28]);
cx_err_t cx_sha256_hash_iovec(const cx_iovec_t *iovec, size_t iovec_len, uint8_t digest[static 32]);
cx_err_t cx_sha384_hash_iovec(const cx_iovec_t *iovec, size_t iovec_len, uint8_t digest[static 48]);
cx_err_t cx_sha512_hash_iovec(const cx_iovec_t *iovec, size_t iovec_len, uint8_t digest[static 64]);
cx_err_t cx_sha3_256_hash_iovec(const cx_iovec_t *iovec, size_t iovec_len, uint8_t digest[static 32]);
cx_err_t cx_sha3_512_hash_iovec(const cx_iovec_t *iovec, size_t iovec_len, uint8_t digest[static 64]);
cx_err_t cx_keccak_256_hash_iovec(const cx_iovec_t *iovec, size_t iovec_len, uint8_t digest[static 32]);
cx_err_t cx_keccak_512_hash_iovec(const cx_iovec_t *iovec, size_t iovec_len, uint8_t digest[static 64]);
cx_err_t cx_ripemd160_hash_iovec(const cx_iovec_t *iovec, size_t iovec_len, uint8_t digest[static 20]);

#define SHIM_ONE_SHOT_HASH(name, size)                                                                    \
    static inline cx_err_t cx_##name##_hash(const uint8_t *in, size_t in_len, uint8_t digest[static size]) \
    {                                                                                                      \
        const cx_iovec_t iovec = {.iov_base = in, .iov_len = in_len};                                      \
        return cx_##name##_hash_iovec(&iovec, 1, digest);                                                  \
    }
SHIM_ONE_SHOT_HASH(sha224, 28)
SHIM_ONE_SHOT_HASH(sha256, 32)
SHIM_ONE_SHOT_HASH(sha384, 48)
SHIM_ONE_SHOT_HASH(sha512, 64)
SHIM_ONE_SHOT_HASH(sha3_256, 32)
SHIM_ONE_SHOT_HASH(sha3_512, 64)
SHIM_ONE_SHOT_HASH(keccak_256, 32)
SHIM_ONE_SHOT_HASH(keccak_512, 64)
SHIM_ONE_SHOT_HASH(ripemd160, 20)
#undef SHIM_ONE_SHOT_HASH

static inline unsigned char *cx_rng(uint8_t *buffer, size_t len)
{
    cx_rng_no_throw(buffer, len);
    return buffer;
}

static inline uint32_t cx_rng_u32(void)
{
    uint32_t value;
    cx_rng_no_throw((uint8_t *) &value, sizeof(value));
    return value;
}

static inline uint8_t cx_rng_u8(void)
{
    uint8_t value;
    cx_rng_no_throw(&value, sizeof(value));
    return value;
}

static inline uint32_t cx_rng_u32_range(uint32_t a, uint32_t b)
{
    return cx_rng_u32_range_func(a, b, cx_rng_u32);
}
