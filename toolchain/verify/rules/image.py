"""The image itself: segments, entry, leftovers of debugging and of the machine that built it."""

import re
from collections.abc import Iterator
from pathlib import Path

from toolchain.image import ElfInfo, ProgramSegment
from toolchain.verify.code import app_commands, c_files
from toolchain.verify.data import known_keys, primitives
from toolchain.verify.makefile import find
from toolchain.verify.model import Candidate, Location, Problem, Severity, rule

_EXECUTE, _WRITE = 1, 2
_SHF_WRITE, _SHF_ALLOC, _SHF_EXECINSTR = 1, 2, 4
_ELF = Location("app.elf", root="build")

_DEBUG_SYMBOLS = frozenset(
    {
        "mcu_usb_printc",
        "mcu_usb_printf",
        "mcu_usb_prints",
        "screen_printc",
        "screen_printf",
        "screen_prints",
        "semihosted_printf",
    }
)
_BUILD_ID = ".note.gnu.build-id"
_PREFIX_MAPS = ("-ffile-prefix-map=", "-fmacro-prefix-map=")
"""What keeps folders out of ``__FILE__``; the map for debugging information alone does not."""

_BUILD_ID_FLAG = re.compile(r"(?:-Wl,)?--build-id(?:=(?P<kind>\w+))?")
_CLOCK = frozenset({"__DATE__", "__TIME__", "__TIMESTAMP__"})
_DEBUG_TEXT = re.compile(r"\.[ch]:\d+|\b(?:todo|fixme)\b|\bdebug:", re.IGNORECASE)
_HOST_PATH = re.compile(
    r"(?<![\w/:.])/(?:home|Users|root|github|opt|tmp|workspace|builds?|mnt|usr|var|private)/[\w.+/-]+"
)
_WHEN = re.compile(
    r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 0-3]\d \d{4}\b|\b[0-2]\d:[0-5]\d:[0-5]\d\b"
)


@rule(
    "elf-segments",
    Severity.ERROR,
    reason="Memory that is writable and executable turns every overflow into code.",
    source="SDK linker scripts, PHDRS: code is R-X, RAM is RW-",
    fix="remove the section attribute or linker option that mixes them",
)
def elf_segments(candidate: Candidate) -> Iterator[Problem]:
    """Segments and sections: never both, and bytes only in flash."""
    flash = candidate.target.flash
    for segment in candidate.elf.program:
        where = f"the segment at {segment.address:#x}"
        if segment.flags & _EXECUTE and segment.flags & _WRITE:
            yield Problem(f"{where} is writable and executable", _ELF)
        end = segment.address + max(segment.file_size, segment.memory_size)
        in_flash = flash.origin <= segment.address and end <= flash.end
        if (_has_contents(segment, candidate.elf) or segment.flags & _EXECUTE) and not in_flash:
            yield Problem(f"{where} has code or contents outside of the flash", _ELF)
    both = _SHF_ALLOC | _SHF_WRITE | _SHF_EXECINSTR
    for section in candidate.elf.sections:
        if section.size and section.flags & both == both:
            yield Problem(f"the section {section.name} is writable and executable", _ELF)


def _has_contents(segment: ProgramSegment, elf: ElfInfo) -> bool:
    """Whether a section's bytes are in it. lld maps the ELF's own headers into the first segment, too."""
    end = segment.address + segment.file_size
    return any(
        section.flags & _SHF_ALLOC and section.size and segment.address <= section.address < end
        for section in elf.sections
    )


@rule(
    "elf-header",
    Severity.ERROR,
    reason="The device starts the image at its entry: it must be the code's own start.",
    source="SDK linker scripts, ENTRY; loader protocol §9: boot offset",
    fix="do not override the linker script or the entry symbol",
)
def elf_header(candidate: Candidate) -> Iterator[Problem]:
    """Code begins at the flash's origin; the entry is its first function, in Thumb state."""
    elf, flash = candidate.elf, candidate.target.flash
    if candidate.image.base != flash.origin:
        yield Problem(f"the image begins at {candidate.image.base:#x}, not at {flash.origin:#x}", _ELF)
    starts = {flash.origin, *(elf.symbols.get(n, flash.origin) & ~1 for n in ("__stack_chk_init", "__entry"))}
    if not elf.entry & 1 or elf.entry & ~1 not in starts:
        yield Problem(f"the entry is {elf.entry:#x}, which is not the first function", _ELF)


@rule(
    "elf-install-params-bytes",
    Severity.ERROR,
    reason="The loader finds data and parameters by length: each begins on a page.",
    source="loader protocol §9; SDK linker scripts: alignment to PAGE_SIZE",
    fix="do not override the linker script",
)
def elf_install_params_bytes(candidate: Candidate) -> Iterator[Problem]:
    """Code and data are whole pages."""
    image, page = candidate.image, candidate.target.page_size
    for what, length in (("code", image.code_length), ("data", image.data_length)):
        if length % page:
            yield Problem(f"{what} has {length} bytes, not whole pages of {page}", _ELF)


@rule(
    "elf-debug-leftover",
    Severity.ERROR,
    reason="Debug output tells an attacker what the app should keep.",
    source="SDK v25.13.0, Makefile.standard_app: PRINTF; guidelines enforcer, forbidden flags",
    fix="build without DEBUG; keep such texts in comments",
)
def elf_debug_leftover(candidate: Candidate) -> Iterator[Problem]:
    """Print functions that were linked, and texts that only a developer reads."""
    for name in sorted(_DEBUG_SYMBOLS & candidate.elf.symbols.keys()):
        yield Problem(f"{name} is linked", _ELF)
    for text in candidate.elf.strings:
        if _DEBUG_TEXT.search(text):
            yield Problem(f"a text of debugging: {text!r:.80}", _ELF, Severity.WARNING)


@rule(
    "elf-build-id",
    Severity.ERROR,
    reason="A build id is a digest over more than what runs: the same code gets another image.",
    source="reproducible builds; lld, --build-id",
    fix="link with --build-id=none, as Makefile.defines and the SDKs do",
)
def elf_build_id(candidate: Candidate) -> Iterator[Problem]:
    """No section holds a build id."""
    for section in candidate.elf.sections:
        if section.name == _BUILD_ID:
            yield Problem(f"the section {section.name} holds a build id", _ELF)


@rule(
    "elf-host-paths",
    Severity.ERROR,
    reason="Paths and times of the machine that built it make every build another one.",
    source="reproducible builds: __FILE__, __DATE__, __TIME__",
    fix="do not use __DATE__ and __TIME__; map paths with -ffile-prefix-map",
)
def elf_host_paths(candidate: Candidate) -> Iterator[Problem]:
    """Absolute paths, dates and times in the texts of the image."""
    for text in candidate.elf.strings:
        if match := _HOST_PATH.search(text) or _WHEN.search(text):
            yield Problem(f"the image holds {match[0]!r:.80}", _ELF)


@rule(
    "reproducible-flags",
    Severity.ERROR,
    reason="Whoever builds the same source must get the same image: else nobody can check what was signed.",
    source="reproducible builds: -ffile-prefix-map, --build-id, __DATE__; Makefile.defines of this product",
    fix="do not add --build-id, do not use the clock's macros",
)
def reproducible_flags(candidate: Candidate) -> Iterator[Problem]:
    """Flags and macros that make the image depend on folder or clock; __FILE__ without a map is advice."""
    for command in candidate.commands:
        asked = [match for word in command.arguments if (match := _BUILD_ID_FLAG.fullmatch(word))]
        if not command.file and asked and asked[-1]["kind"] != "none":
            yield Problem(f"the linker gets {asked[-1][0]}", find(candidate, asked[-1][0]))
    exposed = any(
        Path(command.file).is_absolute()
        and not any(word.startswith(_PREFIX_MAPS) for word in command.arguments)
        for path, command in app_commands(candidate)
        if path.endswith(".c")
    )
    for file in c_files(candidate):
        # A macro counts where it is used; what is left of it in the image is another rule's.
        macros = {
            line
            for d in file.source.directives
            if d.name == "define"
            for line in range(d.line, d.line + d.text.count("\n") + 1)
        }
        for word in file.source.words:
            place = file.at(word.line, word.column)
            if word.text in _CLOCK:
                yield Problem(f"the code depends on {word.text}", place)
            elif word.text == "__FILE__" and exposed and word.line not in macros:
                fix = "add CFLAGS += -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(BOLOS_SDK)=sdk"
                message = "__FILE__ may be in a folder of the builder: there is no prefix map"
                yield Problem(message, place, Severity.ADVICE, fix)


@rule(
    "elf-secrets",
    Severity.ERROR,
    reason="A key that everybody knows protects nothing, and one in an image is known to everybody.",
    source="security requirements, Never store or export secrets derived from seed",
    fix="remove the test key from the release build",
)
def elf_secrets(candidate: Candidate) -> Iterator[Problem]:
    """Seeds and keys of tests and emulators in the bytes that are loaded."""
    for key in known_keys():
        if any(key.phrase in text for text in candidate.elf.strings):
            yield Problem(f"the image holds the phrase of {key.name}", _ELF)
        if any(piece in segment.data for piece in key.pieces for segment in candidate.image.segments):
            yield Problem(f"the image holds a key of {key.name}", _ELF)


@rule(
    "src-own-crypto",
    Severity.WARNING,
    reason="A primitive of one's own leaks its key through time and power, where the system's does not.",
    source="security requirements, Don't roll your own crypto primitives",
    fix="call the operating system's; if it has none, say in a waiver who reviewed this one",
)
def src_own_crypto(candidate: Candidate) -> Iterator[Problem]:
    """Tables that only an implementation of a primitive has, in the bytes that are loaded."""
    for name, table in primitives().items():
        if any(table in segment.data for segment in candidate.image.segments):
            yield Problem(f"the image holds {name}", _ELF)
