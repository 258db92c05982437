/* What the app is busy with. Nothing survives the request that it belongs to. */
#pragma once

#include <stdint.h>

#include "core/path.h"
#include "core/transaction.h"

#define PUBLIC_KEY_SIZE 65
#define CHAIN_CODE_SIZE 32
#define HASH_SIZE       32

typedef enum {
    STATE_IDLE,
    /* Chunks of a transaction come in. */
    STATE_RECEIVING,
    /* A person decides. */
    STATE_REVIEWING,
} state_t;

typedef struct {
    uint8_t key_length;
    uint8_t key[PUBLIC_KEY_SIZE];
    uint8_t chain_code_length;
    uint8_t chain_code[CHAIN_CODE_SIZE];
} public_key_answer_t;

typedef struct {
    uint8_t raw[TX_MAX_SIZE];
    uint16_t size;
    uint8_t next_chunk;
    transaction_t tx;
} signing_t;

typedef struct {
    state_t state;
    path_t path;
    union {
        public_key_answer_t public_key;
        signing_t signing;
    };
} context_t;

extern context_t G_context;

/* Forgets the request. */
void context_clear(void);
