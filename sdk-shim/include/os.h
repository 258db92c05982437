/*
 * The operating system as an app sees it. One file; the SDK's other names (os_nvm.h, os_pin.h …) lead here.
 * Prototypes, names and numbers are those of SDK v25.13.0.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "appflags.h"
#include "bolos_target.h"
#include "decorators.h"
#include "errors.h"
#include "exceptions.h"

/* Types and helpers */

typedef uint8_t bolos_bool_t;
typedef uint32_t bolos_err_t;

#define BOLOS_TRUE  0xaa
#define BOLOS_FALSE 0x55

#define BOLOS_UX_OK       0xAA
#define BOLOS_UX_CANCEL   0x55
#define BOLOS_UX_ERROR    0xD6
#define BOLOS_UX_IGNORE   0x97
#define BOLOS_UX_REDRAW   0x69
#define BOLOS_UX_CONTINUE 0

#ifndef UNUSED
#define UNUSED(x) (void) x
#endif
#ifndef MIN
#define MIN(x, y) ((x) < (y) ? (x) : (y))
#endif
#ifndef MAX
#define MAX(x, y) ((x) > (y) ? (x) : (y))
#endif
#define ARRAYLEN(array)         (sizeof(array) / sizeof((array)[0]))
#define CCASSERT(id, predicate) _Static_assert(predicate, #id)

#define os_swap_u16(u16) __builtin_bswap16(u16)
#define os_swap_u32(u32) __builtin_bswap32(u32)

static inline uint16_t U2BE(const uint8_t *buf, size_t off)
{
    return (uint16_t) ((buf[off] << 8) | buf[off + 1]);
}

static inline uint32_t U4BE(const uint8_t *buf, size_t off)
{
    return ((uint32_t) U2BE(buf, off) << 16) | U2BE(buf, off + 2);
}

static inline uint64_t U8BE(const uint8_t *buf, size_t off)
{
    return ((uint64_t) U4BE(buf, off) << 32) | U4BE(buf, off + 4);
}

static inline uint16_t U2LE(const uint8_t *buf, size_t off)
{
    return (uint16_t) ((buf[off + 1] << 8) | buf[off]);
}

static inline uint32_t U4LE(const uint8_t *buf, size_t off)
{
    return ((uint32_t) U2LE(buf, off + 2) << 16) | U2LE(buf, off);
}

static inline uint64_t U8LE(const uint8_t *buf, size_t off)
{
    return ((uint64_t) U4LE(buf, off + 4) << 32) | U4LE(buf, off);
}

static inline void U2BE_ENCODE(uint8_t *buf, size_t off, uint32_t value)
{
    buf[off] = (uint8_t) (value >> 8);
    buf[off + 1] = (uint8_t) value;
}

static inline void U4BE_ENCODE(uint8_t *buf, size_t off, uint32_t value)
{
    U2BE_ENCODE(buf, off, value >> 16);
    U2BE_ENCODE(buf, off + 2, value);
}

static inline void U2LE_ENCODE(uint8_t *buf, size_t off, uint32_t value)
{
    buf[off] = (uint8_t) value;
    buf[off + 1] = (uint8_t) (value >> 8);
}

static inline void U4LE_ENCODE(uint8_t *buf, size_t off, uint32_t value)
{
    U2LE_ENCODE(buf, off, value);
    U2LE_ENCODE(buf, off + 2, value >> 16);
}

/* 0 if equal; takes the same time wherever the difference is. */
char os_secure_memcmp(const void *src1, const void *src2, size_t length);
void os_xor(void *dst, void *src1, void *src2, unsigned int length);
int bytes_to_hex(char *out, size_t outl, const void *value, size_t len);
int bytes_to_lowercase_hex(char *out, size_t outl, const void *value, size_t len);
bool is_printable_string(const char *str, size_t len);
/* Zeroes every variable of the app, the stack excluded. */
void os_explicit_zero_BSS_segment(void);

/* Position-independent code: from an address as linked to the address at run time. */

#if defined(__arm__)
void *pic(void *linked_address);
#define PIC(x) pic((void *) x)
#else
#define PIC(x) (x)
#endif

/* Debug output */

#ifdef HAVE_PRINTF
/* Beside the usual directives: %.*H and %.*h print bytes in hexadecimal. */
void mcu_usb_printf(const char *format, ...);
#else
#ifndef PRINTF
#define PRINTF(...)
#endif
#endif

#define SPRINTF(strbuf, ...) snprintf(strbuf, sizeof(strbuf), __VA_ARGS__)

/* Non-volatile memory */

SYSCALL void nvm_write(void *dst_adr PLENGTH(src_len), void *src_adr PLENGTH(src_len), unsigned int src_len);
SYSCALL void nvm_erase(void *dst_adr PLENGTH(len), unsigned int len);

/* Tasks, other apps, shutdown */

typedef unsigned char bolos_task_status_t;

enum task_unsecure_id_e {
    TASK_BOLOS = 0,
    TASK_SYSCALL,
    TASK_USERTASKS_START,
    TASK_USER = TASK_USERTASKS_START,
    TASK_SUBTASKS_START,
    TASK_SUBTASK_0 = TASK_SUBTASKS_START,
#ifdef TARGET_NANOX
    TASK_SUBTASK_1,
    TASK_SUBTASK_2,
    TASK_SUBTASK_3,
#endif
    TASK_BOLOS_UX,
    TASK_MAXCOUNT,
};

SYSCALL void os_sched_exit(bolos_task_status_t exit_code) __attribute__((noreturn));
SUDOCALL bolos_task_status_t os_sched_last_status(unsigned int task_idx);
SUDOCALL unsigned int os_sched_current_task(void);
SYSCALL void os_lib_call(unsigned int *call_parameters PLENGTH(3 * sizeof(unsigned int)));
SYSCALL void os_lib_end(void) __attribute__((noreturn));
SYSCALL void halt(void);
#define reset halt

void app_main(void);
void os_boot(void);
void os_reset(void) __attribute__((noreturn));

/* Identity of the device and of the app */

#define OS_FLAG_RECOVERY         (1 << 0)
#define OS_FLAG_SIGNED_MCU_CODE  (1 << 1)
#define OS_FLAG_ONBOARDED        (1 << 2)
#define OS_FLAG_ISSUER_TRUSTED   (1 << 3)
#define OS_FLAG_CUSTOMCA_TRUSTED (1 << 4)
#define OS_FLAG_HSM_INITIALIZED  (1 << 5)
#define OS_FLAG_FACTORY_FILLED   (1 << 6)
#define OS_FLAG_PIN_VALIDATED    (1 << 7)

SYSCALL unsigned int os_flags(void);
SYSCALL unsigned int os_version(unsigned char *version PLENGTH(maxlength), unsigned int maxlength);
SYSCALL unsigned int os_serial(unsigned char *serial PLENGTH(maxlength), unsigned int maxlength);
SYSCALL unsigned int os_seph_features(void);
SYSCALL unsigned int os_seph_version(unsigned char *version PLENGTH(maxlength), unsigned int maxlength);
SYSCALL unsigned int get_api_level(void);

#define BOLOS_APPNAME_MAX_SIZE_B    32
#define BOLOS_APPVERSION_MAX_SIZE_B 16

#define BOLOS_TAG_APPNAME    0x01
#define BOLOS_TAG_APPVERSION 0x02
#define BOLOS_TAG_ICON       0x03
#define BOLOS_TAG_DERIVEPATH 0x04
#define BOLOS_TAG_DATA_SIZE  0x05
#define BOLOS_TAG_DEPENDENCY 0x06

SYSCALL unsigned int os_registry_get_current_app_tag(unsigned int tag,
                                                     unsigned char *buffer PLENGTH(maxlen),
                                                     unsigned int maxlen);

/* Settings of the device */

typedef enum os_setting_e {
    OS_SETTING_BRIGHTNESS,
    OS_SETTING_INVERT,
    OS_SETTING_ROTATION,
    OS_SETTING_AUTO_LOCK_DELAY,
    OS_SETTING_SCREEN_LOCK_DELAY,
    OS_SETTING_POWER_OFF_DELAY,
    OS_SETTING_PLANEMODE,
    OS_SETTING_PRIVACY_MODE,
    OS_SETTING_LANGUAGE,
    OS_SETTING_PIEZO_SOUND,
} os_setting_t;

SYSCALL unsigned int os_setting_get(unsigned int setting_id,
                                    unsigned char *value PLENGTH(maxlen),
                                    unsigned int maxlen);

/* PIN: answers are BOLOS_TRUE and BOLOS_FALSE, never 0 and 1 */

SYSCALL bolos_bool_t os_global_pin_is_validated(void);
SYSCALL bolos_bool_t os_global_pin_check(unsigned char *pin_buffer PLENGTH(pin_length), unsigned char pin_length);
SYSCALL void os_global_pin_invalidate(void);
SYSCALL unsigned int os_global_pin_retries(void);
SYSCALL bolos_bool_t os_perso_isonboarded(void);
#ifndef TARGET_NANOS
SYSCALL bolos_bool_t os_perso_is_pin_set(void);
#endif

/* Keys derived from the seed; see also crypto_helpers.h, which clears what it derives */

#include "cx.h"

#define HDW_NORMAL         0
#define HDW_ED25519_SLIP10 1
#define HDW_SLIP21         2

SYSCALL void os_perso_derive_node_bip32(cx_curve_t curve,
                                        const unsigned int *path PLENGTH(4 * (pathLength & 0x0FFFFFFFu)),
                                        unsigned int pathLength,
                                        unsigned char *privateKey PLENGTH(64),
                                        unsigned char *chain PLENGTH(32));

SYSCALL void os_perso_derive_node_with_seed_key(unsigned int mode,
                                                cx_curve_t curve,
                                                const unsigned int *path PLENGTH(4 * (pathLength & 0x0FFFFFFFu)),
                                                unsigned int pathLength,
                                                unsigned char *privateKey PLENGTH(64),
                                                unsigned char *chain PLENGTH(32),
                                                unsigned char *seed_key PLENGTH(seed_key_length),
                                                unsigned int seed_key_length);
#define os_perso_derive_node_bip32_seed_key os_perso_derive_node_with_seed_key

/* Fills raw_privkey, 64 bytes, or clears it and returns what the system call threw. */
WARN_UNUSED_RESULT cx_err_t os_derive_bip32_with_seed_no_throw(unsigned int derivation_mode,
                                                               cx_curve_t curve,
                                                               const unsigned int *path,
                                                               unsigned int path_len,
                                                               unsigned char raw_privkey[static 64],
                                                               unsigned char *chain_code,
                                                               unsigned char *seed,
                                                               unsigned int seed_len);

WARN_UNUSED_RESULT static inline cx_err_t os_derive_bip32_no_throw(cx_curve_t curve,
                                                                   const unsigned int *path,
                                                                   unsigned int path_len,
                                                                   unsigned char raw_privkey[static 64],
                                                                   unsigned char *chain_code)
{
    return os_derive_bip32_with_seed_no_throw(HDW_NORMAL, curve, path, path_len, raw_privkey, chain_code, NULL, 0);
}

#include "os_io.h"
