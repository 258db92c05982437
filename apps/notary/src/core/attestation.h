/*
 * What the host keeps for the app: that a page of a document was shown and approved. The tag is a MAC by
 * a key that only this run of the app knows, so the host can neither make nor change one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOCUMENT_ID_SIZE 16
#define PAGE_HASH_SIZE   32
#define TAG_SIZE         32
/* Document, page number (1, 2 …), hash of the page; then the tag over them. */
#define ATTESTED_SIZE    (DOCUMENT_ID_SIZE + 1 + PAGE_HASH_SIZE)
#define ATTESTATION_SIZE (ATTESTED_SIZE + TAG_SIZE)

typedef struct {
    const uint8_t *document_id;
    const uint8_t *page_hash;
    const uint8_t *tag;
    uint8_t page;
} attestation_t;

/* Lays out what the tag covers. */
void attestation_encode(const uint8_t document_id[static DOCUMENT_ID_SIZE],
                        uint8_t page,
                        const uint8_t page_hash[static PAGE_HASH_SIZE],
                        uint8_t out[static ATTESTED_SIZE]);

/* False unless data is exactly one attestation. Says nothing about its tag. */
bool attestation_parse(const uint8_t *data, size_t size, attestation_t *attestation);
