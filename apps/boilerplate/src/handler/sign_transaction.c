#include "sign_transaction.h"

#include <string.h>

#include "constants.h"
#include "context.h"
#include "crypto_helpers.h"
#include "io.h"
#include "settings.h"
#include "ui/review.h"

/* DER: two integers of up to 33 bytes, six bytes around them. */
#define SIGNATURE_MAX 72

static int refuse(uint16_t status)
{
    context_clear();
    return io_send_sw(status);
}

static int start(const buffer_t *data, bool more)
{
    if (data->size == 0 || path_parse(data->ptr, data->size, &G_context.path) != data->size) {
        return refuse(SW_BAD_PATH);
    }
    if (!more) {
        return refuse(SW_WRONG_P1P2);
    }
    G_context.state = STATE_RECEIVING;
    G_context.signing.next_chunk = 1;
    return io_send_sw(SW_OK);
}

static int review(signing_t *signing)
{
    if (tx_parse(signing->raw, signing->size, &signing->tx) != TX_OK) {
        return refuse(SW_TX_MALFORMED);
    }
    if (!signing->tx.memo_is_text && !settings_blind_signing()) {
        return refuse(SW_BLIND_SIGNING_OFF);
    }
    G_context.state = STATE_REVIEWING;
    return ui_review_transaction();
}

int handler_sign_transaction(const buffer_t *data, uint8_t chunk, bool more)
{
    signing_t *signing = &G_context.signing;

    if (chunk == P1_FIRST) {
        return start(data, more);
    }
    if (G_context.state != STATE_RECEIVING || chunk != signing->next_chunk) {
        return refuse(SW_BAD_STATE);
    }
    if (data->size > sizeof(signing->raw) - signing->size) {
        return refuse(SW_TX_TOO_LONG);
    }
    if (data->size > 0) {
        memcpy(&signing->raw[signing->size], data->ptr, data->size);
    }
    signing->size = (uint16_t) (signing->size + data->size);
    signing->next_chunk++;
    if (more) {
        return io_send_sw(SW_OK);
    }
    return review(signing);
}

int handler_sign_approved(void)
{
    uint8_t hash[HASH_SIZE];
    /* Length, signature, parity of the point's y. */
    uint8_t answer[1 + SIGNATURE_MAX + 1];
    size_t length = SIGNATURE_MAX;
    uint32_t info = 0;
    const signing_t *signing = &G_context.signing;

    if (G_context.state != STATE_REVIEWING) {
        return refuse(SW_BAD_STATE);
    }
    if (cx_hash_sha256(signing->raw, signing->size, hash, sizeof(hash)) != sizeof(hash) ||
        bip32_derive_ecdsa_sign_hash_256(CX_CURVE_256K1,
                                         G_context.path.elements,
                                         G_context.path.length,
                                         CX_RND_RFC6979 | CX_LAST,
                                         CX_SHA256,
                                         hash,
                                         sizeof(hash),
                                         &answer[1],
                                         &length,
                                         &info) != CX_OK) {
        return refuse(SW_SIGNING_FAILURE);
    }
    answer[0] = (uint8_t) length;
    answer[1 + length] = (info & CX_ECCINFO_PARITY_ODD) != 0;
    context_clear();
    return io_send_response_pointer(answer, 1 + length + 1, SW_OK);
}
