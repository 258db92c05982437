"""Every command that compiled a file of the app → its Unit, parsed in processes of their own, or kept.

What was parsed is kept by content: the command, the parser, and every file that went into the unit.
"""

import contextlib
import functools
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from toolchain.dist import write
from toolchain.verify.c.tree import Unit, pack_unit, read_unit

TIME_LIMIT = 60.0
"""Seconds that parsing one file may take."""

_PROJECT = Path(__file__).parents[3]
_WORKERS = 4


class Command(Protocol):
    """One call of the compiler."""

    @property
    def directory(self) -> str:
        """Where it ran, absolute."""
        ...

    @property
    def file(self) -> str:
        """What it compiled."""
        ...

    @property
    def arguments(self) -> tuple[str, ...]:
        """The whole of it, the compiler first."""
        ...


def read_units(root: Path, commands: Sequence[Command], kept: Path | None) -> tuple[Unit, ...]:
    """One unit for each command, in their order. ``kept`` is the folder of what was parsed before."""
    real = os.path.realpath(root)
    digests = _Digests()
    jobs = [_Job(real, command) for command in commands]
    units = {n: unit for n, job in enumerate(jobs) if kept and (unit := job.load(kept, digests))}
    missing = [n for n in range(len(jobs)) if n not in units]
    for n, unit in zip(missing, parse_all(real, [jobs[n] for n in missing]), strict=True):
        units[n] = unit
        if kept and unit.read:
            jobs[n].save(kept, unit, digests)
    return tuple(units[n] for n in range(len(jobs)))


class _Digests:
    """Digests of files, and of the names in folders, each read once; empty for what cannot be read."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def __call__(self, path: str) -> str:
        if path not in self._known:
            try:
                self._known[path] = hashlib.sha256(_content(Path(path))).hexdigest()
            except OSError:
                self._known[path] = ""
        return self._known[path]


def _content(path: Path) -> bytes:
    if path.is_dir():
        return "\0".join(["folder", *sorted(entry.name for entry in path.iterdir())]).encode()
    return path.read_bytes()


class _Job:
    """One command, and where its unit is kept."""

    def __init__(self, root: str, command: Command) -> None:
        self.directory, self.file = command.directory, command.file
        self.arguments = command.arguments
        self.resources = resources(command.arguments[0]) if command.arguments else ""
        self.request = [self.directory, self.file, list(self.arguments), self.resources]
        self.path = os.path.relpath(os.path.realpath(Path(command.directory, command.file)), root)
        # A new header may hide one that was read.
        folders = [word[2:] for word in command.arguments if word.startswith("-I") and len(word) > 2]
        self._searched = {os.path.normpath(Path(command.directory, folder)) for folder in folders}
        self._name = hashlib.sha256(json.dumps([_version(), root, self.request]).encode()).hexdigest()

    def load(self, folder: Path, digests: _Digests) -> Unit | None:
        """The unit, if none of its files changed."""
        try:
            entry = json.loads((folder / f"{self._name}.json").read_bytes())
            if any(digests(path) != digest for path, digest in entry["digests"].items()):
                return None
            return read_unit(entry["unit"])
        except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
            return None

    def save(self, folder: Path, unit: Unit, digests: _Digests) -> None:
        """Keep it, unless a file vanished meanwhile."""
        read = {path: digests(path) for path in unit.read}
        if all(read.values()):
            searched = {path: digests(path) for path in self._searched}
            entry = {"digests": searched | read, "unit": pack_unit(unit)}
            write(folder / f"{self._name}.json", json.dumps(entry, separators=(",", ":")))


@functools.cache
def _version() -> str:
    """Differs when the parser does."""
    here = Path(__file__).parent
    return hashlib.sha256((here / "clang.py").read_bytes() + (here / "tree.py").read_bytes()).hexdigest()


@functools.cache
def resources(compiler: str) -> str:
    """The folder of the compiler's own headers; that of this Python's zig if it does not tell."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run(
            [compiler, "-print-resource-dir"], capture_output=True, text=True, timeout=30, check=True
        )
        folder = said.stdout.strip()
        if Path(folder, "include", "stdbool.h").is_file():
            return folder
    found = Path(sys.prefix).glob("lib/python*/site-packages/ziglang/lib")
    return str(next(found, ""))


def parse_all(root: str, jobs: Sequence[_Job]) -> list[Unit]:
    """The units of ``jobs``, by as many processes as there are processors."""
    if not jobs:
        return []
    count = min(len(jobs), os.cpu_count() or 1, _WORKERS)
    with ThreadPoolExecutor(count) as pool:
        parts = pool.map(lambda n: _parse(root, jobs[n::count]), range(count))
        shares = [iter(part) for part in parts]
    return [next(shares[n % count]) for n in range(len(jobs))]


def _parse(root: str, jobs: Sequence[_Job]) -> list[Unit]:
    """The units of ``jobs``, one after the other; one that kills the process is not tried again."""
    units: list[Unit] = []
    while len(units) < len(jobs):
        units += _run(root, jobs[len(units) :])
        if len(units) < len(jobs):
            path = jobs[len(units)].path
            reason = f"the parser broke off, or took more than {TIME_LIMIT:g} s"
            units.append(Unit(path, (), (), ((path, 0, reason),), ()))
    return units


def _run(root: str, jobs: Sequence[_Job]) -> list[Unit]:
    """Those units that one process gets done."""
    request = json.dumps({"root": root, "files": [job.request for job in jobs]})
    process = subprocess.Popen(
        [sys.executable, "-m", "toolchain.verify.c.clang"],
        cwd=_PROJECT,
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        errors="surrogateescape",
    )
    units: list[Unit] = []
    with process:
        try:
            feeder = threading.Thread(target=_feed, args=(process, request))
            feeder.start()
            while line := _line(process):
                units.append(read_unit(json.loads(line)))
        except (ValueError, TypeError, KeyError, IndexError):
            pass  # an answer that is cut short counts as none
        finally:
            process.kill()
        feeder.join()
    return units


def _environment() -> Mapping[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}


def _feed(process: "subprocess.Popen[str]", request: str) -> None:
    with contextlib.suppress(OSError):
        if process.stdin:
            process.stdin.write(request)
            process.stdin.close()


def _line(process: "subprocess.Popen[str]") -> str:
    """The next answer; empty if there is none within the limit."""
    timer = threading.Timer(TIME_LIMIT, process.kill)
    timer.start()
    try:
        return process.stdout.readline() if process.stdout else ""
    finally:
        timer.cancel()
