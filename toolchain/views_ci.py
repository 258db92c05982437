"""How what was written for a CI looks. Only the task modules import this."""

from collections.abc import Sequence
from pathlib import Path

from toolchain.ci import Plan
from toolchain.console import Output


def written(out: Output, plan: Plan, paths: Sequence[Path]) -> None:
    """The files, and what the app does not have yet."""
    for path in paths:
        out.result("written", {"app": plan.app.directory.name, "path": str(path)}, str(path))
    for note in plan.missing():
        out.note(note)
    out.note("to run the git hook: git config core.hooksPath .githooks")
