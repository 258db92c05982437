#include "read.h"
#include "write.h"

static uint64_t read_be(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = (value << 8) | bytes[i];
    }
    return value;
}

static uint64_t read_le(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i > 0; i--) {
        value = (value << 8) | bytes[i - 1];
    }
    return value;
}

static void write_be(uint8_t *bytes, size_t size, uint64_t value)
{
    for (size_t i = size; i > 0; i--) {
        bytes[i - 1] = (uint8_t) value;
        value >>= 8;
    }
}

static void write_le(uint8_t *bytes, size_t size, uint64_t value)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t) value;
        value >>= 8;
    }
}

uint16_t read_u16_be(const uint8_t *ptr, size_t offset)
{
    return (uint16_t) read_be(&ptr[offset], 2);
}

uint32_t read_u32_be(const uint8_t *ptr, size_t offset)
{
    return (uint32_t) read_be(&ptr[offset], 4);
}

uint64_t read_u64_be(const uint8_t *ptr, size_t offset)
{
    return read_be(&ptr[offset], 8);
}

uint16_t read_u16_le(const uint8_t *ptr, size_t offset)
{
    return (uint16_t) read_le(&ptr[offset], 2);
}

uint32_t read_u32_le(const uint8_t *ptr, size_t offset)
{
    return (uint32_t) read_le(&ptr[offset], 4);
}

uint64_t read_u64_le(const uint8_t *ptr, size_t offset)
{
    return read_le(&ptr[offset], 8);
}

void write_u16_be(uint8_t *ptr, size_t offset, uint16_t value)
{
    write_be(&ptr[offset], 2, value);
}

void write_u32_be(uint8_t *ptr, size_t offset, uint32_t value)
{
    write_be(&ptr[offset], 4, value);
}

void write_u64_be(uint8_t *ptr, size_t offset, uint64_t value)
{
    write_be(&ptr[offset], 8, value);
}

void write_u16_le(uint8_t *ptr, size_t offset, uint16_t value)
{
    write_le(&ptr[offset], 2, value);
}

void write_u32_le(uint8_t *ptr, size_t offset, uint32_t value)
{
    write_le(&ptr[offset], 4, value);
}

void write_u64_le(uint8_t *ptr, size_t offset, uint64_t value)
{
    write_le(&ptr[offset], 8, value);
}
