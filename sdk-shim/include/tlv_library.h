/*
 * Parsers of tag, length, value from a list of tags. Tags and lengths are written as lengths in DER.
 *
 *     #define TAGS(X) X(0x01, TAG_TYPE, handle_type, ENFORCE_UNIQUE_TAG) …
 *     DEFINE_TLV_PARSER(TAGS, &handle_every_tag, parse_it)
 *
 * makes parse_it(payload, out, received): false if a tag is not in the list, comes twice although it must
 * not, a handler refuses it, or bytes are left over.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

typedef uint32_t TLV_tag_t;
typedef uint64_t TLV_flag_t;
typedef TLV_flag_t(tag_to_flag_function_t)(TLV_tag_t tag);

typedef struct {
    TLV_flag_t flags;
    tag_to_flag_function_t *tag_to_flag_function;
} TLV_reception_t;

typedef struct tlv_data_s {
    TLV_tag_t tag;
    buffer_t value;
    /* Tag, length and value. */
    buffer_t raw;
} tlv_data_t;

typedef bool(tlv_handler_cb_t)(const tlv_data_t *data, void *tlv_extracted);

typedef enum tag_unicity_e {
    ENFORCE_UNIQUE_TAG,
    ALLOW_MULTIPLE_TAG,
} tag_unicity_t;

typedef struct {
    TLV_tag_t tag;
    tlv_handler_cb_t *func;
    bool is_unique;
} _internal_tlv_handler_t;

bool _parse_tlv_internal(const _internal_tlv_handler_t *handlers,
                         uint8_t handlers_count,
                         tlv_handler_cb_t *common_handler,
                         tag_to_flag_function_t *tag_to_flag_function,
                         const buffer_t *payload,
                         void *tlv_out,
                         TLV_reception_t *received_tags_flags);

#define SHIM_TLV_TAG(value, name, handler, unicity)   name = (value),
#define SHIM_TLV_INDEX(value, name, handler, unicity) name##_INDEX,
#define SHIM_TLV_FLAG(value, name, handler, unicity) \
    case name:                                       \
        return (TLV_flag_t) 1 << name##_INDEX;
#define SHIM_TLV_HANDLER(value, name, handler, unicity) \
    {.tag = name, .func = (tlv_handler_cb_t *) (handler), .is_unique = (unicity) == ENFORCE_UNIQUE_TAG},

#define DEFINE_TLV_PARSER(TAG_LIST, COMMON_HANDLER, PARSE_FUNCTION_NAME)                                   \
    enum { TAG_LIST(SHIM_TLV_TAG) };                                                                       \
    enum { TAG_LIST(SHIM_TLV_INDEX) PARSE_FUNCTION_NAME##_TAG_COUNT };                                     \
    _Static_assert(PARSE_FUNCTION_NAME##_TAG_COUNT <= 64, "more tags than flags");                         \
    static TLV_flag_t PARSE_FUNCTION_NAME##_tag_to_flag(TLV_tag_t tag)                                     \
    {                                                                                                      \
        switch (tag) {                                                                                     \
            TAG_LIST(SHIM_TLV_FLAG)                                                                        \
            default:                                                                                       \
                return 0;                                                                                  \
        }                                                                                                  \
    }                                                                                                      \
    static bool PARSE_FUNCTION_NAME(const buffer_t *payload, void *tlv_out, TLV_reception_t *received)     \
    {                                                                                                      \
        const _internal_tlv_handler_t handlers[] = {TAG_LIST(SHIM_TLV_HANDLER)};                           \
        return _parse_tlv_internal(handlers,                                                               \
                                   PARSE_FUNCTION_NAME##_TAG_COUNT,                                        \
                                   (tlv_handler_cb_t *) (COMMON_HANDLER),                                  \
                                   PARSE_FUNCTION_NAME##_tag_to_flag,                                      \
                                   payload,                                                                \
                                   tlv_out,                                                                \
                                   received);                                                              \
    }

/* Whether all of those tags came. */
bool tlv_check_received_tags(TLV_reception_t received, const TLV_tag_t *tags, size_t tag_count);

#define TLV_CHECK_RECEIVED_TAGS(received, ...)          \
    tlv_check_received_tags(received,                   \
                            (TLV_tag_t[]){__VA_ARGS__}, \
                            sizeof((TLV_tag_t[]){__VA_ARGS__}) / sizeof(TLV_tag_t))

/* Values as numbers, big endian, without their leading zeros at most as long as the type. */
bool get_uint64_t_from_tlv_data(const tlv_data_t *data, uint64_t *value);
bool get_uint32_t_from_tlv_data(const tlv_data_t *data, uint32_t *value);
bool get_uint16_t_from_tlv_data(const tlv_data_t *data, uint16_t *value);
bool get_uint8_t_from_tlv_data(const tlv_data_t *data, uint8_t *value);
bool get_bool_from_tlv_data(const tlv_data_t *data, bool *value);
/* Points into the data. max_size 0: no limit. */
bool get_buffer_from_tlv_data(const tlv_data_t *data, buffer_t *out, uint16_t min_size, uint16_t max_size);
/* Copies a text without zeros in it, and ends it. */
bool get_string_from_tlv_data(const tlv_data_t *data, char *out, uint16_t min_length, uint16_t out_size);
