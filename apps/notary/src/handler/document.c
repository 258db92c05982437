#include "document.h"

#include <string.h>

#include "constants.h"
#include "context.h"
#include "io.h"
#include "request.h"
#include "session.h"
#include "sign.h"
#include "ui/review.h"

int handler_begin_document(const buffer_t *data)
{
    if (data->size != 0) {
        return request_refuse(SW_WRONG_LENGTH);
    }
    return io_send_response_pointer(session_begin_document(), DOCUMENT_ID_SIZE, SW_OK);
}

int handler_attest_page(const buffer_t *data, uint8_t part, bool more)
{
    text_t *text = &G_context.text;

    if (part == P1_FIRST) {
        if (data->size != 0) {
            return request_refuse(SW_WRONG_LENGTH);
        }
        if (session_next_page() == 0) {
            return request_refuse(session_pages() == 0 ? SW_BAD_STATE : SW_TOO_MANY_PAGES);
        }
        return request_begin(INS_ATTEST_PAGE, more);
    }
    if (!request_continues(INS_ATTEST_PAGE, part)) {
        return request_refuse(SW_BAD_STATE);
    }
    if (!request_append(text, data)) {
        return request_refuse(SW_TOO_LONG);
    }
    if (more) {
        return io_send_sw(SW_OK);
    }
    const uint16_t status = request_check_text(text);
    if (status != SW_OK) {
        return request_refuse(status);
    }
    G_context.state = STATE_REVIEWING;
    ui_review_page(session_next_page());
    return 0;
}

int handler_page_approved(void)
{
    uint8_t hash[PAGE_HASH_SIZE];
    uint8_t attestation[ATTESTATION_SIZE];
    const text_t *text = &G_context.text;

    if (G_context.state != STATE_REVIEWING || G_context.instruction != INS_ATTEST_PAGE) {
        return request_refuse(SW_BAD_STATE);
    }
    if (cx_hash_sha256(&text->bytes[TEXT_START], text->size, hash, sizeof(hash)) != sizeof(hash) ||
        !session_attest(hash, attestation)) {
        return request_refuse(SW_SIGNING_FAILURE);
    }
    context_clear();
    return io_send_response_pointer(attestation, sizeof(attestation), SW_OK);
}

static int take_attestation(const buffer_t *data)
{
    document_t *document = &G_context.document;
    attestation_t attestation;

    if (!attestation_parse(data->ptr, data->size, &attestation) ||
        !session_is_genuine(data->ptr, &attestation, (uint8_t) (document->pages + 1))) {
        return SW_BAD_ATTESTATION;
    }
    if (document->pages == 0 && cx_sha256_init_no_throw(&document->hash) != CX_OK) {
        return SW_SIGNING_FAILURE;
    }
    if (cx_hash_no_throw((cx_hash_t *) &document->hash, 0, attestation.page_hash, PAGE_HASH_SIZE, NULL, 0) !=
        CX_OK) {
        return SW_SIGNING_FAILURE;
    }
    document->pages++;
    return SW_OK;
}

int handler_sign_document(const buffer_t *data, uint8_t part, bool more)
{
    document_t *document = &G_context.document;

    if (part == P1_FIRST) {
        return request_read_path(data) ? request_begin(INS_SIGN_DOCUMENT, more)
                                       : request_refuse(SW_BAD_PATH);
    }
    if (!request_continues(INS_SIGN_DOCUMENT, part)) {
        return request_refuse(SW_BAD_STATE);
    }
    const int status = take_attestation(data);
    if (status != SW_OK) {
        return request_refuse((uint16_t) status);
    }
    if (more) {
        return io_send_sw(SW_OK);
    }
    /* All pages that were approved, not the first few. */
    if (document->pages != session_pages()) {
        return request_refuse(SW_BAD_ATTESTATION);
    }
    if (cx_hash_no_throw((cx_hash_t *) &document->hash,
                         CX_LAST,
                         NULL,
                         0,
                         document->digest,
                         sizeof(document->digest)) != CX_OK) {
        return request_refuse(SW_SIGNING_FAILURE);
    }
    G_context.state = STATE_REVIEWING;
    ui_review_document();
    return 0;
}

int handler_document_approved(void)
{
    uint8_t signed_bytes[DOCUMENT_PREFIX_MAX + PAGE_HASH_SIZE];
    const document_t *document = &G_context.document;

    if (G_context.state != STATE_REVIEWING || G_context.instruction != INS_SIGN_DOCUMENT) {
        return request_refuse(SW_BAD_STATE);
    }
    const size_t length = document_prefix(document->pages, signed_bytes);
    memcpy(&signed_bytes[length], document->digest, PAGE_HASH_SIZE);
    session_end_document();
    return sign_and_answer(signed_bytes, length + PAGE_HASH_SIZE);
}
