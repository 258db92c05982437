#include "dispatcher.h"

#include "buffer.h"
#include "constants.h"
#include "context.h"
#include "handler/get_app_name.h"
#include "handler/get_public_key.h"
#include "handler/get_version.h"
#include "handler/sign_transaction.h"
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

/* An error ends what is going on. */
static int refuse(uint16_t status)
{
    context_clear();
    return io_send_sw(status);
}

static int dispatch(const command_t *command, buffer_t *data)
{
    switch (command->ins) {
        case INS_GET_VERSION:
            if (command->p1 != 0 || command->p2 != 0) {
                return refuse(SW_WRONG_P1P2);
            }
            return handler_get_version(data);
        case INS_GET_APP_NAME:
            if (command->p1 != 0 || command->p2 != 0) {
                return refuse(SW_WRONG_P1P2);
            }
            return handler_get_app_name(data);
        case INS_GET_PUBLIC_KEY:
            if (command->p1 > P1_SHOW || command->p2 != 0) {
                return refuse(SW_WRONG_P1P2);
            }
            return handler_get_public_key(data, command->p1 == P1_SHOW);
        case INS_SIGN_TRANSACTION:
            if (command->p2 != P2_LAST && command->p2 != P2_MORE) {
                return refuse(SW_WRONG_P1P2);
            }
            return handler_sign_transaction(data, command->p1, command->p2 == P2_MORE);
        default:
            return refuse(SW_INS_NOT_SUPPORTED);
    }
}

int apdu_dispatch(const command_t *command)
{
    buffer_t data = {.ptr = command->data, .size = command->lc};
    const bool continues = G_context.state == STATE_RECEIVING && command->cla == CLA &&
                           command->ins == INS_SIGN_TRANSACTION && command->p1 != P1_FIRST;
    if (!continues) {
        apdu_abandon();
    }
    if (command->cla != CLA) {
        return refuse(SW_CLA_NOT_SUPPORTED);
    }
    return dispatch(command, &data);
}
