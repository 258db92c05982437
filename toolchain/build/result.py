"""What a build gives, and how it is kept to be given again when nothing changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolchain import dist
from toolchain.app import App
from toolchain.build.commands import CompileCommand
from toolchain.build.sources import Stamps
from toolchain.diagnostic import Diagnostic
from toolchain.manifest import Provenance
from toolchain.target import Target

_FILE = "state.json"


@dataclass(frozen=True)
class BuildResult:
    """An app that was built for one target.

    ``elf`` and ``map`` are the bytes of app.elf and of the linker's map (empty if none was written).
    ``log`` is the path of everything that make and its children printed. ``diagnostics`` and ``commands``
    cover every object of the image, also those that an earlier run compiled. ``sources`` is the private
    copy that was built in, for whoever runs the commands again. ``duration`` is in seconds;
    ``reused`` says that nothing had changed and nothing ran; ``fingerprint`` is that of ``Kept``.
    """

    app: App
    target: Target
    elf: bytes
    map: bytes
    log: Path
    diagnostics: tuple[Diagnostic, ...]
    provenance: Provenance
    commands: tuple[CompileCommand, ...]
    sources: Path
    duration: float
    reused: bool
    fingerprint: str


@dataclass(frozen=True)
class Step:
    """One compiler or linker call, and what it said."""

    command: CompileCommand
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True)
class Kept:
    """What stays beside a private copy between two runs of make.

    ``basis`` names SDK, tools and options: under another one, objects are of no use. ``fingerprint`` also
    covers the sources; it is empty if the last run failed. ``elf`` is the SHA-256 of app.elf,
    ``stamps`` are those of ``sources.sync``, ``steps`` maps outputs to what made them.
    """

    basis: str = ""
    fingerprint: str = ""
    elf: str = ""
    commit: str = ""
    stamps: Stamps = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()
    provenance: Provenance | None = None
    duration: float = 0.0

    def save(self, folder: Path) -> None:
        """Write it into ``folder``."""
        dist.write(folder / _FILE, self.to_bytes())

    def to_bytes(self) -> bytes:
        """For a file, as JSON."""
        table = vars(self) | {
            "steps": {output: [vars(s.command), _tables(s.diagnostics)] for output, s in self.steps.items()},
            "diagnostics": _tables(self.diagnostics),
            "provenance": self.provenance and vars(self.provenance),
        }
        return json.dumps(table, separators=(",", ":")).encode()

    @classmethod
    def load(cls, folder: Path) -> "Kept":
        """Read it back; empty if there is nothing, or nothing that this version wrote."""
        try:
            return cls.from_bytes((folder / _FILE).read_bytes())
        except (OSError, ValueError):
            return cls()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Kept":
        """What ``to_bytes`` gave.

        Raises:
            ValueError: that is something else.
        """
        try:
            table = json.loads(data)
            table["stamps"] = {name: (tuple(a), b and tuple(b)) for name, (a, b) in table["stamps"].items()}
            table["steps"] = {
                output: Step(
                    CompileCommand(**command | {"arguments": tuple(command["arguments"])}), _diagnostics(said)
                )
                for output, (command, said) in table["steps"].items()
            }
            table["diagnostics"] = _diagnostics(table["diagnostics"])
            if origin := table["provenance"]:
                table["provenance"] = Provenance(**origin | {"command": tuple(origin["command"])})
            return cls(**table)
        except (KeyError, TypeError, AttributeError) as e:
            raise ValueError(str(e)) from e


def _tables(diagnostics: tuple[Diagnostic, ...]) -> list[dict[str, Any]]:
    return [vars(diagnostic) for diagnostic in diagnostics]


def _diagnostics(tables: list[dict[str, Any]]) -> tuple[Diagnostic, ...]:
    return tuple(Diagnostic(**table) for table in tables)
