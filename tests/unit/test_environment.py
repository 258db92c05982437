import subprocess
import sys
import threading
from pathlib import Path

import pytest

from toolchain.environment import ensure_environment, file_lock
from toolchain.errors import ConfigError


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Instead of running pip, make the folder and remember the command."""
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        if "venv" in command:
            (Path(command[-1]) / "bin").mkdir(parents=True)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    return commands


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "sdk.lock"
    path.write_text("pillow==13.0.0 --hash=sha256:00\n")
    return path


def test_packages_are_installed_by_their_hashes(lock: Path, tmp_path: Path, runs: list[list[str]]) -> None:
    assert ensure_environment(lock, tmp_path / "env") == tmp_path / "env" / "bin"
    venv, pip = runs
    assert venv[-4:] == ["-m", "venv", "--without-pip", str(tmp_path / "env")]
    assert pip[:5] == [sys.executable, "-m", "pip", "--python", str(tmp_path / "env" / "bin" / "python3")]
    assert pip[-5:] == ["install", "--require-hashes", "--no-deps", "-r", str(lock)]


def test_it_is_made_once_and_again_for_another_lock(
    lock: Path, tmp_path: Path, runs: list[list[str]]
) -> None:
    for _ in range(3):
        ensure_environment(lock, tmp_path / "env")
    assert len(runs) == 2
    lock.write_text("pillow==14.0.0 --hash=sha256:00\n")
    (tmp_path / "env" / "old").touch()
    ensure_environment(lock, tmp_path / "env")
    assert len(runs) == 4
    assert not (tmp_path / "env" / "old").exists()


def test_an_environment_that_was_cut_off_is_made_again(
    lock: Path, tmp_path: Path, runs: list[list[str]]
) -> None:
    (tmp_path / "env" / "bin").mkdir(parents=True)
    ensure_environment(lock, tmp_path / "env")
    assert len(runs) == 2


def test_several_at_once_make_one(lock: Path, tmp_path: Path, runs: list[list[str]]) -> None:
    threads = [threading.Thread(target=lambda: ensure_environment(lock, tmp_path / "env")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs) == 2


def test_what_pip_says_last_is_the_error(lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = subprocess.CompletedProcess([], 1, "", "much\nERROR: hashes do not match\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    with pytest.raises(ConfigError, match="hashes do not match") as caught:
        ensure_environment(lock, tmp_path / "env")
    assert "package index" in caught.value.hint
    assert not (tmp_path / "env" / "environment.ok").exists()


def test_no_lock_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the lock file"):
        ensure_environment(tmp_path / "nowhere.lock", tmp_path / "env")


def test_a_folder_that_cannot_be_written(lock: Path) -> None:
    with pytest.raises(ConfigError, match="cannot write here"):
        ensure_environment(lock, Path("/proc/nowhere/env"))


def test_one_at_a_time(tmp_path: Path) -> None:
    entered = threading.Event()
    with file_lock(tmp_path / "lock"):

        def wait() -> None:
            with file_lock(tmp_path / "lock"):
                entered.set()

        thread = threading.Thread(target=wait)
        thread.start()
        assert not entered.wait(0.1)
    thread.join()
    assert entered.is_set()


def test_a_wait_can_be_cancelled(tmp_path: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    with (
        file_lock(tmp_path / "lock"),
        pytest.raises(ConfigError, match="cancelled"),
        file_lock(tmp_path / "lock", cancel),
    ):
        pytest.fail("two hold the lock")
