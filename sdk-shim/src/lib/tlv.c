#include <string.h>

#include "../shim.h"
#include "tlv_library.h"

/* Tags and lengths as DER writes lengths: below 80 themselves, else how many bytes, and these. */
static bool read_der(buffer_t *buffer, uint32_t *value)
{
    uint8_t first;
    *value = 0;
    if (!buffer_read_u8(buffer, &first)) {
        return false;
    }
    if (first < 0x80) {
        *value = first;
        return true;
    }
    const uint8_t size = first & 0x7F;
    if (size == 0 || size > sizeof(*value)) {
        return false;
    }
    for (uint8_t i = 0; i < size; i++) {
        uint8_t byte;
        if (!buffer_read_u8(buffer, &byte)) {
            return false;
        }
        *value = (*value << 8) | byte;
    }
    return true;
}

static bool read_entry(buffer_t *buffer, tlv_data_t *data)
{
    uint32_t length;
    const size_t start = buffer->offset;
    if (!read_der(buffer, &data->tag) || !read_der(buffer, &length)) {
        return false;
    }
    data->value = (buffer_t){.ptr = buffer_get_cur(buffer), .size = length};
    if (!buffer_seek_cur(buffer, length)) {
        return false;
    }
    data->raw = (buffer_t){.ptr = buffer->ptr + start, .size = buffer->offset - start};
    return true;
}

static const _internal_tlv_handler_t *find_handler(const _internal_tlv_handler_t *handlers,
                                                   uint8_t count,
                                                   TLV_tag_t tag)
{
    for (uint8_t i = 0; i < count; i++) {
        if (handlers[i].tag == tag) {
            return &handlers[i];
        }
    }
    return NULL;
}

bool _parse_tlv_internal(const _internal_tlv_handler_t *handlers,
                         uint8_t handlers_count,
                         tlv_handler_cb_t *common_handler,
                         tag_to_flag_function_t *tag_to_flag_function,
                         const buffer_t *payload,
                         void *tlv_out,
                         TLV_reception_t *received_tags_flags)
{
    buffer_t rest = *payload;
    received_tags_flags->flags = 0;
    received_tags_flags->tag_to_flag_function = tag_to_flag_function;
    while (buffer_can_read(&rest, 1)) {
        tlv_data_t data;
        if (!read_entry(&rest, &data)) {
            return false;
        }
        const _internal_tlv_handler_t *handler = find_handler(handlers, handlers_count, data.tag);
        const TLV_flag_t flag = tag_to_flag_function(data.tag);
        if (handler == NULL || (handler->is_unique && (received_tags_flags->flags & flag) != 0)) {
            return false;
        }
        received_tags_flags->flags |= flag;
        /* The table may be a constant, whose addresses are those of the linker. */
        if (common_handler != NULL && !SHIM_PIC(common_handler)(&data, tlv_out)) {
            return false;
        }
        if (handler->func != NULL && !SHIM_PIC(handler->func)(&data, tlv_out)) {
            return false;
        }
    }
    return true;
}

bool tlv_check_received_tags(TLV_reception_t received, const TLV_tag_t *tags, size_t tag_count)
{
    for (size_t i = 0; i < tag_count; i++) {
        const TLV_flag_t flag = received.tag_to_flag_function(tags[i]);
        if (flag == 0 || (received.flags & flag) == 0) {
            return false;
        }
    }
    return true;
}

static bool read_number(const tlv_data_t *data, uint64_t max, uint64_t *value)
{
    *value = 0;
    if (data->value.size == 0) {
        return false;
    }
    for (size_t i = 0; i < data->value.size; i++) {
        if (*value > UINT64_MAX >> 8) {
            return false;
        }
        *value = (*value << 8) | data->value.ptr[i];
    }
    return *value <= max;
}

bool get_uint64_t_from_tlv_data(const tlv_data_t *data, uint64_t *value)
{
    return read_number(data, UINT64_MAX, value);
}

bool get_uint32_t_from_tlv_data(const tlv_data_t *data, uint32_t *value)
{
    uint64_t number;
    const bool fits = read_number(data, UINT32_MAX, &number);
    *value = (uint32_t) number;
    return fits;
}

bool get_uint16_t_from_tlv_data(const tlv_data_t *data, uint16_t *value)
{
    uint64_t number;
    const bool fits = read_number(data, UINT16_MAX, &number);
    *value = (uint16_t) number;
    return fits;
}

bool get_uint8_t_from_tlv_data(const tlv_data_t *data, uint8_t *value)
{
    uint64_t number;
    const bool fits = read_number(data, UINT8_MAX, &number);
    *value = (uint8_t) number;
    return fits;
}

bool get_bool_from_tlv_data(const tlv_data_t *data, bool *value)
{
    uint64_t number;
    const bool fits = read_number(data, 1, &number);
    *value = number == 1;
    return fits;
}

bool get_buffer_from_tlv_data(const tlv_data_t *data, buffer_t *out, uint16_t min_size, uint16_t max_size)
{
    if (data->value.size < min_size || (max_size != 0 && data->value.size > max_size)) {
        return false;
    }
    *out = data->value;
    return true;
}

bool get_string_from_tlv_data(const tlv_data_t *data, char *out, uint16_t min_length, uint16_t out_size)
{
    const size_t length = data->value.size;
    if (length < min_length || length >= out_size || memchr(data->value.ptr, '\0', length) != NULL) {
        return false;
    }
    memcpy(out, data->value.ptr, length);
    out[length] = '\0';
    return true;
}
