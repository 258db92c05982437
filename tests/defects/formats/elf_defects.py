"""ELF files that are bad in one way each; the function's name says which."""

from collections.abc import Callable
from dataclasses import replace

from tests.unit.formats import elf_builder as e
from tests.unit.formats.elf_builder import ElfBuilder, ElfSection, patch, section_header

DEFECTS: dict[str, tuple[Callable[[], bytes], str]] = {}
"""Name → builder, and what the error's message says."""


def says(message: str) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    def register(build: Callable[[], bytes]) -> Callable[[], bytes]:
        DEFECTS[build.__name__] = (build, message)
        return build

    return register


def _section(name: str, field: int, value: int) -> bytes:
    elf = ElfBuilder().build()
    return patch(elf, section_header(elf, name) + field, value)


def _without_metadata(key: str) -> bytes:
    return ElfBuilder(metadata={k: v for k, v in e.METADATA.items() if k != key}).build()


@says("damaged")
def empty_file() -> bytes:
    return b""


@says("damaged")
def not_an_elf_file() -> bytes:
    return b"MZ" + bytes(4096)


@says("damaged")
def header_cut_short() -> bytes:
    return ElfBuilder().build()[:40]


@says("behind the end of the file")
def truncated() -> bytes:
    return ElfBuilder().build()[:-1]


@says("32-bit little-endian Arm")
def class_64_bit() -> bytes:
    return patch(ElfBuilder().build().ljust(4096, b"\0"), 4, 2, 1)


@says("32-bit little-endian Arm")
def big_endian() -> bytes:
    return patch(ElfBuilder().build(), 5, 2, 1)


@says("32-bit little-endian Arm")
def machine_x86() -> bytes:
    return patch(ElfBuilder().build(), e.E_MACHINE, 62, 2)


@says("not a linked program")
def object_file() -> bytes:
    return patch(ElfBuilder().build(), e.E_TYPE, 1, 2)


@says("entries of an unknown size")
def section_header_entries_of_zero_bytes() -> bytes:
    return patch(ElfBuilder().build(), e.E_SHENTSIZE, 0, 2)


@says("entries of an unknown size")
def program_header_entries_of_zero_bytes() -> bytes:
    return patch(ElfBuilder().build(), e.E_PHENTSIZE, 0, 2)


@says("65535 sections")
def section_count_huge() -> bytes:
    return patch(ElfBuilder().build(), e.E_SHNUM, 0xFFFF, 2)


@says("0 sections")
def section_count_in_first_header() -> bytes:
    elf = patch(ElfBuilder().build(), e.E_SHNUM, 0, 2)
    first = int.from_bytes(elf[e.E_SHOFF : e.E_SHOFF + 4], "little")
    return patch(elf, first + e.SH_SIZE, 0xFFFFFFFF)


@says("section header table ends at")
def section_header_table_behind_the_file() -> bytes:
    return patch(ElfBuilder().build(), e.E_SHOFF, 0xFFFFFF00)


@says("program header table ends at")
def program_header_count_huge() -> bytes:
    return patch(ElfBuilder().build(), e.E_PHNUM, 0xFFFF, 2)


@says("a loadable segment ends at")
def segment_of_4_gib() -> bytes:
    return patch(ElfBuilder().build(), e.PROGRAM_HEADERS + e.P_FILESZ, 0xFFFFFFFF)


@says("no table of section names")
def section_names_index_out_of_range() -> bytes:
    return patch(ElfBuilder().build(), e.E_SHSTRNDX, 0xFF, 2)


@says("name of section 1 is outside")
def section_name_out_of_range() -> bytes:
    return _section(".text", e.SH_NAME, 0x7FFFFFFF)


@says("the section names ends at|the section names")
def section_names_behind_the_file() -> bytes:
    return _section(".shstrtab", e.SH_OFFSET, 0xFFFFFFF0)


@says("name of section 1 is not text")
def section_name_not_text() -> bytes:
    return ElfBuilder().build().replace(b"\0.text\0", b"\0.te\xfft\0")


@says("section .text ends at")
def section_of_4_gib() -> bytes:
    return _section(".text", e.SH_SIZE, 0xFFFFFFFF)


@says("RAM is laid out backwards")
def bss_of_4_gib() -> bytes:
    elf = ElfBuilder(symbols={"_stack": None, "_ebss": None}).build()
    return patch(elf, section_header(elf, ".bss") + e.SH_SIZE, 0xFFFFFFFF)


@says("0 sections .bss")
def bss_missing() -> bytes:
    return ElfBuilder().build().replace(b"\0.bss\0", b"\0.bsx\0")


@says("0 symbol tables")
def stripped() -> bytes:
    return _section(".symtab", e.SH_TYPE, e.SHT_PROGBITS)


@says("symbol table has")
def symbol_entries_of_zero_bytes() -> bytes:
    return _section(".symtab", e.SH_ENTSIZE, 0)


@says("symbol table has 65537 entries")
def symbol_count_huge() -> bytes:
    table = ElfSection("big", bytes(16 * 65537))
    elf = ElfBuilder(sections=(table,)).build()
    big, symtab = section_header(elf, "big"), section_header(elf, ".symtab")
    for field in (e.SH_OFFSET, e.SH_SIZE):
        elf = patch(elf, symtab + field, int.from_bytes(elf[big + field : big + field + 4], "little"))
    return elf


@says("symbol table has no string table")
def symbol_names_index_out_of_range() -> bytes:
    return _section(".symtab", e.SH_LINK, 0xFFFFFFFF)


@says("name of symbol 1 is outside")
def symbol_name_out_of_range() -> bytes:
    elf = ElfBuilder().build()
    symtab = section_header(elf, ".symtab") + e.SH_OFFSET
    return patch(elf, int.from_bytes(elf[symtab : symtab + 4], "little") + 16, 0xFFFFFFFF)


@says("name of symbol 1 is outside of its string table, or longer")
def symbol_name_endless() -> bytes:
    return ElfBuilder(local_symbols={"a" * 5000: 0}).build()


@says("symbol main is defined twice")
def symbol_defined_twice() -> bytes:
    return ElfBuilder(symbols={"mbin": e.BASE}).build().replace(b"\0mbin\0", b"\0main\0")


@says("no symbol _nvram_data")
def layout_symbol_missing() -> bytes:
    return ElfBuilder(symbols={"_nvram_data": None}).build()


@says("no symbol _estack or END_STACK")
def stack_symbol_missing() -> bytes:
    return ElfBuilder(symbols={"_estack": None}).build()


@says("RAM is laid out backwards")
def stack_below_its_start() -> bytes:
    return ElfBuilder(symbols={"_estack": e.RAM}).build()


@says("no length below zero")
def data_ends_before_it_starts() -> bytes:
    return ElfBuilder(symbols={"_nvram_data": e.BASE + 0x8000}).build()


@says("does not end with data and install parameters")
def parameters_before_the_end() -> bytes:
    return ElfBuilder(sections=(ElfSection("late", b"x" * 8, e.BASE + 0x2000, flags=e.SHF_ALLOC),)).build()


@says("does not end with data and install parameters")
def gap_between_data_and_parameters() -> bytes:
    builder = ElfBuilder()
    start = e.BASE + len(builder.text) - len(builder.params) + 2
    return replace(builder, symbols={"_install_parameters": start}).build()


@says("boot offset")
def entry_outside_of_the_code() -> bytes:
    return ElfBuilder(entry=e.RAM).build()


@says("loadable segments overlap at 0xc0de0010")
def overlapping_segments() -> bytes:
    bss = e.PROGRAM_HEADERS + 32
    moved = patch(ElfBuilder().build(), bss + e.P_PADDR, e.BASE + 0x10)
    return patch(moved, bss + e.P_FILESZ, 8)


@says("segments overlap at 0xc0de0010")
def overlapping_sections() -> bytes:
    return ElfBuilder(sections=(ElfSection("over", b"x" * 8, e.BASE + 0x10, flags=e.SHF_ALLOC),)).build()


@says("leaves the 32-bit address space")
def section_wraps_the_address_space() -> bytes:
    return ElfBuilder(sections=(ElfSection("wrap", b"x" * 32, 0xFFFFFFF0, flags=e.SHF_ALLOC),)).build()


@says("spans")
def section_far_away() -> bytes:
    return ElfBuilder(sections=(ElfSection("far", b"x", 0x08000000, flags=e.SHF_ALLOC),)).build()


@says("section .data at 0xda7a8000 is not loaded where it is linked")
def initialised_variables() -> bytes:
    data = ElfSection(
        ".data", b"x" * 8, 0xDA7A8000, flags=e.SHF_ALLOC | e.SHF_WRITE, load_address=e.BASE + 0x2000
    )
    return ElfBuilder(sections=(data,)).build()


@says("section .text at 0xc0de0000 is not loaded")
def no_loadable_segment() -> bytes:
    return patch(ElfBuilder().build(), e.E_PHNUM, 0, 2)


@says("holds no bytes")
def no_contents() -> bytes:
    return _section(".text", e.SH_FLAGS, 0)


@says("no section ledger.target_id")
def metadata_missing() -> bytes:
    return ElfBuilder(metadata={}).build()


@says("no section ledger.app_name")
def app_name_missing() -> bytes:
    return _without_metadata("app_name")


@says("no section ledger.app_version")
def app_version_empty() -> bytes:
    return ElfBuilder(metadata=e.METADATA | {"app_version": ""}).build()


@says("ledger.api_level is None")
def api_level_missing() -> bytes:
    return _without_metadata("api_level")


@says("ledger.api_level is 25")
def api_level_on_a_device_without() -> bytes:
    return ElfBuilder(metadata=e.METADATA | {"target_id": "0x31100004"}).build()


@says("API level 256")
def api_level_of_two_bytes() -> bytes:
    return ElfBuilder(metadata=e.METADATA | {"api_level": "256"}).build()


@says("target 0x12345678, which is not known")
def target_unknown() -> bytes:
    return ElfBuilder(metadata=e.METADATA | {"target_id": "0x12345678"}).build()


@says("ledger.target_id is not a number")
def target_id_not_a_number() -> bytes:
    return ElfBuilder(metadata=e.METADATA | {"target_id": "TARGET_ID"}).build()


@says("target version is not ASCII")
def target_version_not_ascii() -> bytes:
    return ElfBuilder(metadata=e.METADATA | {"target_version": "2.é"}).build()


@says("ledger.app_flags is not a number")
def flags_of_33_bits() -> bytes:
    return ElfBuilder(metadata=e.METADATA | {"app_flags": "0x100000000"}).build()


@says("ledger.app_name is there twice")
def metadata_twice() -> bytes:
    return ElfBuilder(sections=(ElfSection("ledger.app_name", b"Other"),)).build()


@says("ledger.more is not text")
def metadata_not_text() -> bytes:
    return ElfBuilder(sections=(ElfSection("ledger.more", b"\xff\xfe"),)).build()


@says("ledger.more is not printable")
def metadata_with_escape_sequence() -> bytes:
    return ElfBuilder(metadata=e.METADATA | {"more": "\x1b[2J"}).build()


@says("ledger.more is not a short text")
def metadata_huge() -> bytes:
    return ElfBuilder(metadata=e.METADATA | {"more": "x" * 5000}).build()


@says("ledger.more is not a short text")
def metadata_without_contents() -> bytes:
    return ElfBuilder(sections=(ElfSection("ledger.more", type=e.SHT_NOBITS, size=0xFFFFFFFF),)).build()
