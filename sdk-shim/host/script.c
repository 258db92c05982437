#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than any row of screens has. */
#define PRESSES_MAX 100
/* Longer than any result is shown. */
#define WAIT_TICKS  50

static const step_t *step;
static const step_t *end;
/* Inputs that the step has given. */
static unsigned int given;

static void expect(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "script, line %d: not so: %s\n", step->line, what);
        abort();
    }
}

static void check_answer(void)
{
    if (step->status == STATUS_ANY) {
        return;
    }
    expect(commands_answered() == (step->status != 0), step->status != 0 ? "answered" : "not answered as yet");
    if (step->status != 0 && commands_status() != step->status) {
        fprintf(stderr, "script, line %d: %04x instead of %04x\n", step->line, commands_status(), step->status);
        abort();
    }
}

/* The next input of the step; false if it has no more, and all is as it says. */
static bool give(input_t *input)
{
    uint8_t command[5 + UINT8_MAX];
    const unsigned int number = given++;
    switch (step->kind) {
        case STEP_RAW:
        case STEP_COMMAND:
        case STEP_BOTH:
            if (number > 0) {
                check_answer();
                return false;
            }
            if (step->kind == STEP_BOTH) {
                *input = input_press(PRESS_BOTH);
            }
            else if (step->kind == STEP_RAW) {
                *input = input_command((const uint8_t *) step->bytes, step->size);
            }
            else {
                memcpy(command, step->head, 4);
                command[4] = (uint8_t) step->size;
                memcpy(&command[5], step->bytes, step->size);
                *input = input_command(command, 5 + step->size);
            }
            return true;
        case STEP_UNTIL:
            expect(number < PRESSES_MAX, step->bytes);
            *input = commands_shows(step->bytes) ? 0 : input_press(PRESS_RIGHT);
            return !commands_shows(step->bytes);
        case STEP_TICK:
            *input = input_tick();
            return number < WAIT_TICKS;
        case STEP_SHOWS:
            expect(commands_shows(step->bytes), step->bytes);
            return false;
        case STEP_KEEPS:
        case STEP_FORGOT:
        default:
            expect(commands_keeps(step->bytes, step->size) == (step->kind == STEP_KEEPS), step->bytes);
            return false;
    }
}

static input_t next(void)
{
    input_t input;
    while (step < end) {
        if (give(&input)) {
            return input;
        }
        given = 0;
        step++;
    }
    return INPUT_END;
}

void script_run(const step_t *steps, size_t count)
{
    step = steps;
    end = steps + count;
    given = 0;
    if (!commands_run(next)) {
        expect(false, "the app still runs");
    }
}
