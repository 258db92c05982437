"""The app's files and the SDK's: neither takes the other's place."""

import functools
import itertools
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from toolchain.verify.code import app_commands, c_files, read_code
from toolchain.verify.model import Candidate, Command, Location, Problem, Severity, rule
from toolchain.verify.sources import SourceTree

_DEFINITION = re.compile(r"^[A-Za-z_][\w \t*]*?[ \t*](\w+)[ \t]*\([^;{}]*\)\s*\{", re.MULTILINE)
_MAX_FOLDERS = 5000
_NO_SOURCES = frozenset({".git", "doc", "fuzzing", "tests", "unit-tests"})
_MIN_SHARED = 2
"""Functions that a copy shares with its original; one alone may be called main, or init."""


_Headers = Callable[[str], frozenset[str]]


def _read_headers(folder: str) -> frozenset[str]:
    """The headers that lie directly in a folder; none if it cannot be read."""
    try:
        return frozenset(entry.name for entry in os.scandir(folder) if entry.name.endswith(".h"))
    except OSError:
        return frozenset()


def _search_path(command: Command) -> tuple[str, ...]:
    """The folders of -I in their order, absolute."""
    words = iter(command.arguments)
    named = (next(words, "") if word == "-I" else word[2:] for word in words if word.startswith("-I"))
    return _absolute(command.directory, tuple(named))


@functools.lru_cache(maxsize=64)
def _absolute(directory: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Most commands of a build have the same list."""
    return tuple(os.path.realpath(Path(directory, name)) for name in names)


@rule(
    "build-header-shadow",
    Severity.WARNING,
    reason="Of two headers with one name, the order of folders decides which one is compiled in.",
    source="SDK v25.13.0, Makefile.rules: one list of folders for the app and the SDK",
    fix="give the app's header another name",
)
def build_header_shadow(candidate: Candidate) -> Iterator[Problem]:
    """Headers of the app that the SDK's files find instead of the SDK's own, or the other way round."""
    root = os.path.realpath(candidate.sources) + "/"
    headers = functools.cache(_read_headers)
    own = tuple(app_commands(candidate))
    known = {id(command) for _, command in own}
    paths = {_search_path(c) for c in candidate.commands if c.file and id(c) not in known}
    for header in sorted({header for path in paths for header in _taken(path, root, headers)}):
        yield Problem(f"files of the SDK that include {Path(header).name} get this one", Location(header))
    files = {file.path: file for file in c_files(candidate)}
    for path, command in own:
        beside, folders = headers(str(Path(root, path).parent)), _search_path(command)
        for directive in files[path].source.directives if path in files else ():
            name = directive.included
            holders = [f for f in folders if name in headers(f)] if name not in beside else []
            inside = [(folder + "/").startswith(root) for folder in holders]
            if any(inside) and not inside[0]:
                message = f"{name} is the SDK's here, and not the app's"
                yield Problem(message, Location(path, directive.line))


def _taken(folders: Sequence[str], root: str, headers: _Headers) -> Iterator[str]:
    """Headers of the app, relative to it, that stand before one of the same name outside of it."""
    first: dict[str, str] = {}
    for folder in folders:
        for name in headers(folder):
            holder = first.setdefault(name, folder) + "/"
            if holder.startswith(root) and not (folder + "/").startswith(root):
                yield os.path.relpath(holder + name, root)


@rule(
    "sdk-untouched-by-app",
    Severity.WARNING,
    reason="A copy of an SDK's file stays as it was when the original is corrected.",
    source="SDK v25.13.0, Makefile.standard_app: files that apps may replace",
    fix="compile the SDK's file; if it lacks something, write that in a file of its own",
)
def sdk_untouched_by_app(candidate: Candidate) -> Iterator[Problem]:
    """Files of the app that are called like one of the SDK, and define the same functions."""
    originals = _originals(candidate)
    functions: dict[str, set[str]] = {}
    for function in read_code(candidate).functions:
        if Path(function.path).name in originals:
            functions.setdefault(function.path, set()).add(function.name)
    for path, names in sorted(functions.items()):
        for original in originals[Path(path).name]:
            shared = names & _defined(original)
            if len(shared) >= _MIN_SHARED and 2 * len(shared) >= len(names):
                where = f"{original.parent.name}/{original.name}"
                message = f"a copy of the SDK's {where}: {len(shared)} functions have its names"
                yield Problem(message, Location(path))
                break


def _originals(candidate: Candidate) -> Mapping[str, Sequence[Path]]:
    """C files of the SDK by name, compiled or not: all below what its folders of -I have in common."""
    root = os.path.realpath(candidate.sources) + "/"
    search = {folder for c in candidate.commands if c.file for folder in _search_path(c)}
    outside = [folder for folder in search if not (folder + "/").startswith(root)]
    sdk = Path(os.path.commonpath(outside)) if outside else Path("/")
    found: dict[str, list[Path]] = {}
    if len(sdk.parts) > 1:  # not the whole machine
        walk = itertools.islice(os.walk(sdk), _MAX_FOLDERS)
        for folder, folders, names in walk:
            folders[:] = sorted(name for name in folders if name not in _NO_SOURCES)
            for name in names:
                if name.endswith(".c"):
                    found.setdefault(name, []).append(Path(folder, name))
    return found


def _defined(path: Path) -> frozenset[str]:
    """The functions that a file of the SDK defines, without those that apps may define instead."""
    found = _DEFINITION.finditer(SourceTree(path.parent).read(path.name) or "")
    return frozenset(match[1] for match in found if not re.search(r"\bweak\b", match[0], re.IGNORECASE))
