#pragma once

#include <stdbool.h>

#include "buffer.h"

/* Takes the path (chunk 0) or a part of the transaction; after the last part a person decides. */
int handler_sign_transaction(const buffer_t *data, uint8_t chunk, bool more);

/* Signs what was reviewed and answers. */
int handler_sign_approved(void);
