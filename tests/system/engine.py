"""A container engine for tests: one that all test processes of a run share; the last one ends it."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.system.inv import PROJECT
from toolchain.build import image
from toolchain.build.engine import Engine
from toolchain.environment import file_lock
from toolchain.errors import ConfigError

WORK = PROJECT / ".work"


class PrivateEngine:
    """An engine with a socket, data and processes of its own; what it needs lies in ``folder``.

    ``command`` serves at ``socket`` (default: in ``folder``) until it gets SIGTERM.
    """

    def __init__(self, folder: Path, command: Sequence[str | Path], socket: Path | None = None) -> None:
        self.folder = folder
        self.command = command
        self.url = f"unix://{socket or folder / 'engine.sock'}"
        self._pid = folder / "pid"
        self._log = folder / "log"

    @classmethod
    def dockerd(cls, folder: Path) -> "PrivateEngine":
        """Docker's; needs root. It has no network to offer, so it touches none of the machine's."""
        options = {
            "host": f"unix://{folder}/engine.sock",
            "data-root": folder / "data",
            "exec-root": folder / "exec",
            "pidfile": folder / "dockerd.pid",
            "bridge": "none",
            "iptables": "false",
            "ip6tables": "false",
        }
        return cls(folder, ["dockerd", *(f"--{name}={value}" for name, value in options.items())])

    @property
    def runs(self) -> bool:
        """Whether some process has started it, and none has ended it."""
        return self._pid.exists()

    def start(self) -> Engine:
        """Start it, and wait until it answers. On a busy machine it may give up, and is started again."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._spawn()
        end = time.monotonic() + 180
        while time.monotonic() < end:
            with contextlib.suppress(ConfigError):
                return self.connect()
            time.sleep(0.05)
            if self._pid.exists() and not _runs(int(self._pid.read_text())):
                self._spawn()
        pytest.fail(f"the engine does not start: {self._log.read_text()[-2000:]}")

    def _spawn(self) -> None:
        for name in (self._pid, self.folder / "dockerd.pid"):
            name.unlink(missing_ok=True)
        # Its parent is not whichever test process came first; its number is there before it can fail.
        script = 'echo $$ >"$0.new" && mv "$0.new" "$0" && exec "$@"'
        with self._log.open("ab") as log:
            subprocess.run(
                ["setsid", "--fork", "sh", "-c", script, self._pid, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )

    def connect(self) -> Engine:
        """It, as the tasks see it."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DOCKER_HOST", self.url)
            return Engine.connect()

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it and what it started."""
        pid = int(self._pid.read_text())
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        for _ in range(1200):
            if not _runs(pid):
                self._pid.unlink()
                return
            time.sleep(0.05)
        pytest.fail("the engine does not stop")

    def remove(self) -> None:
        """Delete its folder, and what is still mounted there after a crash."""
        for mounted in reversed(mounts(self.folder)):
            subprocess.run(["umount", "--lazy", mounted], check=False)
        shutil.rmtree(self.folder)


def mounts(folder: Path) -> list[str]:
    """What is mounted below ``folder``, in the order in which it was."""
    found = (line.split()[1] for line in Path("/proc/mounts").read_text().splitlines())
    return [path for path in found if Path(path).is_relative_to(folder)]


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextlib.contextmanager
def shared_engine(folder: Path) -> Iterator[str]:
    """The engine that ``DOCKER_HOST`` names, or one that all test processes share; the last one ends it."""
    if given := os.environ.get("DOCKER_HOST"):
        yield given
        return
    private = PrivateEngine.dockerd(folder)
    guard = folder.with_name("engine.lock")
    with folder.with_name("engine.users").open("a") as users:
        with file_lock(guard):
            fcntl.flock(users, fcntl.LOCK_SH)
            if not private.runs:
                private.start()
        try:
            yield private.url
        finally:
            with file_lock(guard), contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_UN)
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                private.stop()
                # Docker itself leaves a name for the machine's network, once something used that.
                left = set(mounts(folder)) - {f"{folder}/exec/netns/default"}
                private.remove()
                assert left == set()


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
    image.make(engine, WORK, show=lambda _: None)
    return engine
