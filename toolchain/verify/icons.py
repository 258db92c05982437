"""What the first bytes of an icon file say. Nothing is decompressed, so nothing can explode."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from toolchain.errors import ImageError

_PNG = b"\x89PNG\r\n\x1a\n"
_GIF = (b"GIF87a", b"GIF89a")
_BMP = b"BM"
_MAX_BLOCKS = 10_000


@dataclass(frozen=True)
class Icon:
    """Kind (``gif``, ``png``, ``bmp``), size in pixels, whether pixels can be transparent, and pictures."""

    kind: str
    width: int
    height: int
    transparent: bool
    frames: int


def read_icon(data: bytes) -> Icon:
    """Read the headers of a GIF (89a), PNG (ISO 15948) or BMP file.

    Raises:
        ImageError: none of these, or cut short.
    """
    try:
        if data.startswith(_PNG):
            return _png(data)
        if data.startswith(_GIF):
            return _gif(data)
        if data.startswith(_BMP):
            return _bmp(data)
    except (struct.error, IndexError) as e:
        raise ImageError("the icon file is cut short") from e
    raise ImageError("the icon is neither GIF, PNG nor BMP")


def _png(data: bytes) -> Icon:
    width, height, _depth, colour = struct.unpack_from(">IIBB", data, 16)
    kinds = [kind for kind, _ in _chunks(data)]
    if kinds[:1] != [b"IHDR"]:
        raise ImageError("the PNG file does not begin with its header")
    animated = 2 if b"acTL" in kinds else 1
    return Icon("png", width, height, bool(colour & 4) or b"tRNS" in kinds, animated)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int]]:
    offset = len(_PNG)
    for _ in range(_MAX_BLOCKS):
        if offset + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, offset)
        yield kind, length
        offset += 12 + length


def _gif(data: bytes) -> Icon:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    offset = 13 + _palette(flags)
    frames, transparent = 0, False
    for _ in range(_MAX_BLOCKS):
        mark = data[offset]
        if mark == 0x3B:  # the end
            return Icon("gif", width, height, transparent, frames)
        if mark == 0x2C:  # a picture
            frames += 1
            offset = _skip(data, offset + 11 + _palette(data[offset + 9]))
        elif mark == 0x21:  # an extension; F9 controls the next picture
            transparent |= data[offset + 1] == 0xF9 and bool(data[offset + 3] & 1)
            offset = _skip(data, offset + 2)
        else:
            break
    raise ImageError("the GIF file is malformed")


def _palette(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _skip(data: bytes, offset: int) -> int:
    """Behind the sub-blocks that begin at ``offset``."""
    while size := data[offset]:
        offset += 1 + size
    return offset + 1


def _bmp(data: bytes) -> Icon:
    width, height = struct.unpack_from("<ii", data, 18)
    (depth,) = struct.unpack_from("<H", data, 28)
    return Icon("bmp", width, abs(height), depth == 32, 1)


def glyph_size(block: bytes) -> tuple[int, int] | None:
    """Width and height of the icon in a parameter block of devices with NBGL (loader protocol §10.2)."""
    return struct.unpack_from("<HH", block) if len(block) > 8 else None


_ONE_BIT = 0
"""Format byte of a bitmap with one bit per pixel, not compressed."""


def read_pixels(block: bytes) -> tuple[str, ...] | None:
    """Columns of 0 and 1, from the right, of such an icon: width, height, format, length, bits.

    None for more colours, for compressed ones, and for what is cut short.
    """
    if len(block) < 8 or block[4] != _ONE_BIT:
        return None
    width, height = struct.unpack_from("<HH", block)
    bits = block[8:]
    if not width or not height or width * height > 8 * len(bits):
        return None
    text = f"{int.from_bytes(bits, 'big'):0{8 * len(bits)}b}"
    return tuple(text[x * height : (x + 1) * height] for x in range(width))
