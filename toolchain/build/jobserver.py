"""Processors shared by several makes: GNU make's job server (GNU make manual, POSIX Jobserver).

Every make may run one process; for any more it takes a byte out of a pipe, and puts it back afterwards.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock


@dataclass
class JobServer:
    """``cpus`` processors for ``waiting`` makes, of which as many run at once as there are processors."""

    cpus: int
    waiting: int

    def __post_init__(self) -> None:
        self._lock = Lock()
        self.workers = max(1, min(self.waiting, self.cpus))
        self.descriptors = os.pipe()
        self._give(self.cpus - self.workers)

    @property
    def makeflags(self) -> str:
        """What a make of the caller's finds in its environment."""
        return f" -j{self.cpus} --jobserver-auth={self.descriptors[0]},{self.descriptors[1]}"

    @property
    def share(self) -> int:
        """Processes of a make that cannot share: as many as there are processors for each that runs."""
        with self._lock:
            return max(1, self.cpus // max(1, min(self.workers, self.waiting)))

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Around one make. When none is waiting for its place, the others get its processor."""
        try:
            yield
        finally:
            with self._lock:
                self.waiting -= 1
                if self.waiting < self.workers:
                    self._give(1)

    def _give(self, number: int) -> None:
        os.write(self.descriptors[1], b"+" * number)

    def close(self) -> None:
        """After the last make."""
        for descriptor in self.descriptors:
            os.close(descriptor)
