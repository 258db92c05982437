"""Devices over the air: Bluetooth LE through ledgerblue's connection (loader protocol §1.3).

ledgerblue finds the characteristics, subscribes and asks for the size of frames. The frames are cut and put
together here, as its own code checks them with ``assert`` and loses answers of more than two; so are
deadlines, which it has none of. Its packages come with the ``usb`` extra and are imported only here.
"""

import asyncio
import contextlib
import importlib
import io
import time
from collections.abc import Coroutine, Iterator
from types import ModuleType
from typing import Any, Protocol, TypeVar

from toolchain.device.transport import MAX_ANSWER, TIMEOUT, Closing, NoAnswerError, NoDeviceError
from toolchain.errors import ConfigError, TransportError

T = TypeVar("T")

_TAG = b"\x05"
_FIRST, _NEXT = 5, 3
"""Bytes of header: tag and sequence, and in the first frame the length."""

_CONNECT = 30.0
"""Seconds until a device is connected that is switched on and near."""

_AGAIN = "bring the device near, unlock it, and run the command again"


class BleDevice(Protocol):
    """What ledgerblue gives for a connected device; ``mtu`` is the most that a frame has, in bytes."""

    client: Any
    loop: asyncio.AbstractEventLoop
    mtu: int
    write_characteristic: Any


def frames(message: bytes, mtu: int) -> Iterator[bytes]:
    """``message`` cut into frames of at most ``mtu`` bytes."""
    sequence = start = 0
    while start < len(message) or not sequence:
        length = b"" if sequence else len(message).to_bytes(2, "big")
        header = _TAG + sequence.to_bytes(2, "big") + length
        room = mtu - len(header)
        yield header + message[start : start + room]
        sequence, start = sequence + 1, start + room


class Reassembly:
    """An answer that comes in frames. What a last frame has beyond the announced length is padding."""

    def __init__(self) -> None:
        self._sequence = 0
        self._length = 0
        self._data = b""

    def add(self, frame: bytes) -> bytes | None:
        """Take a frame; the whole answer, once it is there.

        Raises:
            TransportError: out of order, too short, or a length that no answer has.
        """
        first = self._sequence == 0
        header = _FIRST if first else _NEXT
        if len(frame) <= header or frame[:3] != _TAG + self._sequence.to_bytes(2, "big"):
            raise TransportError("the device's frames are out of order", hint=_AGAIN)
        if first:
            self._length = int.from_bytes(frame[3:5], "big")
            if not 2 <= self._length <= MAX_ANSWER:
                raise TransportError("the device announces an impossible answer", hint=_AGAIN)
        self._sequence += 1
        self._data += frame[header:]
        return self._data[: self._length] if len(self._data) >= self._length else None


class BleTransport(Closing):
    """One device. ``max_data`` is what ledgerblue announces for this link."""

    max_data = 0x99

    def __init__(
        self,
        device: BleDevice,
        received: "asyncio.Queue[bytes]",
        error: type[Exception],
        *,
        timeout: float = TIMEOUT,
    ) -> None:
        """``received`` is where frames arrive, ``error`` what the library under it raises."""
        self._device: BleDevice | None = device
        self._received = received
        self._error = error
        self._timeout = timeout

    def exchange(self, apdu: bytes) -> bytes:
        """Send an encoded command, return data and status word.

        Raises:
            TransportError: gone, garbled, or not complete when the time is over.
        """
        if self._device is None:
            raise TransportError("the device is disconnected", hint=_AGAIN)
        try:
            return self._exchange(self._device, apdu)
        except TimeoutError as e:
            self.close()
            raise NoAnswerError(
                f"the device did not answer within {self._timeout:g} s",
                hint="look at its screen: it may wait for you, be locked or show an app",
            ) from e
        except TransportError:
            self.close()
            raise
        except (OSError, self._error) as e:
            self.close()
            raise TransportError(f"the device is gone: {e}", hint=_AGAIN) from e

    def _exchange(self, device: BleDevice, apdu: bytes) -> bytes:
        deadline = time.monotonic() + self._timeout
        for frame in frames(apdu, device.mtu):
            sent = device.client.write_gatt_char(device.write_characteristic.uuid, frame)
            _within(device.loop, sent, deadline)
        answer = Reassembly()
        while True:
            whole = answer.add(bytes(_within(device.loop, self._received.get(), deadline)))
            if whole is not None:
                return whole

    def close(self) -> None:
        """Disconnect."""
        device, self._device = self._device, None
        if device is not None:
            with contextlib.suppress(OSError, self._error):
                _within(device.loop, device.client.disconnect(), time.monotonic() + _CONNECT)
            device.loop.close()


def _within(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T], deadline: float) -> T:
    """What ``work`` comes to, unless the time is over."""
    return loop.run_until_complete(asyncio.wait_for(work, max(0.0, deadline - time.monotonic())))


def _packages() -> tuple[ModuleType, type[Exception]]:
    """The module of ledgerblue, and the error of the library under it."""
    try:
        comm = importlib.import_module("ledgerblue.BleComm")
        error: type[Exception] = importlib.import_module("bleak.exc").BleakError
    except ImportError as e:
        raise ConfigError(
            "Bluetooth needs packages that are not installed",
            hint="install the extra: pip install 'nano-toolchain[usb]'",
        ) from e
    return comm, error


def open_ble(address: str, *, timeout: float = TIMEOUT) -> BleTransport:
    """Connect to the device of that address.

    Raises:
        ConfigError: no address, or the packages are missing.
        TransportError: no such device, or it cannot be connected.
    """
    if not address:
        raise ConfigError(
            "a device over Bluetooth needs its address",
            hint="pair it first; `bluetoothctl devices` lists addresses: ble:AA:BB:CC:DD:EE:FF",
        )
    comm, error = _packages()
    device = comm.BleDevice(address)
    device.loop = asyncio.new_event_loop()
    while not comm.queue.empty():  # one for the whole process; what a connection before left in it
        comm.queue.get_nowait()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            connecting = comm._get_client(address)  # noqa: SLF001 - its open() knows no deadline
            connected = _within(device.loop, connecting, time.monotonic() + min(timeout, _CONNECT))
    except (FileNotFoundError, ConnectionRefusedError) as e:
        device.loop.close()
        raise NoDeviceError(
            "this machine has no Bluetooth service", hint="start it (D-Bus and bluetoothd), or use a cable"
        ) from e
    except (OSError, AssertionError, error) as e:
        device.loop.close()
        raise NoDeviceError(
            f"no device is connected: {str(e) or 'what is there does not speak as one'}",
            hint=_AGAIN,
            where=f"ble:{address}",
        ) from e
    device.client, device.mtu, device.write_characteristic = connected
    if device.mtu <= _FIRST:
        device.loop.close()
        raise TransportError(f"the device announces frames of {device.mtu} bytes", hint=_AGAIN)
    return BleTransport(device, comm.queue, error, timeout=timeout)
