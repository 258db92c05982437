/*
 * The transaction: doc/transaction.md. Plain C, no SDK: the same code runs in unit tests and fuzzers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TX_VERSION      1
#define TX_ADDRESS_SIZE 20
#define TX_MEMO_MAX     160
/* Version, nonce, address, value, length of the memo, memo. */
#define TX_MAX_SIZE (1 + 8 + TX_ADDRESS_SIZE + 8 + 1 + TX_MEMO_MAX)

typedef enum {
    TX_OK,
    TX_TRUNCATED,
    TX_BAD_VERSION,
    TX_BAD_MEMO_LENGTH,
    TX_TRAILING_BYTES,
} tx_result_t;

/* What the bytes mean. Pointers lead into them: nothing is copied. */
typedef struct {
    uint64_t nonce;
    uint64_t value;
    const uint8_t *to;
    const uint8_t *memo;
    size_t memo_length;
    bool memo_is_text;
} transaction_t;

/* Reads all of data or refuses; tx is all zero unless the result is TX_OK. */
tx_result_t tx_parse(const uint8_t *data, size_t size, transaction_t *tx);
