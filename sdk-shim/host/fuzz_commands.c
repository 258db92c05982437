/*
 * Any bytes as what a host sends and a person presses, to a whole app. What commands.h promises must hold.
 *
 * The low three bits of a byte say what comes next: 0 to 2 a command of the app (the other five bits are the
 * instruction; P1, P2, Lc and data follow), 3 bytes as they are (a length and as many), 4 the right button,
 * 5 both, 6 the left one, 7 as many times 100 ms as the other bits say.
 */
#include <string.h>

#include "commands.h"
#include "os.h"

#define CLA 0xE0

static const uint8_t *rest;
static size_t left;
static unsigned int ticks;

static uint8_t take(void)
{
    if (left == 0) {
        return 0;
    }
    left--;
    return *rest++;
}

static size_t take_bytes(uint8_t *out, size_t size)
{
    const size_t taken = MIN(size, left);
    memcpy(out, rest, taken);
    rest += taken;
    left -= taken;
    return taken;
}

static input_t next(void)
{
    uint8_t command[5 + UINT8_MAX];
    if (ticks > 0) {
        ticks--;
        return input_tick();
    }
    if (left == 0) {
        return INPUT_END;
    }
    const uint8_t what = take();
    switch (what & 7) {
        case 3: {
            const size_t size = take_bytes(command, take());
            return size > 0 ? input_command(command, size) : input_tick();
        }
        case 4:
            return input_press(PRESS_RIGHT);
        case 5:
            return input_press(PRESS_BOTH);
        case 6:
            return input_press(PRESS_LEFT);
        case 7:
            ticks = what >> 3;
            return input_tick();
        default:
            command[0] = CLA;
            command[1] = what >> 3;
            command[2] = take();
            command[3] = take();
            command[4] = (uint8_t) take_bytes(&command[5], take());
            return input_command(command, 5 + (size_t) command[4]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rest = data;
    left = size;
    ticks = 0;
    commands_run(next);
    return 0;
}
