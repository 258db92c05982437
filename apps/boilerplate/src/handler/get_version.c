#include "get_version.h"

#include "constants.h"
#include "io.h"

_Static_assert(MAJOR_VERSION >= 0 && MAJOR_VERSION <= UINT8_MAX, "a byte each");
_Static_assert(MINOR_VERSION >= 0 && MINOR_VERSION <= UINT8_MAX, "a byte each");
_Static_assert(PATCH_VERSION >= 0 && PATCH_VERSION <= UINT8_MAX, "a byte each");

int handler_get_version(const buffer_t *data)
{
    if (data->size != 0) {
        return io_send_sw(SW_WRONG_LENGTH);
    }
    const uint8_t version[] = {MAJOR_VERSION, MINOR_VERSION, PATCH_VERSION};
    return io_send_response_pointer(version, sizeof(version), SW_OK);
}
