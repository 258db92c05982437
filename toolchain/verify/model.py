"""The words of this stage: candidate in, findings out, and a rule between them."""

import dataclasses
import enum
import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from toolchain.app import App, Waiver
from toolchain.diagnostic import Defect, Diagnostic
from toolchain.errors import ImageError
from toolchain.formats.install_params import InstallParams, parse_install_params
from toolchain.image import ElfInfo, Image
from toolchain.manifest import Provenance
from toolchain.target import Target
from toolchain.verify.database import Database
from toolchain.verify.sources import SourceTree


class Severity(enum.IntEnum):
    """How bad a finding is; a policy says which of them block."""

    ERROR = 0
    WARNING = 1
    ADVICE = 2

    def __str__(self) -> str:
        return self.name.lower()


Root = Literal["app", "sdk", "build"]
"""What a path is relative to: the app's folder, the SDK, or the folder of what was built."""


@dataclass(frozen=True)
class Location:
    """A place: ``path`` relative to ``root``; ``line`` and ``column`` count from 1, 0 is unknown."""

    path: str
    line: int = 0
    column: int = 0
    root: Root = "app"

    def __str__(self) -> str:
        numbers = [str(n) for n in (self.line, self.column) if n]
        place = ":".join([self.path, *numbers])
        return place if self.root == "app" else f"{self.root}: {place}"


class Command(Protocol):
    """One call of the compiler or, without ``file``, of the linker.

    ``directory`` is where it ran, ``file`` the source as it was named there, ``arguments`` begin with the
    program's name.
    """

    @property
    def directory(self) -> str:
        """Absolute path."""
        ...

    @property
    def file(self) -> str:
        """Path, relative to ``directory`` or absolute."""
        ...

    @property
    def output(self) -> str:
        """Path, relative to ``directory`` or absolute."""
        ...

    @property
    def arguments(self) -> tuple[str, ...]:
        """The whole command."""
        ...


@dataclass(frozen=True)
class Trial:
    """The same app built with another SDK: ``error`` if it does not build, and what was said if it does."""

    sdk: str
    error: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    analyzer: Callable[[], tuple[Defect, ...]] = tuple


@dataclass(frozen=True)
class Candidate:
    """One build of one app for one target, before anything is known about it.

    ``sources`` is the app's folder (the one with ``ledger_app.toml``) as it was compiled. ``commands``
    made every object of the image, and linked it. ``database`` is the vendor's register, if it was given.
    ``analyzer`` runs the static analyzer over the same commands; it is asked if a rule wants to know.
    ``cache`` is a folder where what was parsed is kept. ``variant`` is the one that was asked for, empty for
    the makefile's own choice; ``variants`` are the others that were built, each with what stopped it, if
    anything did. ``trial`` is the build with another SDK, if one was asked for.
    """

    app: App
    target: Target
    image: Image
    elf: ElfInfo
    diagnostics: tuple[Diagnostic, ...]
    provenance: Provenance
    sources: Path
    commands: tuple[Command, ...] = ()
    database: Database | None = None
    analyzer: Callable[[], tuple[Defect, ...]] | None = None
    cache: Path | None = None
    variant: str = ""
    variants: Mapping[str, str] = field(default_factory=dict)
    trial: Trial | None = None

    @functools.cached_property
    def tree(self) -> SourceTree:
        """The files of ``sources``, read on first use."""
        return SourceTree(self.sources, self.app.manifest.build_directory)

    @functools.cached_property
    def install_params(self) -> InstallParams | None:
        """The parameter block, decoded; None if it is not decodable, which is a finding of its own."""
        try:
            return parse_install_params(self.elf.install_params)
        except ImageError:
            return None

    @property
    def makefile(self) -> str:
        """Path of the app's makefile relative to ``sources``."""
        return (self.app.manifest.build_directory / "Makefile").as_posix()


@dataclass(frozen=True)
class Step:
    """One step of the way to a finding."""

    message: str
    location: Location


@dataclass(frozen=True)
class Problem:
    """What a rule reports; the rule's own severity and fix hold unless it gives others.

    ``trace`` is the way that leads there, in the order of execution.
    """

    message: str
    location: Location | None = None
    severity: Severity | None = None
    fix: str = ""
    trace: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One broken rule at one place. ``waiver`` is set if the app's owner waived the rule.

    ``excerpt`` is the line of that place, as far as it is known, without its end. ``known`` says that a
    baseline lists the finding.
    """

    rule: str
    severity: Severity
    message: str
    location: Location | None
    fix: str
    waiver: Waiver | None = None
    trace: tuple[Step, ...] = ()
    excerpt: str = ""
    known: bool = False

    @property
    def fingerprint(self) -> str:
        """Names the finding across builds: it survives lines that move, not the change of its own line.

        Two equal lines of one file that break one rule share it.
        """
        path = self.location.path if self.location else ""
        parts = (self.rule, path, self.message, " ".join(self.excerpt.split()))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    @property
    def accepted(self) -> bool:
        """Whether somebody decided that it does not block: it is waived, or in a baseline."""
        return self.waiver is not None or self.known


@dataclass(frozen=True)
class Rule:
    """One requirement that a machine checks.

    ``reason`` is one line, ``source`` the requirement it comes from, ``fix`` what an author does about it.
    """

    id: str
    severity: Severity
    reason: str
    source: str
    fix: str
    function: Callable[[Candidate], Iterable[Problem]] = field(repr=False)

    def check(self, candidate: Candidate) -> Iterator[Finding]:
        """Every finding of this rule."""
        for problem in self.function(candidate):
            yield self.finding(problem)

    def finding(self, problem: Problem) -> Finding:
        """``problem`` as a finding of this rule."""
        return Finding(
            rule=self.id,
            severity=self.severity if problem.severity is None else problem.severity,
            message=printable(problem.message),
            location=problem.location and _named(problem.location),
            fix=problem.fix or self.fix,
            trace=tuple(Step(printable(step.message), _named(step.location)) for step in problem.trace),
        )


def _named(place: Location) -> Location:
    return dataclasses.replace(place, path=printable(place.path))


def printable(text: str) -> str:
    """Names and strings of a hostile app cannot steer the terminal that shows them."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def rule(
    name: str, severity: Severity, *, reason: str, source: str, fix: str
) -> Callable[[Callable[[Candidate], Iterable[Problem]]], Rule]:
    """Make the decorated function the rule of that name."""

    def make(function: Callable[[Candidate], Iterable[Problem]]) -> Rule:
        return Rule(name, severity, reason, source, fix, function)

    return make
