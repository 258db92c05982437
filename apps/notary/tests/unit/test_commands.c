/* The whole app: every command, commands in any order, and what is left of a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "constants.h"
#include "host.h"
#include "script.h"
#include "sweep.h"

#define PATH   "\x02\x80\x00\x00\x0d\x80\x00\x00\x07"
#define SECRET "for your eyes only"

#define MESSAGE(p1, p2)  "\xe0\x06" p1 p2
#define PAGE(p1, p2)     "\xe0\x08" p1 p2
#define DOCUMENT(p1, p2) "\xe0\x09" p1 p2
#define FIRST            SEND(MESSAGE("\x00", "\x80"), PATH, SW_OK)
#define PART(p1, data)   SEND(MESSAGE(p1, "\x80"), data, SW_OK)
#define FIFTY            "0123456789 123456789 123456789 123456789 123456789"
#define TWO_HUNDRED      FIFTY FIFTY FIFTY FIFTY
/* A message or a page in one part, which a person has to decide on. */
#define REVIEW           FIRST, SEND(MESSAGE("\x01", "\x00"), SECRET, 0), SHOWS("message"), KEEPS(SECRET)
#define REVIEW_PAGE      SEND(PAGE("\x00", "\x80"), "", SW_OK), SEND(PAGE("\x01", "\x00"), SECRET, 0), KEEPS(SECRET)
#define HALF             FIRST, PART("\x01", SECRET), KEEPS(SECRET)
#define BEGIN            SEND("\xe0\x07\x00\x00", "", SW_OK)
/* The next part is not taken: nothing goes on where it was left. */
#define OVER             FORGOT(SECRET), SEND(MESSAGE("\x02", "\x00"), "", SW_BAD_STATE)

static void check(const sweep_t *command, uint16_t status)
{
    uint16_t expected = SW_INS_NOT_SUPPORTED;
    if (command->cla == 0xB0) {
        return; /* the system's */
    }
    if (command->cla != CLA) {
        expected = SW_CLA_NOT_SUPPORTED;
    }
    else if (command->ins == INS_GET_VERSION || command->ins == INS_GET_APP_NAME ||
             command->ins == INS_BEGIN_DOCUMENT) {
        expected = command->lc == 0 ? SW_OK : SW_WRONG_LENGTH;
    }
    else if (command->ins == INS_GET_PUBLIC_KEY || command->ins == INS_SIGN_MESSAGE ||
             command->ins == INS_SIGN_DOCUMENT) {
        expected = SW_BAD_PATH;
    }
    else if (command->ins == INS_ATTEST_PAGE) {
        /* The document was begun just before, by number. */
        expected = command->lc == 0 ? SW_WRONG_P1P2 : SW_WRONG_LENGTH;
    }
    else if (command->ins == INS_SIGN_HASH) {
        expected = SW_HASH_REFUSED;
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
    assert_int_equal(host.signatures, 1);
}

static void test_rejected(void **state)
{
    (void) state;
    SCRIPT(REVIEW, UNTIL("Reject"), BOTH(SW_DENIED), SHOWS("Rejected"), OVER);
    SCRIPT(BEGIN, REVIEW_PAGE, UNTIL("Reject"), BOTH(SW_DENIED), SHOWS("Rejected"), OVER);
    assert_int_equal(host.signatures, 0);
}

static void test_a_page_is_attested_once_and_forgotten(void **state)
{
    (void) state;
    SCRIPT(BEGIN, REVIEW_PAGE, SHOWS("Review page"), UNTIL("Approve"), BOTH(SW_OK), SHOWS("Approved"), OVER);
    assert_int_equal(host.signatures, 0);
}

static void test_a_document_of_no_pages_that_were_approved(void **state)
{
    (void) state;
    SCRIPT(BEGIN,
           SEND(DOCUMENT("\x00", "\x80"), PATH, SW_OK),
           SEND(DOCUMENT("\x01", "\x00"),
                "0123456789abcdef\x01"
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                SW_BAD_ATTESTATION),
           SEND(DOCUMENT("\x01", "\x00"), "", SW_BAD_STATE));
}

static void test_both_buttons_elsewhere_sign_nothing(void **state)
{
    (void) state;
    SCRIPT(REVIEW, BOTH(0), UNTIL("Message"), BOTH(0), SHOWS("Message"), KEEPS(SECRET));
}

static void test_other_commands_end_a_review(void **state)
{
    (void) state;
    SCRIPT(REVIEW, UNTIL("Sign"), SEND("\xe0\x03\x00\x00", "", SW_OK), SHOWS("is ready"), OVER);
    SCRIPT(REVIEW, SEND("\xe0\x05\x00\x00", PATH, SW_OK), SHOWS("is ready"), OVER);
    SCRIPT(REVIEW, SEND("\xe0\x05\x01\x00", PATH, 0), FORGOT(SECRET), SHOWS("public key"));
    SCRIPT(REVIEW, FIRST, SHOWS("is ready"), FORGOT(SECRET));
    SCRIPT(REVIEW, BEGIN, SHOWS("is ready"), OVER);
    SCRIPT(BEGIN, REVIEW_PAGE, BEGIN, SHOWS("is ready"), OVER);
    SCRIPT(REVIEW, SEND(MESSAGE("\x02", "\x00"), "", SW_BAD_STATE), SHOWS("is ready"), OVER);
    SCRIPT(REVIEW, SEND("\xe0\x0a\x00\x00", SECRET, SW_HASH_REFUSED), SHOWS("is ready"), OVER);
    SCRIPT(REVIEW, SEND("\xe0\xff\x00\x00", "", SW_INS_NOT_SUPPORTED), SHOWS("is ready"), OVER);
    SCRIPT(REVIEW, SEND("\x00\x06\x02\x00", "", SW_CLA_NOT_SUPPORTED), SHOWS("is ready"), OVER);
    SCRIPT(REVIEW, RAW("\xe0\x03", SW_WRONG_LENGTH), SHOWS("is ready"), OVER);
}

static void test_every_error_ends_what_was_received(void **state)
{
    (void) state;
    SCRIPT(HALF, SEND("\xe0\x03\x00\x00", "", SW_OK), OVER);
    SCRIPT(HALF, BEGIN, OVER);
    SCRIPT(HALF, SEND("\xe0\xff\x00\x00", "", SW_INS_NOT_SUPPORTED), OVER);
    SCRIPT(HALF, SEND("\x00\x06\x02\x00", "", SW_CLA_NOT_SUPPORTED), OVER);
    SCRIPT(HALF, RAW("\xe0\x06\x02\x00\x01", SW_WRONG_LENGTH), OVER);
    SCRIPT(HALF, SEND(MESSAGE("\x02", "\x40"), "", SW_WRONG_P1P2), OVER);
    SCRIPT(HALF, SEND(MESSAGE("\x01", "\x80"), "", SW_BAD_STATE), OVER);
    SCRIPT(HALF, SEND(MESSAGE("\x03", "\x80"), "", SW_BAD_STATE), OVER);
    SCRIPT(HALF, SEND(DOCUMENT("\x02", "\x80"), "", SW_BAD_STATE), OVER);
    SCRIPT(HALF, SEND(PAGE("\x02", "\x80"), "", SW_BAD_STATE), OVER);
    SCRIPT(HALF, SEND(MESSAGE("\x00", "\x80"), "\x01\x00\x00\x00\x01", SW_BAD_PATH), OVER);
    SCRIPT(HALF, SEND(MESSAGE("\x00", "\x00"), PATH, SW_WRONG_P1P2), OVER);
    SCRIPT(HALF, SEND(MESSAGE("\x02", "\x00"), "\n", SW_NOT_TEXT), OVER);
    SCRIPT(HALF, PART("\x02", TWO_HUNDRED), SEND(MESSAGE("\x03", "\x80"), TWO_HUNDRED, SW_TOO_LONG), OVER);
    SCRIPT(FIRST, SEND(MESSAGE("\x01", "\x00"), "", SW_WRONG_LENGTH), OVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_class_instruction_and_length),
        cmocka_unit_test(test_lengths_that_are_not_those_of_the_data),
        cmocka_unit_test(test_approved),
        cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_a_page_is_attested_once_and_forgotten),
        cmocka_unit_test(test_a_document_of_no_pages_that_were_approved),
        cmocka_unit_test(test_both_buttons_elsewhere_sign_nothing),
        cmocka_unit_test(test_other_commands_end_a_review),
        cmocka_unit_test(test_every_error_ends_what_was_received),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
