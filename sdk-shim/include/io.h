/* The loop of an app: receive a command, answer it, and let the screen live meanwhile. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "macros.h"
#include "os_io.h"
#include "ux.h"

/* Called ten times a second; an app may define its own. */
WEAK void app_ticker_event_callback(void);

/* Passes the packet in G_io_seproxyhal_spi_buffer on to the screens. */
WEAK unsigned char io_event(unsigned char channel);

/* Call once before the functions below. */
WEAK void io_init(void);

/* Waits for a command and returns its length; it is in G_io_apdu_buffer. Negative: the link is broken. */
WEAK int io_recv_command(void);

/* Sends the buffers one behind the other, then the status word. Negative: not sent. */
WEAK int io_send_response_buffers(const buffer_t *rdatalist, size_t count, uint16_t sw);

static inline int io_send_response_pointer(const uint8_t *ptr, size_t size, uint16_t sw)
{
    const buffer_t data = {.ptr = (uint8_t *) (uintptr_t) ptr, .size = size, .offset = 0};
    return io_send_response_buffers(&data, 1, sw);
}

static inline int io_send_response_buffer(const buffer_t *rdata, uint16_t sw)
{
    return io_send_response_buffers(rdata, 1, sw);
}

static inline int io_send_sw(uint16_t sw)
{
    return io_send_response_buffers(NULL, 0, sw);
}

/* Handles one event; true if it was a command, which then lies in G_io_apdu_buffer. */
WEAK bool io_recv_and_process_event(void);
