#include "sign.h"

#include "constants.h"
#include "context.h"
#include "crypto_helpers.h"
#include "io.h"
#include "request.h"

#define SIGNATURE_SIZE 64

int sign_and_answer(const uint8_t *bytes, size_t size)
{
    uint8_t signature[SIGNATURE_SIZE];
    size_t length = sizeof(signature);

    if (bip32_derive_with_seed_eddsa_sign_hash_256(HDW_ED25519_SLIP10,
                                                   CX_CURVE_Ed25519,
                                                   G_context.path.elements,
                                                   G_context.path.length,
                                                   CX_SHA512,
                                                   bytes,
                                                   size,
                                                   signature,
                                                   &length,
                                                   NULL,
                                                   0) != CX_OK ||
        length != sizeof(signature)) {
        return request_refuse(SW_SIGNING_FAILURE);
    }
    context_clear();
    return io_send_response_pointer(signature, sizeof(signature), SW_OK);
}
