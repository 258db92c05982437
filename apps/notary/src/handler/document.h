#pragma once

#include <stdbool.h>

#include "buffer.h"

/* Begins a document and answers with its identifier. */
int handler_begin_document(const buffer_t *data);

/* Takes a part of the next page (part 0 is empty); after the last part a person decides. */
int handler_attest_page(const buffer_t *data, uint8_t part, bool more);

/* Answers with the attestation of the page that was reviewed. */
int handler_page_approved(void);

/* Takes the path (part 0) or an attestation per part, in the order of the pages; then a person decides. */
int handler_sign_document(const buffer_t *data, uint8_t part, bool more);

/* Signs the pages that were attested and answers. */
int handler_document_approved(void);
