/* Packets in and out: names of SDK v25.13.0. src/io*.c says how they are used. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decorators.h"
#include "seproxyhal_protocol.h"

#ifndef OS_IO_SEPH_BUFFER_SIZE
#define OS_IO_SEPH_BUFFER_SIZE 272
#endif
#ifdef CUSTOM_IO_APDU_BUFFER_SIZE
#define OS_IO_BUFFER_SIZE CUSTOM_IO_APDU_BUFFER_SIZE
#else
#define OS_IO_BUFFER_SIZE 272
#endif
#define IO_APDU_BUFFER_SIZE         (OS_IO_BUFFER_SIZE + 1)
#define IO_SEPROXYHAL_BUFFER_SIZE_B OS_IO_SEPH_BUFFER_SIZE

typedef enum {
    OS_IO_PACKET_TYPE_NONE = 0x00,
    OS_IO_PACKET_TYPE_SEPH = 0x01,
    OS_IO_PACKET_TYPE_SE_EVT = 0x02,
    OS_IO_PACKET_TYPE_RAW_APDU = 0x10,
    OS_IO_PACKET_TYPE_USB_HID_APDU = 0x20,
    OS_IO_PACKET_TYPE_USB_WEBUSB_APDU = 0x21,
    OS_IO_PACKET_TYPE_USB_CCID_APDU = 0x22,
    OS_IO_PACKET_TYPE_USB_U2F_HID_APDU = 0x23,
    OS_IO_PACKET_TYPE_BLE_APDU = 0x30,
    OS_IO_PACKET_TYPE_NFC_APDU = 0x40,
    OS_IO_PACKET_TYPE_NFC_APDU_RSP = 0x41,
} os_io_packet_type_t;

/* First and last type of packet that carries an APDU. */
#define OS_IO_PACKET_APDU_FIRST OS_IO_PACKET_TYPE_RAW_APDU
#define OS_IO_PACKET_APDU_LAST  0x4F

/* Bits of os_io_init_usb_t.class_mask and os_io_init_ble_t.profile_mask. */
#define USBD_LEDGER_CLASS_HID     (1 << 0)
#define USBD_LEDGER_CLASS_WEBUSB  (1 << 4)
#define BLE_LEDGER_PROFILE_APDU   (1 << 0)

typedef struct {
    uint8_t protocol_version;
    uint8_t major_device_version_number;
    uint8_t minor_device_version_number;
    uint8_t build_device_version_number;
    uint8_t capabilities_flag;
} usdb_ledger_hid_u2f_settings_t;

typedef struct {
    uint16_t pid;
    uint16_t vid;
    char name[20];
    uint16_t class_mask;
    usdb_ledger_hid_u2f_settings_t hid_u2f_settings;
} os_io_init_usb_t;

typedef struct {
    uint16_t profile_mask;
} os_io_init_ble_t;

typedef struct {
    os_io_init_usb_t usb;
    os_io_init_ble_t ble;
} os_io_init_t;

#ifdef TARGET_NANOS
SYSCALL void io_seph_send(const unsigned char *buffer PLENGTH(length), unsigned short length);
SYSCALL unsigned int io_seph_is_status_sent(void);
SYSCALL unsigned short io_seph_recv(unsigned char *buffer PLENGTH(maxlength),
                                    unsigned short maxlength,
                                    unsigned int flags);
#define io_seproxyhal_spi_send           io_seph_send
#define io_seproxyhal_spi_is_status_sent io_seph_is_status_sent
#define io_seproxyhal_spi_recv           io_seph_recv
#else
SYSCALL int os_io_init(os_io_init_t *init);
SYSCALL int os_io_start(void);
SYSCALL int os_io_stop(void);
SYSCALL int os_io_rx_evt(unsigned char *buffer,
                         unsigned short buffer_max_length,
                         unsigned int *timeout_ms,
                         bool check_se_event);
SYSCALL int os_io_tx_cmd(unsigned char type,
                         const unsigned char *buffer PLENGTH(length),
                         unsigned short length,
                         unsigned int *timeout_ms);
#endif

/* The APDU that came in, and the place where the answer is put together. */
extern unsigned char G_io_tx_buffer[OS_IO_BUFFER_SIZE + 1];
#define G_io_apdu_buffer G_io_tx_buffer
/* The packet that came in last. */
extern unsigned char G_io_seproxyhal_spi_buffer[OS_IO_SEPH_BUFFER_SIZE];

#define CHANNEL_APDU     0
#define CHANNEL_KEYBOARD 1
#define CHANNEL_SPI      2

void io_seproxyhal_init(void);
