"""One virtual device: in this process through ``handle``, or for anybody through ``serve``."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from toolchain.virtual_device.config import DeviceConfig
from toolchain.virtual_device.latency import Latency
from toolchain.virtual_device.loader import CLASS, Loader
from toolchain.virtual_device.power import Moment, PowerCut, PowerLostError
from toolchain.virtual_device.server import Server
from toolchain.virtual_device.state import DeviceState


@dataclass(frozen=True)
class Exchange:
    """One APDU and its reply (data, then status word), and the same in the clear if it was wrapped."""

    command: bytes
    reply: bytes
    plain_command: bytes | None
    plain_reply: bytes | None


Trace = Callable[[Exchange], None]
"""Called after every exchange, in the thread that serves it. Sees plaintext, never keys."""


class VirtualDevice:
    """A device that is switched on. Safe to use from several threads.

    ``locked`` and ``recovery`` may change at any time, as if a person pressed buttons.
    """

    def __init__(
        self, config: DeviceConfig, state: DeviceState | None = None, trace: Trace | None = None
    ) -> None:
        """Switch on.

        Raises:
            ImageError: ``state`` cannot be this device's.
        """
        self._loader = Loader(config, DeviceState() if state is None else state)
        self._trace = trace
        self._lock = threading.Lock()
        self._owner = 0
        self._cut: PowerCut | None = None

    @property
    def config(self) -> DeviceConfig:
        """What the device is."""
        return self._loader.core.config

    @property
    def state(self) -> DeviceState:
        """What it would remember if power went now."""
        return self._loader.core.state

    @property
    def locked(self) -> bool:
        """Whether it wants its PIN first."""
        return self._loader.core.locked

    @locked.setter
    def locked(self, value: bool) -> None:
        with self._lock:
            self._loader.core.locked = value

    @property
    def recovery(self) -> bool:
        """Whether it is in recovery mode."""
        return self._loader.core.recovery

    @recovery.setter
    def recovery(self, value: bool) -> None:
        with self._lock:
            self._loader.core.recovery = value

    def unlock(self, pin: str) -> bool:
        """Enter a PIN, empty where none is set. The last wrong try wipes the device."""
        with self._lock:
            return self._loader.owner.unlock(pin)

    def restart(self, *, recovery: bool = False) -> None:
        """Switch off and on, into recovery mode if asked; a device with a PIN is locked then."""
        with self._lock:
            self._loader.power_on()
            self._loader.core.recovery = recovery

    def cut_power(self, commands: int, moment: Moment) -> None:
        """Let power fail once, at ``moment`` of the command that comes after ``commands`` more."""
        with self._lock:
            self._cut = PowerCut(commands, moment)

    def handle(self, apdu: bytes) -> bytes:
        """Answer one APDU: data, then the status word. Never raises on what a host sends.

        Raises:
            PowerLostError: ``cut_power`` asked for it.
        """
        return self._handle(0, apdu)

    def disconnect(self) -> None:
        """The host is gone; a half-finished load is dropped."""
        self._gone(0)

    @contextlib.contextmanager
    def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        quick_ack: bool = True,
        latency: Latency | None = None,
    ) -> Iterator[Server]:
        """Serve on TCP while the context lasts; port 0 means any that is free.

        Without ``quick_ack`` hosts that write a message in two parts wait some 40 ms each time, as on a
        naive server. ``latency`` delays every answer.

        Raises:
            TransportError: the address cannot be bound.
        """
        server = Server(self._handle, self._gone, host, port, quick_ack=quick_ack, latency=latency)
        try:
            yield server
        finally:
            server.close()

    def _handle(self, connection: int, apdu: bytes) -> bytes:
        with self._lock:
            if apdu[:2] == bytes([CLASS, 0x04]):
                self._owner = connection
            cut = self._cut_now()
            if cut is Moment.BEFORE:
                self._loader.power_on()
                raise PowerLostError
            reply = self._loader.handle(apdu)
            if self._trace is not None:
                plain_command, plain_reply = self._loader.plain or (None, None)
                self._trace(Exchange(apdu, reply, plain_command, plain_reply))
            if cut is not None:
                self._loader.power_on()
                raise PowerLostError(reply if cut is Moment.WITHIN_ANSWER else b"")
            return reply

    def _cut_now(self) -> Moment | None:
        if self._cut is None:
            return None
        if self._cut.commands > 0:
            self._cut.commands -= 1
            return None
        cut, self._cut = self._cut, None
        return cut.moment

    def _gone(self, connection: int) -> None:
        """Drop the session, unless another connection has started one of its own since."""
        with self._lock:
            if self._owner == connection:
                self._loader.disconnect()
