"""Runs the Clang Static Analyzer over what was compiled: the same compiler with the same arguments.

One make calls the compiler once for each source, side by side, where the build ran (here, or in the
container). What it said is kept with the digests of every file that it read, and used again while they and
the command are the same.
"""

import hashlib
import json
import os
import plistlib
import re
import shlex
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any
from xml.parsers.expat import ExpatError

from toolchain import dist
from toolchain.app import MANIFEST
from toolchain.build.commands import Call, CompileCommand
from toolchain.build.diagnostics import Folders, first_error, parse_call
from toolchain.build.result import BuildResult
from toolchain.build.sources import Sources
from toolchain.build.toolchains import COMMANDS
from toolchain.build.workplace import Job, Workplace
from toolchain.diagnostic import Defect, Diagnostic, Level
from toolchain.environment import file_lock
from toolchain.errors import BuildError, ConfigError

TIMEOUT = 1800.0
"""Seconds that all sources of one build may take."""

_CHECKERS = ("security", "unix")
"""On top of clang's own: those of the SDK's target ``scan-build`` (v25.13.0, Makefile.rules_generic)."""

_LAST_WITH_VALIST = 19
"""Newer releases of clang have the package ``valist`` under ``security``."""

_UNUSABLE = "security.insecureAPI.DeprecatedOrUnsafeBufferHandling"
"""Asks for memcpy_s wherever memcpy stands: the C libraries of these devices have no such function."""

_KEPT = "analysis.json"
_ALONE = frozenset({"-c", "-M", "-MM", "-MD", "-MMD", "-MP", "-MG"})
_WITH_VALUE = frozenset({"-o", "-MF", "-MT", "-MQ"})
_MAJOR = re.compile(r"clang\D*(\d+)")


@dataclass(frozen=True)
class _Unit:
    """One source under one command; ``key`` names the command and all that it depends on beside files."""

    command: CompileCommand
    key: str


@dataclass(frozen=True)
class _Known:
    """What was found in a unit, and what it read: paths and the digests of their bytes."""

    depends: Mapping[str, str]
    defects: tuple[Defect, ...]


def analyze(job: Job, result: BuildResult, *, root: Path, cancel: Event | None = None) -> tuple[Defect, ...]:
    """Everything that the analyzer finds in the C files of the app, sorted; each defect once.

    ``result`` is what ``build`` made of ``job`` below ``root``. A source that the analyzer cannot read is a
    defect of level error.

    Raises:
        BuildError: it did not end in time, or was cancelled.
    """
    place = Workplace.find(job, root)
    sources = Sources.read(job.manifest.directory, job.manifest.build_directory, MANIFEST)
    folders = place.folders(sources)
    with file_lock(place.folder / "lock", cancel):
        units = tuple(_units(place, result, sources))
        known = _load(place.folder / _KEPT)
        digest = _digests()
        fresh = {u.key: known[u.key] for u in units if u.key in known and _holds(known[u.key], digest)}
        todo = [unit for unit in units if unit.key not in fresh]
        failed: list[Defect] = []
        if todo:
            environment = place.environment(sources.epoch)
            del environment[COMMANDS]
            with tempfile.TemporaryDirectory(dir=place.folder / "home", prefix="analysis-") as name:
                folder = Path(name)
                folder.chmod(0o755)
                _run(place, todo, folder, environment, cancel or Event())
                for number, unit in enumerate(todo):
                    read = _read(unit.command, folder / str(number), folders, digest)
                    if isinstance(read, Defect):
                        failed.append(read)
                    else:
                        fresh[unit.key] = read
            _save(place.folder / _KEPT, fresh)
    return tuple(sorted({defect for found in fresh.values() for defect in found.defects} | set(failed)))


def _units(place: Workplace, result: BuildResult, sources: Sources) -> Iterator[_Unit]:
    """The app's C files as they were compiled. A header more, and a name may mean another file."""
    inside = os.path.realpath(result.sources) + "/"
    headers = sorted(name for name in sources.files if name.endswith(".h"))
    for command in result.commands:
        path = os.path.realpath(Path(command.directory, command.file))
        if command.file.endswith(".c") and path.startswith(inside):
            parts = (place.basis, headers, command)
            yield _Unit(command, hashlib.sha256(repr(parts).encode()).hexdigest())


def _digests() -> Callable[[str], str]:
    """The digest of a file; each is read once."""
    seen: dict[str, str] = {}

    def digest(path: str) -> str:
        if path not in seen:
            try:
                seen[path] = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            except OSError:
                seen[path] = ""
        return seen[path]

    return digest


def _holds(known: _Known, digest: Callable[[str], str]) -> bool:
    return all(digest(path) == value for path, value in known.depends.items())


# Running


def _run(
    place: Workplace, todo: Sequence[_Unit], folder: Path, environment: Mapping[str, str], cancel: Event
) -> None:
    """Leaves N.plist, N.d and N.err of each unit in ``folder``; a unit that fails has no N.plist."""
    identity = place.tools.toolchain.identity
    goals = " ".join(str(number) for number in range(len(todo)))
    rules = [f".PHONY: all {goals}", f"all: {goals}"]
    for number, unit in enumerate(todo):
        command = _arguments(unit.command, folder / str(number), identity)
        line = f"cd {shlex.quote(unit.command.directory)} && {shlex.join(command)}"
        rules.append(f"{number}: ; @{line.replace('$', '$$')} 2>{folder}/{number}.err || :")
    makefile = folder / "analyze.mk"
    makefile.write_text("\n".join(rules) + "\n", "utf-8")
    status = place.job.machine.run(
        place,
        ["make", "-f", str(makefile), f"-j{os.cpu_count() or 1}"],
        environment,
        timeout=TIMEOUT,
        cancel=cancel,
        show=lambda _line: None,
        descriptors=(),
    )
    if status:
        raise BuildError("make cannot run the static analyzer", hint="the log says why", log=str(place.log))


def _arguments(command: CompileCommand, out: Path, identity: str) -> list[str]:
    """``command``, but to analyse instead of to compile."""
    kept, words = [], iter(command.arguments)
    for word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif word not in _ALONE:
            kept.append(word)
    major = _MAJOR.search(identity)
    valist = major and int(major[1]) <= _LAST_WITH_VALIST
    checkers = ",".join((*_CHECKERS, *(("valist",) if valist else ())))
    asked = ["-analyzer-output=plist-multi-file", "-analyzer-opt-analyze-headers"]
    asked += [f"-analyzer-checker={checkers}", f"-analyzer-disable-checker={_UNUSABLE}"]
    analyzer = [word for option in asked for word in ("-Xclang", option)]
    outputs = ["-MD", "-MT", "x", "-MF", f"{out}.d", "-o", f"{out}.plist"]
    return [kept[0], "--analyze", *kept[1:], *analyzer, *outputs]


# Reading


def _read(
    command: CompileCommand, out: Path, folders: Folders, digest: Callable[[str], str]
) -> _Known | Defect:
    """What the analyzer left of one unit; a defect if it left nothing."""
    reason = ""
    try:
        table = plistlib.loads(dist.read(out.with_name(f"{out.name}.plist")))
        names = _prerequisites(dist.read(out.with_name(f"{out.name}.d")).decode("utf-8", "replace"))
        paths = dict.fromkeys(str(Path(command.directory, name)) for name in names)
        return _Known({path: digest(path) for path in paths}, tuple(_defects(table, command, folders)))
    except ConfigError:
        messages = dist.read(out.with_name(f"{out.name}.err")).decode("utf-8", "replace")
    except (ValueError, KeyError, TypeError, IndexError, ExpatError) as e:
        messages, reason = "", f": {e}"
    error = first_error(parse_call(Call(command, messages), folders))
    path, origin = folders.place(command.file, command.directory)
    text = f": {error.message}" if error else reason
    return Defect(
        Diagnostic(path, 0, 0, "error", f"the analyzer cannot read this file{text}", "", origin, "analyzer")
    )


def _prerequisites(text: str) -> list[str]:
    """The files in a dependency file that the compiler wrote."""
    _, _, files = text.replace("\\\n", " ").partition(":")
    words = re.findall(r"(?:\\.|\S)+", files)
    return [re.sub(r"\\(.)", r"\1", word).replace("$$", "$") for word in words]


def _defects(table: dict[str, Any], command: CompileCommand, folders: Folders) -> Iterator[Defect]:
    files = [folders.place(name, command.directory) for name in table["files"]]

    def diagnostic(place: dict[str, int], level: Level, message: str, checker: str = "") -> Diagnostic:
        path, origin = files[place["file"]]
        text = folders.rename(message)
        return Diagnostic(path, place["line"], place["col"], level, text, checker, origin, "analyzer")

    for entry in table["diagnostics"]:
        events = (step for step in entry["path"] if step["kind"] == "event")
        yield Defect(
            diagnostic(entry["location"], "warning", entry["description"], entry["check_name"]),
            tuple(diagnostic(step["location"], "note", step["message"]) for step in events),
        )


# Keeping


def _save(path: Path, known: Mapping[str, _Known]) -> None:
    table = {
        key: [dict(value.depends), [[vars(d.at), [vars(step) for step in d.trace]] for d in value.defects]]
        for key, value in known.items()
    }
    dist.write(path, json.dumps(table, separators=(",", ":")))


def _load(path: Path) -> dict[str, _Known]:
    """What is kept; nothing if it is not what this version wrote."""
    try:
        table = json.loads(path.read_bytes())
        return {
            key: _Known(
                depends,
                tuple(
                    Defect(Diagnostic(**at), tuple(Diagnostic(**step) for step in trace))
                    for at, trace in defects
                ),
            )
            for key, (depends, defects) in table.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
