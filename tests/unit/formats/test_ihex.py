import io
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from intelhex import IntelHex

from toolchain.errors import ImageError
from toolchain.formats.ihex import HexFile, read_ihex, write_ihex
from toolchain.image import MAX_SIZE, Image, Segment, merge_segments

TESTS = Path(__file__).parents[2]
VECTORS: dict[str, Any] = json.loads((TESTS / "vectors" / "loader.json").read_text("utf-8"))
SMALL: str = VECTORS["small_hex"]["text"]
BASE = 0xC0DE0000

DEFECTS = {
    "blank_line": "line 3 is not a HEX record",
    "blank_line_after_the_end": "line 4 is an end record, but not the last line",
    "comment_line": "line 1 is not a HEX record",
    "cut_inside_a_record": "line 3 has",
    "data_shorter_than_its_length": "line 2",
    "empty_file": "line 1 is not a HEX record",
    "end_record_missing": "line 3 is no end record",
    "end_record_twice": "line 4 is an end record, but not the last line",
    "end_record_with_data": "line 4 is an end record with",
    "entry_of_two_bytes": "line 3",
    "entry_twice": "line 4",
    "no_colon": "line 2 is not a HEX record",
    "no_data": "holds no data",
    "not_hex_digits": "line 2 is not a HEX record",
    "odd_digits": "line 2 is not a HEX record",
    "overlapping_records": "line 3",
    "record_crosses_64_kib": "line 2 crosses a 64 KiB boundary",
    "record_twice": "line 3",
    "records_after_the_end": "line 4 is an end record, but not the last line",
    "segment_address_record": "line 1 has the unknown record type 02",
    "segment_start_record": "line 3 has the unknown record type 03",
    "space_behind_record": "line 2 is not a HEX record",
    "unknown_record_type": "line 3 has the unknown record type 06",
    "upper_address_of_one_byte": "line 1",
    "wrong_checksum": "line 2",
}


def record(kind: int, address: int, data: bytes = b"") -> str:
    raw = bytes([len(data)]) + address.to_bytes(2, "big") + bytes([kind]) + data
    return f":{raw.hex().upper()}{-sum(raw) & 0xFF:02X}"


def test_known_file() -> None:
    hex_file = read_ihex(SMALL)
    (segment,) = hex_file.segments
    assert segment.address == BASE
    assert segment.data[:640] == bytes((i * 7 + 3) & 0xFF for i in range(640))
    assert len(segment.data) == 662
    assert hex_file.entry == BASE + 1


@pytest.mark.parametrize("vector", [v for v in VECTORS["app_hash"] if v["hex_file"] == "small"])
def test_image_of_a_known_file_has_the_known_digest(vector: dict[str, Any]) -> None:
    hex_file = read_ihex(SMALL)
    image = Image.from_segments(
        hex_file.segments,
        hex_file.entry,
        name="Vector",
        version="1.0",
        target_id=int(vector["target_id"], 16),
        target_version=vector["target_version"],
        api_level=vector["api_level"],
        data_length=vector["data_length"],
        params_length=vector["install_params_length"],
        flags=int(vector["flags"], 16),
    )
    assert image.code_length == vector["code_length"]
    assert image.boot_offset == vector["boot_offset"]
    assert image.create_app_params().hex() == vector["create_app_params"]
    assert image.digest().hex() == vector["full_hash"]


def test_written_file_is_what_objcopy_writes() -> None:
    data = bytes(range(0x18))
    assert write_ihex([Segment(0xC0DEFFF8, data)], BASE + 1).split("\r\n") == [
        record(4, 0, b"\xc0\xde"),
        record(0, 0xFFF8, data[:8]),
        record(4, 0, b"\xc0\xdf"),
        record(0, 0, data[8:]),
        record(5, 0, b"\xc0\xde\x00\x01"),
        record(1, 0),
        "",
    ]


def test_written_file_without_entry() -> None:
    assert write_ihex([Segment(BASE, b"\1")], None).splitlines()[-2:] == [
        record(0, 0, b"\1"),
        ":00000001FF",
    ]


def test_records_may_be_in_any_order_and_case() -> None:
    lines = SMALL.lower().splitlines()
    assert read_ihex("\n".join([*lines[:2], *reversed(lines[2:-1]), lines[-1]])) == read_ihex(SMALL)


def segments() -> st.SearchStrategy[tuple[Segment, ...]]:
    pieces = st.lists(
        st.tuples(st.integers(1, 300), st.binary(min_size=1, max_size=300)), min_size=1, max_size=8
    )

    def place(drawn: list[tuple[int, bytes]]) -> tuple[Segment, ...]:
        placed, address = [], BASE + 0xFF00
        for gap, data in drawn:
            placed.append(Segment(address + gap, data))
            address = placed[-1].end
        return tuple(placed)

    return pieces.map(place)


@given(segments(), st.none() | st.integers(0, 0xFFFFFFFF))
def test_round_trip_of_segments(given_segments: tuple[Segment, ...], entry: int | None) -> None:
    text = write_ihex(given_segments, entry)
    assert read_ihex(text) == HexFile(given_segments, entry)
    assert write_ihex(reversed(given_segments), entry) == text


@given(st.permutations(SMALL.splitlines()[1:-1]), st.integers(0, 700), st.sampled_from("0123456789ABCDEF"))
def test_the_library_reads_the_same_wherever_both_do(lines: list[str], offset: int, digit: str) -> None:
    first, last = SMALL.splitlines()[0], SMALL.splitlines()[-1]
    text = list("\n".join([first, *lines, last]))
    text[min(offset, len(text) - 1)] = digit
    try:
        ours = read_ihex("".join(text))
    except ImageError:
        return
    theirs = IntelHex()
    theirs.loadhex(io.StringIO("".join(text)))
    assert ours.segments == tuple(Segment(a, theirs.gets(a, b - a)) for a, b in theirs.segments())
    assert theirs.start_addr == {"EIP": ours.entry}


@given(st.binary(min_size=1, max_size=600), st.lists(st.integers(0, 600), max_size=5))
def test_touching_segments_are_written_as_one(data: bytes, cuts: list[int]) -> None:
    bounds = [0, *sorted(min(c, len(data)) for c in cuts), len(data)]
    parts = [Segment(BASE + a, data[a:b]) for a, b in itertools.pairwise(bounds)]
    assert write_ihex(parts, None) == write_ihex([Segment(BASE, data)], None)
    assert merge_segments(parts) == (Segment(BASE, data),)


def test_every_defect_file_has_a_test() -> None:
    assert {p.stem for p in (TESTS / "defects/formats/ihex").iterdir()} == DEFECTS.keys()


@pytest.mark.parametrize("name", DEFECTS)
def test_defect_is_refused_with_its_line(name: str) -> None:
    text = (TESTS / "defects/formats/ihex" / f"{name}.hex").read_text("ascii")
    with pytest.raises(ImageError, match=DEFECTS[name]) as caught:
        read_ihex(text, where="app.hex")
    assert caught.value.where == "app.hex"


def test_more_data_than_an_image_may_have_is_refused_with_its_line() -> None:
    lines = [record(0, 0, bytes(255))] * (MAX_SIZE // 255 + 1)
    with pytest.raises(ImageError, match=f"line {len(lines)} exceeds"):
        read_ihex("\n".join([*lines, record(1, 0)]))


@pytest.mark.parametrize(
    ("bad", "entry", "message"),
    [
        ([], None, "nothing to write"),
        ([Segment(BASE, b"")], None, "nothing to write"),
        ([Segment(BASE, b"abc"), Segment(BASE + 2, b"d")], None, "overlap"),
        ([Segment(0xFFFFFFFF, b"ab")], None, "32-bit"),
        ([Segment(-1, b"ab")], None, "32-bit"),
        ([Segment(BASE, b"ab")], 1 << 32, "32 bits"),
        ([Segment(BASE, b"ab")], -1, "32 bits"),
    ],
)
def test_what_cannot_be_written_is_refused(bad: list[Segment], entry: int | None, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        write_ihex(bad, entry)


@given(
    st.lists(
        st.tuples(st.integers(0, len(SMALL) - 1), st.characters(max_codepoint=0x2028)),
        min_size=1,
        max_size=4,
    )
)
def test_damaged_text_gives_the_same_contents_or_an_image_error(changes: list[tuple[int, str]]) -> None:
    text = list(SMALL)
    for offset, character in changes:
        text[offset] = character
    try:
        hex_file = read_ihex("".join(text))
    except ImageError:
        return
    assert sum(len(s.data) for s in hex_file.segments) <= 662


@given(st.text(alphabet=":0123456789ABCDEFabcdef\r\n \0é", max_size=200))
def test_any_text_gives_contents_or_an_image_error(text: str) -> None:
    try:
        assert read_ihex(text).segments
    except ImageError:
        return
