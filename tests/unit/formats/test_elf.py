import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.defects.formats.elf_defects import DEFECTS
from tests.unit.formats import elf_builder
from tests.unit.formats.elf_builder import BASE, METADATA, ElfBuilder, ElfSection
from toolchain.errors import ImageError
from toolchain.formats.elf import read_elf
from toolchain.image import Section, Segment

VALID = ElfBuilder().build()
NANOS = {k: v for k, v in METADATA.items() if k not in ("api_level", "app_flags")} | {
    "target_id": "0x31100004",
    "target_version": "2.1.0",
}


def test_image_of_a_usual_app() -> None:
    builder = ElfBuilder()
    image, _ = read_elf(VALID)
    assert (image.name, image.version) == ("Test", "1.0.0")
    assert (image.target_id, image.target_version, image.api_level) == (0x33100004, "", 25)
    assert image.segments == (Segment(BASE, builder.text),)
    assert (image.code_length, image.data_length) == (1024, 512)
    assert (image.params_length, image.flags, image.boot_offset) == (len(builder.params), 0x200, 1)


def test_info_of_a_usual_app() -> None:
    _, info = read_elf(VALID)
    assert info.metadata == METADATA
    assert info.sections[0] == Section(".text", BASE, len(ElfBuilder().text), 6)
    assert [s.name for s in info.sections[-3:]] == [".symtab", ".strtab", ".shstrtab"]
    assert [(p.address, p.flags) for p in info.program] == [(BASE, 5), (elf_builder.RAM, 6)]
    assert info.program[1].file_size == 0 < info.program[1].memory_size
    assert info.symbols["main"] == BASE | 1
    assert "hello, device" in info.strings
    assert info.install_params == elf_builder.PARAMS
    assert (info.bss_size, info.stack_size, info.entry) == (300, 4096, BASE | 1)


def test_what_was_not_resolved_and_who_made_it() -> None:
    comment = b"clang version 1\0Linker: LLD 1\0clang version 1\0\xff\0"
    sections = (
        ElfSection(".comment", comment),
        ElfSection(".rel.text", bytes(8), type=elf_builder.SHT_REL),
        ElfSection(".rel.empty", type=elf_builder.SHT_REL),
    )
    _, info = read_elf(ElfBuilder(undefined=("handler", "handler", "a"), sections=sections).build())
    assert info.undefined == ("a", "handler")
    assert info.relocations == (".rel.text",)
    assert info.producers == ("clang version 1", "Linker: LLD 1", "\ufffd")
    assert "handler" not in info.symbols


def test_nano_s_takes_target_version_from_the_elf_or_the_target() -> None:
    assert (
        read_elf(ElfBuilder(metadata=NANOS | {"target_version": "1.6.0"}).build())[0].target_version
        == "1.6.0"
    )
    without = {k: v for k, v in NANOS.items() if k != "target_version"}
    image, _ = read_elf(ElfBuilder(metadata=without).build())
    assert (image.target_version, image.api_level) == ("2.1.0", None)


def test_flags_of_the_makefile_fill_in_for_sdks_that_record_none() -> None:
    elf = ElfBuilder(metadata=NANOS).build()
    assert read_elf(elf)[0].flags == 0
    assert read_elf(elf, flags=0x50)[0].flags == 0x50


def test_flags_of_the_makefile_must_agree_with_recorded_ones() -> None:
    assert read_elf(VALID, flags=0x200)[0].flags == 0x200
    with pytest.raises(ImageError, match="flags 0x200, the makefile says 0x0"):
        read_elf(VALID, flags=0)


def test_holes_between_sections_are_no_bytes() -> None:
    plain = ElfBuilder()
    end = BASE + len(plain.text)
    late = ElfSection("late", b"tail", end + 64, flags=elf_builder.SHF_ALLOC)
    moved = end + 64 + len(late.content)
    elf = replace(plain, params=b"", sections=(late,)).build()
    with pytest.raises(ImageError, match="does not end with"):
        read_elf(elf)
    symbols: dict[str, int | None] = {
        "_envram_data": end + 64,
        "_install_parameters": end + 64,
        "_einstall_parameters": moved,
    }
    image, info = read_elf(replace(plain, sections=(late,), symbols=symbols).build())
    assert image.segments == (Segment(BASE, plain.text), Segment(end + 64, b"tail"))
    assert image.data == plain.text + b"tail"
    assert image.span == len(plain.text) + 64 + 4
    assert info.install_params == b"tail"


def test_adjacent_sections_become_one_segment() -> None:
    builder = ElfBuilder()
    end = BASE + len(builder.text)
    more = ElfSection("more", b"\1\2", end, flags=elf_builder.SHF_ALLOC)
    elf = replace(builder, sections=(more,), symbols={"_einstall_parameters": end + 2}).build()
    assert read_elf(elf)[0].segments == (Segment(BASE, builder.text + b"\1\2"),)


def test_sections_that_are_not_allocated_are_not_loaded() -> None:
    bomb = ElfSection(".debug_info", b"\1\0\0\0" + b"\xff" * 8, flags=elf_builder.SHF_COMPRESSED)
    assert read_elf(ElfBuilder(sections=(bomb,)).build())[0] == read_elf(VALID)[0]


def test_global_symbols_win_over_local_ones_of_the_same_name() -> None:
    _, info = read_elf(ElfBuilder(local_symbols={"main": 1, "_nvram_data": 2, "$t": 3, "helper": 4}).build())
    assert info.symbols["main"] == BASE | 1
    assert info.symbols["helper"] == 4
    assert "$t" not in info.symbols


def test_sizes_of_ram_without_the_symbols_that_part_it() -> None:
    symbols: dict[str, int | None] = {"_bss": None, "_ebss": None, "_stack": None, "_estack": None}
    end = elf_builder.RAM + 0x4000
    builder = ElfBuilder(bss=300, stack=0, symbols=symbols | {"END_STACK": end})
    _, info = read_elf(builder.build())
    assert (info.bss_size, info.stack_size) == (304, 0x4000 - 304)


@pytest.mark.parametrize("name", DEFECTS)
def test_defect_is_refused_with_its_cause(name: str) -> None:
    build, message = DEFECTS[name]
    with pytest.raises(ImageError, match=message) as caught:
        read_elf(build(), where="app.elf")
    assert caught.value.where == "app.elf"


@pytest.mark.parametrize("name", DEFECTS)
def test_defect_does_not_make_the_reader_allocate(name: str) -> None:
    elf = DEFECTS[name][0]()
    tracemalloc.start()
    try:
        with pytest.raises(ImageError):
            read_elf(elf)
        assert tracemalloc.get_traced_memory()[1] < 3 * len(elf) + (1 << 20)
    finally:
        tracemalloc.stop()


def test_oversized_file_is_refused_unread() -> None:
    with pytest.raises(ImageError, match="more than enough"):
        read_elf(bytes((1 << 26) + 1))


def test_flags_over_32_bits_from_the_makefile_are_refused() -> None:
    with pytest.raises(ImageError, match="32 bits"):
        read_elf(ElfBuilder(metadata=NANOS).build(), flags=1 << 32)


HEADERS = [
    *range(elf_builder.PROGRAM_HEADERS + 64),
    *range(elf_builder.section_header(VALID, ".text") - 40, len(VALID)),
]


@given(
    changes=st.dictionaries(
        st.sampled_from(HEADERS) | st.integers(0, len(VALID) - 1), st.integers(0, 255), max_size=6
    ),
    cut=st.just(len(VALID)) | st.integers(0, len(VALID)),
)
def test_damaged_file_gives_an_image_or_an_image_error(changes: dict[int, int], cut: int) -> None:
    elf = bytearray(VALID)
    for offset, value in changes.items():
        elf[offset] = value
    try:
        image, _ = read_elf(bytes(elf[:cut]))
    except ImageError:
        return
    assert len(image.digest()) == 32


@given(st.binary(max_size=200))
def test_any_bytes_behind_the_magic_give_an_image_error(tail: bytes) -> None:
    with pytest.raises(ImageError):
        read_elf(b"\x7fELF\x01\x01\x01" + tail)
