/* A command as ISO 7816-4 lays it out: class, instruction, two parameters, length, data. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t cla;
    uint8_t ins;
    uint8_t p1;
    uint8_t p2;
    uint8_t lc;
    uint8_t *data;
} command_t;

/* False unless buf is four bytes, or five and as many as the fifth says. data is NULL if lc is 0. */
bool apdu_parser(command_t *cmd, uint8_t *buf, size_t buf_len);
