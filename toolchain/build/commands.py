"""How compilers were called, and what they said: written by the scripts of ``toolchains.py``.

Each process leaves a file with its arguments and, beside it, one with its messages. So a message belongs
to a command for certain, also when make runs several at once, and it is known which command wrote what.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path

from toolchain import dist

_ARGUMENTS_LIMIT = 4 << 20
"""Bytes of a record; Linux lets no command have more arguments than half of that."""

_MESSAGES_LIMIT = 1 << 20
"""Bytes of messages that one command may leave; a clean build leaves none."""

SOURCES = (".c", ".s", ".S", ".cpp", ".cc", ".cxx")
"""What compilers and assemblers read is named so."""


@dataclass(frozen=True)
class CompileCommand:
    """One call that made an object, as in a compilation database.

    ``directory`` is where it ran, ``file`` the source as it was named there, ``arguments`` begin with
    the compiler's name.
    """

    directory: str
    file: str
    output: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Call:
    """A compiler or linker that ran. ``messages`` is its standard error; of a compiler, make sees none."""

    command: CompileCommand
    messages: str


def read_calls(folder: Path) -> list[Call]:
    """What ran, in the order of time.

    Raises:
        ConfigError: something that no compiler's script wrote.
    """
    records = [p for p in plain_files(folder) if p.suffix != ".err"]
    calls = [_read(path) for path in sorted(records, key=lambda p: p.stat().st_mtime_ns)]
    return [call for call in calls if call.command.output]


def plain_files(folder: Path) -> list[Path]:
    """The files in ``folder``, sorted. What a make left may also be a link that leads out of it."""
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())


def _read(path: Path) -> Call:
    directory, *arguments = (
        dist.read(path, limit=_ARGUMENTS_LIMIT).decode("utf-8", "replace").split("\0")[:-1]
    )
    said = path.with_name(path.name + ".err")
    messages = ""
    if said.is_file() and not said.is_symlink():
        with said.open("rb") as file:
            messages = file.read(_MESSAGES_LIMIT).decode("utf-8", "replace")
    outputs = [after for flag, after in itertools.pairwise(arguments) if flag == "-o"]
    output = outputs[-1] if outputs else ""
    source = ""
    if "-c" in arguments:
        source = next((a for a in reversed(arguments[1:]) if a.endswith(SOURCES) and a != output), "")
    return Call(CompileCommand(directory, source, output, tuple(arguments)), messages)
