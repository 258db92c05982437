#include "message.h"

#include <string.h>

#include "constants.h"
#include "context.h"
#include "io.h"
#include "request.h"
#include "sign.h"
#include "ui/review.h"

int handler_sign_message(const buffer_t *data, uint8_t part, bool more)
{
    text_t *text = &G_context.text;

    if (part == P1_FIRST) {
        return request_read_path(data) ? request_begin(INS_SIGN_MESSAGE, more) : request_refuse(SW_BAD_PATH);
    }
    if (!request_continues(INS_SIGN_MESSAGE, part)) {
        return request_refuse(SW_BAD_STATE);
    }
    if (!request_append(text, data)) {
        return request_refuse(SW_TOO_LONG);
    }
    if (more) {
        return io_send_sw(SW_OK);
    }
    const uint16_t status = request_check_text(text);
    if (status != SW_OK) {
        return request_refuse(status);
    }
    G_context.state = STATE_REVIEWING;
    ui_review_message();
    return 0;
}

int handler_message_approved(void)
{
    uint8_t prefix[MESSAGE_PREFIX_MAX];
    text_t *text = &G_context.text;

    if (G_context.state != STATE_REVIEWING || G_context.instruction != INS_SIGN_MESSAGE) {
        return request_refuse(SW_BAD_STATE);
    }
    /* Right in front of the text, so that both are one piece. */
    const size_t length = message_prefix(text->size, prefix);
    uint8_t *start = &text->bytes[TEXT_START - length];
    memcpy(start, prefix, length);
    return sign_and_answer(start, length + text->size);
}
