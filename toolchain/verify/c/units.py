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
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from toolchain.dist import write
from toolchain.verify.c.tree import Unit, pack_unit, read_unit

TIME_LIMIT = 60.0
"""Seconds that parsing one file may take."""

TOTAL_LIMIT = 600.0
"""Seconds that parsing all files of one build may take."""

MEMORY = 1 << 30
"""Bytes that a parsing process may map."""

MAX_ANSWER = 32 << 20
"""Characters of what is told about one file."""

MAX_KEPT = 256 << 20
"""Bytes of what is kept; what was not used for longest goes first."""

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
    if kept and missing:
        prune(kept)
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
            os.utime(folder / f"{self._name}.json")
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


def prune(folder: Path) -> None:
    """Remove those results in ``folder`` that were not used for longest, until MAX_KEPT bytes are left.

    Apps that are gone, or were edited since, leave theirs behind. Others may prune at the same time.
    """
    kept: list[tuple[float, int, Path]] = []
    for path in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(OSError):
            found = path.stat()
            kept.append((found.st_mtime, found.st_size, path))
    total = 0
    for _, size, path in sorted(kept, reverse=True):
        total += size
        if total > MAX_KEPT:
            with contextlib.suppress(OSError):
                path.unlink()


@functools.cache
def _version() -> str:
    """Differs when the parser does."""
    here = Path(__file__).parent
    parts = (here / name for name in ("clang.py", "flow.py", "tree.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in parts)).hexdigest()


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
    end = time.monotonic() + TOTAL_LIMIT
    with ThreadPoolExecutor(count) as pool:
        parts = pool.map(lambda n: _parse(root, jobs[n::count], end), range(count))
        shares = [iter(part) for part in parts]
    return [next(shares[n % count]) for n in range(len(jobs))]


@dataclass
class _Run:
    """What one process got done; ``problem`` is why it went no further."""

    units: list[Unit]
    problem: str = ""


def _parse(root: str, jobs: Sequence[_Job], end: float) -> list[Unit]:
    """The units of ``jobs``, one after the other; one that kills the process is not tried again."""
    units: list[Unit] = []
    while len(units) < len(jobs):
        if time.monotonic() > end:
            problem = f"it was not parsed: the app's files took more than {TOTAL_LIMIT:g} s together"
            units += [_unparsed(job, problem) for job in jobs[len(units) :]]
            break
        done = _run(root, jobs[len(units) :], end)
        units += done.units
        if done.problem:
            units.append(_unparsed(jobs[len(units)], done.problem))
    return units


def _unparsed(job: _Job, problem: str) -> Unit:
    return Unit(job.path, (), (), ((job.path, 0, problem),), ())


def _run(root: str, jobs: Sequence[_Job], end: float) -> _Run:
    """Those units that one process gets done before ``end``, and the one that it was at by then."""
    request = json.dumps({"root": root, "memory": MEMORY, "files": [job.request for job in jobs]})
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
    done = _Run([])
    with process:
        try:
            feeder = threading.Thread(target=_feed, args=(process, request))
            feeder.start()
            while len(done.units) < len(jobs) and not done.problem and time.monotonic() < end:
                _take(process, done)
        finally:
            process.kill()
        feeder.join()
    return done


def _take(process: "subprocess.Popen[str]", done: _Run) -> None:
    """The next answer of a process, or why there is none."""
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(TIME_LIMIT, stop)
    timer.start()
    try:
        line = process.stdout.readline(MAX_ANSWER) if process.stdout else ""
    finally:
        timer.cancel()
    try:
        done.units.append(read_unit(json.loads(line)))
    except (ValueError, TypeError, KeyError, IndexError):  # cut short
        if late.is_set():
            done.problem = f"the parser took more than {TIME_LIMIT:g} s"
        elif len(line) == MAX_ANSWER:
            done.problem = f"the parser told more than {MAX_ANSWER >> 20} MiB of it"
        else:
            done.problem = f"the parser broke off; it may use {MEMORY >> 20} MiB of memory"


def _environment() -> Mapping[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}


def _feed(process: "subprocess.Popen[str]", request: str) -> None:
    with contextlib.suppress(OSError):
        if process.stdin:
            process.stdin.write(request)
            process.stdin.close()
