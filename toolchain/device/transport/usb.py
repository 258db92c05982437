"""Devices on a cable: USB HID with ledgerblue's framing (loader protocol §1.2).

ledgerblue cuts messages into 64-byte reports and checks channel, tag and sequence of every report that
comes back; the deadline, the status word and the choice among several devices are ours. Its packages
come with the ``usb`` extra and are imported only here.
"""

import importlib
import time
from types import ModuleType
from typing import Protocol, TypedDict

from toolchain.device.transport import (
    TIMEOUT,
    BusyError,
    Closing,
    NoAnswerError,
    NoDeviceError,
    NoPermissionError,
)
from toolchain.device.transport.hidraw import UDEV_ADVICE, nodes
from toolchain.errors import ConfigError, TransportError

VENDOR = 0x2C97
REPORT = 64
_CHANNEL = 0x0101
_INTERFACE = 0
_USAGE_PAGE = 0xFFA0


class HidDevice(Protocol):
    """What hidapi gives for an open device."""

    def write(self, data: bytes) -> int:
        """Send report id and report; negative when it failed."""
        ...

    def read(self, size: int, timeout_ms: int) -> list[int]:
        """The next report, or nothing when the time is over."""
        ...

    def close(self) -> None:
        """Let go of the device."""
        ...


class HidInfo(TypedDict):
    """What hidapi says about a device that it found."""

    path: bytes
    serial_number: str
    product_string: str
    interface_number: int
    usage_page: int


class UsbTransport(Closing):
    """One device. A message is a train of reports; the answer comes back as another."""

    max_data = 229
    """Four reports carry 57 + 3 x 59 bytes: a command of 5 + 229. A fifth would travel almost empty."""

    def __init__(self, device: HidDevice, framing: ModuleType, *, timeout: float = TIMEOUT) -> None:
        self._device: HidDevice | None = device
        self._framing = framing
        self._timeout = timeout

    def exchange(self, apdu: bytes) -> bytes:
        """Send an encoded command, return data and status word.

        Raises:
            TransportError: unplugged, garbled, or not complete when the time is over.
        """
        if self._device is None:
            raise TransportError("the device is closed", hint="connect it again")
        try:
            return self._exchange(self._device, apdu)
        except TransportError:
            self.close()
            raise
        except OSError as e:
            self.close()
            raise TransportError(
                "the device is gone", hint="plug it in again and run the command again"
            ) from e

    def _exchange(self, device: HidDevice, apdu: bytes) -> bytes:
        train = bytes(self._framing.wrapCommandAPDU(_CHANNEL, apdu, REPORT))
        for start in range(0, len(train), REPORT):
            if device.write(b"\0" + train[start : start + REPORT]) < 0:
                raise TransportError("the device does not take data", hint="plug it in again")
        deadline = time.monotonic() + self._timeout
        received = b""
        while True:
            left = deadline - time.monotonic()
            report = bytes(device.read(REPORT, max(1, int(left * 1000)))) if left > 0 else b""
            if not report:
                raise NoAnswerError(
                    f"the device did not answer within {self._timeout:g} s",
                    hint="look at its screen: it may wait for you, be locked or show an app",
                )
            if len(report) != REPORT:
                raise TransportError(f"the device sent a report of {len(report)} bytes")
            received += report
            answer = self._reassemble(received)
            if answer is not None:
                return answer

    def _reassemble(self, received: bytes) -> bytes | None:
        try:
            answer = self._framing.unwrapResponseAPDU(_CHANNEL, received, REPORT)
        except self._framing.CommException as e:
            raise TransportError(
                f"the device's reports are out of order: {e.message}",
                hint="close other programs that use the device",
            ) from e
        return None if answer is None else bytes(answer)

    def close(self) -> None:
        """Let go of the device."""
        if self._device is not None:
            self._device.close()
            self._device = None


def _packages() -> tuple[ModuleType, ModuleType]:
    """The framing of ledgerblue, and hidapi, if they are installed."""
    try:
        from ledgerblue import ledgerWrapper

        return ledgerWrapper, importlib.import_module("hid")
    except ImportError as e:
        raise ConfigError(
            "USB needs packages that are not installed",
            hint="install the extra: pip install 'nano-toolchain[usb]'",
        ) from e


def choose(found: list[HidInfo], which: str) -> HidInfo:
    """The device to use among those that hidapi lists.

    Args:
        found: every HID interface of the vendor.
        which: a serial number or path; empty when there is one device only.

    Raises:
        TransportError: none, or none that is called so.
        ConfigError: several, and no choice among them.
    """
    ours = {d["path"].decode(errors="replace"): d for d in found if _speaks_loader(d)}
    matches = [d for path, d in ours.items() if which in ("", d["serial_number"], path)]
    if len(matches) == 1:
        return matches[0]
    names = ", ".join(f"{d['product_string']} usb:{path}" for path, d in ours.items())
    if not matches:
        raise NoDeviceError(
            f"no device is called usb:{which}" if which else "no device is plugged in",
            hint=f"there is: {names}" if names else f"plug it in and unlock it; {UDEV_ADVICE}",
        )
    raise ConfigError("several devices are plugged in", hint=f"choose one of: {names}")


def _speaks_loader(device: HidInfo) -> bool:
    return device["interface_number"] == _INTERFACE or device["usage_page"] == _USAGE_PAGE


def open_usb(which: str = "", *, timeout: float = TIMEOUT) -> UsbTransport:
    """Open the device on the cable.

    Args:
        which: serial number or path, when there are several.
        timeout: seconds that one answer may take.

    Raises:
        ConfigError: the ``usb`` extra is missing, or several devices and no choice.
        TransportError: no device, or no permission to use it.
    """
    framing, hid = _packages()
    info = choose(hid.enumerate(VENDOR, 0), which)
    device = hid.device()
    try:
        device.open_path(info["path"])
    except OSError as e:
        raise _why_closed() from e
    return UsbTransport(device, framing, timeout=timeout)


def list_usb() -> tuple[str, ...]:
    """URIs of all devices on cables, for ``open_transport``.

    Raises:
        ConfigError: the ``usb`` extra is missing.
    """
    found: list[HidInfo] = _packages()[1].enumerate(VENDOR, 0)
    return tuple(f"usb:{d['path'].decode(errors='replace')}" for d in found if _speaks_loader(d))


def _why_closed() -> TransportError:
    """The library does not say why a device did not open; who may open it is on record elsewhere."""
    found = nodes()
    if found and all(node.accessible for node in found):
        return BusyError(
            "the device cannot be opened: another program uses it",
            hint="close the wallet, the browser tab or the other loader that talks to it",
        )
    return NoPermissionError("the device cannot be opened: no permission", hint=UDEV_ADVICE)
