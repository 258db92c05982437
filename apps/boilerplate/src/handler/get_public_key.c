#include "get_public_key.h"

#include "constants.h"
#include "context.h"
#include "core/path.h"
#include "crypto_helpers.h"
#include "io.h"
#include "ui/review.h"

int handler_get_public_key(const buffer_t *data, bool show)
{
    public_key_answer_t *answer = &G_context.public_key;

    if (data->size == 0 || path_parse(data->ptr, data->size, &G_context.path) != data->size) {
        return io_send_sw(SW_BAD_PATH);
    }
    answer->key_length = PUBLIC_KEY_SIZE;
    answer->chain_code_length = CHAIN_CODE_SIZE;
    if (bip32_derive_get_pubkey_256(CX_CURVE_256K1,
                                    G_context.path.elements,
                                    G_context.path.length,
                                    answer->key,
                                    answer->chain_code,
                                    CX_SHA512) != CX_OK) {
        context_clear();
        return io_send_sw(SW_KEY_FAILURE);
    }
    if (show) {
        G_context.state = STATE_REVIEWING;
        return ui_review_public_key();
    }
    return io_send_response_pointer((const uint8_t *) answer, sizeof(*answer), SW_OK);
}
