import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.defects.verify.icons import png
from tests.unit.verify.candidates import gif
from toolchain.errors import ImageError
from toolchain.verify.icons import Icon, glyph_size, read_icon, read_pixels


def test_headers_are_read() -> None:
    assert read_icon(gif(14, 16)) == Icon("gif", 14, 16, False, 1)
    assert read_icon(gif(transparent=True, frames=3)) == Icon("gif", 14, 14, True, 3)
    assert read_icon(png(32, 40)) == Icon("png", 32, 40, False, 1)
    assert read_icon(png(extra=struct.pack(">I", 8) + b"acTL" + bytes(12))).frames == 2
    bmp = b"BM" + bytes(16) + struct.pack("<iiHH", 16, -16, 1, 1)
    assert read_icon(bmp) == Icon("bmp", 16, 16, False, 1)


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", b"BM", b"\x89PNG\r\n\x1a\n", png()[:20], gif()[:-1], b"JFIF"]
)
def test_what_is_no_icon_is_refused(data: bytes) -> None:
    with pytest.raises(ImageError):
        read_icon(data)


@given(st.sampled_from([gif(), png(), gif(frames=2)]), st.data())
def test_flipped_bytes_are_read_or_refused_and_never_crash(good: bytes, data: st.DataObject) -> None:
    changed = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ImageError):
        assert read_icon(bytes(changed)).frames >= 0


def test_the_size_in_a_parameter_block() -> None:
    assert glyph_size(struct.pack("<HHB", 14, 16, 0) + bytes(8)) == (14, 16)
    assert glyph_size(b"\1\0\0") is None


def test_pixels_are_read_column_by_column() -> None:
    block = struct.pack("<HHB", 2, 4, 0) + (1).to_bytes(3, "little") + bytes([0b1001_0110])
    assert read_pixels(block) == ("1001", "0110")
    assert read_pixels(block[:-1]) is None
    assert read_pixels(struct.pack("<HHB", 0, 4, 0) + bytes(4)) is None
    assert read_pixels(block[:4] + b"\x21" + block[5:]) is None
    assert read_pixels(b"") is None
