"""Findings of every kind, in two builds of one app and one of another that failed."""

import dataclasses

from tests.unit.verify.candidates import TODAY
from toolchain.app import Waiver
from toolchain.verify import Finding, Location, Severity, get_policy
from toolchain.verify.model import Step
from toolchain.verify.report import Subject

STORE = get_policy("store")

ERROR = Finding("flags-known", Severity.ERROR, "the app asks for 0x8", Location("Makefile", 16), "remove it")
WARNING = Finding(
    "build-no-warnings", Severity.WARNING, "unused x", Location("src/a b.c", 3, 7, "sdk"), "use it"
)
WAIVED = Finding(
    "elf-host-paths",
    Severity.ERROR,
    "the image holds '/opt/x'",
    None,
    "map paths",
    Waiver("elf-host-paths", "a path that everybody has", TODAY),
)
TRACED = Finding(
    "static-analyzer-clean",
    Severity.ERROR,
    "null pointer [core.NullDereference]",
    Location("src/main.c", 9, 12),
    "handle it",
    trace=(
        Step("'p' is null", Location("src/main.c", 7, 3)),
        Step("null pointer", Location("src/main.c", 9, 12)),
    ),
    excerpt="    return *p;",
)
KNOWN = dataclasses.replace(ERROR, message="the app asks for 0x10", known=True)
ADVICE = Finding("flags-known", Severity.ADVICE, "[red]x[/red] <b>&</b>", None, "[/]")

ALL = (ERROR, WAIVED, TRACED, KNOWN, WARNING, ADVICE)


def subject(*findings: Finding, app: str = "sample", target: str = "nanosp", error: str = "") -> Subject:
    return Subject(app, target, "Nano S Plus" if target == "nanosp" else target, findings, error)


SUBJECTS = (
    subject(*ALL),
    subject(ERROR, target="nanox"),
    subject(app="other", error="src/main.c:3: expected ';'"),
)
