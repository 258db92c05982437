#include "fields.h"

#include <string.h>

#include "amount.h"

size_t fields_select(const transaction_t *tx, field_t fields[static FIELDS_MAX])
{
    size_t count = 0;
    fields[count++] = (field_t){.name = "Amount", .type = FIELD_AMOUNT, .number = tx->value};
    fields[count++] =
        (field_t){.name = "To", .type = FIELD_ADDRESS, .bytes = tx->to, .size = TX_ADDRESS_SIZE};
    fields[count++] = (field_t){.name = "Nonce", .type = FIELD_NUMBER, .number = tx->nonce};
    if (tx->memo_length > 0) {
        fields[count++] = (field_t){
            .name = "Memo",
            .type = tx->memo_is_text ? FIELD_TEXT : FIELD_BYTES,
            .bytes = tx->memo,
            .size = tx->memo_length,
        };
    }
    return count;
}

static bool format_bytes(const uint8_t *bytes, size_t count, const char *prefix, char *out, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const size_t prefix_length = strlen(prefix);
    if (prefix_length + 2 * count + 1 > size) {
        return false;
    }
    memcpy(out, prefix, prefix_length);
    out += prefix_length;
    for (size_t i = 0; i < count; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
    return true;
}

static bool format_text(const uint8_t *bytes, size_t count, char *out, size_t size)
{
    if (count + 1 > size) {
        return false;
    }
    memcpy(out, bytes, count);
    out[count] = '\0';
    return true;
}

static bool format(const field_t *field, char *out, size_t size)
{
    switch (field->type) {
        case FIELD_AMOUNT:
            return amount_format(field->number, out, size);
        case FIELD_ADDRESS:
            return format_bytes(field->bytes, field->size, "0x", out, size);
        case FIELD_TEXT:
            return format_text(field->bytes, field->size, out, size);
        case FIELD_BYTES:
            return format_bytes(field->bytes, field->size, "", out, size);
        case FIELD_NUMBER:
            return number_format(field->number, out, size);
        default:
            return false;
    }
}

bool field_format(const field_t *field, char *out, size_t size)
{
    if (size == 0) {
        return false;
    }
    const bool fits = format(field, out, size);
    if (!fits) {
        out[0] = '\0';
    }
    return fits;
}
