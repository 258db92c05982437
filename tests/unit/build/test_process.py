import threading
from pathlib import Path

import pytest

from toolchain.build import process
from toolchain.build.process import run
from toolchain.errors import BuildError


def start(script: str, tmp_path: Path, **options: object) -> tuple[int, str, list[str]]:
    said: list[str] = []
    arguments = {"timeout": 60.0, "cancel": threading.Event(), **options}
    log = tmp_path / "log"
    status = run(
        ["/bin/sh", "-c", script],
        folder=tmp_path,
        environment={"PATH": "/usr/bin:/bin"},
        log=log,
        show=said.append,
        **arguments,  # type: ignore[arg-type] # a test gives what it likes
    )
    return status, log.read_text(), said


def test_output_and_status(tmp_path: Path) -> None:
    status, log, said = start("echo one; echo two >&2; printf three; exit 3", tmp_path)
    assert (status, log) == (3, "one\ntwo\nthree")
    assert said == ["one", "two", "three"]


def test_nothing_is_read_from_the_terminal(tmp_path: Path) -> None:
    assert start("cat", tmp_path) == (0, "", [])


def test_a_timeout_names_the_time(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"within 2\.5 seconds"):
        start("echo before; sleep 1000", tmp_path, timeout=2.5)
    assert (tmp_path / "log").read_text() == "before\n"


def test_one_that_will_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_GRACE", 0.2)
    with pytest.raises(BuildError, match="did not end"):
        start("trap '' TERM; while :; do sleep 0.05; done", tmp_path, timeout=0.2)


def test_one_that_closes_its_output_is_waited_for(tmp_path: Path) -> None:
    assert start("exec >&- 2>&-; sleep 0.3; exit 4", tmp_path) == (4, "", [])


def test_a_child_that_keeps_the_output_open_is_not_waited_for(tmp_path: Path) -> None:
    assert start("sleep 1000 & echo done", tmp_path)[:2] == (0, "done\n")


def test_cancelled_from_another_thread(tmp_path: Path) -> None:
    cancel = threading.Event()
    threading.Timer(0.2, cancel.set).start()
    with pytest.raises(BuildError, match="cancelled"):
        start("sleep 1000", tmp_path, cancel=cancel)


def test_a_flood_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LOG_LIMIT", 1000)
    status, log, _ = start("yes | head -c 1000000; exit 5", tmp_path)
    assert status == 5
    assert log == "y\n" * 500 + "\n(the rest was cut off)\n"


def test_a_line_without_an_end_is_cut(tmp_path: Path) -> None:
    _, _, said = start("head -c 1000000 /dev/zero; echo; echo next", tmp_path)
    assert [len(line) for line in said] == [4096, 4]
