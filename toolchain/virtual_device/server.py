"""The virtual device on a TCP port (loader protocol §1.1)."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable

from toolchain.errors import TransportError
from toolchain.virtual_device.latency import Latency
from toolchain.virtual_device.power import PowerLostError

MAX_APDU = 260
"""Header, Lc and 255 bytes; whoever announces more is cut off."""

MAX_CONNECTIONS = 16
_BACKLOG = 16

Handle = Callable[[int, bytes], bytes]
"""Answers an APDU of connection number ``n``: data, then the status word; or raises PowerLostError."""

Gone = Callable[[int], None]
"""Connection number ``n`` is closed."""


class Server:
    """Serves one device to any number of connections until ``close``; each has a thread."""

    def __init__(
        self, handle: Handle, gone: Gone, host: str, port: int, *, quick_ack: bool, latency: Latency | None
    ) -> None:
        """Listen.

        Raises:
            TransportError: the address cannot be bound.
        """
        self._handle = handle
        self._gone = gone
        self._latency = latency
        self._quick_ack = quick_ack and hasattr(socket, "TCP_QUICKACK")
        self._lock = threading.Lock()
        self._connections: dict[int, tuple[socket.socket, threading.Thread]] = {}
        self._closing = False
        try:
            self._listener = socket.create_server((host, port), backlog=_BACKLOG)
        except OSError as e:
            raise TransportError(
                f"cannot listen on {host}:{port}: {e.strerror}",
                hint="choose another port, or 0 for any that is free",
            ) from e
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, name=f"virtual device {self.port}")
        self._acceptor.start()

    @property
    def uri(self) -> str:
        """Where hosts find the device: ``tcp://HOST:PORT``."""
        return f"tcp://{self.host}:{self.port}"

    def close(self) -> None:
        """Stop listening, hang up on everybody, wait for the threads."""
        with self._lock:
            self._closing = True
            connections = list(self._connections.values())
        # Closing alone does not wake a thread that waits in accept or recv.
        _shut_down(self._listener)
        self._acceptor.join()
        for connection, _ in connections:
            _shut_down(connection)
        for _, thread in connections:
            thread.join()

    def _accept(self) -> None:
        number = 0
        with self._listener:
            while True:
                try:
                    connection, _ = self._listener.accept()
                except OSError:
                    return
                number += 1
                thread = threading.Thread(target=self._serve, args=(number, connection))
                with self._lock:
                    if self._closing or len(self._connections) == MAX_CONNECTIONS:
                        connection.close()
                        continue
                    self._connections[number] = connection, thread
                thread.start()

    def _serve(self, number: int, connection: socket.socket) -> None:
        try:
            # A host that vanishes or talks nonsense ends its own connection, nothing else.
            with connection, contextlib.suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while (apdu := self._read_message(connection)) is not None:
                    try:
                        reply = self._handle(number, apdu)
                    except PowerLostError as e:
                        connection.sendall(_frame(e.reply)[: len(e.reply)])
                        break
                    if self._latency is not None:
                        time.sleep(self._latency(len(apdu), len(reply)))
                    # One write: clients read a reply with single calls.
                    connection.sendall(_frame(reply))
        finally:
            with self._lock:
                del self._connections[number]
            self._gone(number)

    def _read_message(self, connection: socket.socket) -> bytes | None:
        """The next APDU, or None if the host hung up or announces an impossible length."""
        head = self._read(connection, 4)
        length = int.from_bytes(head, "big")
        if len(head) < 4 or length > MAX_APDU:
            return None
        apdu = self._read(connection, length)
        return apdu if len(apdu) == length else None

    def _read(self, connection: socket.socket, size: int) -> bytes:
        """``size`` bytes, fewer at the end of the stream."""
        data = b""
        while len(data) < size:
            if self._quick_ack:
                # The kernel forgets it after each read. Without it, hosts that send length and body in two
                # writes wait 40 ms for the acknowledgement of the first.
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            part = connection.recv(size - len(data))
            if not part:
                break
            data += part
        return data


def _frame(reply: bytes) -> bytes:
    """A reply as it goes out; its length does not count the status word."""
    return max(0, len(reply) - 2).to_bytes(4, "big") + reply


def _shut_down(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
