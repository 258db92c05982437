/* Ed25519 public keys as RFC 8032 §5.1.2 writes them. */
#pragma once

#include <stdint.h>

#define POINT_SIZE      65
#define PUBLIC_KEY_SIZE 32

/* From the point (04, x, y, big endian): y little endian, its highest bit says whether x is odd. */
void public_key_encode(const uint8_t point[static POINT_SIZE], uint8_t out[static PUBLIC_KEY_SIZE]);
