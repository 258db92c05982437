"""A few Thumb instructions by name, and functions made of them, laid out as a linker does."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.unit.formats.elf_builder import BASE
from toolchain.image import ElfInfo, Function, Image, Segment

PUSH_R4_LR, POP_R4_PC = b"\x10\xb5", b"\x10\xbd"
BX_LR, BX_R3, BLX_R3 = b"\x70\x47", b"\x18\x47", b"\x98\x47"


def sub_sp(size: int) -> bytes:
    """``sub sp, #size``, up to 508."""
    return (0xB080 | size // 4).to_bytes(2, "little")


def add_sp(size: int) -> bytes:
    """``add sp, #size``, up to 508."""
    return (0xB000 | size // 4).to_bytes(2, "little")


@dataclass(frozen=True)
class Bl:
    """``bl name``, or ``b.w name`` where ``leaves``."""

    name: str
    leaves: bool = False

    def encode(self, at: int, to: int) -> bytes:
        """Encoding T1 of BL, T4 of B, for up to a megabyte forwards and backwards."""
        offset = to - (at + 4)
        sign, high, low = offset >> 24 & 1, offset >> 12 & 0x3FF, offset >> 1 & 0x7FF
        j1, j2 = 1 ^ (offset >> 23 & 1) ^ sign, 1 ^ (offset >> 22 & 1) ^ sign
        second = (0x9000 if self.leaves else 0xD000) | j1 << 13 | j2 << 11 | low
        return (0xF000 | sign << 10 | high).to_bytes(2, "little") + second.to_bytes(2, "little")


@dataclass(frozen=True)
class Address:
    """A constant among the code: the address of a function, as pointers to it are."""

    name: str


@dataclass(frozen=True)
class Constant:
    """A number among the code."""

    value: int


Part = bytes | Bl | Address | Constant


def _size(parts: tuple[Part, ...]) -> int:
    return sum(len(part) if isinstance(part, bytes) else 4 for part in parts)


def link(code: Mapping[str, tuple[Part, ...]], entry: str = "main") -> tuple[Image, ElfInfo]:
    """An app of these functions, at the addresses that they get by their order, each at a word."""
    places: dict[str, int] = {}
    end = BASE
    for name, parts in code.items():
        places[name] = end
        end += -(-_size(parts) // 4) * 4
    loaded = bytearray()
    functions = []
    for name, parts in code.items():
        runs: list[tuple[int, int]] = []
        start = places[name]
        for part in parts:
            at = BASE + len(loaded)
            if isinstance(part, Address | Constant):
                runs.append((start, at))
                start = at + 4
                number = places[part.name] | 1 if isinstance(part, Address) else part.value
                loaded += (number & 0xFFFF_FFFF).to_bytes(4, "little")
            elif isinstance(part, Bl):
                loaded += part.encode(at, places[part.name])
            else:
                loaded += part
        runs.append((start, BASE + len(loaded)))
        functions.append(Function(places[name], name, tuple(run for run in runs if run[0] < run[1])))
        loaded += bytes(-len(loaded) % 4)
    image = Image.from_segments(
        [Segment(BASE, bytes(loaded))],
        places[entry],
        name="Test",
        version="1.0.0",
        target_id=0x33100004,
        target_version="",
        api_level=25,
        data_length=0,
        params_length=0,
        flags=0,
    )
    info = ElfInfo({}, (), (), {}, (), b"", 0, 4096, places[entry] | 1, functions=tuple(functions))
    return image, info
