"""The app's C files: those that were compiled, and their headers."""

import functools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from toolchain.diagnostic import in_vendor_folder
from toolchain.errors import ImageError
from toolchain.verify.c.functions import Function, functions
from toolchain.verify.c.lexer import IsDefined, Source, read_source
from toolchain.verify.c.statements import statements
from toolchain.verify.makefile import defines, words
from toolchain.verify.model import Candidate, Command, Location
from toolchain.verify.sources import SourceTree

_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.MULTILINE)
_SWITCH = re.compile(r"(?:HAVE|ENABLE|DEBUG|TARGET|TEST|TESTING|FUZZ|FUZZING|UNIT_TEST)(?:_\w+)?")
"""Names that come from the makefile (-D) if they come at all."""


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
    """The app's code; the same object for the same sources and macros."""
    folder = candidate.app.manifest.build_directory
    asked = words(candidate.app.variables.get("APP_SOURCE_PATH", ""))
    folders = tuple(os.path.normpath(folder / path) for path in asked)
    compiled = tuple(sorted({path for path, _ in app_commands(candidate)}))
    recorded = "DEFINES" in candidate.app.variables
    return _read_all(candidate.tree, folders, compiled, frozenset(defines(candidate)) if recorded else None)


def c_files(candidate: Candidate) -> tuple[CFile, ...]:
    """Every C file that could be read."""
    return read_code(candidate).files


@functools.lru_cache(maxsize=4)
def _read_all(
    tree: SourceTree, folders: tuple[str, ...], compiled: tuple[str, ...], macros: frozenset[str] | None
) -> Code:
    """What was compiled (or, if nobody recorded that, every C file), and the headers of the same folders."""
    below = [path for folder in folders for path in tree.under(folder)]
    chosen = set(compiled) or {path for path in below if path.endswith(".c")}
    chosen |= {path for path in below if path.endswith(".h")}
    paths = [path for path in sorted(chosen) if path.endswith((".c", ".h"))]
    is_defined = _Macros(macros, tree, paths)
    read = [_read(tree, path, is_defined) for path in paths]
    return Code(
        tuple(file for file in read if isinstance(file, CFile)),
        tuple(file for file in read if isinstance(file, Unread)),
    )


class _Macros:
    """Which macros the build defines. Switches that nobody defined are known to be off."""

    def __init__(self, defined: frozenset[str] | None, tree: SourceTree, paths: list[str]) -> None:
        self._defined = defined
        texts = (tree.read(path) or "" for path in paths) if defined is not None else ()
        self._in_files = {name for text in texts for name in _DEFINE.findall(text)}

    def __call__(self, name: str) -> bool | None:
        if self._defined is None or name in self._in_files:
            return None
        if name in self._defined:
            return True
        return False if _SWITCH.fullmatch(name) else None


def _read(tree: SourceTree, path: str, is_defined: IsDefined) -> CFile | Unread:
    text = tree.read(path)
    if text is None:
        return Unread(Location(path), "it is not in the app's folder, or too long")
    try:
        source = read_source(text)
        found = functions(source, is_defined)
        for function in found:
            statements(function.body)
        return CFile(path, in_vendor_folder(path), source, found)
    except ImageError as e:
        return Unread(Location(path, int(e.where or 0)), e.message)
