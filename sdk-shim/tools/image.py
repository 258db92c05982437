"""Pictures of two colours: GIF and PNG in, the bitmaps of the devices out. Standard library only.

Read are GIF87a/89a (first frame) and PNG (not interlaced, 8 bits or less per sample).
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_PIXELS = 1 << 20
MAX_FILE = 1 << 20

_GIF_PASSES = ((0, 8), (4, 8), (2, 4), (1, 2))
"""First row and step of each pass of an interlaced GIF."""


@dataclass(frozen=True)
class Picture:
    """Rows of luminance, 0 (black) to 255; transparent counts as white."""

    rows: tuple[bytes, ...]

    @property
    def width(self) -> int:
        """Pixels per row."""
        return len(self.rows[0])

    @property
    def height(self) -> int:
        """Number of rows."""
        return len(self.rows)

    def inverted(self) -> "Picture":
        """Black becomes white."""
        return Picture(tuple(bytes(255 - p for p in row) for row in self.rows))


def _luminance(red: int, green: int, blue: int) -> int:
    return (299 * red + 587 * green + 114 * blue) // 1000


def _check_size(width: int, height: int) -> None:
    if not 0 < width * height <= MAX_PIXELS:
        raise ValueError(f"a picture of {width} by {height} pixels")


def _gif_codes(data: bytes, minimum: int) -> Iterator[bytes]:
    """Decompress LZW as GIF uses it, string by string."""
    clear, end = 1 << minimum, (1 << minimum) + 1
    table: list[bytes] = []
    size, previous = minimum + 1, b""
    bits = position = 0
    for byte in data:
        bits |= byte << position
        position += 8
        while position >= size:
            code = bits & ((1 << size) - 1)
            bits >>= size
            position -= size
            if code == clear:
                table = [bytes([i]) for i in range(clear)] + [b"", b""]
                size, previous = minimum + 1, b""
                continue
            if code == end:
                return
            if code < len(table):
                entry = table[code]
            elif code == len(table) and previous:
                entry = previous + previous[:1]
            else:
                raise ValueError("damaged GIF data")
            yield entry
            if previous and len(table) < 4096:
                table.append(previous + entry[:1])
                if len(table) == 1 << size and size < 12:
                    size += 1
            previous = entry


def _gif_blocks(data: bytes, offset: int) -> tuple[bytes, int]:
    """Join the sub-blocks at offset; also where they end."""
    joined = bytearray()
    while data[offset]:
        joined += data[offset + 1 : offset + 1 + data[offset]]
        offset += 1 + data[offset]
    return bytes(joined), offset + 1


def _palette(data: bytes, offset: int, flags: int) -> tuple[list[int], int]:
    if not flags & 0x80:
        return [], offset
    count = 2 << (flags & 7)
    colours = data[offset : offset + 3 * count]
    return [_luminance(*colours[i : i + 3]) for i in range(0, len(colours), 3)], offset + 3 * count


def _read_gif(data: bytes) -> Picture:
    palette, offset = _palette(data, 13, data[10])
    transparent = None
    while data[offset] == 0x21:
        block, after = _gif_blocks(data, offset + 2)
        if data[offset + 1] == 0xF9 and block[0] & 1:
            transparent = block[3]
        offset = after
    if data[offset] != 0x2C:
        raise ValueError("a GIF without a frame")
    width = int.from_bytes(data[offset + 5 : offset + 7], "little")
    height = int.from_bytes(data[offset + 7 : offset + 9], "little")
    _check_size(width, height)
    local, start = _palette(data, offset + 10, data[offset + 9])
    compressed, _ = _gif_blocks(data, start + 1)
    pixels = bytearray()
    for part in _gif_codes(compressed, data[start]):
        pixels += part
        if len(pixels) >= width * height:
            break
    if len(pixels) < width * height:
        raise ValueError("a GIF that ends early")
    colours = local or palette
    shades = bytes(
        255 if i == transparent or i >= len(colours) else colours[i] for i in pixels[: width * height]
    )
    rows = [shades[y * width : (y + 1) * width] for y in range(height)]
    if data[offset + 9] & 0x40:
        order = [y for first, step in _GIF_PASSES for y in range(first, height, step)]
        rows = [row for _, row in sorted(zip(order, rows, strict=True))]
    return Picture(tuple(rows))


def _unfilter(kind: int, line: bytearray, above: bytes, step: int) -> None:
    for i in range(len(line)):
        left = line[i - step] if i >= step else 0
        up = above[i]
        corner = above[i - step] if i >= step else 0
        if kind == 1:
            predicted = left
        elif kind == 2:
            predicted = up
        elif kind == 3:
            predicted = (left + up) // 2
        else:
            estimate = left + up - corner
            predicted = min((left, up, corner), key=lambda v: abs(estimate - v))
        line[i] = (line[i] + predicted) & 0xFF


@dataclass(frozen=True)
class _PngFormat:
    """How the pixels of a PNG are written: bits per sample, colour type, palette, its transparency."""

    depth: int
    kind: int
    palette: tuple[int, ...]
    alphas: bytes

    @property
    def samples(self) -> int:
        return {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[self.kind]

    def luminance(self, line: bytes, x: int) -> int:
        """Of the pixel at x."""
        values = []
        for i in range(x * self.samples, (x + 1) * self.samples):
            bit = i * self.depth
            values.append((line[bit // 8] >> (8 - self.depth - bit % 8)) & ((1 << self.depth) - 1))
        if self.kind == 3:
            transparent = values[0] < len(self.alphas) and self.alphas[values[0]] < 128
            return 255 if transparent else self.palette[values[0]]
        if self.kind in (4, 6) and values[-1] < 128:
            return 255
        if self.kind in (2, 6):
            return _luminance(*values[:3])
        return values[0] * 255 // ((1 << self.depth) - 1)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    offset = 8
    while offset + 12 <= len(data):
        size = int.from_bytes(data[offset : offset + 4], "big")
        yield data[offset + 4 : offset + 8], data[offset + 8 : offset + 8 + size]
        offset += 12 + size


def _read_png(data: bytes) -> Picture:
    chunks: dict[bytes, bytes] = {}
    for name, body in _png_chunks(data):
        chunks[name] = chunks.get(name, b"") + body
    header, colours = chunks[b"IHDR"], chunks.get(b"PLTE", b"")
    if header[8] > 8 or header[12]:
        raise ValueError("a PNG with more than 8 bits per sample, or interlaced")
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    _check_size(width, height)
    palette = tuple(_luminance(*colours[i : i + 3]) for i in range(0, len(colours), 3))
    pixels = _PngFormat(header[8], header[9], palette, chunks.get(b"tRNS", b""))
    step = max(1, pixels.samples * pixels.depth // 8)
    size = (width * pixels.samples * pixels.depth + 7) // 8
    raw = zlib.decompressobj().decompress(chunks[b"IDAT"], height * (size + 1))
    above = bytes(size)
    rows = []
    for y in range(height):
        start = y * (size + 1)
        line = bytearray(raw[start + 1 : start + 1 + size])
        if raw[start]:
            _unfilter(raw[start], line, above, step)
        above = bytes(line)
        rows.append(bytes(pixels.luminance(above, x) for x in range(width)))
    return Picture(tuple(rows))


def read_image(path: Path) -> Picture:
    """The picture in a file.

    Raises:
        ValueError: neither GIF nor PNG, damaged, or of a kind that is not read.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise ValueError(f"{path}: more than {MAX_FILE} bytes")
    try:
        if data.startswith((b"GIF87a", b"GIF89a")):
            return _read_gif(data)
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return _read_png(data)
    except (IndexError, KeyError, TypeError, zlib.error) as e:
        raise ValueError(f"{path}: damaged picture ({e})") from e
    except ValueError as e:
        raise ValueError(f"{path}: {e}") from e
    raise ValueError(f"{path}: neither GIF nor PNG")


def _bits(picture: Picture) -> list[list[int]]:
    return [[int(p >= 128) for p in row] for row in picture.rows]


def bagl_bitmap(picture: Picture) -> bytes:
    """Row by row, first pixel in the lowest bit; 1 is the lighter colour."""
    pixels = [p for row in _bits(picture) for p in row]
    packed = (pixels[i : i + 8] for i in range(0, len(pixels), 8))
    return bytes(sum(bit << i for i, bit in enumerate(byte)) for byte in packed)


def nbgl_bitmap(picture: Picture) -> bytes:
    """Column by column from the right, first pixel in the highest bit; 1 is the lighter colour."""
    rows = _bits(picture)
    pixels = [row[x] for x in reversed(range(picture.width)) for row in rows]
    packed = (pixels[i : i + 8] for i in range(0, len(pixels), 8))
    return bytes(sum(bit << (7 - i) for i, bit in enumerate(byte)) for byte in packed)


def icon_parameter(picture: Picture, graphics: str) -> bytes:
    """The icon of the device's menu as the install parameters carry it (loader protocol §10.2)."""
    if graphics == "bagl":
        return bytes.fromhex("01 00000000 ffffff00") + bagl_bitmap(picture)
    bitmap = nbgl_bitmap(picture)
    size = picture.width.to_bytes(2, "little") + picture.height.to_bytes(2, "little")
    return size + bytes([0]) + len(bitmap).to_bytes(3, "little") + bitmap
