"""Our PC/SC transport against an imagined pyscard, with the virtual device as a card."""

import sys
from types import ModuleType

import pytest

from tests.unit.virtual_device.host import config
from toolchain.device.transport import NoDeviceError, open_transport
from toolchain.errors import ConfigError, TransportError
from toolchain.load.inventory import device_version
from toolchain.virtual_device import VirtualDevice


class SmartcardException(Exception):  # noqa: N818 - pyscard's name
    pass


class Card:
    def __init__(self, device: VirtualDevice | None) -> None:
        self.device = device
        self.connected = False

    def connect(self) -> None:
        if self.device is None:
            raise SmartcardException("no card")
        self.connected = True

    def transmit(self, apdu: list[int]) -> tuple[list[int], int, int]:
        if not self.connected or self.device is None:
            raise SmartcardException("removed")
        *data, high, low = self.device.handle(bytes(apdu))
        return data, high, low

    def disconnect(self) -> None:
        self.connected = False


class Reader:
    def __init__(self, name: str, device: VirtualDevice | None) -> None:
        self.name = name
        self.card = Card(device)

    def __str__(self) -> str:
        return self.name

    def createConnection(self) -> Card:  # noqa: N802 - pyscard's name
        return self.card


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> list[Reader]:
    found = [Reader("Empty", None), Reader("One", VirtualDevice(config()))]
    system, errors = ModuleType("smartcard.System"), ModuleType("smartcard.Exceptions")
    system.__dict__["readers"] = lambda: found
    errors.__dict__["SmartcardException"] = SmartcardException
    monkeypatch.setitem(sys.modules, "smartcard", ModuleType("smartcard"))
    monkeypatch.setitem(sys.modules, "smartcard.System", system)
    monkeypatch.setitem(sys.modules, "smartcard.Exceptions", errors)
    return found


@pytest.mark.parametrize("uri", ["pcsc:", "pcsc:One"])
def test_a_card(readers: list[Reader], uri: str) -> None:
    with open_transport(uri) as link:
        assert device_version(link).os_version == "1.5.0"
        assert link.exchange(b"\xe0\x99\0\0\0") == b"\x6d\0"
    assert not readers[1].card.connected
    with pytest.raises(TransportError, match="disconnected"):
        link.exchange(b"\xe0\1\0\0\0")


def test_which_card(readers: list[Reader]) -> None:
    with pytest.raises(NoDeviceError) as caught:
        open_transport("pcsc:Other")
    assert caught.value.hint == "insert it; there is: pcsc:Empty, pcsc:One"
    readers.append(Reader("Two", VirtualDevice(config())))
    with pytest.raises(ConfigError, match="several readers"):
        open_transport("pcsc:")
    assert not any(reader.card.connected for reader in readers)
    with open_transport("pcsc:Two"):
        assert readers[2].card.connected


def test_a_card_that_is_pulled(readers: list[Reader]) -> None:
    with open_transport("pcsc:") as link:
        readers[1].card.connected = False
        with pytest.raises(TransportError, match="the card does not answer: removed"):
            link.exchange(b"\xe0\1\0\0\0")


def test_no_service(readers: list[Reader], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> list[Reader]:
        raise SmartcardException("service not available")

    monkeypatch.setattr(sys.modules["smartcard.System"], "readers", refuse)
    with pytest.raises(NoDeviceError, match="service not available"):
        open_transport("pcsc:")


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "smartcard.System", None)
    with pytest.raises(ConfigError) as caught:
        open_transport("pcsc:")
    assert "pyscard" in caught.value.hint
