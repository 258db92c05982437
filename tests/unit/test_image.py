import hashlib
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolchain.errors import ImageError
from toolchain.image import MAX_SIZE, Image, Segment, VerifiedImage, merge_segments

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors/loader.json").read_text("utf-8"))
BASE = 0xC0DE0000
IMAGE = Image(
    name="Test",
    version="1.0.0",
    target_id=0x33100004,
    target_version="",
    api_level=25,
    segments=(Segment(BASE, bytes(range(256))),),
    code_length=128,
    data_length=64,
    params_length=64,
    flags=0,
    boot_offset=1,
)


def of_vector(vector: dict[str, Any]) -> Image:
    """The vector's numbers over filler bytes of the right length."""
    return replace(
        IMAGE,
        target_id=int(vector["target_id"], 16),
        target_version=vector["target_version"],
        api_level=vector["api_level"],
        segments=(Segment(BASE, bytes(vector["image_length"])),),
        code_length=vector["code_length"],
        data_length=vector["data_length"],
        params_length=vector["install_params_length"],
        flags=int(vector["flags"], 16),
        boot_offset=vector["boot_offset"],
    )


@pytest.mark.parametrize("vector", VECTORS["app_hash"])
def test_known_numbers_and_prefix(vector: dict[str, Any]) -> None:
    image = of_vector(vector)
    assert image.create_app_params().hex() == vector["create_app_params"]
    prefix = bytes.fromhex(vector["hashed_prefix"])
    assert image.digest() == hashlib.sha256(prefix + bytes(vector["image_length"])).digest()


@pytest.mark.parametrize("vector", [v for v in VECTORS["create_app"] if "code_length" in v["args"]])
def test_known_create_app_commands(vector: dict[str, Any]) -> None:
    args = {"data_length": 0, "install_params_length": 0, "flags": 0, "bootOffset": 0} | vector["args"]
    image = replace(
        IMAGE,
        api_level=None if args["api_level"] < 0 else args["api_level"],
        segments=(
            Segment(BASE, bytes(args["code_length"] + args["data_length"] + args["install_params_length"])),
        ),
        code_length=args["code_length"],
        data_length=args["data_length"],
        params_length=args["install_params_length"],
        flags=args["flags"],
        boot_offset=args["bootOffset"],
    )
    command = b"\x0b" + image.create_app_params()
    assert (b"\xe0\0\0\0" + bytes([len(command)]) + command).hex() == vector["apdu_clear"]


@given(st.lists(st.integers(0, 256), max_size=6))
def test_split_into_segments_does_not_change_the_digest(cuts: list[int]) -> None:
    bounds = sorted({0, *cuts, 256})
    parts = tuple(Segment(BASE + a, IMAGE.data[a:b]) for a, b in itertools.pairwise(bounds))
    split = replace(IMAGE, segments=parts)
    assert split.digest() == IMAGE.digest()
    assert split.data == IMAGE.data
    assert merge_segments(reversed(parts)) == IMAGE.segments


@given(st.integers(1, 4096), st.integers(1, 127))
def test_hole_counts_for_lengths_but_is_not_hashed(hole: int, cut: int) -> None:
    parts = (Segment(BASE, IMAGE.data[:cut]), Segment(BASE + cut + hole, IMAGE.data[cut:]))
    holed = replace(IMAGE, segments=parts, code_length=128 + hole)
    assert holed.span == 256 + hole
    assert holed.data == IMAGE.data
    prefix = bytes.fromhex("33100004") + holed.create_app_params()
    assert holed.digest() == hashlib.sha256(prefix + IMAGE.data).digest()


@given(st.integers(0, 255), st.integers(1, 255))
def test_every_byte_counts(offset: int, change: int) -> None:
    data = bytearray(IMAGE.data)
    data[offset] ^= change
    assert replace(IMAGE, segments=(Segment(BASE, bytes(data)),)).digest() != IMAGE.digest()


@pytest.mark.parametrize(
    "changes",
    [
        {"target_id": 0x33000004},
        {"target_version": "2.1.0"},
        {"api_level": 26},
        {"api_level": None},
        {"flags": 1},
        {"boot_offset": 3},
        {"code_length": 64, "data_length": 128},
        {"data_length": 128, "params_length": 0},
    ],
)
def test_every_parameter_counts(changes: dict[str, Any]) -> None:
    assert replace(IMAGE, **changes).digest() != IMAGE.digest()


def test_name_version_and_address_do_not_count() -> None:
    moved = replace(IMAGE, name="Other", version="2", segments=(Segment(0, IMAGE.data),))
    assert moved.digest() == IMAGE.digest()


def test_target_counts_from_channel_generation_4_on() -> None:
    old = replace(IMAGE, target_id=0x31100003, target_version="1.4", api_level=None)
    assert old.digest() == hashlib.sha256(old.create_app_params() + old.data).digest()


def test_boot_offset_gets_the_thumb_bit() -> None:
    assert replace(IMAGE, boot_offset=4).create_app_params()[-4:] == b"\0\0\0\5"


def from_segments(*segments: Segment, entry: int | None = BASE + 1, data: int = 0, params: int = 0) -> Image:
    return Image.from_segments(
        segments,
        entry,
        name="Test",
        version="1.0.0",
        target_id=0x33100004,
        target_version="",
        api_level=25,
        data_length=data,
        params_length=params,
        flags=0,
    )


def test_code_is_what_data_and_parameters_leave() -> None:
    parts = (Segment(BASE + 192, IMAGE.data[192:]), Segment(BASE, IMAGE.data[:192]))
    assert from_segments(*parts, data=64, params=64) == IMAGE
    assert from_segments(*parts, entry=BASE, data=64, params=64) == IMAGE


@pytest.mark.parametrize(
    ("segments", "options", "message"),
    [
        ((), {}, "no bytes"),
        ((Segment(BASE, b""),), {}, "no bytes"),
        ((Segment(BASE, b"abcd"),), {"entry": None}, "no entry"),
        ((Segment(BASE, b"abcd"),), {"entry": BASE - 2}, "boot offset"),
        ((Segment(BASE, b"abcd"),), {"entry": BASE + 4}, "boot offset"),
        ((Segment(BASE, b"abcd"),), {"data": 4}, "has code"),
        ((Segment(BASE, b"abcd"),), {"data": -4}, "below zero"),
        ((Segment(BASE, b"abcd"), Segment(BASE + 3, b"e")), {}, "overlap"),
        ((Segment(BASE, b"abcd"), Segment(BASE + MAX_SIZE, b"e")), {}, "spans"),
        ((Segment(0xFFFFFFFE, b"abcd"),), {}, "32-bit"),
        ((Segment(-4, b"abcd"),), {}, "32-bit"),
    ],
)
def test_segments_that_make_no_image(
    segments: tuple[Segment, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ImageError, match=message):
        from_segments(*segments, **options)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"segments": ()}, "no bytes"),
        ({"segments": (*IMAGE.segments, Segment(BASE + 256, b""))}, "no bytes"),
        ({"segments": (Segment(BASE + 256, b"x"), *IMAGE.segments)}, "out of order"),
        ({"code_length": 129}, "not the span"),
        ({"code_length": 0, "data_length": 192}, "has code"),
        ({"params_length": -64, "data_length": 192}, "below zero"),
        ({"boot_offset": 129}, "boot offset"),
        ({"boot_offset": -1}, "boot offset"),
        ({"target_id": 1 << 32}, "32 bits"),
        ({"flags": 1 << 32}, "32 bits"),
        ({"flags": -1}, "32 bits"),
        ({"api_level": 256}, "API level"),
        ({"api_level": -1}, "API level"),
        ({"target_version": "2.é"}, "not ASCII"),
    ],
)
def test_what_no_device_could_take_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ImageError, match=message):
        replace(IMAGE, **changes)


def test_nobody_makes_a_verified_image_by_hand() -> None:
    with pytest.raises(TypeError, match="only"):
        VerifiedImage(IMAGE, "strict", (), object())
