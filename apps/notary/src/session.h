/* What lasts as long as the app runs: the key of attestations, and the document that pages belong to. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attestation.h"

/* Draws a new key; attestations of earlier runs are worth nothing. */
void session_init(void);

/* Begins a document with an identifier of its own; pages of an earlier one are worth nothing. */
const uint8_t *session_begin_document(void);

/* Number of the next page, 0 if no document was begun or it is full. */
uint8_t session_next_page(void);

/* Writes the attestation of the next page; false if it cannot be made. */
bool session_attest(const uint8_t page_hash[static PAGE_HASH_SIZE], uint8_t out[static ATTESTATION_SIZE]);

/* Whether the app made the attestation, in this run, for that page of the current document. */
bool session_is_genuine(const uint8_t *data, const attestation_t *attestation, uint8_t page);

/* Pages attested so far. */
uint8_t session_pages(void);

/* Ends the document: its attestations are worth nothing from now on. */
void session_end_document(void);
