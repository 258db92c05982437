#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The Exchange app called: nothing is shown, and the answer to the transaction ends the app. */
extern volatile bool G_called_from_swap;
extern volatile bool G_swap_response_ready;
extern volatile uint8_t *G_swap_signing_return_value_address;

/* At most eight bytes, big endian. */
bool swap_str_to_u64(const uint8_t *src, size_t length, uint64_t *result);

/* Length of the ticker, ticker, decimals. */
bool swap_parse_config(const uint8_t *config,
                       uint8_t config_len,
                       char *ticker,
                       uint8_t ticker_buf_len,
                       uint8_t *decimals);
