#include "public_key.h"

#include "constants.h"
#include "context.h"
#include "crypto_helpers.h"
#include "io.h"
#include "request.h"
#include "ui/review.h"

int handler_get_public_key(const buffer_t *data, bool show)
{
    uint8_t point[POINT_SIZE];

    if (!request_read_path(data)) {
        return request_refuse(SW_BAD_PATH);
    }
    if (bip32_derive_with_seed_get_pubkey_256(HDW_ED25519_SLIP10,
                                              CX_CURVE_Ed25519,
                                              G_context.path.elements,
                                              G_context.path.length,
                                              point,
                                              NULL,
                                              CX_SHA512,
                                              NULL,
                                              0) != CX_OK) {
        return request_refuse(SW_KEY_FAILURE);
    }
    public_key_encode(point, G_context.public_key);
    if (show) {
        G_context.state = STATE_REVIEWING;
        ui_review_public_key();
        return 0;
    }
    return io_send_response_pointer(G_context.public_key, PUBLIC_KEY_SIZE, SW_OK);
}
