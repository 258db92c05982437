"""What functions put on the stack, read off their instructions."""

from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.formats.elf_builder import BASE
from tests.unit.formats.thumb_code import (
    BLX_R3,
    BX_LR,
    BX_R3,
    POP_R4_PC,
    PUSH_R4_LR,
    Address,
    Bl,
    Constant,
    Part,
    add_sp,
    link,
    sub_sp,
)
from tests.unit.test_shim_make import built
from toolchain.formats.elf import read_elf
from toolchain.formats.thumb import Frame, frames
from toolchain.image import Function, Segment

LDR_R3 = b"\x00\x4b"  # ldr r3, [pc]: the word behind the next instruction, where that is at a word


def frame(*parts: Part, name: str = "main", **others: tuple[Part, ...]) -> Frame:
    image, info = link({name: parts, **others})
    ((_, first), *_) = frames(info.functions, image.segments)
    return first


@pytest.mark.parametrize(
    ("code", "depth"),
    [
        pytest.param(BX_LR, 0, id="leaf"),
        pytest.param(PUSH_R4_LR + POP_R4_PC, 8, id="push"),
        pytest.param(PUSH_R4_LR + sub_sp(20) + add_sp(20) + POP_R4_PC, 28, id="push and sub"),
        pytest.param(bytes.fromhex("2de9f04f bde8f08f"), 36, id="push.w r4-r11, lr"),
        pytest.param(bytes.fromhex("4df804ed 5df804fb"), 4, id="str lr, [sp, #-4]!"),
        pytest.param(bytes.fromhex("6de90201 7047"), 8, id="strd r0, r1, [sp, #-8]!"),
        pytest.param(bytes.fromhex("adf5806d 0df5806d 7047"), 1024, id="sub.w sp, sp, #1024"),
        pytest.param(bytes.fromhex("0121 8902 adeb010d 7047"), 1024, id="sub sp, sp, r1"),
        pytest.param(bytes.fromhex("42f21003 adeb030d 7047"), 0x2010, id="movw"),
        pytest.param(bytes.fromhex("80b5 6f46 84b0 bd46 80bd"), 24, id="frame pointer"),
        pytest.param(bytes.fromhex("80b5 6f46 a7f1100d 80bd"), 24, id="sub.w sp, r7, #16"),
        pytest.param(bytes.fromhex("10b5 0028 18bf 10bd 84b0 04b0 10bd"), 24, id="it ne; popne {r4, pc}"),
        pytest.param(bytes.fromhex("0028 00d0 84b0 7047"), 16, id="beq over sub"),
        pytest.param(bytes.fromhex("08b1 7047 00bf 88b0 7047"), 32, id="cbz"),
        pytest.param(bytes.fromhex("dfe800f0 0104 7047 00bf 00bf 88b0 7047"), 32, id="tbb"),
        pytest.param(bytes.fromhex("08b4 08bc 1847"), 4, id="return by way of a popped register"),
    ],
)
def test_the_deepest_point_of_all_ways(code: bytes, depth: int) -> None:
    found = frame(code)
    assert (found.depth, found.open, found.calls, found.by_pointer) == (depth, False, {}, None)


def test_a_large_frame_of_the_smallest_processor() -> None:
    """ldr r3, =-1024; add sp, r3"""
    found = frame(LDR_R3 + b"\x01\xe0", Constant(-1024), b"\x9d\x44" + BX_LR)
    assert (found.depth, found.open) == (1024, False)


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(bytes.fromhex("adeb010d 7047"), id="sub sp, sp, r1"),
        pytest.param(bytes.fromhex("6846 401a 8546 7047"), id="mov r0, sp; subs r0, r0, r1; mov sp, r0"),
        pytest.param(bytes.fromhex("6846 20f00700 8546 7047"), id="bic r0, r0, #7"),
        pytest.param(bytes.fromhex("01b4 fde7"), id="push in a loop"),
        pytest.param(bytes.fromhex("8746"), id="mov pc, r0"),
        pytest.param(bytes.fromhex("ffff ffff"), id="no instruction"),
    ],
)
def test_frames_whose_size_is_not_known_are_open(code: bytes) -> None:
    assert frame(code).open


def test_a_stack_of_another_time_is_not_followed() -> None:
    """As longjmp does: mov sp, r2; bx r3."""
    assert frame(b"\x95\x46" + BX_R3) == Frame(0, {}, None, frozenset(), open=False)


def test_what_lies_on_the_stack_when_others_are_called() -> None:
    found = frame(
        PUSH_R4_LR,
        Bl("near"),
        sub_sp(40),
        Bl("far"),
        add_sp(40),
        Bl("near"),
        POP_R4_PC,
        near=(BX_LR,),
        far=(BX_LR,),
    )
    assert found.depth == 48
    assert sorted(found.calls.values()) == [8, 48]


def test_a_function_may_end_with_another() -> None:
    found = frame(PUSH_R4_LR, bytes.fromhex("bde81040"), Bl("other", leaves=True), other=(BX_LR,))
    assert (found.depth, list(found.calls.values())) == (8, [0])


def test_calls_through_pointers() -> None:
    assert frame(PUSH_R4_LR + sub_sp(16) + BLX_R3 + add_sp(16) + POP_R4_PC).by_pointer == 24
    assert frame(BX_R3).by_pointer == 0


def test_a_pointer_that_is_a_constant_is_a_call() -> None:
    found = frame(LDR_R3 + BX_R3, Address("other"), other=(BX_LR,))
    assert (found.by_pointer, found.calls) == (None, {BASE + 8: 0})


def test_the_bytes_behind_a_call_that_does_not_return_are_no_code() -> None:
    found = frame(PUSH_R4_LR, b"\x00\xbf", Bl("other"), Address("other"), other=(BX_LR,))
    assert (found.depth, found.open) == (8, False)


@given(st.binary(min_size=2, max_size=200))
def test_any_bytes_have_a_frame(code: bytes) -> None:
    function = Function(BASE, "main", ((BASE, BASE + len(code)),))
    ((_, found),) = frames([function], [Segment(BASE, code)])
    assert found.depth >= 0


@pytest.mark.component("clang-14")
@pytest.mark.parametrize("target", ["nanos", "nanos2", "nanox"])
def test_frames_are_those_that_the_compiler_says(target: str, tmp_path: Path) -> None:
    folder = built(tmp_path, target, CFLAGS="-fstack-usage")
    said = defaultdict(set)
    for file in (folder / "build" / target).glob("**/*.su"):
        for line in file.read_text().splitlines():
            where, size, _ = line.split("\t")
            said[where.rsplit(":", 1)[1]].add(int(size))
    image, info = read_elf((folder / "build" / target / "bin" / "app.elf").read_bytes())
    found = [(f.name, frame.depth) for f, frame in frames(info.functions, image.segments) if f.name in said]
    assert len(found) > 100
    assert [(name, depth, said[name]) for name, depth in found if depth not in said[name]] == []
