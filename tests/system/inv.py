"""Runs ``./inv`` as a person would, in a process of its own."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.documented import undocumented

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Run:
    """What a finished call left."""

    code: int
    out: str
    err: str

    def lines(self, kind: str) -> list[dict[str, Any]]:
        """The JSON objects of one type."""
        return [line for line in map(json.loads, self.out.splitlines()) if line["type"] == kind]

    def only(self, kind: str) -> dict[str, Any]:
        """The one JSON object of that type."""
        (line,) = self.lines(kind)
        return line


def inv(
    *arguments: str | Path,
    folder: Path = PROJECT,
    stdin: str = "",
    environment: Mapping[str, str] | None = None,
    program: Sequence[str | Path] = (PROJECT / "inv",),
    timeout: float = 300,
) -> Run:
    """Run ``./inv ARGUMENTS`` in ``folder`` to its end, within ``timeout`` seconds.

    With ``--json`` it must print what the page says.
    """
    done = subprocess.run(
        [*program, *arguments],
        cwd=folder,
        env=os.environ | (environment or {}),
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    run = Run(done.returncode, done.stdout, done.stderr)
    if "--json" in arguments:
        for line in map(json.loads, run.out.splitlines()):
            assert not undocumented(line), line
    return run
