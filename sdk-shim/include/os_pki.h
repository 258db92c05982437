/* Certificates: the host loads one (command B0 06), and the OS checks signatures by its key. */
#pragma once

#include "os.h"

#define CERTIFICATE_TRUSTED_NAME_MAXLEN 32

enum {
    CERTIFICATE_PUBLIC_KEY_USAGE_GENUINE_CHECK = 0x01,
    CERTIFICATE_PUBLIC_KEY_USAGE_EXCHANGE_PAYLOAD = 0x02,
    CERTIFICATE_PUBLIC_KEY_USAGE_NFT_METADATA = 0x03,
    CERTIFICATE_PUBLIC_KEY_USAGE_TRUSTED_NAME = 0x04,
    CERTIFICATE_PUBLIC_KEY_USAGE_BACKUP_PROVIDER = 0x05,
    CERTIFICATE_PUBLIC_KEY_USAGE_RECOVER_ORCHESTRATOR = 0x06,
    CERTIFICATE_PUBLIC_KEY_USAGE_PLUGIN_METADATA = 0x07,
    CERTIFICATE_PUBLIC_KEY_USAGE_COIN_META = 0x08,
    CERTIFICATE_PUBLIC_KEY_USAGE_SEED_ID_AUTH = 0x09,
    CERTIFICATE_PUBLIC_KEY_USAGE_TX_SIMU_SIGNER = 0x0a,
    CERTIFICATE_PUBLIC_KEY_USAGE_CALLDATA = 0x0b,
    CERTIFICATE_PUBLIC_KEY_USAGE_NETWORK = 0x0c,
    CERTIFICATE_PUBLIC_KEY_USAGE_SWAP_TEMPLATE = 0x0d,
};

#ifndef TARGET_NANOS
SYSCALL bolos_err_t os_pki_load_certificate(uint8_t expected_key_usage,
                                            uint8_t *certificate PLENGTH(certificate_len),
                                            size_t certificate_len,
                                            uint8_t *trusted_name,
                                            size_t *trusted_name_len,
                                            cx_ecfp_384_public_key_t *public_key);
SYSCALL bool os_pki_verify(uint8_t *descriptor_hash PLENGTH(descriptor_hash_len),
                           size_t descriptor_hash_len,
                           uint8_t *signature PLENGTH(signature_len),
                           size_t signature_len);
SYSCALL bolos_err_t os_pki_get_info(uint8_t *key_usage,
                                    uint8_t *trusted_name,
                                    size_t *trusted_name_len,
                                    cx_ecfp_384_public_key_t *public_key);
#endif
