#include "session.h"

#include <string.h>

#include "core/message.h"
#include "cx.h"
#include "os.h"

#define KEY_SIZE 32

static struct {
    uint8_t key[KEY_SIZE];
    uint8_t document_id[DOCUMENT_ID_SIZE];
    bool document_open;
    uint8_t pages;
} session;

void session_init(void)
{
    explicit_bzero(&session, sizeof(session));
    cx_rng_no_throw(session.key, sizeof(session.key));
}

const uint8_t *session_begin_document(void)
{
    cx_rng_no_throw(session.document_id, sizeof(session.document_id));
    session.document_open = true;
    session.pages = 0;
    return session.document_id;
}

void session_end_document(void)
{
    session.document_open = false;
    session.pages = 0;
}

uint8_t session_pages(void)
{
    return session.document_open ? session.pages : 0;
}

uint8_t session_next_page(void)
{
    if (!session.document_open || session.pages >= DOCUMENT_PAGES_MAX) {
        return 0;
    }
    return (uint8_t) (session.pages + 1);
}

static bool compute_tag(const uint8_t attested[static ATTESTED_SIZE], uint8_t tag[static TAG_SIZE])
{
    return cx_hmac_sha256(session.key, sizeof(session.key), attested, ATTESTED_SIZE, tag, TAG_SIZE) == TAG_SIZE;
}

bool session_attest(const uint8_t page_hash[static PAGE_HASH_SIZE], uint8_t out[static ATTESTATION_SIZE])
{
    const uint8_t page = session_next_page();
    if (page == 0) {
        return false;
    }
    attestation_encode(session.document_id, page, page_hash, out);
    if (!compute_tag(out, &out[ATTESTED_SIZE])) {
        explicit_bzero(out, ATTESTATION_SIZE);
        return false;
    }
    session.pages = page;
    return true;
}

bool session_is_genuine(const uint8_t *data, const attestation_t *attestation, uint8_t page)
{
    uint8_t tag[TAG_SIZE];
    /* The tag first: nothing else of a forgery is looked at. */
    const bool genuine = compute_tag(data, tag) && os_secure_memcmp(tag, (void *) attestation->tag, TAG_SIZE) == 0;
    explicit_bzero(tag, sizeof(tag));
    return genuine && session.document_open && attestation->page == page &&
           memcmp(attestation->document_id, session.document_id, DOCUMENT_ID_SIZE) == 0;
}
