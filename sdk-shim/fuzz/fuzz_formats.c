/* Any bytes as paths, numbers, commands, TLV; as numbers and paths to be written, with too little room for them. */
#include <stdlib.h>
#include <string.h>

#include "bip32.h"
#include "buffer.h"
#include "format.h"
#include "host.h"
#include "parser.h"
#include "tlv_library.h"
#include "tlv_use_case_dynamic_descriptor.h"
#include "varint.h"

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Reading moves the position by what was read, or not at all. */
static void read_numbers(const uint8_t *data, size_t size)
{
    buffer_t buffer = {.ptr = (uint8_t *) (uintptr_t) data, .size = size};
    uint8_t byte = 0;
    while (buffer_read_u8(&buffer, &byte)) {
        const size_t before = buffer.offset;
        uint64_t number = 0;
        uint32_t path[MAX_BIP32_PATH];
        uint8_t bytes[32];
        bool read = false;
        size_t length = 0;
        switch (byte & 7) {
            case 0:
                read = buffer_read_u16(&buffer, (uint16_t *) bytes, byte & 8 ? BE : LE);
                length = 2;
                break;
            case 1:
                read = buffer_read_u32(&buffer, path, byte & 8 ? BE : LE);
                length = 4;
                break;
            case 2:
                read = buffer_read_u64(&buffer, &number, byte & 8 ? BE : LE);
                length = 8;
                break;
            case 3:
                read = buffer_read_varint(&buffer, &number);
                length = read ? buffer.offset - before : 0;
                check(!read || length >= varint_size(number));
                break;
            case 4:
                read = buffer_read_bytes(&buffer, bytes, byte >> 3);
                length = byte >> 3;
                break;
            case 5:
                read = buffer_read_bip32_path(&buffer, path, (byte >> 3) % (MAX_BIP32_PATH + 2));
                length = 4u * ((byte >> 3) % (MAX_BIP32_PATH + 2));
                break;
            case 6:
                read = buffer_seek_cur(&buffer, byte >> 3);
                length = byte >> 3;
                break;
            default:
                read = buffer_seek_set(&buffer, buffer.offset);
                break;
        }
        check(buffer.offset == before + (read ? length : 0));
        check(buffer.offset <= buffer.size);
    }
}

/* A text ends within its room and nothing behind it is touched. */
static void write_texts(const uint8_t *data, size_t size)
{
    char out[80];
    uint64_t number = 0;
    uint32_t path[MAX_BIP32_PATH];
    if (size < 2 + sizeof(number)) {
        return;
    }
    const size_t room = data[0] % (sizeof(out) - 1) + 1;
    memcpy(&number, &data[2], sizeof(number));
    for (int what = 0; what < 6; what++) {
        memset(out, '~', sizeof(out));
        bool fits = false;
        switch (what) {
            case 0:
                fits = format_u64(out, room, number);
                break;
            case 1:
                fits = format_i64(out, room, (int64_t) number);
                break;
            case 2:
                fits = format_fpu64(out, room, number, data[1]);
                break;
            case 3:
                fits = format_fpu64_trimmed(out, room, number, data[1]);
                break;
            case 4:
                fits = format_hex(&data[2], size - 2, out, room) > 0;
                break;
            default:
                fits = bip32_path_read(&data[2], size - 2, path, data[1]) && bip32_path_format(path, data[1], out, room);
                break;
        }
        check(!fits || memchr(out, '\0', room) != NULL);
        for (size_t i = room; i < sizeof(out); i++) {
            check(out[i] == '~');
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const buffer_t payload = {.ptr = (uint8_t *) (uintptr_t) data, .size = size};
    tlv_dynamic_descriptor_out_t descriptor;
    uint8_t apdu[260];
    command_t command;

    host_reset();
    host.usage = 1;
    read_numbers(data, size);
    write_texts(data, size);
    if (tlv_use_case_dynamic_descriptor(&payload, &descriptor) == TLV_DYNAMIC_DESCRIPTOR_SUCCESS) {
        check(memchr(descriptor.ticker, '\0', sizeof(descriptor.ticker)) != NULL);
    }
    if (size <= sizeof(apdu)) {
        memcpy(apdu, data, size);
        check(!apdu_parser(&command, apdu, size) || command.lc == 0 || command.data + command.lc == apdu + size);
    }
    return 0;
}
