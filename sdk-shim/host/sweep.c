#include "sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CLA_STEP 1u
#endif
#endif
#ifndef CLA_STEP
#define CLA_STEP 16u /* 00, 10 … B0 … E0, F0 */
#endif

#define END (256u << 16)

static uint32_t number;
static uint32_t count;
static bool waiting;
static void (*check_status)(const sweep_t *command, uint16_t status);

static sweep_t numbered(uint32_t of)
{
    return (sweep_t){.cla = (uint8_t) (of >> 16), .ins = (uint8_t) (of >> 8), .lc = (uint8_t) of};
}

static input_t next(void)
{
    uint8_t bytes[5 + UINT8_MAX] = {0};
    if (waiting) {
        const sweep_t before = numbered(number - 1);
        if (!commands_answered()) {
            fprintf(stderr, "no answer to %02x %02x with %u bytes\n", before.cla, before.ins, before.lc);
            abort();
        }
        check_status(&before, commands_status());
        number += number % (1u << 16) == 0 ? (CLA_STEP - 1) << 16 : 0;
    }
    if (number == END) {
        return INPUT_END;
    }
    const sweep_t command = numbered(number++);
    count++;
    bytes[0] = command.cla;
    bytes[1] = command.ins;
    bytes[4] = command.lc;
    waiting = true;
    return input_command(bytes, 5 + (size_t) command.lc);
}

uint32_t sweep(void (*check)(const sweep_t *command, uint16_t status))
{
    check_status = check;
    number = 0;
    count = 0;
    waiting = false;
    while (!commands_run(next)) {
        waiting = false;
    }
    return count;
}
