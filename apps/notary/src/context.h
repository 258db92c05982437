/* What the app is busy with. Nothing survives the request that it belongs to. */
#pragma once

#include <stdint.h>

#include "core/attestation.h"
#include "core/message.h"
#include "core/path.h"
#include "core/public_key.h"
#include "cx.h"

typedef enum {
    STATE_IDLE,
    /* Parts of a message, a page or a list of attestations come in. */
    STATE_RECEIVING,
    /* A person decides. */
    STATE_REVIEWING,
} state_t;

/* Where the text begins: before it is room for what is signed in front of it, behind it for an end. */
#define TEXT_START MESSAGE_PREFIX_MAX

typedef struct {
    uint8_t bytes[TEXT_START + MESSAGE_MAX + 1];
    uint16_t size;
} text_t;

typedef struct {
    cx_sha256_t hash;
    uint8_t pages;
    uint8_t digest[PAGE_HASH_SIZE];
} document_t;

typedef struct {
    state_t state;
    /* The instruction that began the request, and the number of its next part. */
    uint8_t instruction;
    uint8_t next_part;
    path_t path;
    union {
        uint8_t public_key[PUBLIC_KEY_SIZE];
        text_t text;
        document_t document;
    };
} context_t;

extern context_t G_context;

/* Forgets the request. */
void context_clear(void);
