/* Transport on devices whose operating system owns USB and BLE (API level 24 and up). */
#ifndef TARGET_NANOS
#include <string.h>

#include "os_io.h"
#include "shim.h"

/* How the last command came in, and so how the answer goes out. */
static uint8_t medium;

/* One byte says what the packet is. */
static uint8_t packet[1 + OS_IO_BUFFER_SIZE];

void shim_io_start(void)
{
    os_io_init_t init = {.usb.class_mask = USBD_LEDGER_CLASS_HID};
#ifdef HAVE_WEBUSB
    init.usb.class_mask |= USBD_LEDGER_CLASS_WEBUSB;
#endif
#ifdef HAVE_BLE
    init.ble.profile_mask = BLE_LEDGER_PROFILE_APDU;
#endif
    os_io_init(&init);
    os_io_start();
}

int shim_io_receive(void)
{
    const int received = os_io_rx_evt(packet, sizeof(packet), NULL, true);
    if (received < 0) {
        return received;
    }
    const size_t length = received > 0 ? (size_t) received - 1 : 0;
    const uint8_t type = packet[0];
    if (length > 0 && type >= OS_IO_PACKET_APDU_FIRST && type <= OS_IO_PACKET_APDU_LAST) {
        medium = type;
        memcpy(G_io_tx_buffer, &packet[1], length);
        return (int) length;
    }
    /* Events of the secure element itself and empty packets are of no use to an app. */
    memset(G_io_seproxyhal_spi_buffer, 0, 4);
    if (type == OS_IO_PACKET_TYPE_SEPH) {
        memcpy(G_io_seproxyhal_spi_buffer, &packet[1], MIN(length, sizeof(G_io_seproxyhal_spi_buffer)));
    }
    return 0;
}

int shim_io_send(const uint8_t *data, uint16_t length)
{
    return os_io_tx_cmd(medium, data, length, NULL);
}

void shim_seph_command(const uint8_t *command, uint16_t length)
{
    os_io_tx_cmd(OS_IO_PACKET_TYPE_SEPH, command, length, NULL);
}
#endif
