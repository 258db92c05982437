/* Numbers as people read them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TICKER   "BOL"
#define DECIMALS 8

/* "1234". False if it does not fit. */
bool number_format(uint64_t number, char *out, size_t size);

/* Units of 10^-DECIMALS as "BOL 12.5": at least one digit before the point, no zeros at the end. */
bool amount_format(uint64_t units, char *out, size_t size);
