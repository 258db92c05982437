import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from toolchain.device.fields import lv
from toolchain.device.transport import (
    NoAnswerError,
    NoDeviceError,
    NoPermissionError,
    Transport,
    open_transport,
)
from toolchain.device.transport.replay import ReplayTransport
from toolchain.errors import ConfigError, TransportError
from toolchain.load import diagnose as diagnose_module
from toolchain.load.diagnose import Condition, diagnose

NANO_SP = bytes.fromhex("33100004")
VERSION = bytes.fromhex("e001000000")
TARGET = bytes.fromhex("e004000004") + NANO_SP
OK = b"\x90\x00"


def version(flags: int = 0, target: bytes = NANO_SP) -> bytes:
    return target + lv(b"1.5.0") + lv(bytes((flags, 0, 0, 0))) + lv(b"5.28") + OK


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    """What the device at ``tcp://device:1`` says."""
    conversation: list[tuple[bytes, bytes]] = []

    def open_replay(_uri: str, *, timeout: float) -> Transport:
        assert timeout == diagnose_module.ANSWER_TIME
        return ReplayTransport(conversation)

    monkeypatch.setattr(diagnose_module, "open_transport", open_replay)
    return conversation


@pytest.mark.parametrize(
    ("conversation", "condition"),
    [
        ([(VERSION, version()), (TARGET, OK)], Condition.READY),
        ([(VERSION, version(flags=1)), (TARGET, OK)], Condition.RECOVERY),
        ([(VERSION, version()), (TARGET, b"\x55\x15")], Condition.LOCKED),
        ([(VERSION, b"\x55\x15")], Condition.LOCKED),
        ([(VERSION, b"\x6e\x00")], Condition.APP_OPEN),
        ([(VERSION, b"\x6d\x00")], Condition.APP_OPEN),
        ([(VERSION, b"\x90\x01")], Condition.BUSY),
        ([(VERSION, b"\x6f\x42")], Condition.OTHER),
        ([(VERSION, b"\x33" + OK)], Condition.OTHER),
        ([(VERSION, b"\x90")], Condition.LINK),
        ([(VERSION, version(target=bytes.fromhex("01000001")))], Condition.BOOT_LOADER),
        ([(VERSION, version(target=bytes.fromhex("33000004")))], Condition.WRONG_TARGET),
    ],
    ids=lambda value: str(value) if isinstance(value, Condition) else "",
)
def test_conditions(
    answers: list[tuple[bytes, bytes]], conversation: list[tuple[bytes, bytes]], condition: Condition
) -> None:
    answers += conversation
    found = diagnose("tcp://device:1", target_id=int.from_bytes(NANO_SP))
    assert found.condition == condition
    assert found.detail
    assert found.advice


def test_what_the_device_is(answers: list[tuple[bytes, bytes]]) -> None:
    answers += [(VERSION, version()), (TARGET, OK)]
    found = diagnose("tcp://device:1")
    assert found.detail == "Nano S Plus, OS 1.5.0"
    assert found.version
    assert found.version.mcu_version == "5.28"


@pytest.mark.parametrize(
    ("error", "condition"),
    [
        (NoDeviceError("none"), Condition.NO_DEVICE),
        (NoPermissionError("not yours"), Condition.NO_PERMISSION),
        (NoAnswerError("late"), Condition.SILENT),
        (TransportError("cut"), Condition.LINK),
    ],
)
def test_links(monkeypatch: pytest.MonkeyPatch, error: TransportError, condition: Condition) -> None:
    def fail(_uri: str, *, timeout: float) -> Transport:
        raise error

    monkeypatch.setattr(diagnose_module, "open_transport", fail)
    assert diagnose("usb:").condition == condition


@contextmanager
def silent_listener() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"


def test_real_sockets() -> None:
    with silent_listener() as uri:
        assert diagnose(uri, timeout=0.05).condition == Condition.SILENT
    assert diagnose(uri).condition == Condition.NO_DEVICE
    with pytest.raises(ConfigError):
        diagnose("nonsense")
    with pytest.raises(NoDeviceError):
        open_transport(uri)
