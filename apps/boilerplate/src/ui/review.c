#include "review.h"

#include <string.h>

#include "constants.h"
#include "context.h"
#include "core/fields.h"
#include "cx.h"
#include "glyphs.h"
#include "handler/sign_transaction.h"
#include "io.h"
#include "menu.h"
#include "ux.h"

/* Ticks of 100 ms that a result stays on the screen. */
#define RESULT_TICKS 20

#define ADDRESS_SIZE TX_ADDRESS_SIZE

/* The field on the screen, as text; made when it is shown. */
static field_t fields[FIELDS_MAX];
static char title[8];
static char text[FIELD_TEXT_MAX];

static uint8_t result_ticks;

static void show_result(bool approved);

/* By a button: the timer must not take the person home a second time, from wherever they are then. */
static void leave_result(void)
{
    result_ticks = 0;
    ui_menu_main();
}

static void show_field(size_t index)
{
    if (strlcpy(title, fields[index].name, sizeof(title)) >= sizeof(title) ||
        !field_format(&fields[index], text, sizeof(text))) {
        context_clear();
        ui_review_forget();
        io_send_sw(SW_DISPLAY_FAILURE);
        ui_menu_main();
    }
}

static void approve_transaction(void)
{
    const bool signed_ok = handler_sign_approved() >= 0;
    show_result(signed_ok);
}

static void approve_public_key(void)
{
    if (G_context.state != STATE_REVIEWING) {
        return;
    }
    io_send_response_pointer((const uint8_t *) &G_context.public_key, sizeof(G_context.public_key), SW_OK);
    context_clear();
    show_result(true);
}

static void reject(void)
{
    context_clear();
    io_send_sw(SW_DENIED);
    show_result(false);
}

UX_STEP_NOCB(ux_review_tx_step, pnn, {&C_icon_eye, "Review", "transaction"});
UX_STEP_NOCB(ux_review_address_step, pnn, {&C_icon_eye, "Verify", "address"});
UX_STEP_NOCB(ux_review_warning_step, pbb, {&C_icon_warning, "Blind signing:", "memo is no text"});
UX_STEP_NOCB_INIT(ux_review_field_0_step, bnnn_paging, show_field(0), {.title = title, .text = text});
UX_STEP_NOCB_INIT(ux_review_field_1_step, bnnn_paging, show_field(1), {.title = title, .text = text});
UX_STEP_NOCB_INIT(ux_review_field_2_step, bnnn_paging, show_field(2), {.title = title, .text = text});
UX_STEP_NOCB_INIT(ux_review_field_3_step, bnnn_paging, show_field(3), {.title = title, .text = text});
UX_STEP_CB(ux_review_sign_step, pbb, approve_transaction(), {&C_icon_validate_14, "Sign", "transaction"});
UX_STEP_CB(ux_review_confirm_step, pb, approve_public_key(), {&C_icon_validate_14, "Confirm"});
UX_STEP_CB(ux_review_reject_step, pb, reject(), {&C_icon_crossmark, "Reject"});

UX_FLOW(ux_public_key_flow,
        &ux_review_address_step,
        &ux_review_field_0_step,
        &ux_review_confirm_step,
        &ux_review_reject_step);

/* Filled for each transaction: steps for the fields that it has. */
static const ux_flow_step_t *transaction_flow[2 + FIELDS_MAX + 3];

UX_STEP_CB(ux_result_approved_step, pb, leave_result(), {&C_icon_validate_14, "Approved"});
UX_STEP_CB(ux_result_rejected_step, pb, leave_result(), {&C_icon_crossmark, "Rejected"});
UX_FLOW(ux_approved_flow, &ux_result_approved_step);
UX_FLOW(ux_rejected_flow, &ux_result_rejected_step);

void ui_review_forget(void)
{
    explicit_bzero(fields, sizeof(fields));
    explicit_bzero(title, sizeof(title));
    explicit_bzero(text, sizeof(text));
}

static void show_result(bool approved)
{
    ui_review_forget();
    result_ticks = RESULT_TICKS;
    ux_flow_init(0, approved ? ux_approved_flow : ux_rejected_flow, NULL);
}

void app_ticker_event_callback(void)
{
    if (result_ticks > 0 && G_context.state == STATE_REVIEWING) {
        result_ticks = 0;
    }
    if (result_ticks > 0 && --result_ticks == 0) {
        ui_menu_main();
    }
}

int ui_review_public_key(void)
{
    static uint8_t address[ADDRESS_SIZE];
    const public_key_answer_t *answer = &G_context.public_key;
    uint8_t compressed[1 + 32];
    uint8_t hash[CX_SHA256_SIZE];

    /* As in Bitcoin: RIPEMD-160 of SHA-256 of the compressed key. */
    compressed[0] = (answer->key[PUBLIC_KEY_SIZE - 1] & 1) != 0 ? 0x03 : 0x02;
    memcpy(&compressed[1], &answer->key[1], 32);
    if (cx_sha256_hash(compressed, sizeof(compressed), hash) != CX_OK ||
        cx_ripemd160_hash(hash, sizeof(hash), address) != CX_OK) {
        context_clear();
        return io_send_sw(SW_KEY_FAILURE);
    }
    fields[0] = (field_t){.name = "Address", .type = FIELD_ADDRESS, .bytes = address, .size = sizeof(address)};
    ux_flow_init(0, ux_public_key_flow, NULL);
    return 0;
}

int ui_review_transaction(void)
{
    static const ux_flow_step_t *const field_steps[FIELDS_MAX] = {&ux_review_field_0_step,
                                                                  &ux_review_field_1_step,
                                                                  &ux_review_field_2_step,
                                                                  &ux_review_field_3_step};
    const transaction_t *tx = &G_context.signing.tx;
    const size_t count = fields_select(tx, fields);
    size_t steps = 0;

    transaction_flow[steps++] = &ux_review_tx_step;
    if (!tx->memo_is_text) {
        transaction_flow[steps++] = &ux_review_warning_step;
    }
    for (size_t i = 0; i < count; i++) {
        transaction_flow[steps++] = field_steps[i];
    }
    transaction_flow[steps++] = &ux_review_sign_step;
    transaction_flow[steps++] = &ux_review_reject_step;
    transaction_flow[steps++] = FLOW_END_STEP;
    ux_flow_init(0, transaction_flow, NULL);
    return 0;
}
