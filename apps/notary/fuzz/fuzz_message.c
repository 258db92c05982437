/* Any bytes as a message, an attestation and a path. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/attestation.h"
#include "core/message.h"
#include "core/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    attestation_t attestation;
    path_t path;
    uint8_t prefix[MESSAGE_PREFIX_MAX];

    const message_result_t result = message_check(data, size);
    for (size_t i = 0; result == MESSAGE_OK && i < size; i++) {
        if (data[i] < 0x20 || data[i] > 0x7e) {
            abort();
        }
    }
    if (size <= MESSAGE_MAX && message_prefix(size, prefix) > sizeof(prefix)) {
        abort();
    }
    if (attestation_parse(data, size, &attestation) && attestation.tag + TAG_SIZE != data + size) {
        abort();
    }
    const size_t read = path_parse(data, size, &path);
    if (read > size || (read == 0) != (path.length == 0)) {
        abort();
    }
    return 0;
}
