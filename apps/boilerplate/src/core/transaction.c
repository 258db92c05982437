#include "transaction.h"

#include <string.h>

typedef struct {
    const uint8_t *data;
    size_t left;
} reader_t;

/* The next n bytes, NULL if there are fewer. */
static const uint8_t *take(reader_t *reader, size_t n)
{
    if (reader->left < n) {
        return NULL;
    }
    const uint8_t *bytes = reader->data;
    reader->data += n;
    reader->left -= n;
    return bytes;
}

static bool take_u64(reader_t *reader, uint64_t *value)
{
    const uint8_t *bytes = take(reader, 8);
    if (bytes == NULL) {
        return false;
    }
    *value = 0;
    for (size_t i = 0; i < 8; i++) {
        *value = (*value << 8) | bytes[i];
    }
    return true;
}

/* What a screen can show in full. */
static bool is_text(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] < 0x20 || bytes[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

static tx_result_t parse(reader_t *reader, transaction_t *tx)
{
    const uint8_t *version = take(reader, 1);
    if (version == NULL) {
        return TX_TRUNCATED;
    }
    if (*version != TX_VERSION) {
        return TX_BAD_VERSION;
    }
    if (!take_u64(reader, &tx->nonce)) {
        return TX_TRUNCATED;
    }
    tx->to = take(reader, TX_ADDRESS_SIZE);
    if (tx->to == NULL || !take_u64(reader, &tx->value)) {
        return TX_TRUNCATED;
    }
    const uint8_t *length = take(reader, 1);
    if (length == NULL) {
        return TX_TRUNCATED;
    }
    if (*length > TX_MEMO_MAX) {
        return TX_BAD_MEMO_LENGTH;
    }
    tx->memo_length = *length;
    tx->memo = take(reader, tx->memo_length);
    if (tx->memo == NULL) {
        return TX_TRUNCATED;
    }
    if (reader->left != 0) {
        return TX_TRAILING_BYTES;
    }
    tx->memo_is_text = is_text(tx->memo, tx->memo_length);
    return TX_OK;
}

tx_result_t tx_parse(const uint8_t *data, size_t size, transaction_t *tx)
{
    reader_t reader = {data, size};
    memset(tx, 0, sizeof(*tx));
    const tx_result_t result = parse(&reader, tx);
    if (result != TX_OK) {
        memset(tx, 0, sizeof(*tx));
    }
    return result;
}
