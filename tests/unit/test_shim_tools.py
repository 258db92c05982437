"""Install parameters and pictures, made by the programs that the shim's makefiles run."""

import contextlib
import importlib.util
import io
import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from toolchain.formats.install_params import curve_names, parse_install_params

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "sdk-shim" / "tools"


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


image = _load("image")
app_params = _load("app_params")
glyphs = _load("glyphs")


def _encode(**changes: object) -> bytes:
    values: dict[str, object] = {"name": "App", "version": "1.2.3", "icon": b"", "derivation": b"\x01"}
    return bytes(app_params.encode_install_params(**{**values, **changes}))


def test_install_params_are_what_the_reader_reads() -> None:
    derivation = app_params.encode_derivation(["ed25519", "secp256k1"], ["44'/1'", "13'/*"], [])
    params = parse_install_params(_encode(derivation=derivation))
    assert (params.name, params.version) == ("App", "1.2.3")
    assert set(curve_names(params.curves)) == {"secp256k1", "ed25519"}
    assert params.paths == ((0x8000002C, 0x80000001), (0x8000000D, 0x7FFFFFFF))


@pytest.mark.parametrize(
    ("curves", "paths", "slip21", "expected"),
    [
        ([], [], [], "ff"),
        (["secp256r1"], ["44'/60'"], [], "02028000002c8000003c"),
        (["secp256k1"], [], ["LEDGER"], "0987004c454447455200"),
        (["secp256k1"], ["1'"], ["LEDGER"], "090180000001" + "87004c4544474552"),
    ],
)
def test_derivation(curves: list[str], paths: list[str], slip21: list[str], expected: str) -> None:
    assert app_params.encode_derivation(curves, paths, slip21).hex() == expected


@pytest.mark.parametrize("size", [0, 127, 128, 255, 256, 65535])
def test_lengths_read_back(size: int) -> None:
    encoded = app_params.encode_value(bytes(size))
    assert encoded.endswith(bytes(size))
    assert len(encoded) - size == (1 if size < 128 else 2 if size < 256 else 3)


@pytest.mark.parametrize("path", ["44'/x", "2147483648", "-1", "", "/".join(["0"] * 11)])
def test_malformed_paths(path: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        app_params.encode_path(path)


def test_unknown_curve() -> None:
    with pytest.raises(ValueError, match="ed448"):
        app_params.encode_derivation(["ed448"], [], [])


def test_errors_of_the_program_are_one_line(tmp_path: Path) -> None:
    words = [sys.executable, "-S", str(TOOLS / "app_params.py"), "--target", "nanos2", "--target-id", "0x1"]
    words += ["--target-name", "T", "--app-name", "A", "--app-version", "1", "--app-flags", "0x0"]
    words += ["--sdk-name", "s", "--sdk-version", "v", "--sdk-hash", "h", "--graphics", "nbgl"]
    good = subprocess.run([*words, "--output", str(tmp_path / "a.S")], check=True, capture_output=True)
    assert good.stderr == b""
    assert ".install_parameters" in (tmp_path / "a.S").read_text("ascii")
    bad = subprocess.run(
        [*words, "--output", str(tmp_path / "b.S"), "--curve", "none"], check=False, capture_output=True
    )
    assert bad.returncode == 1
    assert bad.stderr.count(b"\n") == 1
    assert not (tmp_path / "b.S").exists()


# Pictures


@st.composite
def _pictures(draw: st.DrawFn) -> Image.Image:
    size = (draw(st.integers(1, 40)), draw(st.integers(1, 40)))
    pixels = draw(st.binary(min_size=size[0] * size[1], max_size=size[0] * size[1]))
    picture = Image.frombytes("L", size, pixels)
    return picture.convert(draw(st.sampled_from(["1", "L", "P", "RGB"])))


@given(_pictures(), st.sampled_from(["GIF", "PNG"]))
def test_pictures_are_what_pillow_sees(
    tmp_path_factory: pytest.TempPathFactory, picture: Image.Image, kind: str
) -> None:
    file = io.BytesIO()
    picture.save(file, kind)
    path = tmp_path_factory.mktemp("pictures") / "picture"
    path.write_bytes(file.getvalue())
    with Image.open(file) as again:
        plain = again.convert("RGB")
        expected = [(299 * r + 587 * g + 114 * b) // 1000 for r, g, b in _triples(plain.tobytes())]
    read = image.read_image(path)
    assert (read.width, read.height) == picture.size
    assert [p for row in read.rows for p in row] == expected


def _triples(data: bytes) -> list[tuple[int, int, int]]:
    return [(data[i], data[i + 1], data[i + 2]) for i in range(0, len(data), 3)]


@given(st.binary(max_size=300))
@pytest.mark.parametrize("head", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n"])
def test_damaged_pictures_are_refused(
    tmp_path_factory: pytest.TempPathFactory, head: bytes, tail: bytes
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "picture"
    path.write_bytes(head + tail)
    with contextlib.suppress(ValueError):
        image.read_image(path)


def _png(width: int, height: int, data: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d)) for kind, d in chunks
    )


def _gif(width: int, height: int, codes: bytes) -> bytes:
    blocks = (codes[at : at + 255] for at in range(0, len(codes), 255))
    data = b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"
    size = struct.pack("<HH", width, height)
    return b"GIF89a" + size + b"\0\0\0" + b"\x2c" + bytes(4) + size + b"\0\2" + data + b"\x3b"


CLEARED = bytes.fromhex("04 41 10")
"""Four times: forget the table, then one pixel (codes 4 and 0, three bits each)."""


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (_png(0xFFFFFFFF, 0xFFFFFFFF, b""), "4294967295 by 4294967295 pixels"),
        (_png(1 << 20, 2, zlib.compress(bytes(100))), "1048576 by 2 pixels"),
        (_png(0, 1, b""), "0 by 1 pixels"),
        (_gif(0xFFFF, 0xFFFF, b""), "65535 by 65535 pixels"),
        (_gif(9, 9, CLEARED), "ends early"),
        (_png(1, 1, bytes(1 << 20)), "more than 1048576 bytes"),
    ],
)
def test_absurd_pictures_are_refused(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(data)
    with pytest.raises(ValueError, match=message):
        image.read_image(tmp_path / "picture")


def test_a_bomb_is_unpacked_as_far_as_its_pixels_go(tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(_png(2, 2, zlib.compress(bytes(100_000_000), 9)))
    tracemalloc.start()
    try:
        picture = image.read_image(tmp_path / "picture")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert picture.rows == (bytes(2), bytes(2))
    assert peak < 4 << 20


def test_a_table_that_is_always_forgotten_costs_as_much_as_its_pixels(tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(_gif(1024, 256, CLEARED * (1024 * 256 // 4)))
    picture = image.read_image(tmp_path / "picture")
    assert (picture.width, picture.height) == (1024, 256)


def test_bitmaps() -> None:
    picture = image.Picture((bytes([255, 0, 0]), bytes([255, 255, 0])))
    assert image.bagl_bitmap(picture) == bytes([0b011001])
    assert image.nbgl_bitmap(picture) == bytes([0b00011100])


def test_icon_parameters() -> None:
    picture = image.Picture((bytes([255, 0]), bytes([0, 255])))
    assert image.icon_parameter(picture, "bagl").hex() == "01" + "00000000" + "ffffff00" + "09"
    assert image.icon_parameter(picture, "nbgl").hex() == "0200" + "0200" + "00" + "010000" + "60"


def test_drawings_have_straight_edges_and_unique_names() -> None:
    drawings = list(glyphs.read_drawings((ROOT / "sdk-shim" / "glyphs" / "icons.txt").read_text("ascii")))
    assert len({name for name, _ in drawings}) == len(drawings)
    for name, picture in drawings:
        assert {len(row) for row in picture.rows} == {picture.width}, name
    sizes = {name: (picture.width, picture.height) for name, picture in drawings}
    assert sizes["icon_validate_14"] == sizes["icon_crossmark"] == (14, 14)
