"""Length-prefixed fields, strictly: what does not add up to the last byte is refused."""

from toolchain.errors import SigningError
from toolchain.keys import PublicKey
from toolchain.virtual_device.status import RefusedError, Status


def lv(value: bytes) -> bytes:
    """One length byte, then the value."""
    return bytes([len(value)]) + value


def read_lvs(data: bytes, *counts: int) -> list[bytes]:
    """Length-prefixed fields that fill ``data``; their number is one of ``counts``.

    Raises:
        RefusedError: too short, too long.
    """
    fields = []
    while data:
        if len(data) <= data[0]:
            raise RefusedError(Status.INVALID)
        fields.append(data[1 : 1 + data[0]])
        data = data[1 + data[0] :]
    if len(fields) not in counts:
        raise RefusedError(Status.INVALID)
    return fields


def read_name(raw: bytes) -> str:
    """A name or version of an app or certificate: 1 to 32 printable ASCII characters (§10).

    Raises:
        RefusedError: anything else.
    """
    if not 1 <= len(raw) <= 32 or not all(0x20 <= byte < 0x7F for byte in raw):
        raise RefusedError(Status.INVALID)
    return raw.decode("ascii")


def read_key(raw: bytes) -> PublicKey:
    """A point on the curve, uncompressed.

    Raises:
        RefusedError: anything else.
    """
    try:
        return PublicKey(raw)
    except SigningError as e:
        raise RefusedError(Status.INVALID) from e


def read_tlvs(data: bytes) -> list[tuple[int, bytes]]:
    """Install parameters as (tag, value), in order (§10); lengths in their shortest form.

    Raises:
        RefusedError: a length that is too long, cut off, or not in the shortest form.
    """
    found = []
    at = 0
    while at < len(data):
        tag = data[at]
        value, at = read_tlv_length(data, at + 1)
        found.append((tag, value))
    return found


def read_tlv_length(data: bytes, at: int) -> tuple[bytes, int]:
    """The value whose TLV-style length stands at ``at``, and the offset behind it.

    Raises:
        RefusedError: as ``read_tlvs``.
    """
    head = data[at : at + 1]
    width = {b"\x81": 1, b"\x82": 2}.get(head, 0)
    start = at + 1 + width
    length = int.from_bytes(data[at + 1 : start] if width else head, "big")
    shortest = 0 if length < 0x80 else 1 if length < 0x100 else 2
    if not head or width != shortest or start + length > len(data):
        raise RefusedError(Status.INVALID)
    return data[start : start + length], start + length
