"""The app's C files: as text (``c.text``), and as the compiler saw them (``c.tree``)."""

import functools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from toolchain.diagnostic import in_vendor_folder
from toolchain.errors import ImageError
from toolchain.verify.c.text import Source, read_source
from toolchain.verify.c.tree import Function, Global, Unit
from toolchain.verify.c.units import read_units
from toolchain.verify.makefile import words
from toolchain.verify.model import Candidate, Command, Location, Severity
from toolchain.verify.sources import SourceTree


@dataclass(frozen=True, eq=False)
class CFile:
    """One C file of the app; ``vendored`` if it is someone else's library. Paths are relative to the app."""

    path: str
    vendored: bool
    source: Source

    def at(self, line: int, column: int = 0) -> Location:
        """A place in the file."""
        return Location(self.path, line, column)

    @property
    def name(self) -> str:
        """Without folders."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Unread:
    """A C file that could not be read, and why."""

    location: Location
    reason: str


@dataclass(frozen=True, eq=False)
class Code:
    """What the compiler saw of the app's own files.

    ``functions`` are in the order of their places, each once, however many units have it. ``tables`` are the
    variables of files by name.
    """

    units: tuple[Unit, ...]
    functions: tuple[Function, ...]
    tables: Mapping[str, Global] = field(default_factory=dict)

    @functools.cached_property
    def by_name(self) -> Mapping[str, Function]:
        """The functions that have a body, by name; of two with one name, the first."""
        return {f.name: f for f in reversed(self.functions)}

    @property
    def unread(self) -> Iterator[Unread]:
        """What the parser did not understand, each file once, at its first line."""
        seen: set[str] = set()
        for unit in self.units:
            for path, line, message in unit.errors:
                if path not in seen:
                    seen.add(path)
                    yield Unread(Location(path, line), message)


def app_commands(candidate: Candidate) -> tuple[tuple[str, Command], ...]:
    """Each command that compiled a file of the app, behind that file's path."""
    return _app_commands(candidate.tree, candidate.commands)


@functools.lru_cache(maxsize=4)
def _app_commands(tree: SourceTree, commands: tuple[Command, ...]) -> tuple[tuple[str, Command], ...]:
    inside = os.path.realpath(tree.root) + "/"
    named = ((os.path.realpath(Path(c.directory, c.file)), c) for c in commands if c.file)
    return tuple((path.removeprefix(inside), c) for path, c in named if path.startswith(inside))


def read_code(candidate: Candidate) -> Code:
    """The app's code as it was compiled; the same object for the same build.

    What is too long or nested too deep as text is not parsed: it is a finding already.
    """
    refused = {file.location.path for file in unread_files(candidate)}
    commands = tuple(
        command for path, command in app_commands(candidate) if path.endswith(".c") and path not in refused
    )
    return _read_code(candidate.tree, commands, candidate.cache)


@functools.lru_cache(maxsize=4)
def _read_code(tree: SourceTree, commands: tuple[Command, ...], cache: Path | None) -> Code:
    # The tree is the candidate's own: another build in the same folder is read anew.
    root = tree.root
    units = read_units(root, commands, cache)
    functions = {(f.path, f.line, f.name): f for unit in reversed(units) for f in unit.functions}
    tables = {g.name: g for unit in reversed(units) for g in unit.globals}
    return Code(units, tuple(functions[place] for place in sorted(functions)), tables)


def functions(candidate: Candidate) -> tuple[Function, ...]:
    """Every function of the app that was compiled."""
    return read_code(candidate).functions


def milder(path: str) -> Severity | None:
    """What is wrong in someone else's library is a warning, where it would be an error in the app's code."""
    return Severity.WARNING if in_vendor_folder(path) else None


def c_files(candidate: Candidate) -> tuple[CFile, ...]:
    """Every C file that could be read as text."""
    return tuple(file for file in _texts(candidate) if isinstance(file, CFile))


def unread_files(candidate: Candidate) -> tuple[Unread, ...]:
    """C files that could not be read as text."""
    return tuple(file for file in _texts(candidate) if isinstance(file, Unread))


def _texts(candidate: Candidate) -> tuple[CFile | Unread, ...]:
    folder = candidate.app.manifest.build_directory
    asked = words(candidate.app.variables.get("APP_SOURCE_PATH", ""))
    folders = tuple(os.path.normpath(folder / path) for path in asked)
    compiled = tuple(sorted({path for path, _ in app_commands(candidate)}))
    return _read_texts(candidate.tree, folders, compiled)


@functools.lru_cache(maxsize=4)
def _read_texts(
    tree: SourceTree, folders: tuple[str, ...], compiled: tuple[str, ...]
) -> tuple[CFile | Unread, ...]:
    """What was compiled, and the headers of the same folders."""
    chosen = {path for folder in folders for path in tree.under(folder) if path.endswith(".h")}
    chosen |= {path for path in compiled if path.endswith(".c")}
    return tuple(_read_text(tree, path) for path in sorted(chosen))


def _read_text(tree: SourceTree, path: str) -> CFile | Unread:
    text = tree.read(path)
    if text is None:
        return Unread(Location(path), "it is not in the app's folder, or too long")
    try:
        return CFile(path, in_vendor_folder(path), read_source(text))
    except ImageError as e:
        return Unread(Location(path), e.message)
