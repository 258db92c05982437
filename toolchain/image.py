"""What is loaded onto a device, as a value, and the one digest over it.

The layout follows loader protocol §9 (create application) and §13 (application hash).
"""

import hashlib
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from toolchain.errors import ImageError

MAX_SIZE = 1 << 22
"""Bytes that an image may span at most. Devices have less than 2 MiB of flash; more is an attack."""


@dataclass(frozen=True)
class Segment:
    """A contiguous run of bytes at an absolute flash address."""

    address: int
    data: bytes

    @property
    def end(self) -> int:
        """First address behind the segment."""
        return self.address + len(self.data)


def merge_segments(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """The same bytes in ascending order, as few segments as possible.

    Raises:
        ImageError: segments overlap, or leave the 32-bit address space.
    """
    merged: list[list[Segment]] = []
    for segment in sorted((s for s in segments if s.data), key=lambda s: s.address):
        if segment.address < 0 or segment.end > 1 << 32:
            raise ImageError(f"a segment at {segment.address:#x} leaves the 32-bit address space")
        if merged and segment.address < merged[-1][-1].end:
            raise ImageError(f"segments overlap at {segment.address:#x}")
        if merged and segment.address == merged[-1][-1].end:
            merged[-1].append(segment)
        else:
            merged.append([segment])
    return tuple(Segment(run[0].address, b"".join(s.data for s in run)) for run in merged)


@dataclass(frozen=True)
class Image:
    """An application as it goes to the device.

    ``segments`` ascend and do not touch or overlap; together they hold code, then data, then install
    parameters. ``boot_offset`` counts from the first segment and has the Thumb bit set.
    ``target_version`` is the text that enters the digest for channel generation 4 and up;
    ``api_level`` is None for devices whose create-app form has no level (Nano S).
    """

    name: str
    version: str
    target_id: int
    target_version: str
    api_level: int | None
    segments: tuple[Segment, ...]
    code_length: int
    data_length: int
    params_length: int
    flags: int
    boot_offset: int

    def __post_init__(self) -> None:
        """Refuse what no device could take.

        Raises:
            ImageError: no bytes, overlapping or unordered segments, sizes that do not add up.
        """
        if not self.segments or any(not s.data for s in self.segments):
            raise ImageError("the image holds no bytes")
        for before, after in itertools.pairwise(self.segments):
            if after.address < before.end:
                raise ImageError(
                    f"segments overlap or are out of order: {before.end:#x} is behind {after.address:#x}"
                )
        if self.span > MAX_SIZE:
            raise ImageError(f"the image spans {self.span} bytes, more than any device has")
        if self.code_length + self.data_length + self.params_length != self.span:
            raise ImageError(
                f"code {self.code_length} + data {self.data_length} + parameters {self.params_length} "
                f"is not the span of the image, {self.span}"
            )
        lengths = (self.code_length, self.data_length, self.params_length)
        if min(lengths) < 0 or self.code_length == 0:
            raise ImageError("an image has code, and no length below zero")
        if not 0 <= self.boot_offset & ~1 < self.code_length:
            raise ImageError(f"the boot offset {self.boot_offset:#x} is outside of the code")
        if not 0 <= self.target_id < 1 << 32 or not 0 <= self.flags < 1 << 32:
            raise ImageError("target id and flags have 32 bits")
        if self.api_level is not None and not 0 <= self.api_level < 256:
            raise ImageError(f"API level {self.api_level} does not fit the one byte that carries it")
        if not self.target_version.isascii():
            raise ImageError("the target version is not ASCII text")

    @classmethod
    def from_segments(
        cls,
        segments: Iterable[Segment],
        entry: int | None,
        *,
        name: str,
        version: str,
        target_id: int,
        target_version: str,
        api_level: int | None,
        data_length: int,
        params_length: int,
        flags: int,
    ) -> "Image":
        """An image whose install parameters are embedded: code is what data and parameters leave (§9).

        ``segments`` in any order, ``entry`` as an absolute address with or without the Thumb bit. For
        those who have only an ``app.hex``, the numbers are the loader's arguments (§15.5).

        Raises:
            ImageError: as for the class.
        """
        merged = merge_segments(segments)
        if not merged:
            raise ImageError("the image holds no bytes")
        if entry is None:
            raise ImageError("the image has no entry address")
        base = merged[0].address
        return cls(
            name=name,
            version=version,
            target_id=target_id,
            target_version=target_version,
            api_level=api_level,
            segments=merged,
            code_length=merged[-1].end - base - data_length - params_length,
            data_length=data_length,
            params_length=params_length,
            flags=flags,
            boot_offset=(entry - base) | 1,
        )

    @property
    def base(self) -> int:
        """Lowest address."""
        return self.segments[0].address

    @property
    def span(self) -> int:
        """Highest end minus lowest address, holes included."""
        return self.segments[-1].end - self.segments[0].address

    @property
    def data(self) -> bytes:
        """All bytes in ascending order of address, without what lies in holes."""
        return b"".join(s.data for s in self.segments)

    def create_app_params(self) -> bytes:
        """Arguments of the create-application command, without its leading ``0B`` (§9)."""
        level = b"" if self.api_level is None else bytes([self.api_level])
        numbers = (self.code_length, self.data_length, self.params_length, self.flags, self.boot_offset | 1)
        return level + b"".join(n.to_bytes(4, "big") for n in numbers)

    def digest(self) -> bytes:
        """SHA-256 that a signature covers and that the device lists as the full hash (§13)."""
        prefix = b""
        if self.target_id & 0xF > 3:
            prefix = self.target_id.to_bytes(4, "big") + self.target_version.encode("ascii")
        return hashlib.sha256(prefix + self.create_app_params() + self.data).digest()


@dataclass(frozen=True)
class Section:
    """One ELF section: address, size in memory, and its SHF_* flags."""

    name: str
    address: int
    size: int
    flags: int


@dataclass(frozen=True)
class ProgramSegment:
    """One PT_LOAD entry: where it lies and its PF_* flags (1 execute, 2 write, 4 read)."""

    address: int
    file_size: int
    memory_size: int
    flags: int


@dataclass(frozen=True, order=True)
class Placed:
    """A function or variable: where the linker put it, and how many bytes it takes."""

    address: int
    size: int
    name: str


@dataclass(frozen=True)
class Function:
    """A function: where it begins, and where its instructions lie, as start and end of each run of them."""

    address: int
    name: str
    runs: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class ElfInfo:
    """What the ELF says beside the bytes that are loaded.

    ``metadata`` holds the texts of the ``ledger.*`` sections without that prefix (``app_name``,
    ``target_id``, ``sdk_version`` …). ``symbols`` maps names to values. ``strings`` are the printable
    texts of the loaded bytes, in order; ``placed`` are functions and variables by address, ``functions`` the
    code by address. ``undefined`` are the names that nothing defines, ``relocations`` the sections that would
    still have to be resolved, ``producers`` what compilers and linkers wrote of themselves (``.comment``).
    Sizes in bytes.
    """

    metadata: Mapping[str, str]
    sections: tuple[Section, ...]
    program: tuple[ProgramSegment, ...]
    symbols: Mapping[str, int]
    strings: tuple[str, ...]
    install_params: bytes
    bss_size: int
    stack_size: int
    entry: int
    placed: tuple[Placed, ...] = ()
    functions: tuple[Function, ...] = ()
    undefined: tuple[str, ...] = ()
    relocations: tuple[str, ...] = ()
    producers: tuple[str, ...] = ()


_SEAL = object()


@dataclass(frozen=True)
class VerifiedImage:
    """An image that passed every blocking rule of ``policy``. Only ``verify.verify()`` makes one.

    ``waived`` names the rules that were waived, for the manifest.
    """

    image: Image
    policy: str
    waived: tuple[str, ...]
    _seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse to exist unless ``verify()`` made it, for this very image and policy."""
        if self._seal != (_SEAL, self.image, self.policy, self.waived):
            raise TypeError("only toolchain.verify.verify() makes a VerifiedImage")


def seal(image: Image, policy: str, waived: tuple[str, ...]) -> VerifiedImage:
    """Make a VerifiedImage. For ``verify.verify()`` alone; a test holds every other caller off."""
    return VerifiedImage(image, policy, waived, (_SEAL, image, policy, waived))
