"""Python environments of their own for foreign tools, made once from a lock file with hashes.

The tasks' own environment stays free of what only an SDK's make files or an emulator import.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

from toolchain.errors import ConfigError

_STAMP = "environment.ok"


@contextlib.contextmanager
def file_lock(path: Path, cancel: Event | None = None) -> Iterator[None]:
    """Hold ``path`` exclusively; other processes (and threads) that ask for it wait, until ``cancel`` is set.

    Raises:
        ConfigError: the folder cannot be written, or the wait was cancelled.
    """
    cancel = cancel or Event()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as e:
        raise ConfigError(f"cannot write here: {e.strerror}", where=str(path)) from e
    try:
        while not _locked(descriptor):
            if cancel.wait(0.05):
                raise ConfigError("cancelled while waiting for another build", where=str(path))
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def ensure_environment(lock: Path, folder: Path) -> Path:
    """The ``bin`` folder of a virtual environment that holds exactly what ``lock`` lists.

    Made on first use, and again when the lock file or this interpreter changes; every package is
    checked against its hash. Two processes that ask at once make it once.

    Raises:
        ConfigError: no such lock file, a package cannot be had or has another hash, disk full.
    """
    try:
        content = lock.read_bytes()
    except OSError as e:
        raise ConfigError(f"cannot read the lock file: {e.strerror}", where=str(lock)) from e
    base = Path(sys.base_prefix)
    key = hashlib.sha256(b"\0".join([content, sys.version.encode(), os.fsencode(base)])).hexdigest()
    stamp = folder / _STAMP
    if _read(stamp) != key:
        with file_lock(folder.with_name(folder.name + ".lock")):
            if _read(stamp) != key:
                _make(lock, folder)
                stamp.write_text(key, "ascii")
    return folder / "bin"


def add_lock(lock: Path) -> None:
    """Put what ``lock`` lists into the environment that runs this, unless it is there already.

    Raises:
        ConfigError: as ``ensure_environment``.
    """
    content = lock.read_text("utf-8")
    stamp = Path(sys.prefix, lock.name)
    if _read(stamp) != content:
        with file_lock(stamp.with_suffix(".pending")):
            if _read(stamp) != content:
                _install(Path(sys.executable), lock)
                stamp.write_text(content, "utf-8")


def _read(stamp: Path) -> str:
    try:
        return stamp.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _make(lock: Path, folder: Path) -> None:
    """Scripts in an environment name its folder, so it is made in place; the stamp says that it is whole."""
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as e:
        raise ConfigError(f"cannot replace the environment: {e}", where=str(folder)) from e
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)], lock)
    _install(folder / "bin" / "python3", lock)


def _install(python: Path, lock: Path) -> None:
    """With the pip of this environment, which is one of its locked packages."""
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "--quiet"]
    _run([*pip, "--no-input", "install", "--require-hashes", "--no-deps", "-r", str(lock)], lock)


def _run(command: list[str], lock: Path) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ConfigError(
            f"cannot make the Python environment of {lock.name}: {last}",
            hint="it needs the package index (or PIP_INDEX_URL, PIP_FIND_LINKS) once",
            where=str(lock),
        )
