/* Derivation paths: BIP-32. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BIP32_HARDENED_MASK 0x80000000u
#define MAX_BIP32_PATH      10

/* Reads out_len words (1 to MAX_BIP32_PATH), big endian. False, and nothing is written, if in is shorter. */
bool bip32_path_read(const uint8_t *in, size_t in_len, uint32_t *out, size_t out_len);

/* Writes "44'/1'/0". False, and out is empty, if the whole text does not fit. */
bool bip32_path_format(const uint32_t *bip32_path, size_t bip32_path_len, char *out, size_t out_len);
