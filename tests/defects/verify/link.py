"""Sections that nobody knows, names that nobody defines, and strangers among the compilers."""

from collections.abc import Mapping
from pathlib import Path

from tests.defects.verify.case import fails, passes
from tests.unit.verify.candidates import good, with_elf
from toolchain.image import Placed, Section
from toolchain.verify import Candidate, Severity

ELF = "build: app.elf"
CLANG, LLD = "clang version 14.0.6", "Linker: LLD 14.0.6"


def section(folder: Path, name: str, size: int = 8, flags: int = 2) -> Candidate:
    candidate = good(folder)
    return with_elf(candidate, sections=(*candidate.elf.sections, Section(name, 0xC0DE3000, size, flags)))


def protected(folder: Path, entry: str, level: int = 26) -> Candidate:
    """With a stack protector, started at one of its functions."""
    symbols = {"main": 0xC0DE0001, "__stack_chk_init": 0xC0DE0101, "__wrap___stack_chk_fail": 0xC0DE0201}
    return with_elf(good(folder, api_level=level), symbols=symbols, entry=symbols[entry])


def stored(folder: Path, name: str, offset: int, size: int) -> Candidate:
    """A variable that begins ``offset`` bytes behind the beginning of the storage."""
    candidate = good(folder)
    start = candidate.elf.symbols["_nvram_data"]
    return with_elf(candidate, placed=(Placed(start + offset, size, name),))


TWICE = (Placed(0xC0DE0100, 64, "base58"), Placed(0xC0DE0200, 64, "base58"))


def placed(folder: Path, *items: Placed, files: Mapping[str, str] | None = None) -> Candidate:
    return with_elf(good(folder, files=files), placed=items)


def made_by(folder: Path, *producers: str) -> Candidate:
    return with_elf(good(folder), producers=producers)


CASES = (
    fails("elf-sections", "an orphan", lambda f: section(f, ".hidden"), ELF),
    fails("elf-sections", "constructors", lambda f: section(f, ".init_array"), ELF, Severity.ERROR),
    passes("elf-sections", "not in memory", lambda f: section(f, ".hidden", flags=0)),
    passes("elf-sections", "empty", lambda f: section(f, ".init_array", size=0)),
    passes("elf-sections", "of the SDK", lambda f: section(f, "DEBUG")),
    fails("elf-undefined", "a weak handler", lambda f: with_elf(good(f), undefined=("handler",)), ELF),
    fails("elf-undefined", "relocations", lambda f: with_elf(good(f), relocations=(".rel.text",)), ELF),
    passes("elf-undefined", "all defined", good),
    fails("elf-canary", "none", lambda f: good(f, api_level=26), ELF, Severity.WARNING),
    fails("elf-canary", "not set up", lambda f: protected(f, "main"), ELF, Severity.WARNING),
    passes("elf-canary", "set up first", lambda f: protected(f, "__stack_chk_init")),
    passes("elf-canary", "an SDK without", lambda f: good(f, api_level=25)),
    passes("elf-canary", "Nano S", lambda f: good(f, "nanos")),
    fails("elf-nvram", "among the code", lambda f: stored(f, "N_storage_real", -64, 64), ELF),
    fails("elf-nvram", "across the end", lambda f: stored(f, "N_storage_real", 500, 64), ELF),
    fails("elf-nvram", "half a page", lambda f: with_elf(good(f), symbols={"_nvram_data": 0xC0DE4010}), ELF),
    passes("elf-nvram", "in its page", lambda f: stored(f, "N_storage_real", 0, 512)),
    passes("elf-nvram", "another constant", lambda f: stored(f, "NAMES", -64, 64)),
    passes("elf-nvram", "nothing known", lambda f: with_elf(good(f), symbols={"_nvram_data": None})),
    fails(
        "elf-duplicate-code",
        "two copies",
        lambda f: placed(
            f, *TWICE, files={"src/a.c": "\nvoid base58(void) { }\n", "src/b.c": "void base58(void) { }\n"}
        ),
        "src/a.c:2",
    ),
    fails(
        "elf-duplicate-code",
        "two copies of a table",
        lambda f: placed(f, *TWICE, files={"src/a.c": "static const char base58[64] = {0};\n"}),
        "src/a.c:1",
    ),
    passes("elf-duplicate-code", "two copies of the SDK's", lambda f: placed(f, *TWICE)),
    passes(
        "elf-duplicate-code",
        "two functions of one name",
        lambda f: placed(f, Placed(0xC0DE0100, 64, "handle"), Placed(0xC0DE0200, 80, "handle")),
    ),
    passes(
        "elf-duplicate-code",
        "what the compiler shared",
        lambda f: placed(f, *(Placed(0xC0DE0000 + at, 64, "OUTLINED_FUNCTION_0") for at in (0x100, 0x200))),
    ),
    passes(
        "elf-duplicate-code",
        "variables",
        lambda f: placed(f, Placed(0xDA7A0000, 64, "state"), Placed(0xDA7A0100, 64, "state")),
    ),
    fails("elf-comment", "another version", lambda f: made_by(f, CLANG, "clang version 15.0.0", LLD), ELF),
    fails("elf-comment", "another linker", lambda f: made_by(f, CLANG, "Linker: LLD 15.0.0"), ELF),
    fails("elf-comment", "another compiler", lambda f: made_by(f, CLANG, LLD, "rustc version 1.80.0"), ELF),
    fails("elf-comment", "nobody", made_by, ELF),
    passes("elf-comment", "Debian's", lambda f: made_by(f, f"Debian {CLANG}", "Linker: Debian LLD 14.0.6")),
    passes("elf-comment", "newlib's", good),
    fails("elf-stripped-release", "DWARF", lambda f: section(f, ".debug_info", flags=0), ELF),
    passes("elf-stripped-release", "symbols", lambda f: section(f, ".symtab", flags=0)),
)
