/* TLV parsers, signed descriptors, and the entry for the Exchange app. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host.h"
#include "io.h"
#include "ledger_pki.h"
#include "shim.h"
#include "swap.h"
#include "swap_error_code_helpers.h"
#include "tlv_library.h"
#include "tlv_use_case_dynamic_descriptor.h"

typedef struct {
    uint8_t number;
    buffer_t bytes;
    unsigned int entries;
    bool refuse;
} parsed_t;

static bool handle_number(const tlv_data_t *data, parsed_t *parsed)
{
    return get_uint8_t_from_tlv_data(data, &parsed->number);
}

static bool handle_bytes(const tlv_data_t *data, parsed_t *parsed)
{
    return get_buffer_from_tlv_data(data, &parsed->bytes, 1, 3);
}

static bool handle_any(const tlv_data_t *data, parsed_t *parsed)
{
    assert_true(data->raw.size > data->value.size);
    parsed->entries++;
    return !parsed->refuse;
}

#define TAGS(X)                                               \
    X(0x01, NUMBER, handle_number, ENFORCE_UNIQUE_TAG)        \
    X(0x81, BYTES, handle_bytes, ALLOW_MULTIPLE_TAG)          \
    X(0x1234, LONG_TAG, NULL, ENFORCE_UNIQUE_TAG)

DEFINE_TLV_PARSER(TAGS, &handle_any, parse)

static bool parse_bytes(const char *bytes, size_t size, parsed_t *parsed, TLV_reception_t *received)
{
    const buffer_t payload = {.ptr = (uint8_t *) bytes, .size = size};
    const bool refuse = parsed->refuse;
    memset(parsed, 0, sizeof(*parsed));
    parsed->refuse = refuse;
    return parse(&payload, parsed, received);
}

#define PARSE(text) parse_bytes(text, sizeof(text) - 1, &parsed, &received)

static void test_parser(void **state)
{
    (void) state;
    parsed_t parsed = {0};
    TLV_reception_t received;
    assert_true(PARSE(""));
    assert_false(TLV_CHECK_RECEIVED_TAGS(received, NUMBER));
    assert_true(PARSE("\x01\x01\x07\x81\x81\x02" "ab\x82\x12\x34\x00"));
    assert_int_equal(parsed.entries, 3);
    assert_int_equal(parsed.number, 7);
    assert_int_equal(parsed.bytes.size, 2);
    assert_memory_equal(parsed.bytes.ptr, "ab", 2);
    assert_true(TLV_CHECK_RECEIVED_TAGS(received, NUMBER, BYTES, LONG_TAG));
    assert_false(TLV_CHECK_RECEIVED_TAGS(received, NUMBER, 0x99));
    assert_true(PARSE("\x81\x81\x01" "a\x81\x81\x01" "b"));
    assert_int_equal(parsed.entries, 2);

    assert_false(PARSE("\x01\x01\x07\x01\x01\x08")); /* twice */
    assert_false(PARSE("\x02\x00"));                 /* unknown */
    assert_false(PARSE("\x01"));                     /* no length */
    assert_false(PARSE("\x01\x02\x07"));             /* too short */
    assert_false(PARSE("\x01\x80"));                 /* no length bytes */
    assert_false(PARSE("\x01\x85\x00\x00\x00\x00\x01\x07"));
    assert_false(PARSE("\x01\x82\x00"));
    assert_false(PARSE("\x81\x81\x04" "abcd")); /* its handler says no */
    parsed.refuse = true;
    assert_false(PARSE("\x01\x01\x07"));
}

static tlv_data_t value(const char *bytes, size_t size)
{
    return (tlv_data_t){.value = {.ptr = (uint8_t *) bytes, .size = size}};
}

static void test_numbers(void **state)
{
    (void) state;
    uint64_t u64;
    uint32_t u32;
    uint16_t u16;
    uint8_t u8;
    bool yes;
    tlv_data_t data = value("\x00\x00\x01\x00", 4);
    assert_true(get_uint16_t_from_tlv_data(&data, &u16));
    assert_int_equal(u16, 256);
    assert_false(get_uint8_t_from_tlv_data(&data, &u8));
    assert_false(get_bool_from_tlv_data(&data, &yes));
    data = value("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8);
    assert_true(get_uint64_t_from_tlv_data(&data, &u64));
    assert_true(u64 == UINT64_MAX);
    assert_false(get_uint32_t_from_tlv_data(&data, &u32));
    assert_false(get_uint16_t_from_tlv_data(&data, &u16));
    data = value("\x01\x00\x00\x00\x00\x00\x00\x00\x00", 9);
    assert_false(get_uint64_t_from_tlv_data(&data, &u64));
    data = value("", 0);
    assert_false(get_uint8_t_from_tlv_data(&data, &u8));
    data = value("\x01", 1);
    assert_true(get_bool_from_tlv_data(&data, &yes));
    assert_true(yes);
    assert_true(get_uint32_t_from_tlv_data(&data, &u32));
    data = value("\x00", 1);
    assert_true(get_bool_from_tlv_data(&data, &yes));
    assert_false(yes);
}

static void test_strings_and_buffers(void **state)
{
    (void) state;
    char text[4];
    buffer_t bytes;
    tlv_data_t data = value("abc", 3);
    assert_true(get_string_from_tlv_data(&data, text, 1, sizeof(text)));
    assert_string_equal(text, "abc");
    assert_false(get_string_from_tlv_data(&data, text, 4, sizeof(text)));
    assert_false(get_string_from_tlv_data(&data, text, 1, 3));
    assert_true(get_buffer_from_tlv_data(&data, &bytes, 3, 3));
    assert_true(get_buffer_from_tlv_data(&data, &bytes, 0, 0));
    assert_false(get_buffer_from_tlv_data(&data, &bytes, 4, 0));
    assert_false(get_buffer_from_tlv_data(&data, &bytes, 0, 2));
    data = value("a\0c", 3);
    assert_false(get_string_from_tlv_data(&data, text, 1, sizeof(text)));
}

/* Type, version, coin type, app, ticker, magnitude, TUID, signature; each may be left out by its bit. */
static tlv_dynamic_descriptor_status_t descriptor(uint8_t type, uint8_t version, const char *app, uint8_t without)
{
    uint8_t bytes[200];
    size_t size = 0;
    const struct {
        uint8_t tag;
        const void *value;
        size_t length;
    } entries[] = {
        {1, &type, 1}, {2, &version, 1}, {3, "\x01", 1},       {4, app, strlen(app)},
        {5, "TOK", 3}, {6, "\x09", 1},   {7, "\x10\x01x", 3}, {8, host.signature, 70},
    };
    for (size_t i = 0; i < ARRAYLEN(entries); i++) {
        if ((without >> i & 1) == 0) {
            bytes[size++] = entries[i].tag;
            bytes[size++] = (uint8_t) entries[i].length;
            memcpy(&bytes[size], entries[i].value, entries[i].length);
            size += entries[i].length;
        }
    }
    tlv_dynamic_descriptor_out_t out = {0};
    const buffer_t payload = {.ptr = bytes, .size = size};
    const tlv_dynamic_descriptor_status_t status = tlv_use_case_dynamic_descriptor(&payload, &out);
    if (status == TLV_DYNAMIC_DESCRIPTOR_SUCCESS) {
        assert_string_equal(out.ticker, "TOK");
        assert_int_equal(out.magnitude, 9);
        assert_int_equal(out.coin_type, 1);
        assert_int_equal(out.TUID.size, 3);
    }
    return status;
}

static void test_descriptor(void **state)
{
    (void) state;
    host.signature[0] = 0x30;
    assert_int_equal(descriptor(0x90, 1, "Host", 0), TLV_DYNAMIC_DESCRIPTOR_SIGNATURE_ERROR + 1);
    host.usage = 7;
    assert_int_equal(descriptor(0x90, 1, "Host", 0), TLV_DYNAMIC_DESCRIPTOR_SIGNATURE_ERROR + 2);
    host.usage = 8;
    assert_int_equal(descriptor(0x90, 1, "Host", 0), TLV_DYNAMIC_DESCRIPTOR_SIGNATURE_ERROR + 3);
    host.certificate_curve = CX_CURVE_SECP256K1;
    assert_int_equal(descriptor(0x90, 1, "Host", 0), TLV_DYNAMIC_DESCRIPTOR_SUCCESS);
    host.signature[0] = 0;
    assert_int_equal(descriptor(0x90, 1, "Host", 0), TLV_DYNAMIC_DESCRIPTOR_SIGNATURE_ERROR + 4);

    /* The hash of the entries cannot be made: at the start, on the way, at the end. */
    for (unsigned int n = 1; n <= 9; n++) {
        host.cx_fails = n;
        assert_int_equal(descriptor(0x90, 1, "Host", 0), TLV_DYNAMIC_DESCRIPTOR_PARSING_ERROR);
    }

    assert_int_equal(descriptor(0x91, 1, "Host", 0), TLV_DYNAMIC_DESCRIPTOR_WRONG_TYPE);
    assert_int_equal(descriptor(0x90, 2, "Host", 0), TLV_DYNAMIC_DESCRIPTOR_UNKNOWN_VERSION);
    assert_int_equal(descriptor(0x90, 1, "Other", 0), TLV_DYNAMIC_DESCRIPTOR_WRONG_APPLICATION_NAME);
    assert_int_equal(descriptor(0x90, 1, "", 0), TLV_DYNAMIC_DESCRIPTOR_PARSING_ERROR);
    assert_int_equal(descriptor(0x90, 1, "Host", 1), TLV_DYNAMIC_DESCRIPTOR_MISSING_STRUCTURE_TAG);
    for (uint8_t i = 1; i < 8; i++) {
        assert_int_equal(descriptor(0x90, 1, "Host", (uint8_t) (1 << i)),
                         TLV_DYNAMIC_DESCRIPTOR_MISSING_TAG);
    }
}

static void test_signature_by_any_certificate(void **state)
{
    (void) state;
    uint8_t bytes[] = {0x30};
    const buffer_t data = {.ptr = bytes, .size = sizeof(bytes)};
    assert_int_equal(check_signature_with_pki(data, NULL, NULL, data), CHECK_SIGNATURE_WITH_PKI_MISSING_CERTIFICATE);
    host.usage = 3;
    assert_int_equal(check_signature_with_pki(data, NULL, NULL, data), CHECK_SIGNATURE_WITH_PKI_SUCCESS);
}

/* Swap */

static void call(unsigned int id, unsigned int command, void *params)
{
    libargs_t args = {.id = id, .command = command};
    args.create_transaction = params;
    if (setjmp(host.exit) == 0) {
        shim_library_main(&args);
    }
}

static void test_library_calls(void **state)
{
    (void) state;
    check_address_parameters_t address = {0};
    call(0x100, CHECK_ADDRESS, &address);
    assert_int_equal(address.result, 1);
    assert_int_equal(host.exit_code, -1);
    get_printable_amount_parameters_t amount = {0};
    call(0x100, GET_PRINTABLE_AMOUNT, &amount);
    assert_string_equal(amount.printable_amount, "1 HOST");
    call(0x100, 99, NULL);
    assert_int_equal(host.exit_code, -1);
    call(0x101, CHECK_ADDRESS, &address);
    assert_int_equal(host.exit_code, 0xFF);

    create_transaction_parameters_t transaction = {.result = 7};
    G_called_from_swap = false;
    call(0x100, SIGN_TRANSACTION, &transaction);
    assert_false(G_called_from_swap);
    transaction.amount_length = 1;
    call(0x100, SIGN_TRANSACTION, &transaction);
    assert_true(G_called_from_swap);
    assert_false(G_swap_response_ready);
    assert_int_equal(transaction.result, 7);

    /* The answer goes out, and the caller learns the result. */
    io_send_sw(0x9000);
    assert_int_equal(host.sent_length, 2);
    G_swap_response_ready = true;
    if (setjmp(host.exit) == 0) {
        io_send_sw(0x9000);
        fail();
    }
    assert_int_equal(transaction.result, 1);
    if (setjmp(host.exit) == 0) {
        send_swap_error_simple(0xC000, SWAP_EC_ERROR_WRONG_FEES, 4);
    }
    assert_int_equal(transaction.result, 0);
    assert_memory_equal(host.sent, "\x03\x04\xC0\x00", 4);
    const buffer_t why = {.ptr = (uint8_t *) "why", .size = 3};
    if (setjmp(host.exit) == 0) {
        send_swap_error_with_buffer(0xC000, 1, 2, why);
    }
    assert_memory_equal(host.sent, "\x01\x02why\xC0\x00", 7);
    if (setjmp(host.exit) == 0) {
        shim_swap_finish(false, 0x9000);
    }
    assert_int_equal(host.exit_code, 0xFF);
    G_called_from_swap = false;
}

static void test_exception_in_a_library_call(void **state)
{
    (void) state;
    create_transaction_parameters_t transaction = {.amount_length = 1};
    host.throws = EXCEPTION_OVERFLOW;
    call(0x100, SIGN_TRANSACTION, &transaction);
    assert_int_equal(host.exit_code, -1);
    G_called_from_swap = false;
}

void app_main(void)
{
    if (host.throws != 0) {
        THROW(host.throws);
    }
}

static void test_swap_helpers(void **state)
{
    (void) state;
    uint64_t number;
    assert_true(swap_str_to_u64((const uint8_t *) "\x01\x00", 2, &number));
    assert_true(number == 256);
    assert_true(swap_str_to_u64(NULL, 0, &number));
    assert_true(number == 0);
    assert_false(swap_str_to_u64((const uint8_t *) "\0\0\0\0\0\0\0\0\1", 9, &number));

    char ticker[5];
    uint8_t decimals;
    assert_true(swap_parse_config((const uint8_t *) "\x04USDC\x06", 6, ticker, sizeof(ticker), &decimals));
    assert_string_equal(ticker, "USDC");
    assert_int_equal(decimals, 6);
    assert_false(swap_parse_config((const uint8_t *) "\x04USDC\x06", 5, ticker, sizeof(ticker), &decimals));
    assert_false(swap_parse_config((const uint8_t *) "\x05USDCX\x06", 7, ticker, sizeof(ticker), &decimals));
    assert_false(swap_parse_config((const uint8_t *) "\x00\x06", 2, ticker, sizeof(ticker), &decimals));
    assert_false(swap_parse_config(NULL, 0, ticker, sizeof(ticker), &decimals));
}

static void test_certificates(void **state)
{
    (void) state;
    memcpy(host.apdu, "\xB0\x06\x08\x00\x02" "ab", 7);
    host.apdu_length = 7;
    io_recv_command();
    assert_memory_equal(host.sent, "\x90\x00", 2);
    assert_int_equal(host.usage, 8);
    host.cx_error = 0x5720;
    host.apdu_length = 7;
    io_recv_command();
    assert_memory_equal(host.sent, "\x57\x20", 2);
    host.apdu_length = 6;
    io_recv_command();
    assert_memory_equal(host.sent, "\x67\x00", 2);
    host.apdu_length = 5;
    io_recv_command();
    assert_memory_equal(host.sent, "\x67\x00", 2);
}

static int setup(void **state)
{
    (void) state;
    host_reset();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_parser, setup),
        cmocka_unit_test_setup(test_numbers, setup),
        cmocka_unit_test_setup(test_strings_and_buffers, setup),
        cmocka_unit_test_setup(test_descriptor, setup),
        cmocka_unit_test_setup(test_signature_by_any_certificate, setup),
        cmocka_unit_test_setup(test_library_calls, setup),
        cmocka_unit_test_setup(test_exception_in_a_library_call, setup),
        cmocka_unit_test_setup(test_swap_helpers, setup),
        cmocka_unit_test_setup(test_certificates, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
