"""Sizes of a build, by symbol and against another."""

from tests.unit.formats.elf_builder import ElfBuilder
from toolchain.formats.elf import read_elf
from toolchain.image import Placed
from toolchain.size import Change, Size, changes, in_flash
from toolchain.stack import StackUse
from toolchain.target import get_target


def size(*placed: tuple[str, int]) -> Size:
    symbols = tuple(Placed(address, length, name) for address, (name, length) in enumerate(placed))
    return Size(code=1, data=2, params=3, ram=4, stack=5, stack_used=StackUse(), placed=symbols)


def test_flash_is_everything_that_is_loaded() -> None:
    assert size().flash == 6


def test_a_build_is_measured() -> None:
    image, elf = read_elf(ElfBuilder().build())
    measured = Size.of(image, elf)
    assert measured.flash == image.span
    assert (measured.ram, measured.stack) == (elf.bss_size, elf.stack_size)
    assert list(measured.placed) == sorted(measured.placed, key=lambda p: -p.size)


def test_what_grew_shrank_came_and_went() -> None:
    before = size(("same", 8), ("grew", 10), ("went", 30), ("static", 1), ("static", 2))
    after = size(("same", 8), ("grew", 30), ("came", 5), ("static", 4))
    assert changes(before, after) == (
        Change("went", 30, 0),
        Change("grew", 10, 30),
        Change("came", 0, 5),
        Change("static", 3, 4),
    )


def test_flash_and_ram_are_told_apart() -> None:
    target = get_target("nanosp")
    assert in_flash(Placed(0xC0DE0000, 4, "main"), target)
    assert not in_flash(Placed(0xDA7A0000, 4, "buffer"), target)
