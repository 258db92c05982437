"""The few questions that a build asks git. Nothing here writes into a user's repository."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from toolchain.errors import ConfigError


def git(folder: Path, *arguments: str) -> str | None:
    """What git answers in ``folder``, or None if it has no answer (no git, no repository, no such tag).

    Variables of a calling git (``GIT_DIR`` in a hook) do not count; the index is not refreshed.
    """
    return gits(folder, arguments)[0]


def gits(folder: Path, *questions: Sequence[str]) -> list[str | None]:
    """As ``git``, several questions at once."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        running = [
            subprocess.Popen(
                ["git", "-C", str(folder), *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for arguments in questions
        ]
    except FileNotFoundError:
        return [None] * len(questions)
    answers = []
    for process in running:
        said, complaint = process.communicate()
        if b"dubious ownership" in complaint:
            for other in running:
                other.communicate()
            raise ConfigError(
                "git refuses this repository: it belongs to another user",
                hint=f"git config --global --add safe.directory {folder}",
                where=str(folder),
            )
        answers.append(os.fsdecode(said).strip("\n") if process.returncode == 0 else None)
    return answers


def stores(folder: Path) -> tuple[Path, ...]:
    """What git reads outside of ``folder`` when it is asked there: a worktree's origin, borrowed objects."""
    common = git(folder, "rev-parse", "--path-format=absolute", "--git-common-dir")
    if not (folder / ".git").exists() or common is None:
        return ()
    found: dict[Path, None] = {}
    pending = [Path(common) / "objects"]
    if not Path(common).is_relative_to(folder):
        found[Path(common)] = None
    while pending:
        objects = pending.pop()
        try:
            lines = (objects / "info" / "alternates").read_text("utf-8", "surrogateescape").splitlines()
        except OSError:
            continue
        borrowed = [Path(objects, line) for line in lines if line]
        pending += [path for path in borrowed if path not in found]
        found |= dict.fromkeys(path for path in borrowed if not path.is_relative_to(folder))
    return tuple(path for path in found if path.is_dir())
