"""The words of this stage: candidate in, findings out, and a rule between them."""

import dataclasses
import enum
import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from toolchain.app import App, Waiver
from toolchain.diagnostic import Diagnostic
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
class Candidate:
    """One build of one app for one target, before anything is known about it.

    ``sources`` is the app's folder (the one with ``ledger_app.toml``) as it was compiled. ``commands``
    made every object of the image, and linked it. ``database`` is the vendor's register, if it was given.
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
class Problem:
    """What a rule reports; the rule's own severity and fix hold unless it gives others."""

    message: str
    location: Location | None = None
    severity: Severity | None = None
    fix: str = ""


@dataclass(frozen=True)
class Finding:
    """One broken rule at one place. ``waiver`` is set if the app's owner waived the rule."""

    rule: str
    severity: Severity
    message: str
    location: Location | None
    fix: str
    waiver: Waiver | None = None

    @property
    def fingerprint(self) -> str:
        """Names the finding across builds; it survives lines that move."""
        path = self.location.path if self.location else ""
        return hashlib.sha256(f"{self.rule}\n{path}\n{self.message}".encode()).hexdigest()[:16]


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
        place = problem.location
        return Finding(
            rule=self.id,
            severity=self.severity if problem.severity is None else problem.severity,
            message=_printable(problem.message),
            location=place and dataclasses.replace(place, path=_printable(place.path)),
            fix=problem.fix or self.fix,
        )


def _printable(text: str) -> str:
    """Names and strings of a hostile app cannot steer the terminal that shows them."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def rule(
    name: str, severity: Severity, *, reason: str, source: str, fix: str
) -> Callable[[Callable[[Candidate], Iterable[Problem]]], Rule]:
    """Make the decorated function the rule of that name."""

    def make(function: Callable[[Candidate], Iterable[Problem]]) -> Rule:
        return Rule(name, severity, reason, source, fix, function)

    return make
