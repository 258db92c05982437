/* Every class, instruction and length; without the sanitizers, which other checkers replace, every 16th class. */
#pragma once

#include <stdint.h>

#include "commands.h"

typedef struct {
    uint8_t cla;
    uint8_t ins;
    uint8_t lc;
} sweep_t;

/* Sends them one after the other, P1, P2 and data all zero; check sees each with the status that came. What
 * ends the app starts it again. The number of commands. */
uint32_t sweep(void (*check)(const sweep_t *command, uint16_t status));
