#pragma once

#include <stddef.h>
#include <stdint.h>

/* Signs with the key of G_context.path, answers with the signature, and forgets the request. */
int sign_and_answer(const uint8_t *bytes, size_t size);
