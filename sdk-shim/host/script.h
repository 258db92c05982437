/* A conversation with a whole app as a list of steps; what goes otherwise ends the program, with the step's line. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "commands.h"

typedef struct {
    int line;
    enum { STEP_RAW, STEP_COMMAND, STEP_UNTIL, STEP_BOTH, STEP_TICK, STEP_SHOWS, STEP_KEEPS, STEP_FORGOT } kind;
    /* CLA, INS, P1, P2. */
    const char *head;
    /* Data, or what is looked for. */
    const char *bytes;
    size_t size;
    /* What is answered; 0: nothing as yet; STATUS_ANY: whatever. */
    uint16_t status;
} step_t;

#define STATUS_ANY 1

/* Arguments are string literals, so that zeros may be in them. */
#define SCRIPT_STEP(kind_, head_, bytes_, status_)                                                        \
    {                                                                                                     \
        .line = __LINE__, .kind = (kind_), .head = (head_), .bytes = (bytes_), .size = sizeof(bytes_) - 1, \
        .status = (status_)                                                                               \
    }

/* A command, or bytes as they are. */
#define SEND(head, data, status) SCRIPT_STEP(STEP_COMMAND, head, data, status)
#define RAW(bytes, status)       SCRIPT_STEP(STEP_RAW, NULL, bytes, status)
/* The right button until the screen has the text; both buttons, with a command waiting or without; as long
 * as a result is shown. */
#define UNTIL(text)  SCRIPT_STEP(STEP_UNTIL, NULL, text, 0)
#define BOTH(status) SCRIPT_STEP(STEP_BOTH, NULL, "", status)
#define CHOOSE       SCRIPT_STEP(STEP_BOTH, NULL, "", STATUS_ANY)
#define WAIT         SCRIPT_STEP(STEP_TICK, NULL, "", 0)
/* The screen has the text; a variable holds the bytes, or none does (commands_keeps). */
#define SHOWS(text)   SCRIPT_STEP(STEP_SHOWS, NULL, text, 0)
#define KEEPS(bytes)  SCRIPT_STEP(STEP_KEEPS, NULL, bytes, 0)
#define FORGOT(bytes) SCRIPT_STEP(STEP_FORGOT, NULL, bytes, 0)

/* Starts the app and goes through all steps. */
void script_run(const step_t *steps, size_t count);

#define SCRIPT(...)                                              \
    do {                                                         \
        static const step_t steps[] = {__VA_ARGS__};             \
        script_run(steps, sizeof(steps) / sizeof(steps[0]));     \
    } while (0)
