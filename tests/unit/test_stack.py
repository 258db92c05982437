"""The deepest chain of calls of an app."""

from tests.unit.formats.elf_builder import ElfBuilder
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
from toolchain.formats.elf import read_elf
from toolchain.image import Function
from toolchain.stack import StackUse, Use, stack_use

NOP = b"\x00\xbf"


def calling(size: int, *parts: Part) -> tuple[Part, ...]:
    """A function with a frame of so many bytes and eight more that does this."""
    return (PUSH_R4_LR, sub_sp(size), *parts, add_sp(size), POP_R4_PC)


def measured(**code: tuple[Part, ...]) -> StackUse:
    return stack_use(*link(code))


def test_a_known_chain() -> None:
    """Not that of most calls, nor that of the largest frame."""
    use = measured(
        main=calling(8, Bl("wide"), Bl("first")),
        wide=calling(100),
        first=calling(16, Bl("second"), Bl("wide")),
        second=calling(24, Bl("third")),
        third=calling(120),
        unused=calling(400),
    )
    assert use.chain == (Use("main", 16), Use("first", 24), Use("second", 32), Use("third", 128))
    assert use.total == 200
    assert use.frames == (
        Use("unused", 408),
        Use("third", 128),
        Use("wide", 108),
        Use("second", 32),
        Use("first", 24),
        Use("main", 16),
    )
    assert (use.recursive, use.pointing, use.open) == ((), (), ())


def test_only_what_lies_there_at_the_call_counts() -> None:
    use = measured(main=(PUSH_R4_LR, Bl("leaf"), sub_sp(40), add_sp(40), POP_R4_PC), leaf=(sub_sp(48), BX_LR))
    assert use.chain == (Use("main", 8), Use("leaf", 48))
    tail = measured(
        main=(PUSH_R4_LR, bytes.fromhex("bde81040"), Bl("leaf", leaves=True)), leaf=(sub_sp(48), BX_LR)
    )
    assert tail.chain == (Use("main", 0), Use("leaf", 48))


def test_recursion_is_counted_once_and_told() -> None:
    use = measured(
        main=calling(0, Bl("even")),
        even=calling(8, Bl("odd")),
        odd=calling(16, Bl("even"), Bl("self")),
        self=calling(4, Bl("self")),
    )
    assert [step.name for step in use.chain] == ["main", "even", "odd", "self"]
    assert use.recursive == ("even", "self")


def test_a_pointer_leads_to_the_deepest_function_whose_address_is_taken() -> None:
    use = measured(
        main=(*calling(8, NOP, BLX_R3), Address("small"), Address("large")),
        small=calling(16),
        large=calling(32, Bl("leaf")),
        leaf=calling(64),
        larger=calling(400),
    )
    assert use.chain == (Use("main", 16), Use("large", 40, by_pointer=True), Use("leaf", 72))
    assert use.pointing == ()


def test_a_second_pointer_is_told() -> None:
    use = measured(main=(*calling(8, NOP, BLX_R3), Address("back")), back=calling(16, BLX_R3))
    assert use.chain == (Use("main", 16), Use("back", 24, by_pointer=True))
    assert use.pointing == ("back",)


def test_a_frame_of_unknown_size_is_told() -> None:
    use = measured(main=calling(8, Bl("array")), array=(PUSH_R4_LR, bytes.fromhex("adeb010d"), POP_R4_PC))
    assert use.open == ("array",)


def test_calls_of_the_operating_system_are_its_own_business() -> None:
    """ldr r3, =0x808001; bx r3"""
    use = measured(main=(b"\x00\x4b", BX_R3, Constant(0x808001)))
    assert use.chain == (Use("main", 0),)
    assert use.pointing == ()


def test_without_functions_nothing_is_known() -> None:
    assert stack_use(*read_elf(ElfBuilder().build())) == StackUse()


def test_functions_of_an_elf_and_their_instructions() -> None:
    """Two names for one place; sizes that assembly leaves out; constants among the code; nothing overlaps."""
    builder = ElfBuilder(
        functions=(("main", 0, 0), ("twin", 0, 8), ("next", 8, 600), ("last", 64, 16)),
        local_symbols={
            "$t": 0xC0DE0000,
            "$d.1": 0xC0DE0004,
            "$t.2": 0xC0DE0008,
            "$": 0xC0DE000A,
            "$d": 0xC0DE0048,
        },
    )
    _, info = read_elf(builder.build())
    base = 0xC0DE0000
    assert info.functions == (
        Function(base, "main", ((base, base + 4),)),
        Function(base + 8, "next", ((base + 8, base + 64),)),
        Function(base + 64, "last", ((base + 64, base + 72),)),
    )
