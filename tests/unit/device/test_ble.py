"""Our BLE transport through ledgerblue's connection code, with an imagined radio under it."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from bleak.exc import BleakError
from hypothesis import given
from hypothesis import strategies as st
from ledgerblue import BleComm

from tests.unit.virtual_device.host import config
from toolchain.device.transport import NoAnswerError, NoDeviceError, open_transport
from toolchain.device.transport.ble import BleTransport, Reassembly, frames
from toolchain.errors import ConfigError, TransportError
from toolchain.load.inventory import device_version
from toolchain.virtual_device import VirtualDevice

SERVICE = BleComm.SERVICE_UUIDS[2]
ADDRESS = "AA:BB:CC:DD:EE:FF"


@dataclass
class Characteristic:
    uuid: str


@dataclass
class Service:
    uuid: str
    characteristics: list[Characteristic]


class Radio:
    """A device in the air, as bleak shows it: answers in frames what ``handle`` answers to commands."""

    mtu = 153
    handle: Callable[[bytes], bytes]
    answers: Callable[[bytes, int], list[bytes]]
    connected = 0

    def __init__(self, address: str) -> None:
        self.address = address
        self.services = [
            Service("00001801-0000-1000-8000-00805f9b34fb", [Characteristic("2a05")]),
            Service(SERVICE, [Characteristic(f"13d63400-2c97-0004-{n:04}-4c65") for n in (1, 2, 3)]),
        ]
        self.received = b""
        self.expected = 0

    async def connect(self) -> None:
        if self.address != ADDRESS:
            raise BleakError("device not found")
        type(self).connected += 1

    async def disconnect(self) -> None:
        type(self).connected -= 1

    async def start_notify(self, _characteristic: object, callback: Callable[[object, bytes], None]) -> None:
        self.notify = callback

    async def write_gatt_char(self, uuid: str, data: bytes) -> None:
        assert uuid == self.services[1].characteristics[2].uuid
        if data == b"\0\1":
            return self.notify(None, bytes(5))
        if data == b"\x08\0\0\0\0":
            return self.notify(None, b"\x08\0\0\0\1" + bytes([self.mtu]))
        assert len(data) <= self.mtu
        assert data[0] == 5
        if data[1:3] == b"\0\0":
            self.received, self.expected = data[5:], int.from_bytes(data[3:5], "big")
        else:
            self.received += data[3:]
        if len(self.received) == self.expected:
            for frame in self.answers(type(self).handle(self.received), self.mtu):
                self.notify(None, frame)
        return None


@pytest.fixture
def radio(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Radio]]:
    device = VirtualDevice(config())

    class Air(Radio):
        handle = staticmethod(device.handle)
        answers = staticmethod(lambda answer, mtu: list(frames(answer, mtu)))

    monkeypatch.setattr(BleComm, "BleakClient", Air)
    yield Air
    assert Air.connected == 0


def test_a_device_in_the_air(radio: type[Radio], capsys: pytest.CaptureFixture[str]) -> None:
    with open_transport(f"ble:{ADDRESS}") as link:
        assert device_version(link).os_version == "1.5.0"
        assert link.max_data == 153
    link.close()
    with pytest.raises(TransportError, match="disconnected"):
        link.exchange(b"\xe0\1\0\0\0")
    assert capsys.readouterr().out == "", "results go there"


@pytest.mark.parametrize("mtu", [23, 64, 153])
@pytest.mark.parametrize("size", [0, 1, 200, 253])
def test_answers_of_many_frames(radio: type[Radio], mtu: int, size: int) -> None:
    """ledgerblue itself loses those of more than two."""
    radio.mtu = mtu
    radio.handle = staticmethod(lambda apdu: apdu[5:] + b"\x90\0")
    with open_transport(f"ble:{ADDRESS}") as link:
        data = bytes(range(size % 256))
        assert link.exchange(b"\xe0\0\0\0" + bytes([len(data)]) + data) == data + b"\x90\0"


@pytest.mark.parametrize(
    "answers",
    [
        lambda a, m: [f[:1] + b"\7" + f[2:] for f in frames(a, m)],
        lambda a, m: [b"\6" + f[1:] for f in frames(a, m)],
        lambda _a, _m: [b""],
        lambda _a, _m: [b"\5\0\0\0\0"],
        lambda _a, _m: [b"\5\0\0\0\1\0"],
        lambda _a, _m: [b"\5\0\0\0\x50" + bytes(20), b"\5\0\2" + bytes(60)],
        lambda _a, _m: [b"\5\0\0\0\x50" + bytes(20), b"\5\0\0\0\x50" + bytes(60)],
        lambda _a, _m: [b"\5\0\0\0\x50" + bytes(20), b"\5\0\1"],
    ],
)
def test_frames_out_of_order(radio: type[Radio], answers: Callable[[bytes, int], list[bytes]]) -> None:
    radio.answers = staticmethod(answers)
    with open_transport(f"ble:{ADDRESS}") as link, pytest.raises(TransportError):
        link.exchange(b"\xe0\1\0\0\0")


def test_no_answer(radio: type[Radio]) -> None:
    radio.answers = staticmethod(lambda _answer, _mtu: [])
    with open_transport(f"ble:{ADDRESS}", timeout=0.1) as link, pytest.raises(NoAnswerError):
        link.exchange(b"\xe0\1\0\0\0")


def test_what_a_connection_before_left_is_not_an_answer(radio: type[Radio]) -> None:
    BleComm.queue.put_nowait(b"\5\0\0\0\2\x69\x85")
    with open_transport(f"ble:{ADDRESS}") as link:
        assert device_version(link).os_version == "1.5.0"


def test_nobody_there(radio: type[Radio], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="needs its address"):
        open_transport("ble:")
    with pytest.raises(NoDeviceError, match="device not found"):
        open_transport("ble:11:22:33:44:55:66")

    async def other_services(self: Radio) -> None:
        self.services = []

    with monkeypatch.context() as patch:
        patch.setattr(radio, "connect", other_services)
        with pytest.raises(NoDeviceError, match="does not speak as one"):
            open_transport(f"ble:{ADDRESS}")

    async def no_service(_self: Radio) -> None:
        raise FileNotFoundError("/run/dbus/system_bus_socket")

    with monkeypatch.context() as patch:
        patch.setattr(radio, "connect", no_service)
        with pytest.raises(NoDeviceError, match="no Bluetooth service"):
            open_transport(f"ble:{ADDRESS}")

    async def never(_self: Radio) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(radio, "connect", never)
    with pytest.raises(NoDeviceError):
        open_transport(f"ble:{ADDRESS}", timeout=0.1)


def test_a_device_that_goes_away(radio: type[Radio], monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(_self: Radio, _uuid: str, _data: bytes) -> None:
        raise BleakError("not connected")

    with open_transport(f"ble:{ADDRESS}") as link:
        monkeypatch.setattr(radio, "write_gatt_char", gone)
        with pytest.raises(TransportError, match="the device is gone: not connected"):
            link.exchange(b"\xe0\1\0\0\0")


@given(st.binary(min_size=2, max_size=600), st.integers(6, 255))
def test_cut_and_put_together(message: bytes, mtu: int) -> None:
    whole = Reassembly()
    *parts, last = frames(message, mtu)
    assert all(whole.add(part) is None for part in parts)
    assert whole.add(last) == message
    assert BleTransport.max_data == 0x99
