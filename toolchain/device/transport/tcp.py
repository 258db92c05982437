"""Devices behind a TCP port: emulators, proxies, the virtual device (loader protocol §1.1).

Host to device: 4-byte length, then the APDU. Device to host: 4-byte length, data, and two bytes of
status word that the length does not count.
"""

import socket
import time
from urllib.parse import urlsplit

from toolchain.device.transport import MAX_ANSWER, TIMEOUT, Closing, NoAnswerError, NoDeviceError
from toolchain.errors import ConfigError, TransportError

_AGAIN = "reconnect the device and run the command again"
_CONNECT = 10.0
"""Seconds that a connection may take; a person is not involved in this one."""


class TcpTransport(Closing):
    """One connection. Every message leaves in one write, so that no small packets wait for each other."""

    max_data = 255

    def __init__(self, host: str, port: int, *, timeout: float = TIMEOUT) -> None:
        """Connect.

        Raises:
            TransportError: refused, unreachable, or no answer in time.
        """
        self._name = f"tcp://{host}:{port}"
        self._timeout = timeout
        try:
            self._socket: socket.socket | None = socket.create_connection(
                (host, port), timeout=min(timeout, _CONNECT)
            )
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as e:
            raise NoDeviceError(
                f"no device answers: {e.strerror or e}",
                hint="start it (./inv virtual-device), or correct host and port",
                where=self._name,
            ) from e

    @classmethod
    def from_uri(cls, uri: str, *, timeout: float = TIMEOUT) -> "TcpTransport":
        """Connect to ``tcp://HOST:PORT``.

        Raises:
            ConfigError: not such a URI.
            TransportError: nobody there.
        """
        try:
            parts = urlsplit(uri)
            host, port = parts.hostname, parts.port
        except ValueError as e:
            raise ConfigError(f"not a device address: {e}", where=uri) from e
        if not host or not port or parts.path or parts.query or parts.fragment or parts.username:
            raise ConfigError("not a device address", hint="write tcp://HOST:PORT", where=uri)
        return cls(host, port, timeout=timeout)

    def exchange(self, apdu: bytes) -> bytes:
        """Send an encoded command, return data and status word.

        Raises:
            TransportError: closed, cut short, too long, or not complete when the time is over.
        """
        if self._socket is None:
            raise TransportError("the connection is closed", hint=_AGAIN, where=self._name)
        try:
            return self._exchange(self._socket, apdu)
        except TransportError:
            self.close()
            raise
        except TimeoutError as e:
            self.close()
            raise NoAnswerError(
                f"the device did not answer within {self._timeout:g} s",
                hint="look at its screen: it may wait for you, be locked or show an app",
                where=self._name,
            ) from e
        except OSError as e:
            self.close()
            raise TransportError(
                f"the connection broke: {e.strerror or e}", hint=_AGAIN, where=self._name
            ) from e

    def _exchange(self, link: socket.socket, apdu: bytes) -> bytes:
        deadline = time.monotonic() + self._timeout
        link.settimeout(self._timeout)
        link.sendall(len(apdu).to_bytes(4, "big") + apdu)
        received = bytearray()
        size = 4
        while len(received) < size:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            link.settimeout(left)
            more = link.recv(MAX_ANSWER)
            if not more:
                raise TransportError(
                    "the device's answer was cut short" if received else "the device closed the connection",
                    hint=_AGAIN,
                    where=self._name,
                )
            received += more
            if len(received) >= 4:
                size = 4 + int.from_bytes(received[:4], "big") + 2
                if size - 4 > MAX_ANSWER:
                    raise TransportError(
                        "the device announces an answer longer than any command has",
                        hint="make sure that a device, not another service, is at this address",
                        where=self._name,
                    )
        if len(received) > size:
            raise TransportError("the device sent more than one answer", hint=_AGAIN, where=self._name)
        return bytes(received[4:])

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
