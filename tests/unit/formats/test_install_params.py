import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.defects.formats.tlv_defects import DEFECTS
from toolchain.errors import ConfigError, ImageError
from toolchain.formats.install_params import (
    ALL_CURVES,
    CURVES,
    HARDENED,
    Dependency,
    InstallParams,
    curve_mask,
    curve_names,
    encode_install_params,
    parse_install_params,
    path_from_text,
    path_to_text,
)

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors/loader.json").read_text("utf-8"))
VALID = bytes.fromhex("0104546573740205312e302e30040a01028000002c80000001")
PURPOSE_44 = (44 | HARDENED, 1 | HARDENED)

texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40)
words = st.integers(0, 0xFFFFFFFF)
paths = st.just(((),)) | st.lists(
    st.lists(words, min_size=1, max_size=6).map(tuple), unique=True, max_size=4
).map(tuple)
labels = st.lists(texts, unique=True, max_size=3).map(tuple)
extra_tags = st.just(0) | st.integers(7, 255)


@st.composite
def install_params(draw: st.DrawFn) -> InstallParams:
    slip21 = draw(labels)
    mask = draw(st.integers(0, 0x7F) | st.just(ALL_CURVES))
    dependencies = draw(st.lists(st.builds(Dependency, texts, st.just("") | texts), max_size=3))
    extra = draw(st.dictionaries(extra_tags, st.binary(max_size=300), max_size=3))
    return InstallParams(
        name=draw(texts),
        version=draw(texts),
        icon=draw(st.none() | st.binary(max_size=300)),
        curves=mask | CURVES["slip21"] if slip21 else mask,
        paths=draw(paths),
        paths_slip21=slip21,
        dependencies=tuple({d.name: d for d in dependencies}.values()),
        extra=tuple(extra.items()),
    )


PARAMS = InstallParams(
    name="Test", version="1.0.0", icon=None, curves=1, paths=(PURPOSE_44,), paths_slip21=()
)


def test_known_bytes() -> None:
    assert encode_install_params(PARAMS) == VALID
    assert parse_install_params(VALID) == PARAMS


def test_parameters_of_the_known_hex_file() -> None:
    parsed = parse_install_params(bytes.fromhex("01034e65670203312e30040a01028000002c80000001"))
    assert (parsed.name, parsed.version, parsed.paths) == ("Neg", "1.0", (PURPOSE_44,))


def test_order_of_the_tools() -> None:
    full = replace(
        PARAMS,
        icon=b"\xaa",
        dependencies=(Dependency("Lib", "1.1"), Dependency("Any")),
        extra=((0x9F, b"\1"), (0x20, b"")),
    )
    assert encode_install_params(full).hex() == (
        "0608034c696203312e31060403416e799f01012000"
        "0104546573740205312e302e300301aa040a01028000002c80000001"
    )  # fmt: skip


@pytest.mark.parametrize("vector", VECTORS["tlv"])
def test_known_heads_of_tlvs(vector: dict[str, Any]) -> None:
    value = bytes(vector["value_length"])
    if vector["tag"] == 1:
        encoded = encode_install_params(replace(PARAMS, name=bytes.fromhex(vector["value"]).decode("ascii")))
        value = bytes.fromhex(vector["value"])
    else:
        encoded = encode_install_params(replace(PARAMS, icon=value))
    assert bytes.fromhex(vector["encoded_head"]) + value in encoded


def test_slip21_paths_come_before_the_empty_path() -> None:
    slip21 = replace(PARAMS, curves=9, paths=((),), paths_slip21=("LEDGER-Wallet policy",))
    tail = "0418099500" + b"LEDGER-Wallet policy".hex() + "00"
    assert encode_install_params(slip21).hex().endswith(tail)
    assert parse_install_params(encode_install_params(slip21)) == slip21


def test_empty_path_before_slip21_paths_means_the_same() -> None:
    ledgerctl = VALID[:13] + bytes.fromhex("0406090083004142")
    assert parse_install_params(ledgerctl) == replace(PARAMS, curves=9, paths=((),), paths_slip21=("AB",))


def test_tags_may_come_in_any_order() -> None:
    assert parse_install_params(VALID[13:] + VALID[6:13] + VALID[:6]) == PARAMS


@given(install_params())
def test_round_trip(given_params: InstallParams) -> None:
    assert parse_install_params(encode_install_params(given_params)) == given_params


@given(st.dictionaries(st.integers(0, len(VALID) - 1), st.integers(0, 255), max_size=4), st.integers(0, 24))
def test_damaged_bytes_are_read_alike_or_refused(changes: dict[int, int], cut: int) -> None:
    damaged = bytearray(VALID)
    for offset, value in changes.items():
        damaged[offset] = value
    try:
        parsed = parse_install_params(bytes(damaged[: len(VALID) - cut]))
    except ImageError:
        return
    assert parse_install_params(encode_install_params(parsed)) == parsed


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_survive_a_round_trip(data: bytes) -> None:
    try:
        parsed = parse_install_params(VALID + data)
    except ImageError:
        return
    assert parse_install_params(encode_install_params(parsed)) == parsed
    assert len(encode_install_params(parsed)) == len(VALID + data)


@pytest.mark.parametrize("name", DEFECTS)
def test_defect_is_refused_with_its_cause(name: str) -> None:
    data, message = DEFECTS[name]
    with pytest.raises(ImageError, match=message) as caught:
        parse_install_params(data, where="app.elf")
    assert caught.value.where == "app.elf"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "printable ASCII"),
        ({"version": "1.0\n"}, "printable ASCII"),
        ({"dependencies": (Dependency("Lib", "ü"),)}, "printable ASCII"),
        ({"curves": 0x80}, "bits without a curve"),
        ({"curves": -1}, "bits without a curve"),
        ({"paths": ((1 << 32,),)}, "127 elements of 32 bits"),
        ({"paths": ((0,) * 128,)}, "127 elements of 32 bits"),
        ({"curves": 9, "paths_slip21": ("x" * 127,)}, "126 characters"),
        ({"extra": ((4, b""),)}, "tag of one byte"),
        ({"extra": ((256, b""),)}, "tag of one byte"),
    ],
)
def test_what_has_no_encoding_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ImageError, match=message):
        replace(PARAMS, **changes)


def test_longest_value() -> None:
    longest = replace(PARAMS, icon=bytes(0xFFFF))
    assert parse_install_params(encode_install_params(longest)) == longest
    with pytest.raises(ImageError, match="too long"):
        encode_install_params(replace(PARAMS, icon=bytes(0x10000)))


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ()),
        ("44'/1'", PURPOSE_44),
        ("44'/*/0", (44 | HARDENED, 0x7FFFFFFF, 0)),
        ("2147483646/2147483647'", (0x7FFFFFFE, 0xFFFFFFFF)),
    ],
)
def test_paths_as_text(text: str, path: tuple[int, ...]) -> None:
    assert path_from_text(text) == path
    assert path_to_text(path) == text


@given(st.lists(words).map(tuple))
def test_every_path_has_a_text(path: tuple[int, ...]) -> None:
    assert path_from_text(path_to_text(path)) == path


@pytest.mark.parametrize(
    "text",
    [
        "m/44'",
        "/",
        "44'/",
        "44''",
        "44h",
        "-1",
        "+1",
        " 1",
        "1_0",
        "*'",
        "2147483647",
        "2147483648'",
        "4" * 5000,
        "٤",
    ],
)
def test_text_that_is_no_path(text: str) -> None:
    with pytest.raises(ConfigError, match="not a derivation path"):
        path_from_text(text)


def test_curve_masks() -> None:
    assert curve_mask([]) == curve_mask([], slip21=True) == ALL_CURVES
    assert curve_mask(["secp256k1", "ed25519"]) == 0x05
    assert curve_mask(["secp256k1"], slip21=True) == 0x09
    assert curve_names(0x05) == ("secp256k1", "ed25519")
    assert curve_names(ALL_CURVES) == ()
    with pytest.raises(ConfigError, match="no curve is called 'P-256'"):
        curve_mask(["P-256"])


@given(st.sets(st.sampled_from(sorted(CURVES)), min_size=1))
def test_curve_names_round_trip(names: set[str]) -> None:
    assert set(curve_names(curve_mask(names))) == names
