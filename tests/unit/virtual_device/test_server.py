"""The TCP server: framing, hostile connections, successive hosts, shutting down."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from tests.unit.virtual_device.host import Host, config, load_plan, make_image
from toolchain.errors import TransportError
from toolchain.virtual_device import Exchange, VirtualDevice
from toolchain.virtual_device.server import MAX_CONNECTIONS, Server

VERSION = b"\xe0\x01\0\0\0"


@pytest.fixture
def device() -> VirtualDevice:
    return VirtualDevice(config())


@pytest.fixture
def server(device: VirtualDevice) -> Iterator[Server]:
    with device.serve() as running:
        yield running


def dial(server: Server) -> socket.socket:
    connection = socket.create_connection((server.host, server.port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def exchange(connection: socket.socket, apdu: bytes) -> bytes:
    connection.sendall(struct.pack(">I", len(apdu)) + apdu)
    (length,) = struct.unpack(">I", connection.recv(4, socket.MSG_WAITALL))
    return connection.recv(length + 2, socket.MSG_WAITALL)


def test_length_excludes_the_status_word(server: Server, device: VirtualDevice) -> None:
    with dial(server) as connection:
        connection.sendall(b"\0\0\0\5" + VERSION)
        expected = device.handle(VERSION)
        data = connection.recv(1024)
        assert data == struct.pack(">I", len(expected) - 2) + expected


def test_a_message_may_come_byte_by_byte(server: Server, device: VirtualDevice) -> None:
    with dial(server) as connection:
        for byte in b"\0\0\0\5" + VERSION:
            connection.sendall(bytes([byte]))
        assert connection.recv(4, socket.MSG_WAITALL)[0] == 0


@pytest.mark.parametrize("garbage", [b"\xff" * 4, struct.pack(">I", 261), b"GET / HTTP/1.1\r\n\r\n"])
def test_impossible_lengths_end_the_connection_only(server: Server, garbage: bytes) -> None:
    with dial(server) as connection:
        connection.sendall(garbage)
        # A reset, if garbage is still unread when the server hangs up.
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(10) == b""
    with dial(server) as connection:
        assert exchange(connection, VERSION)[-2:] == b"\x90\x00"


@pytest.mark.parametrize("start", [b"", b"\0\0", b"\0\0\0\5", b"\0\0\0\5\xe0\x01"])
def test_hanging_up_in_the_middle(server: Server, start: bytes) -> None:
    with dial(server) as connection:
        connection.sendall(start)
    with dial(server) as connection:
        assert exchange(connection, VERSION)[-2:] == b"\x90\x00"


def test_a_stalled_connection_does_not_block_others(server: Server) -> None:
    with dial(server) as stalled, dial(server) as other:
        stalled.sendall(b"\0\0")
        assert exchange(other, VERSION)[-2:] == b"\x90\x00"


def test_empty_message(server: Server) -> None:
    with dial(server) as connection:
        assert exchange(connection, b"") == b"\x67\x00"


def test_load_over_tcp_and_dropped_connection(server: Server, device: VirtualDevice) -> None:
    image = make_image()
    with dial(server) as connection:
        host = Host(lambda apdu: exchange(connection, apdu), device.config.target_id).connect()
        for sub, args in load_plan(image)[:-1]:
            host.run(sub, args)
    with dial(server) as connection:
        host = Host(lambda apdu: exchange(connection, apdu), device.config.target_id).connect()
        assert host.names() == []
        host.load(image)
    assert device.state.apps[0].full_hash == image.digest()


def test_a_late_hang_up_does_not_end_the_next_hosts_session(server: Server, device: VirtualDevice) -> None:
    with dial(server) as first, dial(server) as second:
        Host(lambda apdu: exchange(first, apdu), device.config.target_id).connect()
        host = Host(lambda apdu: exchange(second, apdu), device.config.target_id).connect()
        first.close()
        host.load(make_image())


def test_too_many_connections_are_turned_away(server: Server) -> None:
    open_ones = [dial(server) for _ in range(MAX_CONNECTIONS)]
    for connection in open_ones:
        exchange(connection, VERSION)
    with dial(server) as extra:
        assert extra.recv(1) == b""
    for connection in open_ones:
        connection.close()


@pytest.mark.parametrize("quick_ack", [True, False])
def test_close_hangs_up_and_joins(quick_ack: bool) -> None:
    before = threading.active_count()
    with VirtualDevice(config()).serve(quick_ack=quick_ack) as server:
        connection = dial(server)
        assert exchange(connection, VERSION)[-2:] == b"\x90\x00"
    assert threading.active_count() == before
    with connection:
        assert connection.recv(1) == b""
    with pytest.raises(OSError, match="refused"):
        dial(server)


def test_a_port_in_use_is_a_clear_error(server: Server) -> None:
    with (
        pytest.raises(TransportError, match=f"cannot listen on 127.0.0.1:{server.port}"),
        VirtualDevice(config()).serve(port=server.port),
    ):
        pass


def test_trace_sees_both_sides_of_the_channel() -> None:
    seen: list[Exchange] = []
    device = VirtualDevice(config(), trace=seen.append)
    host = Host(device.handle, device.config.target_id).connect()
    assert all(exchange.plain_command is None for exchange in seen)
    memory = host.run(0x11)
    host.run(0x0C, b"\x01X")
    assert (seen[-2].plain_command, seen[-2].plain_reply) == (b"\x11", memory)
    assert seen[-2].reply[-2:] == b"\x90\x00"
    assert (seen[-1].plain_command, seen[-1].plain_reply) == (b"\x0c\x01X", b"")
