#include "info.h"

#include "constants.h"
#include "io.h"

_Static_assert(MAJOR_VERSION <= UINT8_MAX && MINOR_VERSION <= UINT8_MAX && PATCH_VERSION <= UINT8_MAX,
               "a byte each");

int handler_get_version(const buffer_t *data)
{
    if (data->size != 0) {
        return io_send_sw(SW_WRONG_LENGTH);
    }
    const uint8_t version[] = {MAJOR_VERSION, MINOR_VERSION, PATCH_VERSION};
    return io_send_response_pointer(version, sizeof(version), SW_OK);
}

int handler_get_app_name(const buffer_t *data)
{
    static const char name[] = APPNAME;
    if (data->size != 0) {
        return io_send_sw(SW_WRONG_LENGTH);
    }
    return io_send_response_pointer((const uint8_t *) name, sizeof(name) - 1, SW_OK);
}
