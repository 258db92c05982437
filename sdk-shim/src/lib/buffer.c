#include "buffer.h"

#include <string.h>

#include "bip32.h"
#include "read.h"
#include "varint.h"
#include "write.h"

static size_t left(const buffer_t *buffer)
{
    return buffer->offset <= buffer->size ? buffer->size - buffer->offset : 0;
}

bool buffer_can_read(const buffer_t *buffer, size_t n)
{
    return left(buffer) >= n;
}

bool buffer_seek_set(buffer_t *buffer, size_t offset)
{
    if (offset > buffer->size) {
        return false;
    }
    buffer->offset = offset;
    return true;
}

bool buffer_seek_cur(buffer_t *buffer, size_t offset)
{
    if (!buffer_can_read(buffer, offset)) {
        return false;
    }
    buffer->offset += offset;
    return true;
}

bool buffer_seek_end(buffer_t *buffer, size_t offset)
{
    if (offset > buffer->size) {
        return false;
    }
    buffer->offset = buffer->size - offset;
    return true;
}

/* The next n bytes, moving past them; NULL if there are fewer. */
static uint8_t *take(buffer_t *buffer, size_t n)
{
    uint8_t *bytes = buffer_get_cur(buffer);
    return buffer_seek_cur(buffer, n) ? bytes : NULL;
}

bool buffer_read_u8(buffer_t *buffer, uint8_t *value)
{
    const uint8_t *bytes = take(buffer, 1);
    *value = bytes != NULL ? bytes[0] : 0;
    return bytes != NULL;
}

bool buffer_read_u16(buffer_t *buffer, uint16_t *value, endianness_t endianness)
{
    const uint8_t *bytes = take(buffer, 2);
    *value = 0;
    if (bytes != NULL) {
        *value = endianness == BE ? read_u16_be(bytes, 0) : read_u16_le(bytes, 0);
    }
    return bytes != NULL;
}

bool buffer_read_u32(buffer_t *buffer, uint32_t *value, endianness_t endianness)
{
    const uint8_t *bytes = take(buffer, 4);
    *value = 0;
    if (bytes != NULL) {
        *value = endianness == BE ? read_u32_be(bytes, 0) : read_u32_le(bytes, 0);
    }
    return bytes != NULL;
}

bool buffer_read_u64(buffer_t *buffer, uint64_t *value, endianness_t endianness)
{
    const uint8_t *bytes = take(buffer, 8);
    *value = 0;
    if (bytes != NULL) {
        *value = endianness == BE ? read_u64_be(bytes, 0) : read_u64_le(bytes, 0);
    }
    return bytes != NULL;
}

bool buffer_read_varint(buffer_t *buffer, uint64_t *value)
{
    const int size = varint_read(buffer_get_cur(buffer), left(buffer), value);
    if (size < 0) {
        *value = 0;
        return false;
    }
    return buffer_seek_cur(buffer, (size_t) size);
}

bool buffer_read_bytes(buffer_t *buffer, uint8_t *out, size_t n)
{
    const uint8_t *bytes = take(buffer, n);
    if (bytes == NULL) {
        return false;
    }
    memmove(out, bytes, n);
    return true;
}

bool buffer_read_bip32_path(buffer_t *buffer, uint32_t *out, size_t out_len)
{
    if (!bip32_path_read(buffer_get_cur(buffer), left(buffer), out, out_len)) {
        return false;
    }
    return buffer_seek_cur(buffer, 4 * out_len);
}

bool buffer_peek_n(const buffer_t *buffer, size_t n, uint8_t *value)
{
    if (n >= left(buffer)) {
        *value = 0;
        return false;
    }
    *value = buffer_get_cur(buffer)[n];
    return true;
}

bool buffer_peek(const buffer_t *buffer, uint8_t *value)
{
    return buffer_peek_n(buffer, 0, value);
}

bool buffer_copy(const buffer_t *buffer, uint8_t *out, size_t out_len)
{
    if (left(buffer) > out_len) {
        return false;
    }
    memmove(out, buffer_get_cur(buffer), left(buffer));
    return true;
}

bool buffer_move(buffer_t *buffer, uint8_t *out, size_t out_len)
{
    return buffer_copy(buffer, out, out_len) && buffer_seek_end(buffer, 0);
}

bool buffer_write_u8(buffer_t *buffer, uint8_t value)
{
    return buffer_write_bytes(buffer, &value, 1);
}

bool buffer_write_u16(buffer_t *buffer, uint16_t value, endianness_t endianness)
{
    uint8_t *bytes = take(buffer, 2);
    if (bytes == NULL) {
        return false;
    }
    (endianness == BE ? write_u16_be : write_u16_le)(bytes, 0, value);
    return true;
}

bool buffer_write_u32(buffer_t *buffer, uint32_t value, endianness_t endianness)
{
    uint8_t *bytes = take(buffer, 4);
    if (bytes == NULL) {
        return false;
    }
    (endianness == BE ? write_u32_be : write_u32_le)(bytes, 0, value);
    return true;
}

bool buffer_write_u64(buffer_t *buffer, uint64_t value, endianness_t endianness)
{
    uint8_t *bytes = take(buffer, 8);
    if (bytes == NULL) {
        return false;
    }
    (endianness == BE ? write_u64_be : write_u64_le)(bytes, 0, value);
    return true;
}

bool buffer_write_bytes(buffer_t *buffer, const uint8_t *data, size_t n)
{
    uint8_t *bytes = take(buffer, n);
    if (bytes == NULL) {
        return false;
    }
    memmove(bytes, data, n);
    return true;
}
