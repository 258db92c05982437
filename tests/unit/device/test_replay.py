import pytest

from toolchain.device.transport.replay import ReplayTransport
from toolchain.errors import TransportError

VERSION = bytes.fromhex("e001000000")


def test_the_recording_is_followed_to_its_end() -> None:
    with ReplayTransport([(VERSION, b"\x90\x00")]) as link:
        assert link.exchange(VERSION) == b"\x90\x00"
        with pytest.raises(TransportError, match="is over"):
            link.exchange(VERSION)


def test_another_command_than_recorded() -> None:
    with pytest.raises(TransportError, match="has e001000000 here, not e0de000000"):
        ReplayTransport([(VERSION, b"\x90\x00")]).exchange(bytes.fromhex("e0de000000"))
