"""ELF → Image and ElfInfo, by section headers and symbols; never by map files.

The loaded bytes are those of ``objcopy -O ihex -S``: contents of the allocated sections, in order of
their load address; holes between them are not bytes (loader protocol §13, §15.1). elftools describes
the structures. Its section classes are not used: they decompress, index and allocate at the word of the
file, whereas everything here is checked against the size of the file before it is read.
"""

import bisect
import io
import itertools
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from elftools.common.exceptions import ELFError
from elftools.common.utils import struct_parse
from elftools.construct import Construct
from elftools.elf.elffile import ELFFile

from toolchain.errors import ImageError
from toolchain.image import ElfInfo, Function, Image, Placed, ProgramSegment, Section, Segment
from toolchain.target import target_by_id

_MAX_FILE = 1 << 26
_MAX_SECTIONS = 4096
_MAX_SYMBOLS = 1 << 16
_MAX_NAME = 1024
_MAX_METADATA = 1024

_SHF_ALLOC = 2
_SECTION_HEADER, _PROGRAM_HEADER = 40, 32  # bytes, ELF32
_SYMBOL = struct.Struct("<IIIBBH")  # Elf32_Sym: name, value, size, info, other, section
_MAPPING = "$"  # begins the names that tell code from data (Arm ELF ABI)
_OBJECT, _FUNCTION, _SECTION, _FILE = 1, 2, 3, 4  # types of symbols
_UNDEFINED = _LOCAL = 0
_RELOCATIONS = ("SHT_REL", "SHT_RELA", "SHT_DYNAMIC")
_METADATA = "ledger."
_PRODUCERS, _MAX_PRODUCERS = ".comment", 1 << 16
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]{1,8}|0|[1-9][0-9]{0,9}")
_TEXT = re.compile(rb"[\t -~]{4,}")


class _Header(NamedTuple):
    """One section header; ``type`` is elftools' name, or a number that it does not know."""

    name: str
    type: str | int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    entry_size: int


class _Load(NamedTuple):
    """One PT_LOAD entry of the program header table."""

    offset: int
    address: int
    physical: int
    file_size: int
    memory_size: int
    flags: int


def read_elf(data: bytes, *, flags: int | None = None, where: str = "") -> tuple[Image, ElfInfo]:
    """Read a linked app.

    ``flags`` are the application flags that the makefile gives to the loader: some SDKs (Nano S) do not
    record them in the ELF. Recorded flags must agree with them; where neither says anything the app
    has none. ``where`` names the file in errors.

    Raises:
        ImageError: not an ELF file for these devices, damaged, stripped, without metadata, or with a
            layout other than code, data, install parameters.
    """
    try:
        return _read(data, flags)
    except ELFError as e:
        raise ImageError(f"the ELF file is damaged: {e}", where=where) from e
    except ImageError as e:
        e.where = where
        raise


def _read(data: bytes, given_flags: int | None) -> tuple[Image, ElfInfo]:
    elf = _open(data)
    headers = _section_headers(elf, data)
    loads = _loads(elf, data)
    everything = tuple(_table(headers, data))
    named = tuple(symbol for symbol in everything if not symbol.name.startswith(_MAPPING))
    table = tuple(symbol for symbol in named if symbol.defined)
    symbols = _values(table)
    metadata = _metadata(headers, data)

    target_id = _number(metadata, "target_id")
    target = target_by_id(target_id)
    if target is None:
        raise ImageError(
            f"the app is built for target {target_id:#010x}, which is not known",
            hint="add the device to toolchain/targets",
        )
    api_level = _number(metadata, "api_level") if "api_level" in metadata else None
    if (api_level is None) != (target.api_level is None):
        raise ImageError(f"ledger.api_level is {api_level}, which is not what {target.title} apps declare")
    data_start, data_end, params_start, params_end = (
        _symbol(symbols, name)
        for name in ("_nvram_data", "_envram_data", "_install_parameters", "_einstall_parameters")
    )
    entry: int = elf.header["e_entry"]
    image = Image.from_segments(
        _contents(headers, loads, data),
        entry,
        name=_text(metadata, "app_name"),
        version=_text(metadata, "app_version"),
        target_id=target_id,
        target_version=metadata.get("target_version", target.version),
        api_level=api_level,
        data_length=data_end - data_start,
        params_length=params_end - params_start,
        flags=_flags(metadata, given_flags),
    )
    if data_end != params_start or params_end != image.base + image.span:
        raise ImageError(
            "the image does not end with data and install parameters: "
            f"_envram_data {data_end:#x}, _install_parameters {params_start:#x}, "
            f"_einstall_parameters {params_end:#x}, end {image.base + image.span:#x}"
        )
    bss_size, stack_size = _ram(headers, symbols)
    info = ElfInfo(
        metadata=metadata,
        sections=tuple(Section(h.name, h.address, h.size, h.flags) for h in headers[1:]),
        program=tuple(ProgramSegment(p.address, p.file_size, p.memory_size, p.flags) for p in loads),
        symbols=symbols,
        strings=tuple(t.decode("ascii") for s in image.segments for t in _TEXT.findall(s.data)),
        install_params=image.data[len(image.data) - image.params_length :],
        bss_size=bss_size,
        stack_size=stack_size,
        entry=entry,
        placed=_placed(table),
        functions=tuple(_functions(table, everything)),
        undefined=tuple(sorted({symbol.name for symbol in named if not symbol.defined})),
        relocations=tuple(h.name for h in headers if h.type in _RELOCATIONS and h.size),
        producers=tuple(_producers(headers, data)),
    )
    return image, info


def _open(data: bytes) -> ELFFile:
    if len(data) > _MAX_FILE:
        raise ImageError(f"the ELF file has {len(data)} bytes; {_MAX_FILE} are more than enough")
    elf = ELFFile(io.BytesIO(data))
    header = elf.header
    if elf.elfclass != 32 or not elf.little_endian or header["e_machine"] != "EM_ARM":
        raise ImageError("the ELF file is not for a 32-bit little-endian Arm device")
    if header["e_type"] != "ET_EXEC":
        raise ImageError("the ELF file is not a linked program", hint="pass app.elf, not an object file")
    if header["e_shentsize"] != _SECTION_HEADER or header["e_phentsize"] != _PROGRAM_HEADER:
        raise ImageError("the ELF file's header tables have entries of an unknown size")
    if not 0 < header["e_shnum"] <= _MAX_SECTIONS:
        raise ImageError(f"the ELF file has {header['e_shnum']} sections; 1 to {_MAX_SECTIONS} are valid")
    _slice(data, header["e_shoff"], header["e_shnum"] * _SECTION_HEADER, "the section header table")
    _slice(data, header["e_phoff"], header["e_phnum"] * _PROGRAM_HEADER, "the program header table")
    return elf


def _slice(data: bytes, offset: int, size: int, what: str) -> bytes:
    if offset + size > len(data):
        raise ImageError(f"{what} ends at {offset + size:#x}, behind the end of the file at {len(data):#x}")
    return data[offset : offset + size]


def _entries(elf: ELFFile, struct: Construct, offset: int, count: int, size: int) -> Iterator[Any]:
    for index in range(count):
        yield struct_parse(struct, elf.stream, offset + index * size)


def _name(table: bytes, offset: int, what: str) -> str:
    end = table.find(b"\0", offset, offset + _MAX_NAME)
    if end < 0:
        raise ImageError(f"the name of {what} is outside of its string table, or longer than {_MAX_NAME}")
    try:
        return table[offset:end].decode("utf-8")
    except UnicodeDecodeError as e:
        raise ImageError(f"the name of {what} is not text") from e


def _section_headers(elf: ELFFile, data: bytes) -> list[_Header]:
    count, names_index = elf.header["e_shnum"], elf.header["e_shstrndx"]
    raw = list(_entries(elf, elf.structs.Elf_Shdr, elf.header["e_shoff"], count, _SECTION_HEADER))
    if names_index >= count or raw[names_index]["sh_type"] != "SHT_STRTAB":
        raise ImageError("the ELF file has no table of section names")
    names = _slice(data, raw[names_index]["sh_offset"], raw[names_index]["sh_size"], "the section names")
    headers = []
    for index, h in enumerate(raw):
        header = _Header(
            name=_name(names, h["sh_name"], f"section {index}"),
            type=h["sh_type"],
            flags=h["sh_flags"],
            address=h["sh_addr"],
            offset=h["sh_offset"],
            size=h["sh_size"],
            link=h["sh_link"],
            entry_size=h["sh_entsize"],
        )
        if header.type not in ("SHT_NULL", "SHT_NOBITS"):
            _slice(data, header.offset, header.size, f"section {header.name}")
        headers.append(header)
    return headers


def _loads(elf: ELFFile, data: bytes) -> list[_Load]:
    entries = _entries(
        elf, elf.structs.Elf_Phdr, elf.header["e_phoff"], elf.header["e_phnum"], _PROGRAM_HEADER
    )
    loads = []
    for p in entries:
        if p["p_type"] != "PT_LOAD":
            continue
        _slice(data, p["p_offset"], p["p_filesz"], "a loadable segment")
        loads.append(
            _Load(p["p_offset"], p["p_vaddr"], p["p_paddr"], p["p_filesz"], p["p_memsz"], p["p_flags"])
        )
    ranges = sorted((p.physical, p.physical + p.file_size) for p in loads if p.file_size)
    for (_, end), (start, _) in itertools.pairwise(ranges):
        if start < end:
            raise ImageError(f"loadable segments overlap at {start:#x}")
    return loads


def _contents(headers: list[_Header], loads: list[_Load], data: bytes) -> Iterator[Segment]:
    """Each allocated section with contents, at its load address."""
    for header in headers:
        if not header.flags & _SHF_ALLOC or header.type == "SHT_NOBITS" or not header.size:
            continue
        end = header.offset + header.size
        addresses = {
            load.physical + header.offset - load.offset
            for load in loads
            if load.offset <= header.offset and end <= load.offset + load.file_size
        }
        if addresses != {header.address}:
            raise ImageError(
                f"section {header.name} at {header.address:#x} is not loaded where it is linked",
                hint="initialised variables are not supported: nothing on the device copies them to RAM",
            )
        yield Segment(header.address, data[header.offset : end])


def replace_contents(data: bytes, contents: bytes) -> bytes:
    """The same ELF with other bytes in its image: ``contents`` from the first address on, with its holes.

    Raises:
        ImageError: not an ELF, or an image of another span.
    """
    try:
        headers = _section_headers(_open(data), data)
    except ELFError as e:
        raise ImageError(f"the ELF file is damaged: {e}") from e
    sections = [h for h in headers if h.flags & _SHF_ALLOC and h.type != "SHT_NOBITS" and h.size]
    base = min((h.address for h in sections), default=0)
    end = max((h.address + h.size for h in sections), default=0)
    if len(contents) != end - base:
        raise ImageError(f"the app's image spans {end - base} bytes, not {len(contents)}")
    changed = bytearray(data)
    for header in sections:
        start = header.address - base
        changed[header.offset : header.offset + header.size] = contents[start : start + header.size]
    return bytes(changed)


class _Symbol(NamedTuple):
    """A named entry of the symbol table."""

    name: str
    value: int
    size: int
    kind: int
    local: bool
    defined: bool


def _table(headers: list[_Header], data: bytes) -> Iterator[_Symbol]:
    tables = [h for h in headers if h.type == "SHT_SYMTAB"]
    if len(tables) != 1:
        raise ImageError(
            f"the ELF file has {len(tables)} symbol tables instead of one",
            hint="pass app.elf as the linker wrote it, not stripped",
        )
    table = tables[0]
    count = table.size // _SYMBOL.size
    if table.entry_size != _SYMBOL.size or count > _MAX_SYMBOLS:
        raise ImageError(f"the symbol table has {count} entries of {table.entry_size} bytes")
    if table.link >= len(headers) or headers[table.link].type != "SHT_STRTAB":
        raise ImageError("the symbol table has no string table")
    strings = headers[table.link]
    names = data[strings.offset : strings.offset + strings.size]

    # Not with the library: its general parser would take most of the time of a build with nothing to do.
    entries = _SYMBOL.iter_unpack(_slice(data, table.offset, count * _SYMBOL.size, "the symbol table"))
    for index, (name_offset, value, size, info, _, section) in enumerate(entries):
        kind, binding = info & 0xF, info >> 4
        if kind in (_FILE, _SECTION):
            continue
        name = _name(names, name_offset, f"symbol {index}")
        if not name:
            continue
        yield _Symbol(name, value, size, kind, binding == _LOCAL, section != _UNDEFINED)


def _values(table: Iterable[_Symbol]) -> dict[str, int]:
    """Names and values; a global symbol hides local ones of its name."""
    global_symbols: dict[str, int] = {}
    local_symbols: dict[str, int] = {}
    for symbol in table:
        if symbol.local:
            local_symbols.setdefault(symbol.name, symbol.value)
        elif global_symbols.setdefault(symbol.name, symbol.value) != symbol.value:
            raise ImageError(f"symbol {symbol.name} is defined twice")
    return local_symbols | global_symbols


def _placed(table: Iterable[_Symbol]) -> tuple[Placed, ...]:
    """Functions (without the Thumb bit) and variables; of several names for one place, one."""
    found: dict[tuple[int, int], Placed] = {}
    for s in table:
        if s.size and s.kind in (_FUNCTION, _OBJECT):
            address = s.value & ~1 if s.kind == _FUNCTION else s.value
            found.setdefault((address, s.size), Placed(address, s.size, s.name))
    return tuple(sorted(found.values()))


def _functions(table: Iterable[_Symbol], everything: Iterable[_Symbol]) -> Iterator[Function]:
    """Functions by address, of several names for one place the first.

    One whose size nobody wrote, as in assembly, reaches up to the next one; none reaches farther.
    """
    found: dict[int, _Symbol] = {}
    for symbol in table:
        if symbol.kind == _FUNCTION:
            found.setdefault(symbol.value & ~1, symbol)
    marks = sorted({(s.value, s.name[1:2] != "d") for s in everything if s.name.startswith(_MAPPING)})
    starts = [address for address, _ in marks]
    ordered = sorted(found.items())
    nexts = [*(address for address, _ in ordered[1:]), 1 << 32]
    for (address, symbol), following in zip(ordered, nexts, strict=False):
        end = min(address + symbol.size, following) if symbol.size else following
        begins = bisect.bisect_right(starts, address)
        inside = marks[begins : bisect.bisect_left(starts, end)]
        runs = _runs(address, end, inside, is_code=begins == 0 or marks[begins - 1][1])
        yield Function(address, symbol.name, tuple(runs))


def _runs(
    start: int, end: int, marks: Iterable[tuple[int, bool]], *, is_code: bool
) -> Iterator[tuple[int, int]]:
    """The parts of a function that are instructions; ``marks`` say where they begin and end."""
    for address, begins in (*marks, (end, False)):
        if is_code and not begins and start < address:
            yield start, address
        if begins != is_code:
            start, is_code = address, begins


def _symbol(symbols: Mapping[str, int], *names: str) -> int:
    for name in names:
        if name in symbols:
            return symbols[name]
    raise ImageError(
        f"the ELF file has no symbol {' or '.join(names)}",
        hint="link with the SDK's linker script, and do not strip the result",
    )


def _metadata(headers: list[_Header], data: bytes) -> dict[str, str]:
    metadata: dict[str, str] = {}
    for header in headers:
        if not header.name.startswith(_METADATA):
            continue
        key = header.name.removeprefix(_METADATA)
        content = data[header.offset : header.offset + header.size]
        if key in metadata:
            raise ImageError(f"section {header.name} is there twice")
        if header.type == "SHT_NOBITS" or header.size > _MAX_METADATA:
            raise ImageError(f"section {header.name} is not a short text")
        try:
            metadata[key] = content.decode("utf-8")
        except UnicodeDecodeError as e:
            raise ImageError(f"section {header.name} is not text") from e
        if not metadata[key].isprintable():
            raise ImageError(f"section {header.name} is not printable text")
    return metadata


def _producers(headers: list[_Header], data: bytes) -> Iterator[str]:
    """The texts of .comment, each once, what is not ASCII as U+FFFD."""
    for header in headers:
        if header.name == _PRODUCERS and header.type != "SHT_NOBITS":
            text = data[header.offset : header.offset + min(header.size, _MAX_PRODUCERS)]
            yield from dict.fromkeys(t.decode("ascii", "replace") for t in text.split(b"\0") if t)


def _text(metadata: Mapping[str, str], key: str) -> str:
    if not metadata.get(key):
        raise ImageError(
            f"the ELF file has no section {_METADATA}{key}",
            hint="build the app with an SDK that records its metadata",
        )
    return metadata[key]


def _number(metadata: Mapping[str, str], key: str) -> int:
    text = _text(metadata, key)
    if not _NUMBER.fullmatch(text):
        raise ImageError(f"section {_METADATA}{key} is not a number: {text!r}")
    return int(text, 0)


def _flags(metadata: Mapping[str, str], given: int | None) -> int:
    if "app_flags" not in metadata:
        return given or 0
    recorded = _number(metadata, "app_flags")
    if given not in (None, recorded):
        raise ImageError(f"the app was built with flags {recorded:#x}, the makefile says {given:#x}")
    return recorded


def _ram(headers: list[_Header], symbols: Mapping[str, int]) -> tuple[int, int]:
    """Bytes of uninitialised variables, and of the stack behind them."""
    sections = [h for h in headers if h.name == ".bss"]
    if len(sections) != 1:
        raise ImageError(f"the ELF file has {len(sections)} sections .bss instead of one")
    bss = sections[0]
    # The section reaches to the end of the stack in the SDK's linker scripts; these symbols part the two.
    bss_size = symbols.get("_ebss", bss.address + bss.size) - symbols.get("_bss", bss.address)
    stack_start = symbols.get("_stack", bss.address + bss.size)
    stack_size = _symbol(symbols, "_estack", "END_STACK") - stack_start
    if bss_size < 0 or stack_size < 0:
        raise ImageError(f"RAM is laid out backwards: variables {bss_size}, stack {stack_size} bytes")
    return bss_size, stack_size
