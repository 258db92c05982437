#include "dispatcher.h"

#include "buffer.h"
#include "constants.h"
#include "context.h"
#include "handler/document.h"
#include "handler/info.h"
#include "handler/message.h"
#include "handler/public_key.h"
#include "handler/request.h"
#include "io.h"
#include "ui/menu.h"
#include "ui/review.h"

void apdu_abandon(void)
{
    const bool was_reviewing = G_context.state == STATE_REVIEWING;
    context_clear();
    if (was_reviewing) {
        ui_review_forget();
        ui_menu_main();
    }
}

static bool comes_in_parts(uint8_t instruction)
{
    return instruction == INS_SIGN_MESSAGE || instruction == INS_ATTEST_PAGE ||
           instruction == INS_SIGN_DOCUMENT;
}

static int dispatch(const command_t *command, buffer_t *data)
{
    const bool more = command->p2 == P2_MORE;
    if (!comes_in_parts(command->ins)) {
        const uint8_t p1_max = command->ins == INS_GET_PUBLIC_KEY ? P1_SHOW : 0;
        if (command->p1 > p1_max || command->p2 != 0) {
            return request_refuse(SW_WRONG_P1P2);
        }
    }
    else if (command->p2 != P2_LAST && command->p2 != P2_MORE) {
        return request_refuse(SW_WRONG_P1P2);
    }
    switch (command->ins) {
        case INS_GET_VERSION:
            return handler_get_version(data);
        case INS_GET_APP_NAME:
            return handler_get_app_name(data);
        case INS_GET_PUBLIC_KEY:
            return handler_get_public_key(data, command->p1 == P1_SHOW);
        case INS_SIGN_MESSAGE:
            return handler_sign_message(data, command->p1, more);
        case INS_BEGIN_DOCUMENT:
            return handler_begin_document(data);
        case INS_ATTEST_PAGE:
            return handler_attest_page(data, command->p1, more);
        case INS_SIGN_DOCUMENT:
            return handler_sign_document(data, command->p1, more);
        case INS_SIGN_HASH:
            /* What a hash stands for cannot be seen: there is no setting that allows it. */
            return request_refuse(SW_HASH_REFUSED);
        default:
            return request_refuse(SW_INS_NOT_SUPPORTED);
    }
}

int apdu_dispatch(const command_t *command)
{
    buffer_t data = {.ptr = command->data, .size = command->lc};
    const bool continues = G_context.state == STATE_RECEIVING && command->cla == CLA &&
                           command->ins == G_context.instruction && command->p1 != P1_FIRST;
    if (!continues) {
        apdu_abandon();
    }
    if (command->cla != CLA) {
        return request_refuse(SW_CLA_NOT_SUPPORTED);
    }
    return dispatch(command, &data);
}
