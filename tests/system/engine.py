"""A container engine for tests: the one that runs, or a private one that is stopped afterwards."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.inv import PROJECT
from toolchain.build.engine import Engine
from toolchain.build.image import find, make
from toolchain.environment import file_lock
from toolchain.errors import ConfigError

WORK = PROJECT / ".work"


class PrivateEngine:
    """A dockerd with a socket, data and processes of its own, all below ``folder``; needs root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"unix://{folder}/engine.sock"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        options = {
            "host": self.url,
            "data-root": self.folder / "data",
            "exec-root": self.folder / "exec",
            "pidfile": self.folder / "pid",
            "bridge": "none",
            "iptables": "false",
            "ip6tables": "false",
        }
        with (self.folder / "log").open("ab") as log:
            subprocess.run(
                # Not a child of whichever test process came first.
                ["setsid", "--fork", "dockerd", *(f"--{name}={value}" for name, value in options.items())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )
        for _ in range(600):
            with contextlib.suppress(ConfigError), pytest.MonkeyPatch.context() as patch:
                patch.setenv("DOCKER_HOST", self.url)
                Engine.connect()
                return
            time.sleep(0.1)
        pytest.fail(f"dockerd does not start: {(self.folder / 'log').read_text()[-2000:]}")

    def stop(self, signal: int = 15) -> None:
        """End it and what it started."""
        pid = int((self.folder / "pid").read_text())
        os.kill(pid, signal)
        for _ in range(600):
            if not _runs(pid):
                return
            time.sleep(0.1)
        pytest.fail("dockerd does not stop")

    def remove(self) -> None:
        """Delete its folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextlib.contextmanager
def shared_engine(folder: Path) -> Iterator[str]:
    """The engine that runs, or one that all test processes share; the last one stops it."""
    with contextlib.suppress(ConfigError):
        yield Engine.connect().url
        return
    private = PrivateEngine(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "engine.users").open("a") as users:
        with file_lock(folder.parent / "engine.lock"):
            fcntl.flock(users, fcntl.LOCK_SH)
            if not (folder / "pid").exists():
                private.start()
        yield private.url
        with file_lock(folder.parent / "engine.lock"):
            fcntl.flock(users, fcntl.LOCK_UN)
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                private.stop()
                private.remove()


@pytest.fixture(scope="session")
def engine_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where an engine listens. Needs the component ``docker``."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with shared_engine(shared / "engine") as url:
        yield url


@pytest.fixture
def engine(engine_url: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine, for this process and those that it starts."""
    monkeypatch.setenv("DOCKER_HOST", engine_url)
    return Engine.connect()


@pytest.fixture
def builder(engine: Engine) -> Engine:
    """An engine that has the builder image: made once in a run. Needs the component ``mmdebstrap``."""
    make(engine, WORK, show=lambda _: None)
    find(engine, WORK)
    return engine
