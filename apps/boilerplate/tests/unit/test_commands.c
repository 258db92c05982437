/* The whole app: every command, commands in any order, and what is left of a transaction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "constants.h"
#include "host.h"
#include "script.h"
#include "sweep.h"

#define PATH "\x03\x80\x00\x00\x2c\x80\x00\x00\x01\x00\x00\x00\x05"
#define HEADER                                                                          \
    "\x01\x00\x00\x00\x00\x00\x00\x00\x07"                                              \
    "\xd0\xd1\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda\xdb\xdc\xdd\xde\xdf\xe0\xe1\xe2\xe3"  \
    "\x00\x00\x00\x00\x07\x5b\xcd\x15"
#define SECRET "for your eyes only"
#define PLAIN  HEADER "\x12" SECRET
#define BLIND  HEADER "\x14\xff" SECRET "\xff"

#define SIGN(p1, p2)   "\xe0\x06" p1 p2
#define FIRST          SEND(SIGN("\x00", "\x80"), PATH, SW_OK)
#define PART(p1, data) SEND(SIGN(p1, "\x80"), data, SW_OK)
/* A transaction in one part, which a person has to decide on. */
#define REVIEW         FIRST, SEND(SIGN("\x01", "\x00"), PLAIN, 0), SHOWS("Review"), KEEPS(SECRET)
#define HALF           FIRST, PART("\x01", PLAIN), KEEPS(SECRET)
/* The next part is not taken: nothing goes on where it was left. */
#define OVER           FORGOT(SECRET), SEND(SIGN("\x02", "\x00"), "", SW_BAD_STATE)

static void check(const sweep_t *command, uint16_t status)
{
    uint16_t expected = SW_INS_NOT_SUPPORTED;
    if (command->cla == 0xB0) {
        return; /* the system's */
    }
    if (command->cla != CLA) {
        expected = SW_CLA_NOT_SUPPORTED;
    }
    else if (command->ins == INS_GET_VERSION || command->ins == INS_GET_APP_NAME) {
        expected = command->lc == 0 ? SW_OK : SW_WRONG_LENGTH;
    }
    else if (command->ins == INS_GET_PUBLIC_KEY || command->ins == INS_SIGN_TRANSACTION) {
        expected = SW_BAD_PATH;
    }
    assert_int_equal(status, expected);
}

static void test_every_class_instruction_and_length(void **state)
{
    (void) state;
    assert_true(sweep(check) >= 16u * 256 * 256);
}

static void test_lengths_that_are_not_those_of_the_data(void **state)
{
    (void) state;
    SCRIPT(RAW("\xe0", SW_WRONG_LENGTH),
           RAW("\xe0\x03\x00", SW_WRONG_LENGTH),
           RAW("\xe0\x03\x00\x00\x01", SW_WRONG_LENGTH),
           RAW("\xe0\x03\x00\x00\x00\x00", SW_WRONG_LENGTH),
           RAW("\xe0\x03\x00\x00", SW_OK));
}

static void test_approved(void **state)
{
    (void) state;
    SCRIPT(REVIEW, UNTIL("Sign"), BOTH(SW_OK), SHOWS("Approved"), OVER, WAIT, SHOWS("is ready"));
    assert_int_equal(host.answers, 3);
    assert_int_equal(host.signatures, 1);
}

static void test_rejected(void **state)
{
    (void) state;
    SCRIPT(REVIEW, UNTIL("Reject"), BOTH(SW_DENIED), SHOWS("Rejected"), OVER);
    assert_int_equal(host.signatures, 0);
}

static void test_both_buttons_elsewhere_sign_nothing(void **state)
{
    (void) state;
    SCRIPT(REVIEW, BOTH(0), UNTIL("Nonce"), BOTH(0), SHOWS("Nonce"), KEEPS(SECRET));
}

static void test_other_commands_end_a_review(void **state)
{
    (void) state;
    SCRIPT(REVIEW, UNTIL("Sign"), SEND("\xe0\x03\x00\x00", "", SW_OK), SHOWS("is ready"), OVER);
    SCRIPT(REVIEW, UNTIL("Memo"), SEND("\xe0\x05\x00\x00", PATH, SW_OK), SHOWS("is ready"), OVER);
    SCRIPT(REVIEW, UNTIL("Memo"), SEND("\xe0\x05\x01\x00", PATH, 0), FORGOT(SECRET), SHOWS("Verify"));
    SCRIPT(REVIEW, FIRST, SHOWS("is ready"), FORGOT(SECRET));
    SCRIPT(REVIEW, SEND(SIGN("\x02", "\x00"), "", SW_BAD_STATE), SHOWS("is ready"), OVER);
    SCRIPT(REVIEW, SEND("\xe0\xff\x00\x00", "", SW_INS_NOT_SUPPORTED), SHOWS("is ready"), OVER);
    SCRIPT(REVIEW, SEND("\x00\x06\x02\x00", "", SW_CLA_NOT_SUPPORTED), SHOWS("is ready"), OVER);
    SCRIPT(REVIEW, RAW("\xe0\x03", SW_WRONG_LENGTH), SHOWS("is ready"), OVER);
}

static void test_commands_of_the_system_do_not(void **state)
{
    (void) state;
    SCRIPT(HALF, RAW("\xb0\x01\x00\x00", SW_OK), KEEPS(SECRET), RAW("\xb0\x99\x00\x00", SW_INS_NOT_SUPPORTED));
    SCRIPT(FIRST, RAW("\xb0\x01\x00\x00", SW_OK), SEND(SIGN("\x01", "\x00"), PLAIN, 0), UNTIL("Sign"), BOTH(SW_OK));
}

static void test_every_error_ends_what_was_received(void **state)
{
    (void) state;
    SCRIPT(HALF, SEND("\xe0\x03\x00\x00", "", SW_OK), OVER);
    SCRIPT(HALF, SEND("\xe0\x05\x00\x00", PATH, SW_OK), OVER);
    SCRIPT(HALF, SEND("\xe0\xff\x00\x00", "", SW_INS_NOT_SUPPORTED), OVER);
    SCRIPT(HALF, SEND("\x00\x06\x02\x00", "", SW_CLA_NOT_SUPPORTED), OVER);
    SCRIPT(HALF, RAW("\xe0\x06\x02\x00\x01", SW_WRONG_LENGTH), OVER);
    SCRIPT(HALF, SEND(SIGN("\x02", "\x40"), "", SW_WRONG_P1P2), OVER);
    SCRIPT(HALF, SEND(SIGN("\x01", "\x80"), "", SW_BAD_STATE), OVER);
    SCRIPT(HALF, SEND(SIGN("\x03", "\x80"), "", SW_BAD_STATE), OVER);
    SCRIPT(HALF, SEND(SIGN("\x00", "\x80"), "\x01\x00\x00\x00\x01", SW_BAD_PATH), OVER);
    SCRIPT(HALF, SEND(SIGN("\x00", "\x00"), PATH, SW_WRONG_P1P2), OVER);
    SCRIPT(HALF, SEND(SIGN("\x02", "\x00"), "x", SW_TX_MALFORMED), OVER);
    SCRIPT(HALF, PART("\x02", PLAIN), PART("\x03", PLAIN), SEND(SIGN("\x04", "\x80"), PLAIN, SW_TX_TOO_LONG), OVER);
    SCRIPT(FIRST, SEND(SIGN("\x01", "\x00"), BLIND, SW_BLIND_SIGNING_OFF), OVER);
}

static void test_blind_signing_once_allowed(void **state)
{
    (void) state;
    SCRIPT(UNTIL("Settings"), CHOOSE, SHOWS("Not allowed"), CHOOSE, SHOWS("Allowed"), UNTIL("Back"), CHOOSE,
           FIRST, SEND(SIGN("\x01", "\x00"), BLIND, 0), UNTIL("Blind signing:"), UNTIL("Sign"), BOTH(SW_OK),
           OVER, WAIT, UNTIL("Settings"), CHOOSE, SHOWS("Allowed"), CHOOSE, SHOWS("Not allowed"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_class_instruction_and_length),
        cmocka_unit_test(test_lengths_that_are_not_those_of_the_data),
        cmocka_unit_test(test_approved),
        cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_both_buttons_elsewhere_sign_nothing),
        cmocka_unit_test(test_other_commands_end_a_review),
        cmocka_unit_test(test_commands_of_the_system_do_not),
        cmocka_unit_test(test_every_error_ends_what_was_received),
        cmocka_unit_test(test_blind_signing_once_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
