/* What the files of the shim share among themselves. Apps do not see it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os.h"

/* An address inside a constant: as linked, so it has to be moved before use. Keeps the type. */
#define SHIM_PIC(x) ((__typeof__(x)) PIC(x))

/* Transport: io_os.c where the operating system owns USB and BLE, io_nanos.c where the app does. */

void shim_io_start(void);

/*
 * Waits for one packet. Positive: an APDU of that length is in G_io_apdu_buffer. Zero: an event is in
 * G_io_seproxyhal_spi_buffer. Negative: the link is broken.
 */
int shim_io_receive(void);

/* Sends an answer the way the last APDU came. Negative: not sent. */
int shim_io_send(const uint8_t *data, uint16_t length);

/* Sends a packet to the I/O processor. */
void shim_seph_command(const uint8_t *packet, uint16_t length);

void shim_debug_print(const char *text, size_t length);

/* Ends the app if the stack ran into the variables. */
void shim_check_canary(void);

/* Passes an event (tag, length, data) on to the screens. */
void shim_ux_event(const uint8_t *event);

#ifdef HAVE_SWAP
#include "swap_lib_calls.h"

/* Runs what another app called for, and returns to it. */
void shim_library_main(libargs_t *args) __attribute__((noreturn));

/* Whether the next answer is the one that the other app waits for; then it is the last. */
bool shim_swap_is_answered(void);
void shim_swap_finish(bool sent, uint16_t status) __attribute__((noreturn));
#endif
