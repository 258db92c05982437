"""How much an app takes: flash, data, RAM and stack, by function and variable, and against another build."""

from collections.abc import Sequence
from dataclasses import dataclass

from toolchain.image import ElfInfo, Image, Placed
from toolchain.stack import StackUse, stack_use
from toolchain.target import Target


@dataclass(frozen=True)
class Size:
    """One build in bytes.

    ``stack`` is what is left for it, ``stack_used`` what is needed of that; ``placed`` are the symbols,
    largest first.
    """

    code: int
    data: int
    params: int
    ram: int
    stack: int
    stack_used: StackUse
    placed: tuple[Placed, ...]

    @property
    def flash(self) -> int:
        """Everything that is loaded."""
        return self.code + self.data + self.params

    @classmethod
    def of(cls, image: Image, elf: ElfInfo) -> "Size":
        """Measure a build."""
        largest = sorted(elf.placed, key=lambda p: (-p.size, p.name))
        return cls(
            image.code_length,
            image.data_length,
            image.params_length,
            elf.bss_size,
            elf.stack_size,
            stack_use(image, elf),
            tuple(largest),
        )


@dataclass(frozen=True)
class Change:
    """A symbol whose size differs between two builds; 0 is not there."""

    name: str
    before: int
    after: int


def changes(before: Size, after: Size) -> tuple[Change, ...]:
    """Symbols that grew, shrank, came or went, the largest difference first.

    Symbols of one name (static functions of several files) count together.
    """
    old, new = _by_name(before.placed), _by_name(after.placed)
    differing = [
        Change(name, old.get(name, 0), new.get(name, 0))
        for name in old.keys() | new.keys()
        if old.get(name, 0) != new.get(name, 0)
    ]
    return tuple(sorted(differing, key=lambda c: (-abs(c.after - c.before), c.name)))


def _by_name(placed: Sequence[Placed]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for symbol in placed:
        sizes[symbol.name] = sizes.get(symbol.name, 0) + symbol.size
    return sizes


def in_flash(symbol: Placed, target: Target) -> bool:
    """Whether the symbol takes flash, not RAM."""
    return target.flash.origin <= symbol.address < target.flash.end
