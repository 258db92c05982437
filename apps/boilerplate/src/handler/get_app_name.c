#include "get_app_name.h"

#include "constants.h"
#include "io.h"

int handler_get_app_name(const buffer_t *data)
{
    static const char name[] = APPNAME;
    if (data->size != 0) {
        return io_send_sw(SW_WRONG_LENGTH);
    }
    return io_send_response_pointer((const uint8_t *) name, sizeof(name) - 1, SW_OK);
}
