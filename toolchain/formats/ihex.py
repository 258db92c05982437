"""Intel HEX ↔ segments.

Strict where the vendor's loader is not (it ignores checksums and whatever follows the end record): every
record counts, or the file is refused. What is written is what ``objcopy -O ihex`` writes (loader
protocol §15.1): 16-byte records, the entry record before the end record, CRLF.
"""

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass

from intelhex import IntelHex, IntelHexError

from toolchain.errors import ImageError
from toolchain.image import MAX_SIZE, Segment, merge_segments

_RECORD = re.compile(
    r":(?P<length>[0-9A-F]{2})(?P<address>[0-9A-F]{4})(?P<type>[0-9A-F]{2})(?:[0-9A-F]{2})+",
    re.IGNORECASE | re.ASCII,
)
_DATA, _END = 0, 1
_TYPES = {_DATA, _END, 4, 5}  # 4: upper half of addresses, 5: entry; 2 and 3 are for 8086 segments


@dataclass(frozen=True)
class HexFile:
    """Contents of a HEX file: segments that ascend and do not touch, and the entry address if given."""

    segments: tuple[Segment, ...]
    entry: int | None


def read_ihex(text: str, *, where: str = "") -> HexFile:
    """Read Intel HEX. ``where`` names the file in errors, which also name the line.

    Raises:
        ImageError: wrong checksum, length or digits; overlapping, unknown or surplus records; no end
            record; nothing in it, or more than ``MAX_SIZE``.
    """
    _check_records(text, where)
    reader = IntelHex()
    try:
        reader.loadhex(io.StringIO(text))
    except IntelHexError as e:
        raise ImageError(f"the HEX file is damaged: {e}", where=where) from e
    ranges = reader.segments()
    if not ranges:
        raise ImageError("the HEX file holds no data", where=where)
    segments = tuple(Segment(start, reader.gets(start, end - start)) for start, end in ranges)
    entry = None if reader.start_addr is None else reader.start_addr["EIP"]
    return HexFile(segments, entry)


def _check_records(text: str, where: str) -> None:
    """Refuse what the library lets pass."""
    lines = text.removesuffix("\n").split("\n")
    total = 0
    for number, line in enumerate(lines, 1):
        record = _RECORD.fullmatch(line.removesuffix("\r"))
        if record is None:
            raise ImageError(f"line {number} is not a HEX record", where=where)
        kind, length = int(record["type"], 16), int(record["length"], 16)
        if kind not in _TYPES:
            raise ImageError(f"line {number} has the unknown record type {kind:02x}", where=where)
        if kind == _DATA:
            total += length
            if int(record["address"], 16) + length > 1 << 16:
                raise ImageError(f"line {number} crosses a 64 KiB boundary", where=where)
            if total > MAX_SIZE:
                raise ImageError(f"line {number} exceeds {MAX_SIZE} bytes of data", where=where)
        if kind == _END and line[1:7] != "000000":
            raise ImageError(f"line {number} is an end record with an address or data", where=where)
        if (kind == _END) != (number == len(lines)):
            problem = "is an end record, but not" if kind == _END else "is no end record, but"
            raise ImageError(f"line {number} {problem} the last line", where=where)


def write_ihex(segments: Iterable[Segment], entry: int | None) -> str:
    """Intel HEX text. Its line ends are CRLF: store it as bytes, or without newline translation.

    Raises:
        ImageError: no bytes, overlapping segments, or addresses beyond 32 bits.
    """
    merged = merge_segments(segments)
    if not merged:
        raise ImageError("there is nothing to write")
    writer = IntelHex()
    for segment in merged:
        writer.puts(segment.address, segment.data)
    if entry is not None:
        if not 0 <= entry < 1 << 32:
            raise ImageError(f"the entry address {entry:#x} has more than 32 bits")
        writer.start_addr = {"EIP": entry}
    output = io.StringIO()
    writer.write_hex_file(output, eolstyle="CRLF")
    lines = output.getvalue().splitlines(keepends=True)
    if entry is not None:
        lines.insert(-1, lines.pop(0))  # the library writes it first, objcopy last
    return "".join(lines)
