#include "path.h"

#include <string.h>

#define PURPOSE   0x8000002Cu
#define COIN_TYPE 0x80000001u

static uint32_t read_u32(const uint8_t *bytes)
{
    return ((uint32_t) bytes[0] << 24) | ((uint32_t) bytes[1] << 16) | ((uint32_t) bytes[2] << 8) | bytes[3];
}

size_t path_parse(const uint8_t *data, size_t size, path_t *path)
{
    memset(path, 0, sizeof(*path));
    if (size < 1 || data[0] < 2 || data[0] > PATH_MAX_LENGTH || size < 1 + 4 * (size_t) data[0]) {
        return 0;
    }
    for (size_t i = 0; i < data[0]; i++) {
        path->elements[i] = read_u32(&data[1 + 4 * i]);
    }
    if (path->elements[0] != PURPOSE || path->elements[1] != COIN_TYPE) {
        memset(path, 0, sizeof(*path));
        return 0;
    }
    path->length = data[0];
    return 1 + 4 * (size_t) data[0];
}
