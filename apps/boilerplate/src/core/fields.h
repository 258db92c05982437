/* Which parts of a transaction a person has to see, in order. They are turned into text when shown. */
#pragma once

#include "transaction.h"

typedef enum {
    FIELD_AMOUNT,
    FIELD_ADDRESS,
    FIELD_TEXT,
    FIELD_BYTES,
    FIELD_NUMBER,
} field_type_t;

typedef struct {
    const char *name;
    field_type_t type;
    /* AMOUNT, NUMBER */
    uint64_t number;
    /* ADDRESS, TEXT, BYTES */
    const uint8_t *bytes;
    size_t size;
} field_t;

#define FIELDS_MAX 4

/* Room for the longest text of a field, its end included. */
#define FIELD_TEXT_MAX (2 * TX_MEMO_MAX + 1)

/* Fills fields and returns how many there are. A memo that is not text is left to the caller's warning. */
size_t fields_select(const transaction_t *tx, field_t fields[static FIELDS_MAX]);

/* The whole text or nothing: false, and an empty text, if it does not fit. */
bool field_format(const field_t *field, char *out, size_t size);
