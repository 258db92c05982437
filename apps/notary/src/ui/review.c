#include "review.h"

#include <stdio.h>
#include <string.h>

#include "constants.h"
#include "context.h"
#include "format.h"
#include "glyphs.h"
#include "handler/document.h"
#include "handler/message.h"
#include "io.h"
#include "menu.h"
#include "ux.h"

/* Ticks of 100 ms that a result stays on the screen. */
#define RESULT_TICKS 20

static char title[10];
static char line[2 * PUBLIC_KEY_SIZE + 1];

static uint8_t result_ticks;

static void show_result(bool approved);

/* By a button: the timer must not take the person home a second time, from wherever they are then. */
static void leave_result(void)
{
    result_ticks = 0;
    ui_menu_main();
}

static void approve_public_key(void)
{
    if (G_context.state == STATE_REVIEWING) {
        io_send_response_pointer(G_context.public_key, PUBLIC_KEY_SIZE, SW_OK);
        context_clear();
        show_result(true);
    }
}

static void approve_message(void)
{
    show_result(handler_message_approved() >= 0);
}

static void approve_page(void)
{
    show_result(handler_page_approved() >= 0);
}

static void approve_document(void)
{
    show_result(handler_document_approved() >= 0);
}

static void reject(void)
{
    context_clear();
    io_send_sw(SW_DENIED);
    show_result(false);
}

UX_STEP_CB(ux_reject_step, pb, reject(), {&C_icon_crossmark, "Reject"});

UX_STEP_NOCB(ux_key_step, pnn, {&C_icon_eye, "Verify", "public key"});
UX_STEP_NOCB(ux_key_text_step, bnnn_paging, {.title = "Key", .text = line});
UX_STEP_CB(ux_key_confirm_step, pb, approve_public_key(), {&C_icon_validate_14, "Confirm"});
UX_FLOW(ux_key_flow, &ux_key_step, &ux_key_text_step, &ux_key_confirm_step, &ux_reject_step);

UX_STEP_NOCB(ux_message_step, pnn, {&C_icon_certificate, "Review", "message"});
UX_STEP_NOCB(ux_text_step,
             bnnn_paging,
             {.title = title, .text = (const char *) &G_context.text.bytes[TEXT_START]});
UX_STEP_CB(ux_message_sign_step, pbb, approve_message(), {&C_icon_validate_14, "Sign", "message"});
UX_FLOW(ux_message_flow, &ux_message_step, &ux_text_step, &ux_message_sign_step, &ux_reject_step);

UX_STEP_NOCB(ux_page_step, pnn, {&C_icon_certificate, "Review page", "of a document"});
UX_STEP_CB(ux_page_approve_step, pbb, approve_page(), {&C_icon_validate_14, "Approve", "page"});
UX_FLOW(ux_page_flow, &ux_page_step, &ux_text_step, &ux_page_approve_step, &ux_reject_step);

UX_STEP_NOCB(ux_document_step, pnn, {&C_icon_certificate, "Review", "document"});
UX_STEP_NOCB(ux_document_pages_step, bn, {"Pages approved", title});
UX_STEP_NOCB(ux_document_digest_step, bnnn_paging, {.title = "Digest", .text = line});
UX_STEP_CB(ux_document_sign_step, pbb, approve_document(), {&C_icon_validate_14, "Sign", "document"});
UX_FLOW(ux_document_flow,
        &ux_document_step,
        &ux_document_pages_step,
        &ux_document_digest_step,
        &ux_document_sign_step,
        &ux_reject_step);

UX_STEP_CB(ux_approved_step, pb, leave_result(), {&C_icon_validate_14, "Approved"});
UX_STEP_CB(ux_rejected_step, pb, leave_result(), {&C_icon_crossmark, "Rejected"});
UX_FLOW(ux_approved_flow, &ux_approved_step);
UX_FLOW(ux_rejected_flow, &ux_rejected_step);

void ui_review_forget(void)
{
    explicit_bzero(title, sizeof(title));
    explicit_bzero(line, sizeof(line));
}

static void show_result(bool approved)
{
    ui_review_forget();
    result_ticks = RESULT_TICKS;
    ux_flow_init(0, approved ? ux_approved_flow : ux_rejected_flow, NULL);
}

void app_ticker_event_callback(void)
{
    if (G_context.state == STATE_REVIEWING) {
        result_ticks = 0;
    }
    if (result_ticks > 0 && --result_ticks == 0) {
        ui_menu_main();
    }
}

void ui_review_public_key(void)
{
    format_hex(G_context.public_key, PUBLIC_KEY_SIZE, line, sizeof(line));
    ux_flow_init(0, ux_key_flow, NULL);
}

void ui_review_message(void)
{
    strlcpy(title, "Message", sizeof(title));
    ux_flow_init(0, ux_message_flow, NULL);
}

void ui_review_page(uint8_t page)
{
    snprintf(title, sizeof(title), "Page %u", page);
    ux_flow_init(0, ux_page_flow, NULL);
}

void ui_review_document(void)
{
    snprintf(title, sizeof(title), "%u", G_context.document.pages);
    format_hex(G_context.document.digest, PAGE_HASH_SIZE, line, sizeof(line));
    ux_flow_init(0, ux_document_flow, NULL);
}
