#include "request.h"

#include <string.h>

#include "constants.h"
#include "io.h"

int request_refuse(uint16_t status)
{
    context_clear();
    return io_send_sw(status);
}

bool request_read_path(const buffer_t *data)
{
    return data->size > 0 && path_parse(data->ptr, data->size, &G_context.path) == data->size;
}

int request_begin(uint8_t instruction, bool more)
{
    if (!more) {
        return request_refuse(SW_WRONG_P1P2);
    }
    G_context.state = STATE_RECEIVING;
    G_context.instruction = instruction;
    G_context.next_part = 1;
    return io_send_sw(SW_OK);
}

bool request_continues(uint8_t instruction, uint8_t part)
{
    if (G_context.state != STATE_RECEIVING || G_context.instruction != instruction ||
        G_context.next_part != part) {
        return false;
    }
    G_context.next_part++;
    return true;
}

bool request_append(text_t *text, const buffer_t *data)
{
    if (data->size > MESSAGE_MAX - text->size) {
        return false;
    }
    if (data->size > 0) {
        memcpy(&text->bytes[TEXT_START + text->size], data->ptr, data->size);
    }
    text->size = (uint16_t) (text->size + data->size);
    text->bytes[TEXT_START + text->size] = '\0';
    return true;
}

uint16_t request_check_text(const text_t *text)
{
    switch (message_check(&text->bytes[TEXT_START], text->size)) {
        case MESSAGE_OK:
            return SW_OK;
        case MESSAGE_EMPTY:
            return SW_WRONG_LENGTH;
        case MESSAGE_IS_HASH:
            return SW_HASH_REFUSED;
        case MESSAGE_NOT_TEXT:
        default:
            return SW_NOT_TEXT;
    }
}
