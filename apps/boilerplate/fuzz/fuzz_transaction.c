/* Any bytes as a transaction: parsed or refused; what was parsed can be shown in full. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/fields.h"
#include "core/path.h"
#include "core/transaction.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const transaction_t none;
    transaction_t tx;
    path_t path;

    const size_t read = path_parse(data, size, &path);
    if (read > size || (read == 0) != (path.length == 0)) {
        abort();
    }
    if (tx_parse(data, size, &tx) != TX_OK) {
        if (memcmp(&tx, &none, sizeof(tx)) != 0) {
            abort();
        }
        return 0;
    }
    field_t fields[FIELDS_MAX];
    const size_t count = fields_select(&tx, fields);
    for (size_t i = 0; i < count; i++) {
        char text[FIELD_TEXT_MAX];
        if (!field_format(&fields[i], text, sizeof(text)) || strlen(text) == 0) {
            abort();
        }
    }
    return 0;
}
