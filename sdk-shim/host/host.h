/* What tests see and set of the operating system on the PC. */
#pragma once

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cx.h"
#include "os_io.h"
#include "screen.h"

typedef struct {
    /* os_sched_exit jumps here. */
    jmp_buf exit;
    int exit_code;
    /* What the next derivation throws, 0: nothing; what every cx_* function returns; which one of the next fails
     * (1: the first, 0: none). */
    unsigned int derivation_exception;
    uint32_t cx_error;
    unsigned int cx_fails;
    /* What an ECDSA signature looks like. */
    uint8_t signature[72];
    size_t signature_length;
    /* Status of the system's own screens after the next event. */
    uint8_t ux_status;
    /* Where the derivation wrote the key. */
    const uint8_t *derived;
    /* The screen that is shown, how many were, and how many characters a line holds. */
    screen_t screen;
    unsigned int screens;
    uint8_t line_length;
    /* Gives what comes in next, as shim_io_receive does; NULL: what the four fields below say. */
    int (*receive)(void);
    /* An APDU, else the event of those three bytes and one of data; what went out, how many times. */
    uint8_t apdu[OS_IO_BUFFER_SIZE + 1];
    int apdu_length;
    uint8_t event;
    uint8_t event_data;
    uint8_t sent[OS_IO_BUFFER_SIZE + 1];
    size_t sent_length;
    unsigned int answers;
    unsigned int signatures;
    unsigned int started;
    /* What app_main throws, if a test's own looks here. */
    unsigned int throws;
    /* Of the certificate that was loaded, 0: none. */
    uint8_t usage;
    cx_curve_t certificate_curve;
} host_t;

extern host_t host;

void host_reset(void);
