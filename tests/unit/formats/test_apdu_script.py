from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolchain.errors import ImageError
from toolchain.formats.apdu_script import read_script, write_script

FOLDER = Path(__file__).parents[2] / "defects/formats/script"

DEFECTS = {
    "blank_line": "line 2 is blank or a comment",
    "carriage_return": "line 1 is not lowercase hex",
    "comment_line": "line 1 is blank or a comment",
    "empty_file": "no command",
    "last_line_cut_short": "cut short",
    "lc_greater_than_data": "line 1 says that 2 data bytes follow, but there are 1",
    "lc_less_than_data": "line 1 says that 1 data bytes follow, but there are 2",
    "line_of_four_bytes": "line 1 has 4 bytes",
    "more_than_255_data_bytes": "line 1 says that 255 data bytes follow, but there are 256",
    "not_hex_digits": "line 1 is not lowercase hex",
    "odd_digits": "line 2 is not lowercase hex",
    "space_at_the_end": "line 1 is not lowercase hex",
    "spaces_between_bytes": "line 1 is not lowercase hex",
    "uppercase_digits": "line 1 is not lowercase hex",
}

commands = st.lists(
    st.tuples(st.binary(min_size=4, max_size=4), st.binary(max_size=255)).map(
        lambda c: c[0] + bytes([len(c[1])]) + c[1]
    ),
    min_size=1,
    max_size=20,
)


def test_format() -> None:
    text = write_script([bytes.fromhex("E00000000111"), bytes.fromhex("E050000000")])
    assert text == "e00000000111\ne050000000\n"


@given(commands)
def test_round_trip(given_commands: list[bytes]) -> None:
    assert read_script(write_script(given_commands)) == tuple(given_commands)


@given(st.text(alphabet="0123456789abcdef\n", max_size=80))
def test_what_is_read_is_written_alike_or_refused(text: str) -> None:
    try:
        script = read_script(text)
    except ImageError:
        return
    assert write_script(script) == text


@given(commands, st.integers(0, 10_000), st.characters())
def test_one_changed_character_is_seen(given_commands: list[bytes], position: int, new: str) -> None:
    text = write_script(given_commands)
    position %= len(text)
    damaged = text[:position] + new + text[position + 1 :]
    try:
        assert write_script(read_script(damaged)) == damaged
    except ImageError:
        assert damaged != text


def test_every_defect_file_has_a_test() -> None:
    assert {p.stem for p in FOLDER.iterdir()} == DEFECTS.keys()


@pytest.mark.parametrize("name", DEFECTS)
def test_defect_is_refused_with_its_line(name: str) -> None:
    text = (FOLDER / f"{name}.apdu").read_bytes().decode("ascii")
    with pytest.raises(ImageError, match=DEFECTS[name]) as caught:
        read_script(text, where="app.apdu")
    assert caught.value.where == "app.apdu"


@pytest.mark.parametrize(
    "bad", [b"", b"\xe0\0\0\0", b"\xe0\0\0\0\1", b"\xe0\0\0\0\0\0", b"\xe0\0\0\0\xff" + bytes(256)]
)
def test_what_is_no_command_is_not_written(bad: bytes) -> None:
    with pytest.raises(ImageError, match="command 2"):
        write_script([b"\xe0\1\0\0\0", bad])


def test_an_empty_script_is_not_written() -> None:
    with pytest.raises(ImageError, match="no command"):
        write_script([])
