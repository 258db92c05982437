#include "attestation.h"

#include <string.h>

void attestation_encode(const uint8_t document_id[static DOCUMENT_ID_SIZE],
                        uint8_t page,
                        const uint8_t page_hash[static PAGE_HASH_SIZE],
                        uint8_t out[static ATTESTED_SIZE])
{
    memcpy(out, document_id, DOCUMENT_ID_SIZE);
    out[DOCUMENT_ID_SIZE] = page;
    memcpy(&out[DOCUMENT_ID_SIZE + 1], page_hash, PAGE_HASH_SIZE);
}

bool attestation_parse(const uint8_t *data, size_t size, attestation_t *attestation)
{
    memset(attestation, 0, sizeof(*attestation));
    if (size != ATTESTATION_SIZE) {
        return false;
    }
    attestation->document_id = data;
    attestation->page = data[DOCUMENT_ID_SIZE];
    attestation->page_hash = &data[DOCUMENT_ID_SIZE + 1];
    attestation->tag = &data[ATTESTED_SIZE];
    return true;
}
