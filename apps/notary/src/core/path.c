#include "path.h"

#include <string.h>

#define HARDENED 0x80000000u
#define PURPOSE  (HARDENED | 13)

static uint32_t read_u32(const uint8_t *bytes)
{
    return ((uint32_t) bytes[0] << 24) | ((uint32_t) bytes[1] << 16) | ((uint32_t) bytes[2] << 8) | bytes[3];
}

static size_t parse(const uint8_t *data, size_t size, path_t *path)
{
    if (size < 1 || data[0] < 1 || data[0] > PATH_MAX_LENGTH || size < 1 + 4 * (size_t) data[0]) {
        return 0;
    }
    path->length = data[0];
    for (size_t i = 0; i < path->length; i++) {
        path->elements[i] = read_u32(&data[1 + 4 * i]);
        if ((path->elements[i] & HARDENED) == 0) {
            return 0;
        }
    }
    return path->elements[0] == PURPOSE ? 1 + 4 * (size_t) path->length : 0;
}

size_t path_parse(const uint8_t *data, size_t size, path_t *path)
{
    memset(path, 0, sizeof(*path));
    const size_t read = parse(data, size, path);
    if (read == 0) {
        memset(path, 0, sizeof(*path));
    }
    return read;
}
