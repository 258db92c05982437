/* Which keys the app may use. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATH_MAX_LENGTH 10

typedef struct {
    uint32_t elements[PATH_MAX_LENGTH];
    uint8_t length;
} path_t;

/* Reads a count and as many words, big endian, from data. Returns the bytes read, 0 if it is refused:
 * too short, too long, or not below m/44'/1'. */
size_t path_parse(const uint8_t *data, size_t size, path_t *path);
