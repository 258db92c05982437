#pragma once

#include <stdbool.h>

#include "buffer.h"

/* Takes the path (part 0) or a part of the message; after the last part a person decides. */
int handler_sign_message(const buffer_t *data, uint8_t part, bool more);

/* Signs what was reviewed and answers. */
int handler_message_approved(void);
