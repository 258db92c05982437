/*
 * A whole app on the PC, driven by commands and buttons. The app runs its loop; whenever it waits, it is
 * given the next of the test's inputs. What must hold for every app is checked on the way:
 *
 * - an answer belongs to a command, and there is one at most;
 * - an answer with an error carries no data;
 * - a signature is made only when somebody presses both buttons.
 *
 * What does not hold ends the program, so that it is found by unit tests and fuzzers alike.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    PRESS_LEFT = 1,
    PRESS_RIGHT = 2,
    PRESS_BOTH = 3,
} press_t;

typedef int input_t;

/* Runs the app from its start until next returns INPUT_END, or the app ends: then false. */
bool commands_run(input_t (*next)(void));

/* Inputs for next to return. A command of at most 260 bytes; buttons, pressed and released; 100 ms. */
#define INPUT_END (-1)
input_t input_command(const uint8_t *bytes, size_t size);
input_t input_press(press_t buttons);
input_t input_tick(void);

/* Whether the last command was answered, and the status word. */
bool commands_answered(void);
uint16_t commands_status(void);

/* Whether the screen has the text. */
bool commands_shows(const char *text);

/* Whether the bytes are in one of the app's variables; those of the transport, overwritten by the next command,
 * and the test's own, written here too, do not count. */
bool commands_keeps(const void *bytes, size_t size);
