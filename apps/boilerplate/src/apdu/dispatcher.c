#include "dispatcher.h"

#include "buffer.h"
#include "constants.h"
#include "handler/get_app_name.h"
#include "handler/get_public_key.h"
#include "handler/get_version.h"
#include "io.h"

int apdu_dispatch(const command_t *command)
{
    buffer_t data = buffer_create(command->data, command->lc);

    if (command->cla != CLA) {
        return io_send_sw(SW_CLA_NOT_SUPPORTED);
    }
    switch (command->ins) {
        case INS_GET_VERSION:
            if (command->p1 != 0 || command->p2 != 0) {
                return io_send_sw(SW_WRONG_P1P2);
            }
            return handler_get_version(&data);
        case INS_GET_APP_NAME:
            if (command->p1 != 0 || command->p2 != 0) {
                return io_send_sw(SW_WRONG_P1P2);
            }
            return handler_get_app_name(&data);
        case INS_GET_PUBLIC_KEY:
            if (command->p1 != P1_SILENT || command->p2 != 0) {
                return io_send_sw(SW_WRONG_P1P2);
            }
            return handler_get_public_key(&data);
        default:
            return io_send_sw(SW_INS_NOT_SUPPORTED);
    }
}
