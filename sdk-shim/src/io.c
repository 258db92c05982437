/* The loop of an app, over the transport of the target. */
#include "io.h"

#include <string.h>

#include "os_apdu.h"
#include "os_pki.h"
#include "shim.h"
#include "write.h"

unsigned char G_io_tx_buffer[OS_IO_BUFFER_SIZE + 1];
unsigned char G_io_seproxyhal_spi_buffer[OS_IO_SEPH_BUFFER_SIZE];

static bool started;

/* Commands that every app answers, whatever its own class is. */
enum {
    CLA_COMMON = 0xB0,
    INS_GET_VERSION = 0x01,
    INS_LOAD_CERTIFICATE = 0x06,
    INS_EXIT = 0xA7,
};

void io_seproxyhal_init(void)
{
    started = false;
}

WEAK void io_init(void)
{
    started = false;
}

WEAK void app_ticker_event_callback(void) {}

WEAK unsigned char io_event(unsigned char channel)
{
    (void) channel;
    if (G_io_seproxyhal_spi_buffer[0] == SEPROXYHAL_TAG_TICKER_EVENT) {
        app_ticker_event_callback();
    }
    shim_ux_event(G_io_seproxyhal_spi_buffer);
    return 1;
}

static size_t append_tag(size_t length, unsigned int tag)
{
    const unsigned int size = os_registry_get_current_app_tag(tag, &G_io_tx_buffer[length + 1], 32);
    G_io_tx_buffer[length] = (uint8_t) size;
    return length + 1 + size;
}

static void answer_version(void)
{
    size_t length = 0;
    G_io_tx_buffer[length++] = 1; /* format of the answer */
    length = append_tag(length, BOLOS_TAG_APPNAME);
    length = append_tag(length, BOLOS_TAG_APPVERSION);
    G_io_tx_buffer[length++] = 1;
    G_io_tx_buffer[length++] = (uint8_t) os_flags();
    write_u16_be(G_io_tx_buffer, length, SWO_SUCCESS);
    shim_io_send(G_io_tx_buffer, (uint16_t) (length + 2));
}

static void answer_status(uint16_t status)
{
    write_u16_be(G_io_tx_buffer, 0, status);
    shim_io_send(G_io_tx_buffer, 2);
}

#ifndef TARGET_NANOS
/* P1 says what the key shall be used for. */
static void load_certificate(size_t length)
{
    if (length <= APDU_OFF_DATA || length != APDU_OFF_DATA + (size_t) G_io_tx_buffer[APDU_OFF_LC]) {
        answer_status(SWO_WRONG_LENGTH);
        return;
    }
    /* The system keeps its own copy of what it also writes here. */
    uint8_t name[CERTIFICATE_TRUSTED_NAME_MAXLEN];
    size_t name_length = sizeof(name);
    cx_ecfp_384_public_key_t key;
    const bolos_err_t error = os_pki_load_certificate(G_io_tx_buffer[APDU_OFF_P1],
                                                      &G_io_tx_buffer[APDU_OFF_DATA],
                                                      G_io_tx_buffer[APDU_OFF_LC],
                                                      name,
                                                      &name_length,
                                                      &key);
    answer_status(error == 0 ? SWO_SUCCESS : (uint16_t) error);
}
#endif

static void handle_common_command(size_t length)
{
    if (length < APDU_OFF_LC) {
        answer_status(SWO_WRONG_LENGTH);
        return;
    }
    switch (G_io_tx_buffer[APDU_OFF_INS]) {
        case INS_GET_VERSION:
            answer_version();
            break;
#ifndef TARGET_NANOS
        case INS_LOAD_CERTIFICATE:
            load_certificate(length);
            break;
#endif
        case INS_EXIT:
            answer_status(SWO_SUCCESS);
            os_sched_exit((bolos_task_status_t) -1);
        default:
            answer_status(SWO_INVALID_INS);
            break;
    }
}

/* One packet: 0 if it was an event or a common command, the length of an app's command, negative if broken. */
static int receive_and_process(void)
{
    if (!started) {
        started = true;
        shim_io_start();
    }
    shim_check_canary();
    const int length = shim_io_receive();
    shim_check_canary();
    if (length == 0) {
        io_event(CHANNEL_SPI);
    }
    if (length > 0 && G_io_tx_buffer[APDU_OFF_CLA] == CLA_COMMON) {
        handle_common_command((size_t) length);
        return 0;
    }
    return length;
}

WEAK int io_recv_command(void)
{
    int length;
    do {
        length = receive_and_process();
    } while (length == 0);
    return length;
}

WEAK bool io_recv_and_process_event(void)
{
    return receive_and_process() > 0;
}

WEAK int io_send_response_buffers(const buffer_t *rdatalist, size_t count, uint16_t sw)
{
    size_t length = 0;
    for (size_t i = 0; rdatalist != NULL && i < count; i++) {
        const buffer_t *part = &rdatalist[i];
        if (!buffer_copy(part, &G_io_tx_buffer[length], sizeof(G_io_tx_buffer) - length - 2)) {
            length = 0;
            sw = SWO_INSUFFICIENT_MEMORY;
            break;
        }
        length += part->size - part->offset;
    }
    PRINTF("<= SW=%04X | RData=%.*H\n", sw, (int) length, G_io_tx_buffer);
    write_u16_be(G_io_tx_buffer, length, sw);
    const int sent = shim_io_send(G_io_tx_buffer, (uint16_t) (length + 2));
#ifdef HAVE_SWAP
    if (shim_swap_is_answered()) {
        shim_swap_finish(sent >= 0, sw);
    }
#endif
    return sent;
}

#ifdef HAVE_PRINTF
void shim_debug_print(const char *text, size_t length)
{
    uint8_t packet[3 + 16] = {SEPROXYHAL_TAG_PRINTF};
    while (length > 0) {
        const size_t part = MIN(length, sizeof(packet) - 3);
        U2BE_ENCODE(packet, 1, (uint32_t) part);
        memcpy(&packet[3], text, part);
        shim_seph_command(packet, (uint16_t) (3 + part));
        text += part;
        length -= part;
    }
}
#endif
