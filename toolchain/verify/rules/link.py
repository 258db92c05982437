"""What the linker made: sections, names, stack protection, storage, and who compiled it."""

import collections
import re
from collections.abc import Iterator

from toolchain.image import Placed
from toolchain.verify.code import read_code
from toolchain.verify.model import Candidate, Location, Problem, Severity, rule

_ELF = Location("app.elf", root="build")
_SHF_ALLOC = 2

_SECTIONS = frozenset({".text", ".data", ".bss", ".cx_ram", "DEBUG"})
"""What the linker scripts of the SDKs lns-2.1.0-v24.0 to v26.5.1 place in memory."""

_CONSTRUCTORS = re.compile(r"\.(?:init|fini|preinit)_array|\.[cd]tors")
_REPORTED = frozenset({".note.gnu.build-id"})
"""Sections that another rule reports."""

_COMPILERS = re.compile(r"(?:\w+ )*clang version (\d+(?:\.\d+)+).*|Linker: (?:\w+ )*LLD (\d+(?:\.\d+)+).*")
_ARCHIVES = re.compile(r"GCC: \(.+\) \d+(?:\.\d+)+.*")
"""Who compiled newlib, whose objects the SDK's programs take."""

_PROTECTED_SINCE = 26
"""API level of the first SDK that can protect the stack (SDK v26.5.1, Makefile.defines)."""

_SMALL = 32
"""Bytes of code under which a second copy is no loss."""

_MADE_BY_COMPILER = re.compile(r"OUTLINED_FUNCTION_\d+|\.L.*|.*\.(?:llvm|constprop|part)\.\d+|__func__.*")


@rule(
    "elf-sections",
    Severity.WARNING,
    reason="A section that no linker script of the SDK knows lies where nobody expects it, or never runs.",
    source="SDK linker scripts, SECTIONS",
    fix="remove the section attribute, and do what constructors do in main",
)
def elf_sections(candidate: Candidate) -> Iterator[Problem]:
    """Sections in memory are those of the SDK's linker script; constructors, never called, are an error."""
    for section in candidate.elf.sections:
        if not section.flags & _SHF_ALLOC or not section.size or section.name in _SECTIONS | _REPORTED:
            continue
        if _CONSTRUCTORS.match(section.name):
            yield Problem(f"{section.name} holds functions that nothing calls", _ELF, Severity.ERROR)
        else:
            yield Problem(
                f"the section {section.name} ({section.size} bytes) is not of the linker script", _ELF
            )


@rule(
    "elf-undefined",
    Severity.ERROR,
    reason="A name that nothing defines is address 0, and a relocation that is left is never resolved.",
    source="SDK v25.13.0, Makefile.defines: link flags; ELF for the Arm architecture, relocation",
    fix="define the function, or remove the call; link with the SDK's own flags",
)
def elf_undefined(candidate: Candidate) -> Iterator[Problem]:
    """Names without a definition, weak ones included, and sections with relocations."""
    for name in candidate.elf.undefined:
        yield Problem(f"{name} is not defined", _ELF)
    for name in candidate.elf.relocations:
        yield Problem(f"the section {name} has relocations that nothing resolves", _ELF)


_CHECKS = frozenset({"__stack_chk_fail", "__wrap___stack_chk_fail"})


@rule(
    "elf-canary",
    Severity.ADVICE,
    reason="Without a canary, a buffer that runs over takes the return address with it.",
    source="SDK v26.5.1, Makefile.defines: ENABLE_STACK_PROTECTOR",
    fix="set ENABLE_STACK_PROTECTOR = 1",
)
def elf_canary(candidate: Candidate) -> Iterator[Problem]:
    """Stack protection where the SDK has it: linked, and set up before main."""
    elf, level = candidate.elf, candidate.image.api_level
    if level is not None and level >= _PROTECTED_SINCE and not elf.symbols.keys() & _CHECKS:
        yield Problem("no function checks its stack", _ELF, Severity.WARNING)
    start = elf.symbols.get("__stack_chk_init")
    if elf.symbols.keys() & _CHECKS and (start is None or elf.entry & ~1 != start & ~1):
        yield Problem("the stack's canary is never set up: the app starts without it", _ELF, Severity.WARNING)


@rule(
    "elf-nvram",
    Severity.WARNING,
    reason="Storage that shares a page with code cannot be written, or takes the code with it.",
    source="SDK linker scripts: _nvram_data to _envram_data, whole pages",
    fix="declare it as const N_name_real, as the SDK's examples do, and use its linker script",
)
def elf_nvram(candidate: Candidate) -> Iterator[Problem]:
    """Non-volatile storage begins on a page, and everything named N_* lies in it."""
    symbols, page = candidate.elf.symbols, candidate.target.page_size
    start, end = symbols.get("_nvram_data"), symbols.get("_envram_data")
    if start is None or end is None:
        return
    for name, address in (("_nvram_data", start), ("_envram_data", end)):
        if address % page:
            yield Problem(f"{name} is {address:#x}, which is not on a page of {page} bytes", _ELF)
    for item in candidate.elf.placed:
        if item.name.startswith("N_") and not start <= item.address <= item.address + item.size <= end:
            yield Problem(f"{item.name} at {item.address:#x} is not in the storage", _ELF)


@rule(
    "elf-duplicate-code",
    Severity.ADVICE,
    reason="Every copy of a function costs flash, and one day one of them is corrected and the other is not.",
    source="size of the image",
    fix="define the function once, and declare it in a header",
)
def elf_duplicate_code(candidate: Candidate) -> Iterator[Problem]:
    """Functions and constants of the app that were linked more than once, under one name and in one size."""
    flash, code = candidate.target.flash, read_code(candidate)
    copies: dict[tuple[str, int], list[Placed]] = collections.defaultdict(list)
    for item in candidate.elf.placed:
        in_flash = flash.origin <= item.address < flash.end
        if in_flash and item.size >= _SMALL and not _MADE_BY_COMPILER.fullmatch(item.name):
            copies[item.name, item.size].append(item)
    for (name, size), items in sorted(copies.items()):
        # What a header of the SDK defines in every object is not the app's to change.
        own = code.by_name.get(name) or code.tables.get(name)
        if items[1:] and own is not None:
            place = Location(own.path, own.line)
            yield Problem(f"{name} is linked {len(items)} times, {size} bytes each", place)


@rule(
    "elf-comment",
    Severity.WARNING,
    reason="An object of another compiler is one that this build did not make.",
    source="reproducible builds; ELF section .comment",
    fix="compile every object in this build; take libraries from the SDK",
)
def elf_comment(candidate: Candidate) -> Iterator[Problem]:
    """Who compiled and linked: the compiler of the provenance, and GCC for newlib; nobody else."""
    compiler = candidate.provenance.compiler
    versions = frozenset(re.findall(r"\d+(?:\.\d+)+", compiler))
    if not candidate.elf.producers:
        yield Problem("the ELF file does not say who compiled it", _ELF)
    for producer in candidate.elf.producers:
        match = _COMPILERS.fullmatch(producer)
        if match and (match[1] or match[2]) not in versions:
            yield Problem(f"{producer!r:.80} is not the compiler of this build", _ELF)
        elif not match and not _ARCHIVES.fullmatch(producer):
            yield Problem(f"nobody knows {producer!r:.80}, who made a part of it", _ELF)


@rule(
    "elf-stripped-release",
    Severity.ADVICE,
    reason="Debug information names folders and sources of the machine; names alone serve who compares.",
    source="reproducible builds; SDK v25.13.0, Makefile.defines: -g0",
    fix="build with -g0, as the SDK does without DEBUG",
)
def elf_stripped_release(candidate: Candidate) -> Iterator[Problem]:
    """No section with debug information."""
    sections = [s.name for s in candidate.elf.sections if s.name.startswith((".debug_", ".zdebug_"))]
    if sections:
        yield Problem(f"the ELF file has debug information: {', '.join(sections):.100}", _ELF)
