"""Application flags: least privilege, and a reason for every one."""

import re
from collections.abc import Iterator

from toolchain.verify.data import flag, flag_names, flags, privileged_calls
from toolchain.verify.makefile import Line, defines, find, lines
from toolchain.verify.model import Candidate, Location, Problem, Severity, rule

_FOR_APPS = frozenset({"DERIVE_MASTER", "GLOBAL_PIN", "BOLOS_SETTINGS", "LIBRARY", "NOT_REVIEWED"})
_TAKES_NO_PRIVILEGE = frozenset({"NOT_REVIEWED"})
_ANY_FLAG = ("CUSTOM_APP_FLAGS", "APP_FLAGS_APP_LOAD_PARAMS")

MIN_WORDS = 4
_TEMPLATE = re.compile(r"see sdk `?include/appflags\.h`? for the purpose of each permission", re.IGNORECASE)
_COMMENTED_OUT = re.compile(r"\s*[A-Z_0-9]+\s*[:+?]*=.*")
_WORD = re.compile(r"[A-Za-z]{2,}")


@rule(
    "flags-known",
    Severity.ERROR,
    reason="Flags beyond those for apps make the app part of the operating system.",
    source="security requirements, Application flags; SDK v25.13.0, include/appflags.h",
    fix="remove the flag; apps may ask for DERIVE_MASTER, GLOBAL_PIN, BOLOS_SETTINGS, LIBRARY, NOT_REVIEWED",
)
def flags_known(candidate: Candidate) -> Iterator[Problem]:
    """The bits that the image asks for, against those that apps may have."""
    allowed = sum(flag(name) for name in _FOR_APPS)
    if wrong := candidate.image.flags & ~allowed:
        yield Problem(f"the app asks for {flag_names(wrong)}", find(candidate, "CUSTOM_APP_FLAGS"))


def _has_radio(candidate: Candidate) -> bool:
    return candidate.target.can("ble") and not defines(candidate).keys().isdisjoint({"HAVE_BLE", "HAVE_NFC"})


@rule(
    "flags-per-target",
    Severity.ERROR,
    reason="Bluetooth needs BOLOS_SETTINGS, and is the one reason that needs no words.",
    source="security requirements, Application flags; SDK v25.13.0, Makefile.standard_app: BLUETOOTH",
    fix="set ENABLE_BLUETOOTH = 1 and leave the flag to the SDK",
)
def flags_per_target(candidate: Candidate) -> Iterator[Problem]:
    """Bluetooth or NFC without the flag that they need."""
    if _has_radio(candidate) and not candidate.image.flags & flag("BOLOS_SETTINGS"):
        yield Problem(
            f"Bluetooth or NFC is on for {candidate.target.title}, but BOLOS_SETTINGS is not set",
            find(candidate, "ENABLE_BLUETOOTH"),
        )


@rule(
    "flags-justified",
    Severity.ERROR,
    reason="Whoever reviews the app must learn from the makefile why it needs the privilege.",
    source="security requirements, Application flags: all but BOLOS_SETTINGS are justified in the Makefile",
    fix=f"say why in a comment of {MIN_WORDS} words or more, on the line that sets it or right above",
)
def flags_justified(candidate: Candidate) -> Iterator[Problem]:
    """Every bit that is set, against the comments at the lines that set it."""
    text = list(lines(candidate))
    for known in flags():
        if not candidate.image.flags & known.bit or known.name in _TAKES_NO_PRIVILEGE:
            continue
        if known.name == "BOLOS_SETTINGS" and _has_radio(candidate):
            continue
        setting = [n for n, line in enumerate(text) if _sets(line, (*known.sets, *_ANY_FLAG))]
        if any(is_justified(text, n) for n in setting):
            continue
        place = text[setting[0]].location if setting else Location(candidate.makefile)
        yield Problem(f"nothing says why the app needs {flag_names(known.bit)}", place)


def _sets(line: Line, names: tuple[str, ...]) -> bool:
    if "--appFlags" in line.code:
        return True
    assigned = line.assignment
    return assigned is not None and assigned[0] in names and assigned[1] not in ("", "0", "0x0", "0x000")


def is_justified(text: list[Line], index: int) -> bool:
    """Whether the comment on a line, or the block of comment lines above it, says something."""
    comments = [text[index].comment]
    for line in reversed(text[:index]):
        if line.code.strip() or not line.comment or line.path != text[index].path:
            break
        comments.append(line.comment)
    said = [c for c in comments if not _COMMENTED_OUT.fullmatch(c)]
    prose = _TEMPLATE.sub("", " ".join(said))
    return len(_WORD.findall(prose)) >= MIN_WORDS


@rule(
    "flags-least-privilege",
    Severity.WARNING,
    reason="A privilege that no code uses only serves whoever breaks the app.",
    source="security requirements, App Permissions: least privilege; SDK headers, PERMISSION annotations",
    fix="remove the flag, or the call",
)
def flags_least_privilege(candidate: Candidate) -> Iterator[Problem]:
    """Flags against the privileged system calls that were linked."""
    linked = {call: name for call, name in privileged_calls().items() if call in candidate.elf.symbols}
    mask = candidate.image.flags
    for call, name in linked.items():
        if name in _FOR_APPS and not mask & flag(name):
            yield Problem(f"{call} is linked, but the app does not ask for {name}", severity=Severity.ERROR)
    if mask & flag("GLOBAL_PIN") and "GLOBAL_PIN" not in linked.values():
        yield Problem(
            "the app asks for GLOBAL_PIN, but calls nothing that needs it",
            find(candidate, "HAVE_APPLICATION_FLAG_GLOBAL_PIN"),
        )


@rule(
    "elf-syscalls",
    Severity.ERROR,
    reason="System calls of the operating system's own interface have no place in an app.",
    source="SDK headers v25.13.0 and lns-2.1.0-v24.0, PERMISSION(APPLICATION_FLAG_BOLOS_UX)",
    fix="remove the call",
)
def elf_syscalls(candidate: Candidate) -> Iterator[Problem]:
    """Linked system calls that no app may make."""
    for call, name in privileged_calls().items():
        if name not in _FOR_APPS and call in candidate.elf.symbols:
            yield Problem(f"{call} is linked, which needs {name}")
