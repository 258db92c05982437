"""The app's C files: those that were compiled, and their headers."""

import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from toolchain.diagnostic import in_vendor_folder
from toolchain.errors import ImageError
from toolchain.verify.c.functions import Function, functions
from toolchain.verify.c.lexer import Source, read_source
from toolchain.verify.c.statements import statements
from toolchain.verify.makefile import words
from toolchain.verify.model import Candidate, Command, Location
from toolchain.verify.sources import SourceTree


@dataclass(frozen=True, eq=False)
class CFile:
    """One C file of the app; ``vendored`` if it is someone else's library. Paths are relative to the app."""

    path: str
    vendored: bool
    source: Source
    functions: tuple[Function, ...]

    def at(self, line: int, column: int = 0) -> Location:
        """A place in the file."""
        return Location(self.path, line, column)


@dataclass(frozen=True)
class Unread:
    """A C file that could not be read, and why."""

    location: Location
    reason: str


def app_commands(candidate: Candidate) -> Iterator[tuple[str, Command]]:
    """Each command that compiled a file of the app, behind that file's path."""
    root = os.path.realpath(candidate.sources)
    for command in candidate.commands:
        path = os.path.realpath(Path(command.directory, command.file))
        if command.file and path.startswith(root + "/"):
            yield os.path.relpath(path, root), command


@dataclass(frozen=True, eq=False)
class Code:
    """The app's C files, in order of their paths, and those that could not be read."""

    files: tuple[CFile, ...]
    unread: tuple[Unread, ...]


def read_code(candidate: Candidate) -> Code:
    """The app's code; the same object for the same sources."""
    folder = candidate.app.manifest.build_directory
    asked = words(candidate.app.variables.get("APP_SOURCE_PATH", ""))
    folders = tuple(os.path.normpath(folder / path) for path in asked)
    compiled = tuple(sorted({path for path, _ in app_commands(candidate)}))
    return _read_all(candidate.tree, folders, compiled)


def c_files(candidate: Candidate) -> tuple[CFile, ...]:
    """Every C file that could be read."""
    return read_code(candidate).files


@functools.lru_cache(maxsize=4)
def _read_all(tree: SourceTree, folders: tuple[str, ...], compiled: tuple[str, ...]) -> Code:
    """What was compiled (or, if nobody recorded that, every C file), and the headers of the same folders."""
    below = [path for folder in folders for path in tree.under(folder)]
    chosen = set(compiled) or {path for path in below if path.endswith(".c")}
    chosen |= {path for path in below if path.endswith(".h")}
    read = [_read(tree, path) for path in sorted(chosen) if path.endswith((".c", ".h"))]
    return Code(
        tuple(file for file in read if isinstance(file, CFile)),
        tuple(file for file in read if isinstance(file, Unread)),
    )


def _read(tree: SourceTree, path: str) -> CFile | Unread:
    text = tree.read(path)
    if text is None:
        return Unread(Location(path), "it is not in the app's folder, or too long")
    try:
        source = read_source(text)
        found = functions(source)
        for function in found:
            statements(function.body)
        return CFile(path, in_vendor_folder(path), source, found)
    except ImageError as e:
        return Unread(Location(path, int(e.where or 0)), e.message)
