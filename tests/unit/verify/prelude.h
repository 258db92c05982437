/* What the fragments of the tests call and name, so that they compile. Arguments are not checked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exceptions.h"

#define CX_OK          0
#define CX_CURVE_256K1 1
#define CX_CHECK(call)        \
    do {                      \
        error = (call);       \
        if (error != CX_OK) { \
            goto end;         \
        }                     \
    } while (0)

typedef unsigned int cx_err_t;
typedef struct { unsigned char d[32]; } cx_ecfp_private_key_t;
typedef struct { unsigned char k[32]; } cx_aes_key_t;
typedef struct { uint8_t d[32]; int flags; } key_t;
typedef struct { uint8_t k[32]; } ctx_t;
typedef struct { const uint8_t *data; size_t lc; uint8_t ins; } command_t;

extern int a, b, c, d, e, n, x, flow, error;
#define CHECK(call) do { if (call) goto end; } while (0)
#define UNLESS(what) if (!(what))
extern uint8_t raw[64], sig[72], apdu[255], G_io_apdu_buffer[260], *p;
extern const uint32_t path[8];
extern cx_aes_key_t aes;
extern ctx_t G;
extern struct { uint8_t x, key[32]; cx_aes_key_t aes; } N, N_storage;
extern volatile bool G_called_from_swap;

void *memset(), *memcpy(), *memmove();
void os_sched_exit(), explicit_bzero(), nvm_write(), may_throw(), wipe(), io_send_sw(), nbgl_useCaseReview(), ux_flow_init();
char *strcpy(), *strcat(), *strncpy(), *strncat(), *stpcpy(), *strtok();
int sprintf(), snprintf(), strlcpy(), memcmp(), os_secure_memcmp(), sscanf();
int g(), h(), i, make(), y(), t(), wait(), review(), io_send_response_pointer();
cx_err_t os_derive_bip32_no_throw(), cx_ecfp_init_private_key_no_throw(), cx_aes_init_key_no_throw();
cx_err_t cx_hash_no_throw(), cx_ecdsa_sign_no_throw(), cx_x_no_throw(), bip32_derive_ecdsa_sign_hash_256();
int cx_hash(), cx_ecdsa_sign(), cx_math_sub(), cx_sha256_init(), cx_rng(), os_perso_derive_node_bip32();
