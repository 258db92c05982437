"""What compilers, linkers and make print → ``Diagnostic`` values. Pure: text in, values out."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from toolchain.build.commands import Call
from toolchain.diagnostic import Diagnostic, Level, Origin

_VENDOR = r"deps?|externals?|lib-external|node_modules|submodules|third[-_]?party|vendor(?:s|ed)?"
"""Names of folders whose content counts as someone else's library, beside git submodules."""

_LEVELS: Mapping[str, Level] = {
    "note": "note",
    "remark": "note",
    "warning": "warning",
    "error": "error",
    "fatal error": "fatal error",
}
_LEVEL = r"(?P<level>note|remark|warning|error|fatal error)"
_FLAG = r"(?: \[(?P<flag>-[\w=,#+.-]+)\])?"
# src/main.c:12:5: warning: unused variable 'x' [-Wunused-variable]
_AT = re.compile(
    rf"(?P<path>[^:\s][^:]*):(?P<line>\d+)(?::(?P<column>\d+))?: (?i:{_LEVEL}): (?P<text>.*?){_FLAG}$"
)
# ld.lld: error: undefined symbol: f · clang-14: warning: argument unused … · collect2: error: …
_PROGRAM = re.compile(rf"(?P<program>[\w./+-]+): {_LEVEL}: (?P<text>.*?){_FLAG}$")
# GNU ld: main.o: in function `f': main.c:(.text+0x4): undefined reference to `g'
_UNDEFINED = re.compile(r"(?:.*/)?(?P<path>[^/:\s]+):\([^)]*\): (?P<text>undefined reference to .*)$")
# Makefile:7: *** message.  Stop. · make: *** [Makefile:3: all] Error 2
_STOP = re.compile(
    r"(?:(?P<path>[^:\s][^:]*):(?P<line>\d+)|g?make(?:\[\d+\])?): \*\*\* (?P<text>.+?)(?:  Stop\.)?$"
)
# Makefile:9: warning: overriding recipe for target 'x'
_OVERRIDE = re.compile(r"(?P<path>[^:\s][^:]*):(?P<line>\d+): warning: (?P<text>.+)$")
_MAKEFILE = re.compile(r"[\w.-]+\.mk|(?i:(?=.*makefile)[\w.-]+)")
_MAX_LINE = 4096
"""Characters of a line that are looked at."""


@dataclass(frozen=True)
class Folders:
    """Where things lay on the building machine, to name them without it.

    ``sdk`` may lie at several paths (a link and where it points). ``submodules`` are relative to
    ``source``. ``others`` maps further folders to names such as ``<newlib>``.
    """

    source: str
    build_directory: str
    sdk: tuple[str, ...]
    submodules: tuple[str, ...]
    others: Mapping[str, str]

    def place(self, path: str, directory: str) -> tuple[str, Origin]:
        """``path``, as seen from ``directory``, relative to whose it is."""
        full = os.path.normpath(PurePosixPath(directory, path))
        if (inside := _below(full, self.source)) is not None:
            return inside, "vendored" if self._vendored(inside) else "app"
        for sdk in self.sdk:
            if (inside := _below(full, sdk)) is not None:
                return inside, "sdk"
        return self.rename(full), "sdk"

    def _vendored(self, path: str) -> bool:
        if any(_below(path, module) is not None for module in self.submodules):
            return True
        return any(re.fullmatch(_VENDOR, part) for part in PurePosixPath(path).parts[:-1])

    def rename(self, text: str) -> str:
        """``text`` with the machine's folders replaced by names; the app's own folder vanishes."""
        text = text.replace(self.source + "/", "").replace(self.source, ".")
        for sdk in self.sdk:
            text = text.replace(sdk, "<sdk>")
        for folder, name in self.others.items():
            text = text.replace(folder, name)
        return text


def _below(path: str, folder: str) -> str | None:
    return path[len(folder) + 1 :] if path.startswith(folder + "/") else None


def parse_call(call: Call, folders: Folders) -> tuple[Diagnostic, ...]:
    """The messages of one compiler or linker call."""
    return tuple(_parse_call(call, folders))


def _parse_call(call: Call, folders: Folders) -> Iterator[Diagnostic]:
    command = call.command
    own: tuple[str, Origin] = folders.place(command.file, command.directory) if command.file else ("", "app")
    tool = "compiler" if command.file else "linker"
    for whole in call.messages.splitlines():
        line = whole[:_MAX_LINE]
        if found := _AT.match(line):
            # <command line>, <inline asm> and <built-in> are no files.
            inline = found["path"].startswith("<")
            place: tuple[str, Origin] = own if inline else folders.place(found["path"], command.directory)
            number, column = int(found["line"]), int(found["column"] or 0)
        elif found := _PROGRAM.match(line):
            place, number, column = own, 0, 0
        elif undefined := _UNDEFINED.match(line):
            text = f"{undefined['path']}: {undefined['text']}"
            yield Diagnostic("", 0, 0, "error", text, "", "app", tool)
            continue
        else:
            continue
        level, text = _LEVELS[found["level"].lower()], folders.rename(found["text"])
        yield Diagnostic(place[0], number, column, level, text, found["flag"] or "", place[1], tool)


def parse_make(lines: Iterable[str], folders: Folders) -> tuple[Diagnostic, ...]:
    """What make itself says: errors with three stars, and warnings about its files."""
    return tuple(_parse_make(lines, folders))


def _parse_make(lines: Iterable[str], folders: Folders) -> Iterator[Diagnostic]:
    for whole in lines:
        line = whole[:_MAX_LINE]
        stop = _STOP.match(line)
        found = stop or _OVERRIDE.match(line)
        if not found or not (stop or _MAKEFILE.fullmatch(found["path"].rpartition("/")[2])):
            continue
        place: tuple[str, Origin] = ("", "app")
        if found["path"]:
            place = folders.place(found["path"], f"{folders.source}/{folders.build_directory}")
        level: Level = "error" if stop else "warning"
        yield Diagnostic(
            place[0], int(found["line"] or 0), 0, level, folders.rename(found["text"]), "", place[1], "make"
        )


def first_error(diagnostics: Iterable[Diagnostic]) -> Diagnostic | None:
    """The error to show: a compiler's before a linker's before make's."""
    errors = [d for d in diagnostics if d.level in ("error", "fatal error")]
    return min(errors, key=lambda d: ("compiler", "linker", "make").index(d.tool), default=None)
