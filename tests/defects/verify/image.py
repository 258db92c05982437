"""Segments, entry, and leftovers."""

import dataclasses
from pathlib import Path

from tests.defects.verify.case import fails, passes
from tests.defects.verify.memory import elsewhere
from tests.unit.verify.candidates import MAKEFILE, good, with_commands, with_elf, with_image
from toolchain.image import ProgramSegment, Section
from toolchain.verify import Candidate, Severity
from toolchain.verify.data import known_keys, primitives

ELF = "build: app.elf"


def program(folder: Path, *segments: ProgramSegment) -> Candidate:
    candidate = good(folder)
    return with_elf(candidate, program=(*candidate.elf.program, *segments))


def says(folder: Path, text: str) -> Candidate:
    return with_elf(good(folder), strings=("Approve", text))


def shifted(folder: Path) -> Candidate:
    """One byte more of code, one less of data."""
    candidate = good(folder)
    image = candidate.image
    return with_image(candidate, code_length=image.code_length + 1, data_length=image.data_length - 1)


def holds(folder: Path, piece: bytes) -> Candidate:
    """These bytes at the beginning of the code."""
    candidate = good(folder)
    (segment,) = candidate.image.segments
    data = piece + segment.data[len(piece) :]
    return with_image(candidate, segments=(dataclasses.replace(segment, data=data),))


def linked(folder: Path, flags: str) -> Candidate:
    """With these flags of the linker."""
    makefile = f"{MAKEFILE}LDFLAGS += {flags}\n"
    return with_commands(good(folder, makefile=makefile), ("", f"{flags} -o build/app.elf"))


def source(folder: Path, *lines: str) -> Candidate:
    return good(folder, files={"src/a.c": "\n".join(lines) + "\n"})


def named(
    folder: Path, flag: str = "-Oz", *, code: str = "char f[] = __FILE__;", absolute: bool = True
) -> Candidate:
    """A file that may say where it lies, compiled by its whole path or from the app's folder."""
    path = folder / "src" / "a.c" if absolute else "src/a.c"
    return with_commands(source(folder, "", code), (str(path), f"{flag} {path}"))


REPRODUCIBLE = "reproducible-flags"
KEY = next(iter(known_keys()))
TABLE = primitives()["the S-box of AES"]

CASES = (
    fails("elf-secrets", "a phrase", lambda f: says(f, f"seed: {KEY.phrase}"), ELF),
    fails("elf-secrets", "a seed", lambda f: holds(f, b"x" + KEY.pieces[0]), ELF),
    fails("elf-secrets", "a master key", lambda f: holds(f, KEY.pieces[2]), ELF),
    passes("elf-secrets", "half of it", lambda f: holds(f, KEY.pieces[2][:16])),
    passes("elf-secrets", "a word of a phrase", lambda f: says(f, "abandon about")),
    fails("src-own-crypto", "AES", lambda f: holds(f, TABLE), ELF),
    passes("src-own-crypto", "part of a table", lambda f: holds(f, TABLE[:8])),
    fails("elf-segments", "code in RAM", lambda f: program(f, ProgramSegment(0xDA7A0000, 0, 64, 7)), ELF),
    fails(
        "elf-segments", "contents in RAM", lambda f: program(f, ProgramSegment(0xDA7A0000, 64, 64, 6)), ELF
    ),
    fails(
        "elf-segments",
        "a section",
        lambda f: with_elf(good(f), sections=(Section(".hot", 0xC0DE0000, 4, 7),)),
        ELF,
    ),
    passes(
        "elf-segments",
        "the ELF's own headers before the RAM's first section",
        lambda f: program(f, ProgramSegment(0xDA79F000, 212, 0x1200, 6)),
    ),
    passes("elf-segments", "nothing in it", lambda f: program(f, ProgramSegment(0xD0000000, 0, 16, 4))),
    fails("elf-header", "begins elsewhere", elsewhere, ELF),
    fails("elf-header", "another entry", lambda f: with_elf(good(f), entry=0xC0DE0101), ELF),
    fails("elf-header", "no Thumb", lambda f: with_elf(good(f), entry=0xC0DE0000), ELF),
    passes(
        "elf-header",
        "a stack protector starts first",
        lambda f: with_elf(good(f), entry=0xC0DE0101, symbols={"__stack_chk_init": 0xC0DE0101}),
    ),
    fails("elf-install-params-bytes", "half a page", shifted, ELF),
    passes("elf-install-params-bytes", "whole pages", good),
    fails(
        "elf-debug-leftover",
        "printf",
        lambda f: with_elf(good(f), symbols={"mcu_usb_printf": 1}),
        ELF,
    ),
    fails("elf-debug-leftover", "a text", lambda f: says(f, "TODO: remove"), ELF, Severity.WARNING),
    fails("elf-debug-leftover", "a line", lambda f: says(f, "main.c:42"), ELF, Severity.WARNING),
    passes("elf-debug-leftover", "snprintf", lambda f: with_elf(good(f), symbols={"snprintf": 1})),
    fails(
        "elf-build-id",
        "a note",
        lambda f: with_elf(good(f), sections=(Section(".note.gnu.build-id", 0xC0DE2000, 36, 2),)),
        ELF,
    ),
    passes("elf-build-id", "other sections", good),
    fails("elf-host-paths", "a path", lambda f: says(f, "in /home/me/app/src/main.c"), ELF),
    fails("elf-host-paths", "a date", lambda f: says(f, "Nov 20 2026"), ELF),
    fails("elf-host-paths", "a time", lambda f: says(f, "built 12:34:56"), ELF),
    passes("elf-host-paths", "an address", lambda f: says(f, "https://ledger.com/home/opt")),
    fails(REPRODUCIBLE, "a build id", lambda f: linked(f, "--build-id"), "Makefile:16"),
    fails(REPRODUCIBLE, "a digest of the ELF", lambda f: linked(f, "-Wl,--build-id=sha1"), "Makefile:16"),
    passes(REPRODUCIBLE, "no build id after all", lambda f: linked(f, "--build-id --build-id=none")),
    fails(REPRODUCIBLE, "the day", lambda f: source(f, "const char *when = __DATE__;"), "src/a.c:1:20"),
    fails(REPRODUCIBLE, "the second", lambda f: source(f, "", "char t[] = __TIME__;"), "src/a.c:2:12"),
    passes(REPRODUCIBLE, "in a text", lambda f: source(f, 'char t[] = "__TIME__"; // __DATE__')),
    fails(REPRODUCIBLE, "no prefix map", named, "src/a.c:2:12", Severity.ADVICE),
    fails(
        REPRODUCIBLE,
        "a map for debugging information alone",
        lambda f: named(f, "-fdebug-prefix-map=/a=."),
        "src/a.c:2:12",
        Severity.ADVICE,
    ),
    passes(REPRODUCIBLE, "a map for macros", lambda f: named(f, "-fmacro-prefix-map=/a=.")),
    passes(REPRODUCIBLE, "in a macro", lambda f: named(f, code="#define HERE __FILE__")),
    passes(REPRODUCIBLE, "in a long macro", lambda f: named(f, code="#define F() \\\n  g(__FILE__)")),
    passes(REPRODUCIBLE, "nobody asks for the file", lambda f: named(f, code="")),
    passes(REPRODUCIBLE, "from the app's own folder", lambda f: named(f, absolute=False)),
    passes("elf-host-paths", "a derivation path", lambda f: says(f, "m/44'/60'/0'")),
)
