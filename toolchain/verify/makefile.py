"""What the makefile says: variables that make printed, and the text for places and comments.

Values come from make itself, never from the text: a regular expression does not know what make
computes. The text is read for line numbers, for comments, and for what make does not print.
"""

import dataclasses
import functools
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from toolchain.verify.model import Candidate, Location
from toolchain.verify.sources import SourceTree

_ASSIGNMENT = re.compile(r"\s*(?:override\s+|export\s+)*([A-Za-z_][A-Za-z0-9_]*)\s*(?:::?:?|[+?!])?=\s*(.*)")
_MAX_LINE = 4096


def words(text: str) -> list[str]:
    """``text`` as the shell would split it; at blanks if its quotes do not match."""
    try:
        return shlex.split(text, posix=True)
    except ValueError:
        return text.split()


def defines(candidate: Candidate) -> dict[str, str]:
    """Macros that the compiler gets: DEFINES, and -D of CFLAGS; name → value, empty if none is given."""
    variables = candidate.app.variables
    found = [word.removeprefix("-D") for word in words(variables.get("DEFINES", ""))]
    found += [word[2:] for word in words(variables.get("CFLAGS", "")) if word.startswith("-D")]
    return {name: value for name, _, value in (word.partition("=") for word in found)}


def variants(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the variants that a makefile lists, each once."""
    return tuple(dict.fromkeys(words(variables.get("VARIANT_VALUES", ""))))


def own_variant(variables: Mapping[str, str]) -> str:
    """The variant that the makefile builds if nobody asks for one; empty if nobody can tell."""
    listed, chosen = variants(variables), unquoted(variables.get("TOOLCHAIN_VARIANT", ""))
    return listed[0] if len(listed) == 1 else chosen if chosen in listed else ""


def unquoted(value: str) -> str:
    """A make variable's value without the quotes that the shell would remove."""
    return " ".join(words(value))


@dataclass(frozen=True)
class Line:
    """One line of a makefile: what it says before ``#``, and the comment behind it."""

    path: str
    number: int
    code: str
    comment: str

    @property
    def location(self) -> Location:
        """Where the line stands."""
        return Location(self.path, self.number)

    @property
    def assignment(self) -> tuple[str, str] | None:
        """Variable and text, if the line assigns one."""
        match = _ASSIGNMENT.fullmatch(self.code)
        return (match[1], match[2].strip()) if match else None


def lines(candidate: Candidate) -> tuple[Line, ...]:
    """Every line of the app's makefiles: those in the build directory and below."""
    return _lines(candidate.tree, candidate.app.manifest.build_directory.as_posix())


def unread_makefiles(candidate: Candidate) -> tuple[Location, ...]:
    """Those of them that are too long to be read."""
    tree, folder = candidate.tree, candidate.app.manifest.build_directory.as_posix()
    return tuple(Location(path) for path in _paths(tree, folder) if tree.read(path) is None)


@functools.lru_cache(maxsize=4)
def _lines(tree: SourceTree, folder: str) -> tuple[Line, ...]:
    return tuple(line for path in _paths(tree, folder) for line in read_lines(path, tree.read(path) or ""))


def _paths(tree: SourceTree, folder: str) -> tuple[str, ...]:
    return tuple(p for p in tree.under(folder) if p.endswith((".mk", "/Makefile")) or p == "Makefile")


def read_lines(path: str, text: str) -> Iterator[Line]:
    """The lines of one makefile's text."""
    for number, line in enumerate(text.splitlines(), 1):
        code, comment = split_comment(line[:_MAX_LINE])
        yield Line(path, number, code.rstrip(), comment)


def split_comment(line: str) -> tuple[str, str]:
    """A line before and behind its comment sign; quotes protect the sign, as in the SDK's own idiom."""
    quote = ""
    for index, char in enumerate(line):
        if quote:
            quote = "" if char == quote else quote
        elif char == '"':
            quote = char
        elif char == "#" and line[index - 1 : index] != "\\":
            return line[:index], line[index + 1 :].strip()
    return line, ""


def whole_lines(candidate: Candidate) -> Iterator[Line]:
    """The lines, those that a backslash continues joined; the number is that of the first."""
    begun: Line | None = None
    for line in lines(candidate):
        whole = line
        if begun is not None and begun.path == line.path:
            whole = dataclasses.replace(begun, code=f"{begun.code[:-1]} {line.code.strip()}"[:_MAX_LINE])
        elif begun is not None:
            yield begun
        begun = whole if line.code.endswith("\\") else None
        if begun is None:
            yield whole
    if begun is not None:
        yield begun


def _read(candidate: Candidate) -> tuple[Line, ...]:
    """The lines of those makefiles that make read, as far as it says; libraries bring others."""
    folder, names = candidate.app.manifest.build_directory, candidate.app.variables.get("MAKEFILE_LIST", "")
    read = {os.path.normpath(folder / name) for name in names.split()}
    return tuple(line for line in lines(candidate) if not read or line.path in read)


def find(candidate: Candidate, word: str) -> Location:
    """Where the makefiles first assign ``word``, or else mention it; the makefile if they do not."""
    pattern = re.compile(rf"(?<![\w'/*-]){re.escape(word)}(?![\w'/*-])")
    mentions = [line for line in _read(candidate) if pattern.search(line.code)]
    assigns = [line for line in mentions if line.assignment and line.assignment[0] == word]
    return next((line.location for line in assigns + mentions), Location(candidate.makefile))
