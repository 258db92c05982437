"""Run a command whose output, run time and children are bounded."""

import contextlib
import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import BinaryIO

from toolchain.errors import BuildError

LOG_LIMIT = 64 << 20
"""Bytes of output that a log keeps; what comes after is counted, not stored."""

MEMORY = 8 << 30
"""Bytes that each of its processes may have of its own."""

FILE = 4 << 30
"""Bytes of a file that one of them may write."""

UMASK = 0o022
"""Of everything that builds."""

_LINE_LIMIT = 4096
_GRACE = 3.0


def run(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
    timeout: float,
    cancel: Event,
    show: Callable[[str], None],
    descriptors: tuple[int, ...] = (),
) -> int:
    """Run ``command`` with its whole output in ``log``, each line also through ``show``; its exit status.

    ``descriptors`` stay open in it. Everything that it started dies with it: on Ctrl-C, when ``cancel``
    is set, or after ``timeout`` seconds.

    Raises:
        BuildError: it took too long, or was cancelled.
    """
    deadline = time.monotonic() + timeout
    with log.open("ab") as file:
        process = subprocess.Popen(
            [*_limited(), *command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=descriptors,
            umask=UMASK,
        )
        sink = LogSink(file, show)
        try:
            ended = _watch(process, sink, deadline, cancel)
        finally:
            _end(process)
            sink.end()
    if cancel.is_set():
        raise BuildError("cancelled", log=str(log))
    if not ended:
        raise BuildError(
            f"{command[0]} did not end within {timeout:g} seconds",
            hint="the log shows where it stopped",
            log=str(log),
        )
    return process.returncode


def _limited() -> list[str]:
    """What starts a command whose processes are limited from its first instruction on."""
    limits = {"data": (resource.RLIMIT_DATA, MEMORY), "fsize": (resource.RLIMIT_FSIZE, FILE)}
    words = ["prlimit"]
    for name, (number, size) in limits.items():
        hard = resource.getrlimit(number)[1]
        words.append(f"--{name}={size if hard == resource.RLIM_INFINITY else min(size, hard)}")
    return words


class LogSink:
    """Takes bytes, stores them up to the limit, and shows whole lines."""

    def __init__(self, file: BinaryIO, show: Callable[[str], None]) -> None:
        self._file = file
        self._show = show
        self._room = LOG_LIMIT
        self._line = b""

    def put(self, data: bytes) -> None:
        """What came next."""
        if self._room:
            self._file.write(data[: self._room])
            self._room -= min(self._room, len(data))
            if not self._room:
                self._file.write(b"\n(the rest was cut off)\n")
        *lines, rest = (self._line + data).split(b"\n")
        for line in lines:
            self._show(line[:_LINE_LIMIT].decode("utf-8", "replace"))
        self._line = rest[:_LINE_LIMIT]

    def end(self) -> None:
        """Show what is left of the last line."""
        if self._line:
            self._show(self._line.decode("utf-8", "replace"))


def _watch(process: "subprocess.Popen[bytes]", sink: LogSink, deadline: float, cancel: Event) -> bool:
    """Copy the output until the process ends; False if time is up or ``cancel`` is set before."""
    pipe = process.stdout
    if pipe is None:
        return True
    with selectors.DefaultSelector() as selector, pipe:
        selector.register(pipe, selectors.EVENT_READ)
        while not cancel.is_set() and time.monotonic() < deadline:
            ended = process.poll() is not None
            if selector.select(timeout=0 if ended else 0.1):
                if data := os.read(pipe.fileno(), 1 << 16):
                    sink.put(data)
                    continue
                # All have closed it. What runs on without output is waited for.
                selector.unregister(pipe)
            elif ended:
                # Nothing is left in the pipe; a child that went its own way may still hold it.
                return True
    return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Politely first: make deletes the targets that it was writing."""
    try:
        if process.poll() is None:
            _kill(process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
    finally:
        _kill(process, signal.SIGKILL)
        process.wait()


def _kill(process: "subprocess.Popen[bytes]", number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
