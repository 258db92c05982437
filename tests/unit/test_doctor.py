import shutil
from pathlib import Path

import pytest

from toolchain import doctor
from toolchain.device.transport.hidraw import Node
from toolchain.errors import DeviceError
from toolchain.load.diagnose import EXIT_CODES, Condition, Diagnosis, NotReadyError


def never(_uri: str) -> None:
    pytest.fail("nothing is to be installed for this")


def test_every_condition_but_two_has_an_exit_code_of_its_own() -> None:
    assert set(EXIT_CODES) == set(Condition) - {Condition.READY, Condition.OTHER}
    assert sorted(EXIT_CODES.values()) == list(range(70, 80))
    assert NotReadyError(Diagnosis(Condition.LOCKED, "x", "y")).exit_code == 74
    assert NotReadyError(Diagnosis(Condition.OTHER, "x", "y")).exit_code == DeviceError.exit_code


@pytest.mark.parametrize(
    ("found", "condition", "advice"),
    [
        ((), Condition.NO_DEVICE, "plug it in"),
        ((Node(Path("/dev/hidraw7"), accessible=False),), Condition.NO_PERMISSION, "2c97"),
    ],
)
def test_permission_is_told_without_any_package(
    monkeypatch: pytest.MonkeyPatch, found: tuple[Node, ...], condition: Condition, advice: str
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(doctor, "nodes", lambda: found)
    diagnosis = doctor.device("usb:", prepare=never)
    assert diagnosis.condition is condition
    assert advice in diagnosis.advice


def test_a_device_that_may_be_opened_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[str] = []
    monkeypatch.setattr(doctor, "nodes", lambda: (Node(Path("/dev/hidraw7"), accessible=True),))
    found = doctor.device("usb:no-such-serial", prepare=prepared.append)
    assert prepared == ["usb:no-such-serial"]
    assert found.condition is Condition.NO_DEVICE


def test_what_is_missing_comes_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def nothing(_name: str) -> None:
        return None

    monkeypatch.setattr(shutil, "which", nothing)
    missing = [check for check in doctor.environment(tmp_path) if check.status == "missing"]
    assert {"git", "make", "compiler clang-14", "QEMU", "emulator speculos"} <= {c.name for c in missing}
    assert all(check.advice for check in missing)


def test_what_is_there(tmp_path: Path) -> None:
    made = tmp_path / ".venv-speculos"
    made.mkdir()
    (made / "environment.ok").touch()
    found = {check.name: check for check in doctor.environment(tmp_path)}
    assert found["emulator speculos"].status == "ok"
    assert found["emulator speculos-nanos"].status == "missing"
    assert found["compiler zig"].detail.startswith("ziglang ")
