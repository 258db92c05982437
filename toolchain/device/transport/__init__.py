"""Ways to reach a device. Each scheme has a file of its own, imported when a URI names it."""

import time
from types import TracebackType
from typing import Protocol, Self

from toolchain.errors import ConfigError, TransportError

TIMEOUT = 60.0
"""Seconds that one answer may take. A person may have to read and press on the device meanwhile."""

MAX_ANSWER = 0xFFFF
"""Bytes of data and status word in one answer; what HID framing can express bounds every transport."""


class NoDeviceError(TransportError):
    """Nothing is where the URI points."""


class NoPermissionError(TransportError):
    """The device is there, but this user may not open it."""


class BusyError(TransportError):
    """The device is there, but another program has it."""


class NoAnswerError(TransportError):
    """The device did not answer in time."""


class Transport(Protocol):
    """Carries one command at a time. After an error it is of no use any more.

    ``max_data`` is the largest command data, in bytes, that travels well: the packing of an app into
    commands follows it (``load.plan``).
    """

    @property
    def max_data(self) -> int:
        """Bytes of command data, at most 255."""
        ...

    def exchange(self, apdu: bytes) -> bytes:
        """Send an encoded command, return data and status word.

        Raises:
            TransportError: refused, closed, cut short, timed out, or closed already.
        """
        ...

    def close(self) -> None:
        """Let go of the device; may be called twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Closing:
    """Makes a context manager of a class with ``close()``."""

    def close(self) -> None:
        """Let go of the device."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Limited(Closing):
    """A link that is given up when everything together has taken too long.

    Each answer has its own time limit, but a hostile device could use up that of every single one.
    """

    def __init__(self, transport: Transport, seconds: float) -> None:
        self.max_data = transport.max_data
        self._transport = transport
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds

    def exchange(self, apdu: bytes) -> bytes:
        """As the link underneath, until the time is over.

        Raises:
            NoAnswerError: the time is over.
            TransportError: as the link underneath.
        """
        if time.monotonic() > self._deadline:
            self.close()
            raise NoAnswerError(
                f"the device is not done after {self._seconds:g} s", hint="reconnect it and try again"
            )
        return self._transport.exchange(apdu)

    def close(self) -> None:
        """Let go of the device."""
        self._transport.close()


def open_transport(uri: str, *, timeout: float = TIMEOUT) -> Transport:
    """Connect to the device that ``uri`` names.

    Args:
        uri: ``tcp://HOST:PORT``; ``usb:`` for the one device on a cable, ``usb:SERIAL`` or ``usb:PATH`` to
            choose among several; ``ble:ADDRESS``; ``pcsc:`` or ``pcsc:READER``.
        timeout: seconds that one answer may take.

    Raises:
        ConfigError: no such scheme, malformed, or its package is not installed.
        TransportError: nobody there.
    """
    scheme, _, rest = uri.partition(":")
    if scheme == "tcp":
        from toolchain.device.transport.tcp import TcpTransport

        return TcpTransport.from_uri(uri, timeout=timeout)
    if scheme == "usb":
        from toolchain.device.transport.usb import open_usb

        return open_usb(rest, timeout=timeout)
    if scheme == "ble":
        from toolchain.device.transport.ble import open_ble

        return open_ble(rest, timeout=timeout)
    if scheme == "pcsc":
        from toolchain.device.transport.pcsc import open_pcsc

        return open_pcsc(rest, timeout=timeout)
    raise ConfigError(
        f"no transport is called {scheme!r}",
        hint="a device is tcp://HOST:PORT, usb: (with a serial number or path), ble:ADDRESS or pcsc:",
        where=uri,
    )
