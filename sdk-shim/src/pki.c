/* Descriptors that the holder of a certificate signed. */
#ifndef TARGET_NANOS
#include <string.h>

#include "cx.h"
#include "ledger_pki.h"
#include "os_pki.h"
#include "tlv_use_case_dynamic_descriptor.h"

#define STRUCTURE_DYNAMIC_TOKEN 0x90
#define SIGNATURE_MIN           64
#define SIGNATURE_MAX           72

check_signature_with_pki_status_t check_signature_with_pki(const buffer_t hash,
                                                           const uint8_t *expected_key_usage,
                                                           const cx_curve_t *expected_curve,
                                                           const buffer_t signature)
{
    uint8_t usage = 0;
    uint8_t name[CERTIFICATE_TRUSTED_NAME_MAXLEN];
    size_t name_length = sizeof(name);
    cx_ecfp_384_public_key_t key = {0};

    if (os_pki_get_info(&usage, name, &name_length, &key) != 0) {
        return CHECK_SIGNATURE_WITH_PKI_MISSING_CERTIFICATE;
    }
    if (expected_key_usage != NULL && *expected_key_usage != usage) {
        return CHECK_SIGNATURE_WITH_PKI_WRONG_CERTIFICATE_USAGE;
    }
    if (expected_curve != NULL && *expected_curve != key.curve) {
        return CHECK_SIGNATURE_WITH_PKI_WRONG_CERTIFICATE_CURVE;
    }
    if (!os_pki_verify(hash.ptr, hash.size, signature.ptr, signature.size)) {
        return CHECK_SIGNATURE_WITH_PKI_WRONG_SIGNATURE;
    }
    return CHECK_SIGNATURE_WITH_PKI_SUCCESS;
}

typedef struct {
    tlv_dynamic_descriptor_out_t *out;
    cx_sha256_t hash;
    uint8_t structure_type;
    buffer_t application;
    buffer_t signature;
} descriptor_t;

static bool handle_structure_type(const tlv_data_t *data, descriptor_t *descriptor)
{
    return get_uint8_t_from_tlv_data(data, &descriptor->structure_type);
}

static bool handle_version(const tlv_data_t *data, descriptor_t *descriptor)
{
    return get_uint8_t_from_tlv_data(data, &descriptor->out->version);
}

static bool handle_coin_type(const tlv_data_t *data, descriptor_t *descriptor)
{
    return get_uint32_t_from_tlv_data(data, &descriptor->out->coin_type);
}

static bool handle_application(const tlv_data_t *data, descriptor_t *descriptor)
{
    return get_buffer_from_tlv_data(data, &descriptor->application, 1, BOLOS_APPNAME_MAX_SIZE_B);
}

static bool handle_ticker(const tlv_data_t *data, descriptor_t *descriptor)
{
    return get_string_from_tlv_data(data, descriptor->out->ticker, 1, sizeof(descriptor->out->ticker));
}

static bool handle_magnitude(const tlv_data_t *data, descriptor_t *descriptor)
{
    return get_uint8_t_from_tlv_data(data, &descriptor->out->magnitude);
}

static bool handle_tuid(const tlv_data_t *data, descriptor_t *descriptor)
{
    return get_buffer_from_tlv_data(data, &descriptor->out->TUID, 1, 0);
}

static bool handle_signature(const tlv_data_t *data, descriptor_t *descriptor)
{
    return get_buffer_from_tlv_data(data, &descriptor->signature, SIGNATURE_MIN, SIGNATURE_MAX);
}

#define DESCRIPTOR_TAGS(X)                                                     \
    X(0x01, TAG_STRUCTURE_TYPE, handle_structure_type, ENFORCE_UNIQUE_TAG)     \
    X(0x02, TAG_VERSION, handle_version, ENFORCE_UNIQUE_TAG)                   \
    X(0x03, TAG_COIN_TYPE, handle_coin_type, ENFORCE_UNIQUE_TAG)               \
    X(0x04, TAG_APPLICATION_NAME, handle_application, ENFORCE_UNIQUE_TAG)      \
    X(0x05, TAG_TICKER, handle_ticker, ENFORCE_UNIQUE_TAG)                     \
    X(0x06, TAG_MAGNITUDE, handle_magnitude, ENFORCE_UNIQUE_TAG)               \
    X(0x07, TAG_TUID, handle_tuid, ENFORCE_UNIQUE_TAG)                         \
    X(0x08, TAG_SIGNATURE, handle_signature, ENFORCE_UNIQUE_TAG)

static bool handle_every_tag(const tlv_data_t *data, descriptor_t *descriptor);

DEFINE_TLV_PARSER(DESCRIPTOR_TAGS, &handle_every_tag, parse_descriptor)

/* The signature covers all entries but itself. */
static bool handle_every_tag(const tlv_data_t *data, descriptor_t *descriptor)
{
    return data->tag == TAG_SIGNATURE ||
           cx_hash_update((cx_hash_t *) &descriptor->hash, data->raw.ptr, data->raw.size) == CX_OK;
}

static bool is_for_this_app(const buffer_t *name)
{
    static const char app[] = APPNAME;
    return name->size == sizeof(app) - 1 && memcmp(name->ptr, app, name->size) == 0;
}

tlv_dynamic_descriptor_status_t tlv_use_case_dynamic_descriptor(const buffer_t *payload,
                                                                tlv_dynamic_descriptor_out_t *out)
{
    const uint8_t usage = CERTIFICATE_PUBLIC_KEY_USAGE_COIN_META;
    const cx_curve_t curve = CX_CURVE_SECP256K1;
    descriptor_t descriptor = {.out = out};
    TLV_reception_t received;
    uint8_t digest[CX_SHA256_SIZE];

    if (cx_sha256_init_no_throw(&descriptor.hash) != CX_OK ||
        !parse_descriptor(payload, &descriptor, &received)) {
        return TLV_DYNAMIC_DESCRIPTOR_PARSING_ERROR;
    }
    if (!TLV_CHECK_RECEIVED_TAGS(received, TAG_STRUCTURE_TYPE)) {
        return TLV_DYNAMIC_DESCRIPTOR_MISSING_STRUCTURE_TAG;
    }
    if (descriptor.structure_type != STRUCTURE_DYNAMIC_TOKEN) {
        return TLV_DYNAMIC_DESCRIPTOR_WRONG_TYPE;
    }
    if (!TLV_CHECK_RECEIVED_TAGS(received,
                                 TAG_VERSION,
                                 TAG_COIN_TYPE,
                                 TAG_APPLICATION_NAME,
                                 TAG_TICKER,
                                 TAG_MAGNITUDE,
                                 TAG_TUID,
                                 TAG_SIGNATURE)) {
        return TLV_DYNAMIC_DESCRIPTOR_MISSING_TAG;
    }
    if (!is_for_this_app(&descriptor.application)) {
        return TLV_DYNAMIC_DESCRIPTOR_WRONG_APPLICATION_NAME;
    }
    if (out->version != 1) {
        return TLV_DYNAMIC_DESCRIPTOR_UNKNOWN_VERSION;
    }
    if (cx_hash_final((cx_hash_t *) &descriptor.hash, digest) != CX_OK) {
        return TLV_DYNAMIC_DESCRIPTOR_PARSING_ERROR;
    }
    const buffer_t hash = {.ptr = digest, .size = sizeof(digest)};
    const check_signature_with_pki_status_t status =
        check_signature_with_pki(hash, &usage, &curve, descriptor.signature);
    return status == CHECK_SIGNATURE_WITH_PKI_SUCCESS
               ? TLV_DYNAMIC_DESCRIPTOR_SUCCESS
               : (tlv_dynamic_descriptor_status_t) (TLV_DYNAMIC_DESCRIPTOR_SIGNATURE_ERROR + status);
}
#endif
