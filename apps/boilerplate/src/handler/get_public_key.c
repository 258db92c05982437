#include "get_public_key.h"

#include "bip32.h"
#include "constants.h"
#include "crypto_helpers.h"
#include "io.h"

#define PUBLIC_KEY_SIZE 65
#define CHAIN_CODE_SIZE 32

/* Count of elements, then each; nothing behind. */
static bool read_path(buffer_t *data, uint32_t path[static MAX_BIP32_PATH], uint8_t *length)
{
    return buffer_read_u8(data, length) && buffer_read_bip32_path(data, path, *length) &&
           data->offset == data->size && *length >= 2 && path[0] == PURPOSE && path[1] == COIN_TYPE;
}

int handler_get_public_key(buffer_t *data)
{
    uint32_t path[MAX_BIP32_PATH];
    uint8_t path_length;
    struct {
        uint8_t key_length;
        uint8_t key[PUBLIC_KEY_SIZE];
        uint8_t chain_code_length;
        uint8_t chain_code[CHAIN_CODE_SIZE];
    } answer = {.key_length = PUBLIC_KEY_SIZE, .chain_code_length = CHAIN_CODE_SIZE};

    if (!read_path(data, path, &path_length)) {
        return io_send_sw(SW_BAD_PATH);
    }
    if (bip32_derive_get_pubkey_256(
            CX_CURVE_256K1, path, path_length, answer.key, answer.chain_code, CX_SHA512) != CX_OK) {
        return io_send_sw(SW_KEY_FAILURE);
    }
    return io_send_response_pointer((const uint8_t *) &answer, sizeof(answer), SW_OK);
}
