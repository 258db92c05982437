/*
 * Drawing on the Nano S: 128 by 32 pixels, fonts in the I/O processor. Each element is a packet that ends
 * the app's turn, so one is sent before every receive until the screen is complete.
 */
#ifdef TARGET_NANOS
#include <string.h>

#include "io_nanos.h"
#include "screen.h"
#include "shim.h"

#define WIDTH       128
#define HEIGHT      32
#define ARROW_WIDTH 7

enum {
    TYPE_RECTANGLE = 3,
    TYPE_ICON = 5,
    TYPE_LABELINE = 7,
    FILL = 1,
    FONT_BOLD = 8,
    FONT_REGULAR = 10,
    ALIGN_CENTER = 0x8000,
    WHITE = 0xFFFFFF,
};

/* As the I/O processor reads it: 28 bytes, little endian. */
typedef struct {
    uint8_t type;
    uint8_t userid;
    int16_t x;
    int16_t y;
    uint16_t width;
    uint16_t height;
    uint8_t stroke;
    uint8_t radius;
    uint8_t fill;
    uint32_t fgcolor;
    uint32_t bgcolor;
    uint16_t font_id;
    uint8_t icon_id;
} component_t;
_Static_assert(sizeof(component_t) == 28, "the layout is part of the protocol");

static const screen_t *current;
static uint8_t next_element;

static void send_element(const component_t *component, const void *data, size_t length)
{
    const size_t total = sizeof(*component) + length;
    const uint8_t header[] = {
        SEPROXYHAL_TAG_SCREEN_DISPLAY_STATUS, (uint8_t) (total >> 8), (uint8_t) total};
    io_seph_send(header, sizeof(header));
    io_seph_send((const uint8_t *) component, sizeof(*component));
    if (length > 0) {
        io_seph_send(data, (uint16_t) length);
    }
}

static void send_background(void)
{
    const component_t component = {
        .type = TYPE_RECTANGLE, .width = WIDTH, .height = HEIGHT, .fill = FILL, .fgcolor = 0, .bgcolor = WHITE};
    send_element(&component, NULL, 0);
}

/* The icon stands above one line, left of two. */
static void send_icon(const bagl_icon_details_t *icon)
{
    const component_t component = {
        .type = TYPE_ICON,
        .x = (int16_t) (current->count > 1 ? 16 : (WIDTH - icon->width) / 2),
        .y = (int16_t) (current->count > 1 ? (HEIGHT - icon->height) / 2 : 2),
        .width = (uint16_t) icon->width,
        .height = (uint16_t) icon->height,
        .fgcolor = WHITE,
    };
    /* Bits per pixel, a colour for each value, bitmap. */
    uint8_t data[1 + 2 * 4 + 32] = {1, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0};
    const size_t size = (icon->width * icon->height + 7) / 8;
    if (size <= sizeof(data) - 9) {
        memcpy(&data[9], SHIM_PIC(icon->bitmap), size);
        send_element(&component, data, 9 + size);
    }
}

static void send_line(uint8_t i)
{
    static const uint8_t baseline_of_two[] = {12, 26};
    const bool beside_icon = current->icon != NULL && current->count > 1;
    const bool bold = (current->bold >> i) & 1;
    const component_t component = {
        .type = TYPE_LABELINE,
        .x = beside_icon ? 41 : 0,
        .y = current->count > 1 ? baseline_of_two[i] : current->icon != NULL ? 28 : 19,
        .width = beside_icon ? WIDTH - 41 : WIDTH,
        .height = HEIGHT,
        .fgcolor = WHITE,
        .font_id = (uint16_t) ((bold ? FONT_BOLD : FONT_REGULAR) | (beside_icon ? 0 : ALIGN_CENTER)),
    };
    send_element(&component, current->lines[i].text, current->lines[i].length);
}

/* Seven rows of four pixels, least significant bit first. */
static void send_arrow(int16_t x, const uint8_t bitmap[4])
{
    const component_t component = {
        .type = TYPE_ICON, .x = x, .y = 12, .width = 4, .height = 7, .fgcolor = WHITE};
    uint8_t data[1 + 2 * 4 + 4] = {1, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0};
    memcpy(&data[9], bitmap, 4);
    send_element(&component, data, sizeof(data));
}

void screen_show(const screen_t *screen)
{
    current = screen;
    next_element = 0;
}

bool shim_draw_next(void)
{
    static const uint8_t left[] = {0xC8, 0xFE, 0xEF, 0x08};
    static const uint8_t right[] = {0x31, 0xF7, 0x7F, 0x01};
    while (current != NULL) {
        const uint8_t element = next_element++;
        switch (element) {
            case 0:
                send_background();
                return true;
            case 1:
                if (current->icon != NULL) {
                    send_icon(current->icon);
                    return true;
                }
                break;
            case 2:
                if (current->arrows & ARROW_LEFT) {
                    send_arrow(1, left);
                    return true;
                }
                break;
            case 3:
                if (current->arrows & ARROW_RIGHT) {
                    send_arrow(WIDTH - 5, right);
                    return true;
                }
                break;
            default:
                if (element - 4 < current->count) {
                    send_line(element - 4);
                    return true;
                }
                current = NULL;
                break;
        }
    }
    return false;
}

/* Pixels of the regular font's printable characters, measured: the I/O processor does not tell them. */
static uint8_t width(char c)
{
    static const char widths[] = "33476992336634346666866666336665" /* space to ? */
                                 "A777866883476A897976787A76644465" /* @ to _ */
                                 "6675765673463A77774547696654646"; /* ` to ~ */
    const char digit = c >= ' ' && c <= '~' ? widths[c - ' '] : 'A';
    return (uint8_t) (digit == 'A' ? 10 : digit - '0');
}

uint8_t screen_fitting(const char *text, uint8_t length, bool bold, bool arrows, bool flow)
{
    unsigned int used = 0;
    uint8_t n = 0;
    (void) bold; /* the widths leave room for it */
    (void) flow;
    while (n < length && used + width(text[n]) <= WIDTH - (arrows ? 2 * ARROW_WIDTH : 0)) {
        used += width(text[n++]);
    }
    return n > 0 ? n : (length > 0);
}
#endif
