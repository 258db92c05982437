"""Intel HEX ↔ segments.

Strict where the vendor's loader is not (it ignores checksums and whatever follows the end record): every
record counts, or the file is refused. It is read here, since the library, which writes, keeps every byte in
a dictionary: 50 MB for an app of 400 KB. What is written is what ``objcopy -O ihex`` writes (loader
protocol §15.1): 16-byte records, the entry record before the end record, CRLF.
"""

import io
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from intelhex import IntelHex

from toolchain.errors import ImageError
from toolchain.image import MAX_SIZE, Segment, merge_segments

_RECORD = re.compile(r":((?:[0-9A-F]{2}){5,})", re.IGNORECASE | re.ASCII)
_DATA, _END, _UPPER, _ENTRY = 0, 1, 4, 5
_SIZES = {_END: 0, _UPPER: 2, _ENTRY: 4}
"""Bytes in records other than data, whose address is 0. Types 2 and 3 are for 8086 segments."""


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
    placed: list[tuple[int, int, bytes]] = []
    upper = total = 0
    entry = None
    lines = text.removesuffix("\n").split("\n")
    for number, line in enumerate(lines, 1):
        kind, address, data = _record(line.removesuffix("\r"), number, where)
        if kind == _DATA:
            total += len(data)
            if total > MAX_SIZE:
                raise ImageError(f"line {number} exceeds {MAX_SIZE} bytes of data", where=where)
            if data:
                placed.append((upper + address, number, data))
        elif kind == _UPPER:
            upper = int.from_bytes(data, "big") << 16
        elif kind == _ENTRY:
            if entry is not None:
                raise ImageError(f"line {number} is a second entry record", where=where)
            entry = int.from_bytes(data, "big")
        if (kind == _END) != (number == len(lines)):
            problem = "is an end record, but not" if kind == _END else "is no end record, but"
            raise ImageError(f"line {number} {problem} the last line", where=where)
    placed.sort()
    for (start, first, data), (address, second, _) in itertools.pairwise(placed):
        if address < start + len(data):
            raise ImageError(f"line {max(first, second)} overlaps with another", where=where)
    merged = merge_segments(Segment(address, data) for address, _, data in placed)
    if not merged:
        raise ImageError("the HEX file holds no data", where=where)
    return HexFile(merged, entry)


def _record(line: str, number: int, where: str) -> tuple[int, int, bytes]:
    """Type, address and data of a record.

    Raises:
        ImageError: malformed, another length or checksum than it says, or of a type that has no place here.
    """
    found = _RECORD.fullmatch(line)
    if found is None:
        raise ImageError(f"line {number} is not a HEX record", where=where)
    record = bytes.fromhex(found[1])
    length, address, kind, data = record[0], int.from_bytes(record[1:3], "big"), record[3], record[4:-1]
    if length != len(data):
        raise ImageError(f"line {number} has {len(data)} bytes of data instead of {length}", where=where)
    if sum(record) & 0xFF:
        raise ImageError(f"line {number} has a wrong checksum", where=where)
    if kind == _DATA:
        if address + length > 1 << 16:
            raise ImageError(f"line {number} crosses a 64 KiB boundary", where=where)
    elif kind not in _SIZES:
        raise ImageError(f"line {number} has the unknown record type {kind:02x}", where=where)
    elif kind == _END and (address or data):
        raise ImageError(f"line {number} is an end record with an address or data", where=where)
    elif address or length != _SIZES[kind]:
        raise ImageError(f"line {number} is a record of type {kind:02x} with another layout", where=where)
    return kind, address, data


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
