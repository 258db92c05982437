/* Numbers and bytes as text. All return false, and an empty text where there is room for one, if it does not fit. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool format_i64(char *dst, size_t dst_len, int64_t value);
bool format_u64(char *dst, size_t dst_len, uint64_t value);
/* value / 10^decimals; all decimals are written. */
bool format_fpu64(char *dst, size_t dst_len, uint64_t value, uint8_t decimals);
/* Without zeros at the end, and without a point that nothing follows. */
bool format_fpu64_trimmed(char *dst, size_t dst_len, uint64_t value, uint8_t decimals);
/* Upper case. Returns the length with the end, -1 if it does not fit. */
int format_hex(const uint8_t *in, size_t in_len, char *out, size_t out_len);
