/* Flows, pages and lists, walked with the buttons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "host.h"
#include "shim.h"
#include "ux.h"

static unsigned int chosen;
static char text[200];
static const bagl_icon_details_t icon;

static void choose(unsigned int what)
{
    chosen = what;
}

UX_STEP_NOCB(first_step, bn, {"first", "step"});
UX_STEP_CB(icon_step, pb, choose(1), {&icon, "icon"});
UX_STEP_NOCB(long_step, bnnn_paging, {.title = "Title", .text = text});
UX_STEP_VALID(last_step, bnnn, choose(2), {"a", "b", "c", "d"});
UX_FLOW(row, &first_step, &icon_step, &long_step, &last_step);
UX_FLOW(ring, &first_step, &icon_step, &last_step, FLOW_LOOP);

UX_STEP_FLOWCB(to_ring_step, nn, ring, NULL, {"to", "ring"});
UX_STEP_NOCB_INIT(prepared_step, bnnn_paging, strcpy(text, "prepared"), {"T", text});
UX_STEP_CB_INIT(prepared_cb_step, bn, choose(3), choose(4), {"x", "y"});
UX_STEP_INIT(code_step, NULL, NULL, { ux_flow_init(0, ring, &last_step); });
UX_FLOW(special, &to_ring_step, &prepared_step, &prepared_cb_step, &code_step);

static void shows(unsigned int line, const char *expected)
{
    assert_true(line < host.screen.count);
    assert_int_equal(host.screen.lines[line].length, strlen(expected));
    assert_memory_equal(host.screen.lines[line].text, expected, strlen(expected));
}

static void press(uint8_t buttons)
{
    const uint8_t down[] = {SEPROXYHAL_TAG_BUTTON_PUSH_EVENT, 0, 1, (uint8_t) (buttons << 1)};
    const uint8_t up[] = {SEPROXYHAL_TAG_BUTTON_PUSH_EVENT, 0, 1, 0};
    shim_ux_event(down);
    shim_ux_event(up);
}

static int setup(void **state)
{
    (void) state;
    host_reset();
    chosen = 0;
    strcpy(text, "short");
    ux_flow_uninit(0);
    UX_INIT();
    return 0;
}

static void test_row(void **state)
{
    (void) state;
    ux_flow_init(0, row, NULL);
    assert_int_equal(G_ux.stack_count, 1);
    shows(0, "first");
    shows(1, "step");
    assert_int_equal(host.screen.bold, 1);
    assert_int_equal(host.screen.arrows, ARROW_RIGHT);
    assert_true(ux_flow_is_first());
    press(BUTTON_LEFT);
    shows(0, "first");
    press(BUTTON_RIGHT);
    assert_ptr_equal(host.screen.icon, &icon);
    shows(0, "icon");
    assert_int_equal(host.screen.arrows, ARROW_LEFT | ARROW_RIGHT);
    assert_int_equal(ux_flow_direction(), FLOW_DIRECTION_FORWARD);
    press(BUTTON_LEFT | BUTTON_RIGHT);
    assert_int_equal(chosen, 1);
    press(BUTTON_RIGHT);
    shows(0, "Title");
    shows(1, "short");
    press(BUTTON_LEFT | BUTTON_RIGHT);
    assert_int_equal(chosen, 1);
    press(BUTTON_RIGHT);
    shows(3, "d");
    assert_int_equal(host.screen.arrows, ARROW_LEFT);
    assert_true(ux_flow_is_last());
    press(BUTTON_RIGHT);
    shows(3, "d");
    press(BUTTON_LEFT | BUTTON_RIGHT);
    assert_int_equal(chosen, 2);
}

static void test_both_buttons_one_after_the_other(void **state)
{
    (void) state;
    static const uint8_t masks[] = {BUTTON_LEFT, BUTTON_LEFT | BUTTON_RIGHT, BUTTON_RIGHT, 0};
    ux_flow_init(0, row, &icon_step);
    shows(0, "icon");
    for (size_t i = 0; i < sizeof(masks); i++) {
        const uint8_t event[] = {SEPROXYHAL_TAG_BUTTON_PUSH_EVENT, 0, 1, (uint8_t) (masks[i] << 1)};
        shim_ux_event(event);
    }
    assert_int_equal(chosen, 1);
    shows(0, "icon");
}

static void test_ring(void **state)
{
    (void) state;
    ux_flow_init(0, ring, NULL);
    assert_int_equal(host.screen.arrows, ARROW_LEFT | ARROW_RIGHT);
    press(BUTTON_LEFT);
    shows(0, "a");
    press(BUTTON_RIGHT);
    shows(0, "first");
}

static void test_pages(void **state)
{
    (void) state;
    memset(text, 'x', 100);
    text[100] = '\0';
    ux_flow_init(0, row, &long_step);
    shows(0, "Title (1/3)");
    assert_int_equal(host.screen.count, 4);
    press(BUTTON_RIGHT);
    shows(0, "Title (2/3)");
    press(BUTTON_RIGHT);
    shows(0, "Title (3/3)");
    assert_int_equal(host.screen.count, 2);
    shows(1, "xxxx");
    press(BUTTON_RIGHT);
    shows(0, "a");
    press(BUTTON_LEFT);
    shows(0, "Title (3/3)");
    press(BUTTON_LEFT);
    press(BUTTON_LEFT);
    shows(0, "Title (1/3)");
    press(BUTTON_LEFT);
    shows(0, "icon");
}

/* A line has 16 characters here. Texts are those of the official flows, but for the width. */
static void test_lines_end_between_words(void **state)
{
    (void) state;
    static const struct {
        const char *text;
        const char *lines[3];
    } cases[] = {
        {"The quick brown fox jumps", {"The quick brown ", "fox jumps"}},
        {"Four words long, and more", {"Four words long,", " and more"}},
        {"Ending with blanks and more", {"Ending with", " blanks and more"}},
        {"One word too many here", {"One word too", " many here"}},
        {"0x01::aptos_account::transfer_coins", {"0x01::aptos", "_account::transf", "er_coins"}},
        {"alpha-beta-gamma-delta", {"alpha-beta-gamma", "-delta"}},
        {"APT 174514485560.60672000", {"APT", " 174514485560.60", "672000"}},
        {"dividers: a.b,c/d;e!f", {"dividers:", " a.b,c/d;e!f"}},
        {"0123456789abcdef0123456789", {"0123456789abcdef", "0123456789"}},
        {"__________________", {"________________", "__"}},
        {"two\nlines", {"two", "lines"}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        strcpy(text, cases[i].text);
        ux_flow_init(0, row, &long_step);
        shows(0, "Title");
        unsigned int line = 0;
        for (; line < 3 && cases[i].lines[line] != NULL; line++) {
            shows(line + 1, cases[i].lines[line]);
        }
        assert_int_equal(host.screen.count, line + 1);
    }
}

static void test_every_character_of_a_text_is_shown(void **state)
{
    (void) state;
    char collected[sizeof(text)];
    for (size_t length = 0; length < sizeof(text); length++) {
        for (size_t i = 0; i < length; i++) {
            text[i] = (char) ('A' + i % 26);
        }
        text[length] = '\0';
        collected[0] = '\0';
        ux_flow_init(0, row, &long_step);
        while (host.screen.lines[0].text[0] == 'T') {
            for (uint8_t i = 1; i < host.screen.count; i++) {
                strncat(collected, host.screen.lines[i].text, host.screen.lines[i].length);
            }
            press(BUTTON_RIGHT);
        }
        assert_string_equal(collected, text);
    }
}

static void test_special_steps(void **state)
{
    (void) state;
    ux_flow_init(0, special, NULL);
    press(BUTTON_LEFT | BUTTON_RIGHT);
    shows(0, "first");
    ux_flow_init(0, special, &prepared_step);
    shows(1, "prepared");
    press(BUTTON_RIGHT);
    assert_int_equal(chosen, 3);
    press(BUTTON_LEFT | BUTTON_RIGHT);
    assert_int_equal(chosen, 4);
    press(BUTTON_RIGHT);
    shows(0, "a");
    assert_int_equal(host.screen.count, 4);
}

static const char *item(unsigned int index)
{
    static const char *const items[] = {"one", "two", "three"};
    return index < 3 ? items[index] : NULL;
}

static void test_list(void **state)
{
    (void) state;
    ux_menulist_init(0, item, choose);
    shows(0, "one");
    press(BUTTON_RIGHT);
    press(BUTTON_RIGHT);
    shows(0, "three");
    press(BUTTON_RIGHT);
    press(BUTTON_LEFT | BUTTON_RIGHT);
    assert_int_equal(chosen, 2);
    ux_menulist_init_select(0, item, choose, 1);
    shows(0, "two");
    ux_menulist_init_select(0, item, choose, 3);
    shows(0, "one");
}

static void test_system_screens_come_first(void **state)
{
    (void) state;
    ux_flow_init(0, row, NULL);
    host.ux_status = BOLOS_UX_IGNORE;
    press(BUTTON_RIGHT);
    shows(0, "first");
    host.ux_status = BOLOS_UX_CONTINUE;
    press(BUTTON_RIGHT);
    shows(0, "first");
    const unsigned int screens = host.screens;
    host.ux_status = BOLOS_UX_REDRAW;
    press(0);
    assert_int_equal(host.screens, screens + 2);
}

static void test_walking_by_calls(void **state)
{
    (void) state;
    ux_flow_init(0, row, NULL);
    ux_flow_next();
    shows(0, "icon");
    ux_flow_validate();
    assert_int_equal(chosen, 1);
    ux_flow_prev();
    shows(0, "first");
    assert_int_equal(ux_flow_direction(), FLOW_DIRECTION_BACKWARD);
}

static void test_nothing_to_show(void **state)
{
    (void) state;
    press(BUTTON_RIGHT);
    ux_stack_redisplay();
    assert_int_equal(host.screens, 0);
    assert_int_equal(ux_stack_pop(), UX_STACK_SLOT_COUNT);
    assert_int_equal(G_ux.stack_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_row, setup),
        cmocka_unit_test_setup(test_both_buttons_one_after_the_other, setup),
        cmocka_unit_test_setup(test_ring, setup),
        cmocka_unit_test_setup(test_pages, setup),
        cmocka_unit_test_setup(test_lines_end_between_words, setup),
        cmocka_unit_test_setup(test_every_character_of_a_text_is_shown, setup),
        cmocka_unit_test_setup(test_special_steps, setup),
        cmocka_unit_test_setup(test_list, setup),
        cmocka_unit_test_setup(test_system_screens_come_first, setup),
        cmocka_unit_test_setup(test_walking_by_calls, setup),
        cmocka_unit_test_setup(test_nothing_to_show, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
