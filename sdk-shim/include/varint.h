/* Numbers of variable length as Bitcoin writes them: below FD itself, else FD, FE, FF and 2, 4, 8 bytes, little endian. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that value takes: 1, 3, 5 or 9. */
uint8_t varint_size(uint64_t value);

/* Bytes read, or -1 if in is too short. */
int varint_read(const uint8_t *in, size_t in_len, uint64_t *value);

/* Bytes written at out[offset]. */
int varint_write(uint8_t *out, size_t offset, uint64_t value);
