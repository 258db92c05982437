/* Which keys the app may use: below m/13', every level hardened, as Ed25519 demands (SLIP-10). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PATH_MAX_LENGTH 10

typedef struct {
    uint32_t elements[PATH_MAX_LENGTH];
    uint8_t length;
} path_t;

/* Reads a count and as many words, big endian. Returns the bytes read, 0 if the path is refused. */
size_t path_parse(const uint8_t *data, size_t size, path_t *path);
