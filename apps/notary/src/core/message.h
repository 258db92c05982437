/*
 * What is signed: doc/formats.md. Plain C, no SDK: the same code runs in unit tests and fuzzers.
 *
 * A fixed prefix that begins no transaction, the length in decimal, the text. So nothing that the app
 * signs can be taken for anything else, and no text for the beginning of a longer one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_MAX 400
/* "\x19Notary message:\n", up to three digits, "\n". */
#define MESSAGE_PREFIX_MAX 21

#define DOCUMENT_PAGES_MAX 99
/* "\x19Notary document:\n", up to two digits, "\n". */
#define DOCUMENT_PREFIX_MAX 21

typedef enum {
    MESSAGE_OK,
    MESSAGE_EMPTY,
    /* Holds what a screen cannot show. */
    MESSAGE_NOT_TEXT,
    /* Is a hash, written as text: what it stands for cannot be seen. */
    MESSAGE_IS_HASH,
} message_result_t;

message_result_t message_check(const uint8_t *text, size_t size);

/* Write what goes before a text of that many bytes, or a digest of that many pages; the length. */
size_t message_prefix(size_t size, uint8_t out[static MESSAGE_PREFIX_MAX]);
size_t document_prefix(size_t pages, uint8_t out[static DOCUMENT_PREFIX_MAX]);
