"""Our USB transport against an imagined hidapi, with frames captured from both official clients."""

import sys
from types import ModuleType
from typing import Any

import ledgerblue.ledgerWrapper
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.device.vectors import group
from toolchain.device.transport import open_transport
from toolchain.device.transport.usb import HidInfo, UsbTransport, choose
from toolchain.errors import ConfigError, TransportError


class Hid:
    """Takes reports, gives reports."""

    def __init__(self, reports: list[bytes]) -> None:
        self.written: list[bytes] = []
        self.reports = reports
        self.closed = False

    def write(self, data: bytes) -> int:
        self.written.append(data)
        return len(data)

    def read(self, size: int, timeout_ms: int) -> list[int]:
        assert size == 64
        assert timeout_ms > 0
        return list(self.reports.pop(0)) if self.reports else []

    def close(self) -> None:
        self.closed = True


def framed(answer: bytes) -> list[bytes]:
    train = bytes(ledgerblue.ledgerWrapper.wrapCommandAPDU(0x0101, answer, 64))
    return [train[i : i + 64] for i in range(0, len(train), 64)]


def transport(hid: Hid) -> UsbTransport:
    return UsbTransport(hid, ledgerblue.ledgerWrapper, timeout=5)


@pytest.mark.parametrize("frames", group("hid_frames"), ids=["three reports", "one report"])
def test_known_frames(frames: dict[str, Any]) -> None:
    hid = Hid(framed(b"\x90\x00"))
    assert transport(hid).exchange(bytes.fromhex(frames["apdu"])) == b"\x90\x00"
    assert [report.hex() for report in hid.written] == ["00" + r for r in frames["reports_ledgerblue"]]


@given(st.binary(min_size=2, max_size=300))
def test_answers_are_reassembled(answer: bytes) -> None:
    assert transport(Hid(framed(answer))).exchange(b"\xe0\1\0\0\0") == answer


def test_max_data_fills_four_reports() -> None:
    hid = Hid(framed(b"\x90\x00"))
    transport(hid).exchange(bytes(5 + UsbTransport.max_data))
    assert len(hid.written) == 4
    assert len(framed(bytes(6 + UsbTransport.max_data))) == 5


@pytest.mark.parametrize(
    ("reports", "message"),
    [
        ([], "did not answer"),
        (framed(bytes(100))[:1], "did not answer"),
        ([b"\2" + framed(b"\x90\0")[0][1:]], "out of order"),
        ([framed(bytes(100))[0], b"\2" + framed(bytes(100))[1][1:]], "out of order"),
        ([framed(bytes(200))[i] for i in (0, 2, 1, 3)], "out of order"),
        ([framed(bytes(200))[i] for i in (0, 0, 1, 2)], "out of order"),
        ([framed(b"\x90\0")[0][:20]], "report of 20 bytes"),
    ],
)
def test_bad_reports(reports: list[bytes], message: str) -> None:
    hid = Hid(list(reports))
    link = transport(hid)
    with pytest.raises(TransportError, match=message):
        link.exchange(b"\xe0\1\0\0\0")
    assert hid.closed
    with pytest.raises(TransportError, match="is closed"):
        link.exchange(b"\xe0\1\0\0\0")


def test_unplugged() -> None:
    class Gone(Hid):
        def read(self, size: int, timeout_ms: int) -> list[int]:
            raise OSError("read error")

    with pytest.raises(TransportError, match="is gone"):
        transport(Gone([])).exchange(b"\xe0\1\0\0\0")


def info(path: bytes, serial: str, *, interface: int = 0, usage_page: int = 0) -> HidInfo:
    return HidInfo(
        path=path,
        serial_number=serial,
        product_string="Nano",
        interface_number=interface,
        usage_page=usage_page,
    )


ONE, TWO, FIDO = info(b"/dev/1", "0001"), info(b"/dev/2", "0002"), info(b"/dev/3", "0001", interface=1)


def test_choose() -> None:
    assert choose([ONE, FIDO], "") == ONE
    assert choose([FIDO, ONE, TWO], "/dev/2") == TWO
    assert choose([FIDO, ONE, TWO], "0001") == ONE
    assert choose([info(b"x", "", interface=-1, usage_page=0xFFA0)], "")["path"] == b"x"


def test_choose_among_none_or_several() -> None:
    with pytest.raises(TransportError, match="no device is plugged in") as none:
        choose([FIDO], "")
    assert "udev" in none.value.hint
    with pytest.raises(TransportError, match="usb:0003") as missing:
        choose([ONE, TWO], "0003")
    assert "usb:/dev/2" in missing.value.hint
    with pytest.raises(ConfigError, match="several") as several:
        choose([ONE, TWO], "")
    assert "usb:/dev/1" in several.value.hint


@pytest.mark.parametrize("package", ["ledgerblue", "hid"])
def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match="USB needs packages") as caught:
        open_transport("usb:")
    assert "nano-toolchain[usb]" in caught.value.hint


def test_no_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    class Locked:
        def open_path(self, path: bytes) -> None:
            raise OSError("open failed")

    hid = ModuleType("hid")
    monkeypatch.setattr(hid, "enumerate", lambda vendor, product: [ONE], raising=False)
    monkeypatch.setattr(hid, "device", Locked, raising=False)
    monkeypatch.setitem(sys.modules, "hid", hid)
    with pytest.raises(TransportError, match="no permission") as caught:
        open_transport("usb:/dev/1")
    assert "udev" in caught.value.hint


def test_open_and_close(monkeypatch: pytest.MonkeyPatch) -> None:
    class Device(Hid):
        def open_path(self, path: bytes) -> None:
            assert path == b"/dev/1"

    device = Device(framed(b"\x90\x00"))
    hid = ModuleType("hid")
    monkeypatch.setattr(hid, "enumerate", lambda vendor, product: [ONE], raising=False)
    monkeypatch.setattr(hid, "device", lambda: device, raising=False)
    monkeypatch.setitem(sys.modules, "hid", hid)
    with open_transport("usb:") as link:
        assert link.exchange(b"\xe0\1\0\0\0") == b"\x90\x00"
    assert device.closed


def test_device_that_takes_no_data() -> None:
    class Full(Hid):
        def write(self, data: bytes) -> int:
            return -1

    with pytest.raises(TransportError, match="does not take data"):
        transport(Full([])).exchange(b"\xe0\1\0\0\0")
