/* Numbers into bytes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

void write_u16_be(uint8_t *ptr, size_t offset, uint16_t value);
void write_u32_be(uint8_t *ptr, size_t offset, uint32_t value);
void write_u64_be(uint8_t *ptr, size_t offset, uint64_t value);
void write_u16_le(uint8_t *ptr, size_t offset, uint16_t value);
void write_u32_le(uint8_t *ptr, size_t offset, uint32_t value);
void write_u64_le(uint8_t *ptr, size_t offset, uint64_t value);
