#pragma once

#include <stdbool.h>

#include "buffer.h"

/* Answers at once, or after a person has compared the key on the screen. */
int handler_get_public_key(const buffer_t *data, bool show);
