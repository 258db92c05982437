/* The command loop and the common commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host.h"
#include "io.h"

static unsigned int ticks;

void app_ticker_event_callback(void)
{
    ticks++;
}

static int setup(void **state)
{
    (void) state;
    host_reset();
    ticks = 0;
    io_init();
    return 0;
}

static void incoming(const char *bytes, size_t length)
{
    memcpy(host.apdu, bytes, length);
    host.apdu_length = (int) length;
}

static void sent(const char *bytes, size_t length)
{
    assert_int_equal(host.sent_length, length);
    assert_memory_equal(host.sent, bytes, length);
}

static void test_command(void **state)
{
    (void) state;
    incoming("\xE0\x01\x02\x03", 4);
    assert_int_equal(io_recv_command(), 4);
    assert_memory_equal(G_io_apdu_buffer, "\xE0\x01\x02\x03", 4);
    assert_int_equal(host.started, 1);
    assert_int_equal(io_recv_command(), -1);
    assert_int_equal(host.started, 1);
    assert_int_equal(host.sent_length, 0);
}

static void test_events(void **state)
{
    (void) state;
    host.event = SEPROXYHAL_TAG_TICKER_EVENT;
    assert_false(io_recv_and_process_event());
    assert_int_equal(ticks, 1);
    host.event = SEPROXYHAL_TAG_STATUS_EVENT;
    assert_false(io_recv_and_process_event());
    assert_int_equal(ticks, 1);
    incoming("\xE0\x01\x02\x03", 4);
    assert_true(io_recv_and_process_event());
}

static void test_common_commands(void **state)
{
    (void) state;
    incoming("\xB0\x01\x00\x00", 4);
    assert_int_equal(io_recv_command(), -1);
    sent("\x01\x04Host\x05" "1.0.0\x01\x04\x90\x00", 16);
    incoming("\xB0\x99\x00\x00", 4);
    assert_int_equal(io_recv_command(), -1);
    sent("\x6D\x00", 2);
    incoming("\xB0\x01\x00", 3);
    assert_int_equal(io_recv_command(), -1);
    sent("\x67\x00", 2);
}

static void test_exit_command(void **state)
{
    (void) state;
    incoming("\xB0\xA7\x00\x00", 4);
    if (setjmp(host.exit) == 0) {
        io_recv_command();
        fail();
    }
    sent("\x90\x00", 2);
    assert_int_equal(host.exit_code, 0xFF);
}

static void test_answers(void **state)
{
    (void) state;
    uint8_t big[OS_IO_BUFFER_SIZE] = {0};
    buffer_t parts[] = {
        {.ptr = (uint8_t *) "abc", .size = 3, .offset = 1},
        {.ptr = (uint8_t *) "de", .size = 2},
    };
    assert_int_equal(io_send_sw(0x6985), 0);
    sent("\x69\x85", 2);
    io_send_response_buffers(parts, 2, 0x9000);
    sent("bcde\x90\x00", 6);
    io_send_response_buffer(&parts[1], 0x9001);
    sent("de\x90\x01", 4);
    io_send_response_pointer(big, sizeof(big) - 1, 0x9000);
    assert_int_equal(host.sent_length, sizeof(big) + 1);
    io_send_response_pointer(big, sizeof(big), 0x9000);
    sent("\x6A\x84", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_command, setup),
        cmocka_unit_test_setup(test_events, setup),
        cmocka_unit_test_setup(test_common_commands, setup),
        cmocka_unit_test_setup(test_exit_command, setup),
        cmocka_unit_test_setup(test_answers, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
