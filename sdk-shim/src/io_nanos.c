/*
 * Transport on the Nano S: the app itself is the USB device. One HID interface; an APDU travels in 64-byte
 * reports: channel (2), tag 5, sequence number (2), in the first one the length of the APDU (2), data.
 * Numbers of requests and descriptors: USB 2.0 §9.3 to §9.6, HID 1.11 §6.2.1 and §7.1.
 */
#ifdef TARGET_NANOS
#include "io_nanos.h"

#include <string.h>

#include "os_io.h"
#include "shim.h"

#define REPORT_SIZE 64
#define HID_IN      0x82
#define HID_OUT     0x02
#define CONTROL_IN  0x80
#define CONTROL_OUT 0x00
#define TAG_APDU    0x05

enum {
    GET_STATUS = 0x00,
    SET_ADDRESS = 0x05,
    GET_DESCRIPTOR = 0x06,
    GET_CONFIGURATION = 0x08,
    SET_CONFIGURATION = 0x09,
    HID_SET_IDLE = 0x0A,
};

enum {
    DESCRIPTOR_DEVICE = 0x01,
    DESCRIPTOR_CONFIGURATION = 0x02,
    DESCRIPTOR_STRING = 0x03,
    DESCRIPTOR_REPORT = 0x22,
};

#define LE16(x) (uint8_t) (x), (uint8_t) ((x) >> 8)

/* Usage page FFA0, one report of 64 bytes each way. */
static const uint8_t report_descriptor[] = {
    0x06, 0xA0, 0xFF, 0x09, 0x01, 0xA1, 0x01, 0x09, 0x03, 0x15, 0x00, 0x26, 0xFF, 0x00, 0x75, 0x08, 0x95,
    REPORT_SIZE, 0x81, 0x08, 0x09, 0x04, 0x15, 0x00, 0x26, 0xFF, 0x00, 0x75, 0x08, 0x95, REPORT_SIZE, 0x91,
    0x08, 0xC0,
};

/* Vendor 2C97; product 1011 is a Nano S with one HID interface. */
static const uint8_t device_descriptor[] = {
    18, DESCRIPTOR_DEVICE, LE16(0x0200), 0, 0, 0, REPORT_SIZE, LE16(0x2C97), LE16(0x1011), LE16(0x0201),
    1, 2, 3, 1,
};

static const uint8_t configuration_descriptor[] = {
    9, DESCRIPTOR_CONFIGURATION, LE16(41), 1, 1, 0, 0xC0, 50,
    9, 0x04, 0, 0, 2, 0x03, 0, 0, 0,
    9, 0x21, LE16(0x0111), 0, 1, DESCRIPTOR_REPORT, LE16(sizeof(report_descriptor)),
    7, 0x05, HID_IN, 0x03, LE16(REPORT_SIZE), 1,
    7, 0x05, HID_OUT, 0x03, LE16(REPORT_SIZE), 1,
};

static const uint8_t languages[] = {4, DESCRIPTOR_STRING, LE16(0x0409)};
static const char *const strings[] = {"Ledger", "Nano S", "0001"};

static struct {
    uint16_t channel;
    uint16_t sequence;
    uint16_t expected;
    uint16_t received;
} request;

static bool in_report_acknowledged;

void shim_seph_command(const uint8_t *packet, uint16_t length)
{
    io_seph_send(packet, length);
}

static void prepare_endpoint(uint8_t endpoint, uint8_t direction, const uint8_t *data, uint8_t length)
{
    uint8_t packet[6 + REPORT_SIZE] = {
        SEPROXYHAL_TAG_USB_EP_PREPARE, 0, (uint8_t) (3 + length), endpoint, direction, length};
    if (length > 0) {
        memcpy(&packet[6], data, length);
    }
    const bool reads = direction == SEPROXYHAL_TAG_USB_EP_PREPARE_OUT;
    if (reads) {
        packet[2] = 3;
        packet[5] = REPORT_SIZE;
    }
    io_seph_send(packet, (uint16_t) (3 + packet[2]));
}

static void configure(uint8_t what, uint8_t value)
{
    const uint8_t packet[] = {SEPROXYHAL_TAG_USB_CONFIG, 0, 2, what, value};
    io_seph_send(packet, sizeof(packet));
}

static void open_endpoints(void)
{
    /* For each: address, type (2: interrupt), size. */
    static const uint8_t packet[] = {SEPROXYHAL_TAG_USB_CONFIG, 0, 8, SEPROXYHAL_TAG_USB_CONFIG_ENDPOINTS,
                                     2, HID_OUT, 2, REPORT_SIZE, HID_IN, 2, REPORT_SIZE};
    io_seph_send(packet, sizeof(packet));
    prepare_endpoint(HID_OUT, SEPROXYHAL_TAG_USB_EP_PREPARE_OUT, NULL, 0);
}

static void answer_control(const uint8_t *data, size_t length, uint16_t wanted)
{
    const size_t size = MIN(MIN(length, wanted), REPORT_SIZE);
    prepare_endpoint(CONTROL_IN, SEPROXYHAL_TAG_USB_EP_PREPARE_IN, data, (uint8_t) size);
}

static void answer_string(uint8_t index, uint16_t wanted)
{
    uint8_t descriptor[2 + 2 * 8] = {2, DESCRIPTOR_STRING};
    if (index == 0) {
        answer_control(languages, sizeof(languages), wanted);
        return;
    }
    if (index <= ARRAYLEN(strings)) {
        for (const char *c = SHIM_PIC(strings[index - 1]); *c != '\0'; c++) {
            descriptor[descriptor[0]] = (uint8_t) *c;
            descriptor[0] += 2;
        }
    }
    answer_control(descriptor, descriptor[0], wanted);
}

static void answer_descriptor(uint8_t type, uint8_t index, uint16_t wanted)
{
    switch (type) {
        case DESCRIPTOR_DEVICE:
            answer_control(device_descriptor, sizeof(device_descriptor), wanted);
            break;
        case DESCRIPTOR_CONFIGURATION:
            answer_control(configuration_descriptor, sizeof(configuration_descriptor), wanted);
            break;
        case DESCRIPTOR_STRING:
            answer_string(index, wanted);
            break;
        case DESCRIPTOR_REPORT:
            answer_control(report_descriptor, sizeof(report_descriptor), wanted);
            break;
        default:
            prepare_endpoint(CONTROL_IN, SEPROXYHAL_TAG_USB_EP_PREPARE_STALL, NULL, 0);
            break;
    }
}

static void handle_setup(const uint8_t *setup)
{
    static const uint8_t zeros[2];
    const uint16_t wanted = U2LE(setup, 6);
    switch (setup[1]) {
        case SET_ADDRESS:
            prepare_endpoint(CONTROL_IN, SEPROXYHAL_TAG_USB_EP_PREPARE_IN, NULL, 0);
            configure(SEPROXYHAL_TAG_USB_CONFIG_ADDR, setup[2]);
            break;
        case SET_CONFIGURATION:
            prepare_endpoint(CONTROL_IN, SEPROXYHAL_TAG_USB_EP_PREPARE_IN, NULL, 0);
            open_endpoints();
            break;
        case GET_DESCRIPTOR:
            answer_descriptor(setup[3], setup[2], wanted);
            break;
        case GET_STATUS:
            answer_control(zeros, 2, wanted);
            break;
        case GET_CONFIGURATION:
            answer_control((const uint8_t[]){1}, 1, wanted);
            break;
        case HID_SET_IDLE:
            prepare_endpoint(CONTROL_IN, SEPROXYHAL_TAG_USB_EP_PREPARE_IN, NULL, 0);
            break;
        default:
            prepare_endpoint(CONTROL_IN, SEPROXYHAL_TAG_USB_EP_PREPARE_STALL, NULL, 0);
            break;
    }
}

/* Adds a report to the request; the length of the APDU once it is complete, else 0. */
static uint16_t handle_report(const uint8_t *report, size_t length)
{
    size_t header = 5;
    if (length < header || report[2] != TAG_APDU) {
        return 0;
    }
    const uint16_t sequence = U2BE(report, 3);
    if (sequence == 0) {
        header = 7;
        if (length < header) {
            return 0;
        }
        request.channel = U2BE(report, 0);
        request.expected = U2BE(report, 5);
        request.received = 0;
        request.sequence = 0;
    }
    if (sequence != request.sequence || request.received >= request.expected) {
        request.expected = 0;
        return 0;
    }
    const uint16_t part = (uint16_t) MIN(length - header, (size_t) (request.expected - request.received));
    /* Of what is too long only the start is kept: no APDU fills the buffer, so the app refuses it. */
    if (request.received < sizeof(G_io_tx_buffer)) {
        memcpy(&G_io_tx_buffer[request.received],
               &report[header],
               MIN(part, sizeof(G_io_tx_buffer) - request.received));
    }
    request.received = (uint16_t) (request.received + part);
    request.sequence++;
    if (request.received < request.expected) {
        return 0;
    }
    request.expected = 0;
    return MIN(request.received, (uint16_t) sizeof(G_io_tx_buffer));
}

/* Endpoint, kind of transfer, length, data. */
static uint16_t handle_transfer(const uint8_t *event, size_t length)
{
    uint16_t apdu = 0;
    if (length < 3) {
        return 0;
    }
    const size_t size = MIN(event[2], length - 3);
    switch (event[1]) {
        case SEPROXYHAL_TAG_USB_EP_XFER_SETUP:
            if (length >= 3 + 8) {
                handle_setup(&event[3]);
            }
            break;
        case SEPROXYHAL_TAG_USB_EP_XFER_IN:
            in_report_acknowledged |= (event[0] & 0x7F) == HID_OUT;
            break;
        case SEPROXYHAL_TAG_USB_EP_XFER_OUT:
            if ((event[0] & 0x7F) == HID_OUT) {
                apdu = handle_report(&event[3], size);
                prepare_endpoint(HID_OUT, SEPROXYHAL_TAG_USB_EP_PREPARE_OUT, NULL, 0);
            }
            break;
        default:
            break;
    }
    return apdu;
}

void shim_io_start(void)
{
    configure(SEPROXYHAL_TAG_USB_CONFIG_DISCONNECT, 0);
    configure(SEPROXYHAL_TAG_USB_CONFIG_CONNECT, 0);
}

/* A packet that ends the app's turn has to go out before one can come in. */
static void end_turn(void)
{
    static const uint8_t general_status[] = {SEPROXYHAL_TAG_GENERAL_STATUS, 0, 2, 0, 0};
    if (!io_seph_is_status_sent() && !shim_draw_next()) {
        io_seph_send(general_status, sizeof(general_status));
    }
}

int shim_io_receive(void)
{
    end_turn();
    const size_t size = io_seph_recv(G_io_seproxyhal_spi_buffer, sizeof(G_io_seproxyhal_spi_buffer), 0);
    if (size < 3 || size != 3u + U2BE(G_io_seproxyhal_spi_buffer, 1)) {
        G_io_seproxyhal_spi_buffer[0] = 0;
        return 0;
    }
    if (G_io_seproxyhal_spi_buffer[0] == SEPROXYHAL_TAG_USB_EP_XFER_EVENT) {
        return handle_transfer(&G_io_seproxyhal_spi_buffer[3], size - 3);
    }
    return 0;
}

/* Each report is acknowledged before the next; what else comes in meanwhile goes to the screens. */
int shim_io_send(const uint8_t *data, uint16_t length)
{
    uint16_t sent = 0;
    for (uint16_t sequence = 0; sequence == 0 || sent < length; sequence++) {
        uint8_t report[REPORT_SIZE] = {0};
        size_t header = 5;
        U2BE_ENCODE(report, 0, request.channel);
        report[2] = TAG_APDU;
        U2BE_ENCODE(report, 3, sequence);
        if (sequence == 0) {
            U2BE_ENCODE(report, 5, length);
            header = 7;
        }
        const uint16_t part = (uint16_t) MIN((size_t) (length - sent), sizeof(report) - header);
        memcpy(&report[header], &data[sent], part);
        sent = (uint16_t) (sent + part);
        in_report_acknowledged = false;
        prepare_endpoint(HID_IN, SEPROXYHAL_TAG_USB_EP_PREPARE_IN, report, sizeof(report));
        while (!in_report_acknowledged) {
            if (shim_io_receive() != 0) {
                return -1; /* a new command before the answer: the host gave up */
            }
            if (G_io_seproxyhal_spi_buffer[0] == SEPROXYHAL_TAG_USB_EVENT) {
                return -1; /* unplugged or reset */
            }
            shim_ux_event(G_io_seproxyhal_spi_buffer);
        }
    }
    return 0;
}
#endif
