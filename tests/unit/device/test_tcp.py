"""Our TCP transport against servers that answer well, badly, slowly or not at all."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.unit.device.vectors import group
from toolchain.device.transport import open_transport
from toolchain.device.transport.tcp import TcpTransport
from toolchain.errors import ConfigError, TransportError

APDU = bytes.fromhex("e001000000")
Behaviour = Callable[[socket.socket], None]


@contextmanager
def server(behaviour: Behaviour) -> Iterator[str]:
    """One connection, served by ``behaviour`` in a thread; the URI to reach it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                behaviour(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            thread.join()


def read_command(connection: socket.socket) -> bytes:
    size = int.from_bytes(connection.recv(4, socket.MSG_WAITALL), "big")
    return connection.recv(size, socket.MSG_WAITALL)


def wait_for_hang_up(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def test_known_frames() -> None:
    (frames,) = group("tcp_frames")
    seen = []

    def behaviour(connection: socket.socket) -> None:
        seen.append(connection.recv(4096))
        connection.sendall(bytes.fromhex(frames["received"]))

    with server(behaviour) as uri, open_transport(uri, timeout=5) as transport:
        answer = transport.exchange(bytes.fromhex(frames["apdu"]))
    assert answer.hex() == frames["reply_data"] + frames["reply_sw"]
    assert [data.hex() for data in seen] == [frames["sent"]]  # in one segment


def test_answer_in_single_bytes() -> None:
    def behaviour(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(2):
            read_command(connection)
            for byte in bytes.fromhex("00000003aabbcc9000"):
                connection.sendall(bytes((byte,)))

    with server(behaviour) as uri, open_transport(uri, timeout=5) as transport:
        assert transport.exchange(APDU).hex() == "aabbcc9000"
        assert transport.exchange(APDU).hex() == "aabbcc9000"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "closed the connection"),
        (b"\0\0", "cut short"),
        (bytes.fromhex("00000000"), "cut short"),
        (bytes.fromhex("0000000490"), "cut short"),
        (bytes.fromhex("ffffffff9000"), "longer than any"),
        (bytes.fromhex("00010000"), "longer than any"),
        (bytes.fromhex("000000009000") * 2, "more than one"),
    ],
)
def test_bad_answers(answer: bytes, message: str) -> None:
    def behaviour(connection: socket.socket) -> None:
        read_command(connection)
        connection.sendall(answer)

    with server(behaviour) as uri, open_transport(uri, timeout=5) as transport:
        with pytest.raises(TransportError, match=message):
            transport.exchange(APDU)
        with pytest.raises(TransportError, match="is closed"):
            transport.exchange(APDU)


def test_device_that_hangs() -> None:
    with server(wait_for_hang_up) as uri, open_transport(uri, timeout=0.05) as transport:
        with pytest.raises(TransportError, match=r"did not answer within 0\.05 s") as caught:
            transport.exchange(APDU)
        assert "screen" in caught.value.hint


def test_device_that_dribbles() -> None:
    """The time is for the whole answer; each byte does not start it anew."""
    gone = threading.Event()

    def behaviour(connection: socket.socket) -> None:
        read_command(connection)
        connection.sendall(bytes.fromhex("0000ff00"))
        while not gone.wait(0.01):
            connection.sendall(b"\0")

    with server(behaviour) as uri, open_transport(uri, timeout=0.1) as transport:
        try:
            with pytest.raises(TransportError, match="did not answer within"):
                transport.exchange(APDU)
        finally:
            gone.set()


def test_reset_connection() -> None:
    def behaviour(connection: socket.socket) -> None:
        read_command(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with server(behaviour) as uri, open_transport(uri, timeout=5) as transport:
        with pytest.raises(TransportError, match="connection broke") as caught:
            transport.exchange(APDU)
        assert caught.value.hint


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(TransportError, match="no device answers") as caught:
        TcpTransport("127.0.0.1", port)
    assert caught.value.where == f"tcp://127.0.0.1:{port}"


@pytest.mark.parametrize(
    "uri",
    ["tcp://", "tcp://host", "tcp://host:port", "tcp://host:99999", "tcp://h:1/x", "tcp:h:1", "tcp://u@h:1"],
)
def test_malformed_uri(uri: str) -> None:
    with pytest.raises(ConfigError):
        open_transport(uri)


@pytest.mark.parametrize("uri", ["", "host:1", "ftp://h:1", "virtual:"])
def test_unknown_scheme(uri: str) -> None:
    with pytest.raises(ConfigError, match="no transport is called"):
        open_transport(uri)


def test_ipv6_uri() -> None:
    with pytest.raises(TransportError) as caught:
        open_transport("tcp://[::1]:1", timeout=1)
    assert caught.value.hint
