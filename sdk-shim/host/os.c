/* The operating system on the PC: as little as tests of the shim and of apps need. No cryptography. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host.h"
#include "os.h"
#include "os_pki.h"
#include "os_ux.h"
#include "screen.h"
#include "main_std_app.h"
#include "shim.h"
#include "swap.h"

host_t host;

static try_context_t *context;

/* Random numbers are always the same, so that what a test finds can be found again. */
static uint32_t random_state;

/* The app's one object in non-volatile memory, and what it was before it was written. */
static struct {
    void *at;
    unsigned int size;
    uint8_t before[64];
} nvm;

void host_reset(void)
{
    if (nvm.at != NULL) {
        memcpy(nvm.at, nvm.before, nvm.size);
    }
    memset(&host, 0, sizeof(host));
    random_state = 1;
    host.ux_status = BOLOS_UX_OK;
    host.line_length = 16;
    context = NULL;
}

try_context_t *try_context_get(void)
{
    return context;
}

try_context_t *try_context_set(try_context_t *next)
{
    try_context_t *previous = context;
    context = next;
    return previous;
}

void os_longjmp(unsigned int exception)
{
    if (context == NULL) {
        abort();
    }
    longjmp(context->jmp_buf, (int) exception);
}

void os_sched_exit(bolos_task_status_t code)
{
    host.exit_code = code;
    longjmp(host.exit, 1);
}

void shim_check_canary(void) {}

unsigned int os_ux(bolos_ux_params_t *params)
{
    (void) params;
    return 0;
}

bolos_task_status_t os_sched_last_status(unsigned int task)
{
    (void) task;
    return host.ux_status;
}

unsigned int os_flags(void)
{
    return OS_FLAG_ONBOARDED;
}

unsigned int os_registry_get_current_app_tag(unsigned int tag, unsigned char *buffer, unsigned int size)
{
    const char *text = tag == BOLOS_TAG_APPNAME ? "Host" : "1.0.0";
    const size_t length = MIN(strlen(text), size);
    memcpy(buffer, text, length);
    return (unsigned int) length;
}

void os_perso_derive_node_with_seed_key(unsigned int mode,
                                        cx_curve_t curve,
                                        const unsigned int *path,
                                        unsigned int length,
                                        unsigned char *key,
                                        unsigned char *chain,
                                        unsigned char *seed_key,
                                        unsigned int seed_key_length)
{
    (void) mode;
    (void) curve;
    (void) path;
    (void) length;
    (void) seed_key;
    (void) seed_key_length;
    memset(key, 0xDD, 64);
    if (chain != NULL) {
        memset(chain, 0xCC, 32);
    }
    host.derived = key;
    if (host.derivation_exception != 0) {
        THROW(host.derivation_exception);
    }
}

static cx_err_t outcome(void)
{
    if (host.cx_fails > 0 && --host.cx_fails == 0) {
        return CX_INTERNAL_ERROR;
    }
    return host.cx_error;
}

cx_err_t cx_ecdomain_parameters_length(cx_curve_t curve, size_t *length)
{
    (void) curve;
    *length = 32;
    return outcome();
}

cx_err_t cx_ecfp_init_private_key_no_throw(cx_curve_t curve,
                                           const uint8_t *raw,
                                           size_t length,
                                           cx_ecfp_private_key_t *key)
{
    key->curve = curve;
    key->d_len = length;
    memcpy(key->d, raw, length);
    return outcome();
}

cx_err_t cx_ecfp_generate_pair2_no_throw(cx_curve_t curve,
                                         cx_ecfp_public_key_t *public_key,
                                         cx_ecfp_private_key_t *private_key,
                                         bool keep,
                                         cx_md_t hash)
{
    (void) private_key;
    (void) keep;
    (void) hash;
    public_key->curve = curve;
    public_key->W_len = sizeof(public_key->W);
    memset(public_key->W, 0xEE, sizeof(public_key->W));
    return outcome();
}

cx_err_t cx_ecdsa_sign_no_throw(const cx_ecfp_private_key_t *key,
                                uint32_t mode,
                                cx_md_t algorithm,
                                const uint8_t *hash,
                                size_t hash_length,
                                uint8_t *signature,
                                size_t *length,
                                uint32_t *info)
{
    (void) key;
    (void) mode;
    (void) algorithm;
    (void) hash;
    (void) hash_length;
    host.signatures++;
    memcpy(signature, host.signature, MIN(*length, host.signature_length));
    *length = host.signature_length;
    *info = CX_ECCINFO_PARITY_ODD;
    return outcome();
}

cx_err_t cx_eddsa_sign_no_throw(const cx_ecfp_private_key_t *key,
                                cx_md_t algorithm,
                                const uint8_t *hash,
                                size_t hash_length,
                                uint8_t *signature,
                                size_t length)
{
    (void) key;
    (void) algorithm;
    (void) hash;
    (void) hash_length;
    host.signatures++;
    memset(signature, 0x55, length);
    return outcome();
}

/* A sum in the place of a hash: enough to see which bytes were added, in which order. */
static const cx_hash_info_t hash_infos[] = {
    {.md_type = CX_RIPEMD160, .output_size = 20},
    {.md_type = CX_SHA224, .output_size = 28},
    {.md_type = CX_SHA256, .output_size = 32},
    {.md_type = CX_SHA384, .output_size = 48},
    {.md_type = CX_SHA512, .output_size = 64},
    /* Their size is said by cx_hash_init_ex. */
    {.md_type = CX_KECCAK},
    {.md_type = CX_SHA3},
};

static size_t digest_size(const cx_hash_t *hash)
{
    const size_t size = hash->info->output_size;
    return size > 0 ? size : ((const cx_sha3_t *) hash)->output_size;
}

cx_err_t cx_hash_init(cx_hash_t *hash, cx_md_t algorithm)
{
    hash->counter = algorithm;
    for (size_t i = 0; i < ARRAYLEN(hash_infos); i++) {
        if (hash_infos[i].md_type == algorithm) {
            hash->info = &hash_infos[i];
            return outcome();
        }
    }
    return CX_INVALID_PARAMETER;
}

cx_err_t cx_hash_init_ex(cx_hash_t *hash, cx_md_t algorithm, size_t size)
{
    const cx_err_t error = cx_hash_init(hash, algorithm);
    if (error == CX_OK) {
        ((cx_sha3_t *) hash)->output_size = size;
    }
    return error;
}

cx_err_t cx_hash_update(cx_hash_t *hash, const uint8_t *in, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        hash->counter = hash->counter * 31 + in[i];
    }
    return outcome();
}

cx_err_t cx_hash_final(cx_hash_t *hash, uint8_t *digest)
{
    memset(digest, 0, digest_size(hash));
    memcpy(digest, &hash->counter, sizeof(hash->counter));
    return outcome();
}

cx_err_t cx_hash_no_throw(cx_hash_t *hash, uint32_t mode, const uint8_t *in, size_t size, uint8_t *out, size_t room)
{
    cx_err_t error = cx_hash_update(hash, in, size);
    if (error == CX_OK && (mode & CX_LAST)) {
        error = room < digest_size(hash) ? CX_INVALID_PARAMETER_SIZE : cx_hash_final(hash, out);
    }
    return error != CX_OK ? error : outcome();
}

size_t cx_hash_sha256(const uint8_t *in, size_t size, uint8_t *out, size_t room)
{
    return cx_hmac_sha256(NULL, 0, in, size, out, room);
}

size_t cx_hmac_sha256(const uint8_t *key, size_t key_size, const uint8_t *in, size_t size, uint8_t *out, size_t room)
{
    cx_hash_t hash;
    const bool made = room >= CX_SHA256_SIZE && cx_hash_init(&hash, CX_SHA256) == CX_OK &&
                      cx_hash_update(&hash, key, key_size) == CX_OK &&
                      cx_hash_no_throw(&hash, CX_LAST, in, size, out, CX_SHA256_SIZE) == CX_OK;
    return made ? CX_SHA256_SIZE : 0;
}

void cx_rng_no_throw(uint8_t *buffer, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        random_state = random_state * 1664525 + 1013904223; /* Numerical Recipes, 3rd edition, 7.1.4 */
        buffer[i] = (uint8_t) (random_state >> 24);
    }
}

/* Constants of an app are read-only here as they are on a device; this is how they change. */
void nvm_write(void *to, void *from, unsigned int size)
{
    const uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);
    const uintptr_t start = (uintptr_t) to & ~(page - 1);
    if (mprotect((void *) start, (uintptr_t) to + size - start, PROT_READ | PROT_WRITE) != 0 ||
        size > sizeof(nvm.before) || (nvm.at != NULL && (nvm.at != to || nvm.size != size))) {
        abort();
    }
    if (nvm.at == NULL) {
        memcpy(nvm.before, to, size);
        nvm.at = to;
        nvm.size = size;
    }
    memcpy(to, from, size);
}

/* Not in every C library. */
size_t strlcpy(char *to, const char *from, size_t size)
{
    const size_t length = strlen(from);
    if (size > 0) {
        const size_t fits = MIN(length, size - 1);
        memcpy(to, from, fits);
        to[fits] = '\0';
    }
    return length;
}

void screen_show(const screen_t *screen)
{
    host.screen = *screen;
    host.screens++;
}

uint8_t screen_fitting(const char *text, uint8_t length, bool bold, bool arrows, bool flow)
{
    (void) text;
    (void) bold;
    (void) arrows;
    (void) flow;
    return MIN(length, host.line_length);
}

void shim_io_start(void)
{
    host.started++;
}

int shim_io_receive(void)
{
    if (host.receive != NULL) {
        return host.receive();
    }
    const int length = host.apdu_length;
    memset(G_io_seproxyhal_spi_buffer, 0, 4);
    if (length == 0) {
        const uint8_t event[] = {host.event, 0, 1, host.event_data};
        memcpy(G_io_seproxyhal_spi_buffer, event, sizeof(event));
        return 0;
    }
    if (length > 0) {
        memcpy(G_io_tx_buffer, host.apdu, (size_t) length);
    }
    host.apdu_length = -1; /* nothing more comes */
    return length;
}

int shim_io_send(const uint8_t *data, uint16_t length)
{
    memcpy(host.sent, data, length);
    host.sent_length = length;
    host.answers++;
    return 0;
}

bolos_err_t os_pki_load_certificate(uint8_t usage,
                                    uint8_t *certificate,
                                    size_t certificate_length,
                                    uint8_t *name,
                                    size_t *name_length,
                                    cx_ecfp_384_public_key_t *key)
{
    (void) certificate;
    (void) certificate_length;
    (void) name;
    (void) name_length;
    (void) key;
    host.usage = usage;
    return host.cx_error;
}

bolos_err_t os_pki_get_info(uint8_t *usage, uint8_t *name, size_t *name_length, cx_ecfp_384_public_key_t *key)
{
    (void) name;
    (void) name_length;
    *usage = host.usage;
    key->curve = host.certificate_curve;
    return host.usage == 0;
}

bool os_pki_verify(uint8_t *hash, size_t hash_length, uint8_t *signature, size_t signature_length)
{
    (void) hash;
    (void) hash_length;
    return signature_length > 0 && signature[0] == 0x30;
}

cx_err_t cx_sha256_init_no_throw(cx_sha256_t *hash)
{
    return cx_hash_init((cx_hash_t *) hash, CX_SHA256);
}

/* What apps define. Tests that look at them have their own. */

WEAK void app_main(void) {}
WEAK void app_exit(void)
{
    os_sched_exit((bolos_task_status_t) -1);
}
WEAK void common_app_init(void) {}
WEAK void swap_handle_check_address(check_address_parameters_t *params)
{
    params->result = 1;
}
WEAK void swap_handle_get_printable_amount(get_printable_amount_parameters_t *params)
{
    strcpy(params->printable_amount, "1 HOST");
}
WEAK bool swap_copy_transaction_parameters(create_transaction_parameters_t *params)
{
    return params->amount_length > 0;
}

void os_lib_end(void)
{
    host.exit_code = -1;
    longjmp(host.exit, 1);
}
