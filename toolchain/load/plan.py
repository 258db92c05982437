"""The commands of a load, in order, as a pure value (loader protocol §8, §9, §11)."""

import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from toolchain.device.apdu import CLA, Command
from toolchain.device.fields import lv
from toolchain.device.status import Step
from toolchain.errors import ImageError
from toolchain.image import Image, Segment, merge_segments

SELECT, CHUNK, FLUSH, CRC, COMMIT, CREATE, DELETE = 0x05, 0x06, 0x07, 0x08, 0x09, 0x0B, 0x0C
"""Sub-instructions (§8)."""

AREA = 1 << 16
"""Bytes that one selected segment may span: chunk offsets have 16 bits."""

_BLOCK = 16
_MAC = 14
_CHUNK_HEADER = 3
"""Sub-instruction and offset in front of a chunk's bytes."""


@dataclass(frozen=True)
class Packing:
    """How an area is cut: ``full`` bytes a chunk, a multiple of 16, until ``last`` or fewer are left.

    ``checked`` sends flush and CRC behind each area.
    """

    full: int
    last: int
    checked: bool

    @classmethod
    def script(cls, max_data: int = 0xF0) -> "Packing":
        """As ledgerblue packs for a link that takes ``max_data`` bytes; its files use 240 (§11)."""
        room = min(0xF0, max_data & 0xF0) - _CHUNK_HEADER - 1 - _MAC
        return cls(full=room - room % _BLOCK, last=room, checked=True)

    @classmethod
    def fewest(cls, max_data: int, *, authenticated: bool = True) -> "Packing":
        """The fewest commands for a link that takes ``max_data`` bytes of command data.

        On an ``authenticated`` channel flush and CRC stay away: the MAC covers every chunk, and the hash
        that the device lists afterwards covers the whole. ledgerctl never sends them either.
        """
        padded = (max_data - _MAC) // _BLOCK * _BLOCK
        last = padded - 1 - _CHUNK_HEADER
        return cls(full=last - last % _BLOCK, last=last, checked=not authenticated)


class Delete(Enum):
    """When a load deletes the app of the same name: before everything, or just before the commit.

    ``FIRST`` is what ledgerblue does. With ``LAST`` the version before is there until the new one is complete
    (adr/0007).
    """

    FIRST = auto()
    LAST = auto()


@dataclass(frozen=True)
class LoadCommand:
    """One sub-command in clear, and the number of the app's bytes in it."""

    step: Step
    plaintext: bytes
    payload: int = 0


@dataclass(frozen=True)
class LoadPlan:
    """Everything that is sent over the channel to load one app."""

    commands: tuple[LoadCommand, ...]

    def script_apdus(self) -> tuple[bytes, ...]:
        """The same as APDUs whose data is not wrapped yet, as ``app.apdu`` lists them (§15.2)."""
        return tuple(Command(CLA, 0, data=c.plaintext).encode() for c in self.commands)


def plan_load(
    image: Image, *, signature: bytes | None, delete: Delete | None, packing: Packing | None = None
) -> LoadPlan:
    """The commands that load ``image``.

    Args:
        image: what to load.
        signature: DER, over ``image.digest()``, to send with the commit; None for an unsigned app.
        delete: when to delete the app of the same name; None if there is none.
        packing: how to cut; as in ledgerblue's files unless given.

    Raises:
        ImageError: name or signature do not fit their commands, or the packing is impossible.
    """
    packing = packing or Packing.script()
    if packing.full < _BLOCK or packing.full % _BLOCK:
        raise ImageError(f"chunks of {packing.full} bytes are not whole blocks")
    name = image.name.encode("utf-8")
    if not 0 < len(name) < 128:
        raise ImageError("the app's name has 1 to 127 bytes", where=image.name)
    if signature is not None and not 0 < len(signature) < 128:
        raise ImageError("a signature has 1 to 127 bytes")
    return LoadPlan(tuple(_commands(image, name, signature, packing, delete)))


def _commands(
    image: Image, name: bytes, signature: bytes | None, packing: Packing, delete: Delete | None
) -> Iterator[LoadCommand]:
    deletion = LoadCommand(Step.DELETE, bytes((DELETE,)) + lv(name))
    if delete is Delete.FIRST:
        yield deletion
    yield LoadCommand(Step.CREATE, bytes((CREATE,)) + image.create_app_params())
    for area in areas(image):
        offset = area.address - image.base
        yield LoadCommand(Step.SELECT, bytes((SELECT,)) + offset.to_bytes(4, "big"))
        for start, end in cuts(len(area.data), packing):
            plaintext = bytes((CHUNK,)) + start.to_bytes(2, "big") + area.data[start:end]
            yield LoadCommand(Step.LOAD, plaintext, payload=end - start)
        if packing.checked:
            yield LoadCommand(Step.FLUSH, bytes((FLUSH,)))
            yield LoadCommand(Step.CRC, _crc_command(area.data))
    if delete is Delete.LAST:
        yield deletion
    yield LoadCommand(Step.COMMIT, bytes((COMMIT,)) + (lv(signature) if signature else b""))


def cuts(length: int, packing: Packing) -> Iterator[tuple[int, int]]:
    """Where the chunks of ``length`` bytes begin and end."""
    start = 0
    while length - start > packing.last:
        yield start, start + packing.full
        start += packing.full
    yield start, length


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE: polynomial 1021, initial FFFF, nothing reflected or inverted (§8)."""
    return binascii.crc_hqx(data, 0xFFFF)


def _crc_command(data: bytes) -> bytes:
    return bytes((CRC, 0, 0)) + len(data).to_bytes(4, "big") + crc16(data).to_bytes(2, "big")


def areas(image: Image) -> tuple[Segment, ...]:
    """The image cut at every hole and at every 64 KiB of address, as Intel HEX and selection do (§11)."""
    cut: list[Segment] = []
    for segment in merge_segments(image.segments):
        start = segment.address
        while start < segment.end:
            end = min(segment.end, (start // AREA + 1) * AREA)
            cut.append(Segment(start, segment.data[start - segment.address : end - segment.address]))
            start = end
    return tuple(cut)
