"""Fields with one length byte in front (loader protocol: LV)."""


def lv(value: bytes) -> bytes:
    """One length byte, then ``value`` of at most 255 bytes."""
    return bytes((len(value),)) + value


def split_lv(data: bytes) -> tuple[bytes, ...]:
    """The fields of a sequence of LVs that fills ``data`` exactly.

    Raises:
        ValueError: a field reaches behind the end.
    """
    fields = []
    while data:
        length = data[0]
        if len(data) <= length:
            raise ValueError("a field is cut short")
        fields.append(data[1 : 1 + length])
        data = data[1 + length :]
    return tuple(fields)
