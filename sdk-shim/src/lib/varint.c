#include "varint.h"

#include "read.h"
#include "write.h"

uint8_t varint_size(uint64_t value)
{
    if (value < 0xFD) {
        return 1;
    }
    if (value <= UINT16_MAX) {
        return 3;
    }
    return value <= UINT32_MAX ? 5 : 9;
}

int varint_read(const uint8_t *in, size_t in_len, uint64_t *value)
{
    if (in_len < 1) {
        return -1;
    }
    const uint8_t prefix = in[0];
    const int size = prefix < 0xFD ? 1 : prefix == 0xFD ? 3 : prefix == 0xFE ? 5 : 9;
    if (in_len < (size_t) size) {
        return -1;
    }
    switch (size) {
        case 1:
            *value = prefix;
            break;
        case 3:
            *value = read_u16_le(in, 1);
            break;
        case 5:
            *value = read_u32_le(in, 1);
            break;
        default:
            *value = read_u64_le(in, 1);
            break;
    }
    return size;
}

int varint_write(uint8_t *out, size_t offset, uint64_t value)
{
    const uint8_t size = varint_size(value);
    switch (size) {
        case 1:
            out[offset] = (uint8_t) value;
            break;
        case 3:
            out[offset] = 0xFD;
            write_u16_le(out, offset + 1, (uint16_t) value);
            break;
        case 5:
            out[offset] = 0xFE;
            write_u32_le(out, offset + 1, (uint32_t) value);
            break;
        default:
            out[offset] = 0xFF;
            write_u64_le(out, offset + 1, value);
            break;
    }
    return size;
}
