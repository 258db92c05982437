/*
 * A place in memory with a size and a position. Functions return false and change nothing if the request
 * does not fit, except where they say otherwise.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "macros.h"

typedef enum {
    BE,
    LE,
} endianness_t;

typedef struct {
    uint8_t *ptr;
    size_t size;
    size_t offset;
} buffer_t;

static inline buffer_t buffer_create(void *ptr, size_t size)
{
    return (buffer_t){.ptr = ptr, .size = size, .offset = 0};
}

static inline uint8_t *buffer_get_cur(const buffer_t *buffer)
{
    return buffer->ptr + buffer->offset;
}

bool buffer_can_read(const buffer_t *buffer, size_t n);
bool buffer_seek_set(buffer_t *buffer, size_t offset);
bool buffer_seek_cur(buffer_t *buffer, size_t offset);
/* offset counts back from the end. */
bool buffer_seek_end(buffer_t *buffer, size_t offset);

/* Reading moves the position; a number that is not there reads as 0. */
bool buffer_read_u8(buffer_t *buffer, uint8_t *value);
bool buffer_read_u16(buffer_t *buffer, uint16_t *value, endianness_t endianness);
bool buffer_read_u32(buffer_t *buffer, uint32_t *value, endianness_t endianness);
bool buffer_read_u64(buffer_t *buffer, uint64_t *value, endianness_t endianness);
bool buffer_read_varint(buffer_t *buffer, uint64_t *value);
bool buffer_read_bytes(buffer_t *buffer, uint8_t *out, size_t n);
/* out_len words, big endian. */
bool buffer_read_bip32_path(buffer_t *buffer, uint32_t *out, size_t out_len);

bool buffer_peek(const buffer_t *buffer, uint8_t *value);
/* The byte n behind the position. */
bool buffer_peek_n(const buffer_t *buffer, size_t n, uint8_t *value);

/* All that is left, which must fit into out_len; move also moves the position to the end. */
bool buffer_copy(const buffer_t *buffer, uint8_t *out, size_t out_len);
bool buffer_move(buffer_t *buffer, uint8_t *out, size_t out_len);

bool buffer_write_u8(buffer_t *buffer, uint8_t value);
bool buffer_write_u16(buffer_t *buffer, uint16_t value, endianness_t endianness);
bool buffer_write_u32(buffer_t *buffer, uint32_t value, endianness_t endianness);
bool buffer_write_u64(buffer_t *buffer, uint64_t value, endianness_t endianness);
bool buffer_write_bytes(buffer_t *buffer, const uint8_t *data, size_t n);
