#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "main_std_app.h"
#include "os.h"
#include "ux.h"

#define CLA_COMMON 0xB0

static struct {
    input_t (*next)(void);
    /* Commands that may still be answered. */
    unsigned int due;
    unsigned int answers;
    unsigned int signatures;
    bool choosing;
    bool chosen;
    bool release;
} driver;

static void __attribute__((noreturn)) broken(const char *rule)
{
    fprintf(stderr, "commands: %s\n", rule);
    abort();
}

/* What the app did with the last input. */
static void check(void)
{
    const unsigned int answers = host.answers - driver.answers;
    if (answers > driver.due) {
        broken("an answer that nobody waits for");
    }
    if (answers > 0 && host.sent_length < 2) {
        broken("an answer without a status word");
    }
    if (answers > 0 && commands_status() != 0x9000 && host.sent_length != 2) {
        broken("data beside an error");
    }
    if (host.signatures != driver.signatures && !driver.chosen) {
        broken("a signature without consent");
    }
    driver.due -= answers;
    driver.answers = host.answers;
    driver.signatures = host.signatures;
    driver.chosen = false;
}

static int receive(void)
{
    check();
    if (driver.release) {
        const uint8_t up[] = {SEPROXYHAL_TAG_BUTTON_PUSH_EVENT, 0, 1, 0};
        memcpy(G_io_seproxyhal_spi_buffer, up, sizeof(up));
        driver.release = false;
        driver.chosen = driver.choosing;
        return 0;
    }
    return driver.next();
}

bool commands_run(input_t (*next)(void))
{
    host_reset();
    host.receive = receive;
    /* DER: a sequence of two small integers. */
    static const uint8_t signature[] = {0x30, 0x06, 0x02, 0x01, 0x11, 0x02, 0x01, 0x22};
    memcpy(host.signature, signature, sizeof(signature));
    host.signature_length = sizeof(signature);
    memset(&driver, 0, sizeof(driver));
    driver.next = next;
    if (setjmp(host.exit) != 0) {
        return false;
    }
    UX_INIT();
    io_seproxyhal_init();
    app_main();
    return true;
}

input_t input_command(const uint8_t *bytes, size_t size)
{
    if (size > OS_IO_BUFFER_SIZE) {
        broken("a command that no transport would carry");
    }
    /* The system's own commands leave the app's waiting. */
    driver.due = size > 0 && bytes[0] == CLA_COMMON ? driver.due + 1 : 1;
    memcpy(G_io_apdu_buffer, bytes, size);
    return (input_t) size;
}

input_t input_press(press_t buttons)
{
    const uint8_t down[] = {SEPROXYHAL_TAG_BUTTON_PUSH_EVENT, 0, 1, (uint8_t) (buttons << 1)};
    memcpy(G_io_seproxyhal_spi_buffer, down, sizeof(down));
    driver.release = true;
    driver.choosing = buttons == PRESS_BOTH;
    return 0;
}

input_t input_tick(void)
{
    const uint8_t event[] = {SEPROXYHAL_TAG_TICKER_EVENT, 0, 0, 0};
    memcpy(G_io_seproxyhal_spi_buffer, event, sizeof(event));
    return 0;
}

bool commands_answered(void)
{
    return driver.due == 0;
}

uint16_t commands_status(void)
{
    return U2BE(host.sent, host.sent_length - 2);
}

bool commands_shows(const char *text)
{
    for (unsigned int i = 0; i < host.screen.count; i++) {
        const screen_line_t *line = &host.screen.lines[i];
        if (line->length == strlen(text) && memcmp(line->text, text, line->length) == 0) {
            return true;
        }
    }
    return false;
}

/* Reads what lies between variables as well, so it is none of the sanitizer's business. */
__attribute__((no_sanitize("address"))) bool commands_keeps(const void *bytes, size_t size)
{
    extern const uint8_t __data_start[], _end[];
    const uint8_t *wanted = bytes;
    memset(G_io_apdu_buffer, 0, sizeof(G_io_apdu_buffer));
    memset(host.sent, 0, sizeof(host.sent));
    memset(host.apdu, 0, sizeof(host.apdu));
    for (const uint8_t *at = __data_start; at + size <= _end; at++) {
        size_t same = 0;
        while (same < size && at[same] == wanted[same]) {
            same++;
        }
        if (same == size) {
            return true;
        }
    }
    return false;
}
