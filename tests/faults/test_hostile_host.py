"""A hostile host, or a hostile wire in front of an honest one, against the virtual device.

Whatever is wrong with one message: the device refuses it with the right status word, nothing that it
remembers changes, and what was going on (handshake or channel) is over.
"""

from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.faults.figures import FIGURE
from tests.unit.virtual_device.host import Host, Refused, apdu, config, lv, make_image
from toolchain.keys import PrivateKey
from toolchain.virtual_device import VirtualDevice
from toolchain.virtual_device.status import Status

Record = Callable[[str, object], None]

NANO_SP = 0x33100004
MESSAGES = ("target", "nonces", "host key", "host ephemeral", "device key", "device ephemeral", "open")


def device() -> VirtualDevice:
    return VirtualDevice(config())


def handshake_bytes() -> list[bytes]:
    """The seven messages of a handshake with a device whose nonces repeat."""
    return list(Host(device().handle, NANO_SP).handshake())


def session(virtual: VirtualDevice) -> Host:
    return Host(virtual.handle, NANO_SP).connect()


def status(answer: bytes) -> int:
    return int.from_bytes(answer[-2:], "big")


def flips(data: bytes, start: int = 0) -> list[bytes]:
    """``data`` with one bit flipped, for every bit from byte ``start`` on."""
    found = []
    for bit in range(start * 8, len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        found.append(bytes(changed))
    return found


def is_over(virtual: VirtualDevice, messages: list[bytes], after: int) -> bool:
    """Whether the rest of the handshake, as it should have been, leads to no channel."""
    rest = messages[after + 1 :]
    return not rest or any(status(virtual.handle(message)) != Status.OK for message in rest)


HANDSHAKE: dict[str, Callable[[list[bytes], int], list[bytes]]] = {
    "dropped": lambda messages, n: messages[n + 1 : n + 2],
    "twice": lambda messages, n: [messages[n], messages[n]],
    "after the next one": lambda messages, n: [*messages[n + 1 : n + 2], messages[n]],
    "cut short": lambda messages, n: [apdu_of(messages[n], messages[n][5:-1])],
    "one byte more": lambda messages, n: [apdu_of(messages[n], messages[n][5:] + b"\0")],
    "emptied": lambda messages, n: [apdu_of(messages[n], b"")],
    "the one before again": lambda messages, n: [messages[n - 1]],
}


def apdu_of(like: bytes, data: bytes) -> bytes:
    return like[:4] + bytes((len(data),)) + data


@pytest.mark.parametrize("fault", HANDSHAKE)
def test_handshake(fault: str, record_property: Record) -> None:
    messages = handshake_bytes()
    refused = same = 0
    for number in range(1, len(messages)):
        virtual = device()
        for message in messages[:number]:
            assert status(virtual.handle(message)) == Status.OK
        sent = HANDSHAKE[fault](messages, number)
        if harmless(sent, messages, number):
            same += 1
            continue
        answers = [status(virtual.handle(message)) for message in sent]
        assert answers[-1] in (Status.SECURITY, Status.WRONG_LENGTH, Status.INVALID), MESSAGES[number]
        assert is_over(virtual, messages, number)
        if number < len(messages) - 1:  # asking twice to open is refused, and the channel stays as it was
            with pytest.raises(Refused):
                unopened(virtual).run(0x0E)
        refused += 1
    assert refused >= 3
    record_property(
        FIGURE, f"our device, handshake messages | {fault} | {refused} refused | {same} not a fault"
    )


def harmless(sent: list[bytes], messages: list[bytes], number: int) -> bool:
    """No such message, nothing to cut, a new beginning, or a root certificate that is there twice."""
    again = [messages[2]] if number == 3 else [messages[2], messages[2]] if number == 2 else None
    return not sent or sent in ([messages[0]], [messages[number]], again)


def unopened(virtual: VirtualDevice) -> Host:
    """A host that believes in a channel that another session had."""
    other = session(device())
    other.handle = virtual.handle
    return other


@pytest.mark.parametrize("number", [2, 3], ids=["host key", "host ephemeral"])
def test_every_bit_of_the_hosts_certificates(number: int, record_property: Record) -> None:
    """Key, signature and lengths; the answer tells an unreadable certificate from a wrong one, no more."""
    messages = handshake_bytes()
    answers = set()
    changed = flips(messages[number], start=5)
    for message in changed:
        virtual = device()
        for before in messages[:number]:
            virtual.handle(before)
        answers.add(status(virtual.handle(message)))
        assert status(virtual.handle(messages[number + 1])) == Status.SECURITY
    assert answers == {Status.SECURITY, Status.INVALID}
    what = f"bits of the {MESSAGES[number]}"
    record_property(
        FIGURE, f"our device, handshake messages | {what} | {len(changed)} refused | 0 not a fault"
    )


def test_roles_issuers_and_old_nonces() -> None:
    """A valid signature over the wrong thing."""
    stranger, host_key, ephemeral = (PrivateKey.from_int(n) for n in (5, 6, 7))
    point, mine = host_key.public_key.point, ephemeral.public_key.point
    nonce = bytes(range(8))

    def attempt(static: bytes, ephemeral_signed: Callable[[bytes], bytes]) -> list[int]:
        virtual = device()
        virtual.handle(apdu(0x04, NANO_SP.to_bytes(4, "big")))
        device_nonce = virtual.handle(apdu(0x50, nonce))[4:12]
        answers = [status(virtual.handle(apdu(0x51, lv(point) + lv(static))))]
        signature = host_key.sign_message(ephemeral_signed(device_nonce))
        answers.append(status(virtual.handle(apdu(0x51, lv(mine) + lv(signature), p1=0x80))))
        return answers

    good = host_key.sign_message(b"\x01" + point)

    def right(device_nonce: bytes) -> bytes:
        return b"\x11" + nonce + device_nonce + mine

    assert attempt(good, right) == [Status.OK, Status.OK]
    for static in (
        host_key.sign_message(b"\x02" + point),  # a device's role
        host_key.sign_message(b"\x11" + point),
        stranger.sign_message(b"\x01" + point),  # an issuer that nobody knows
        good[:-1] + bytes((good[-1] ^ 1,)),
    ):
        assert attempt(static, right)[0] in (Status.SECURITY, Status.INVALID)
    for wrong in (
        lambda n: b"\x12" + nonce + n + mine,  # the device's role
        lambda n: b"\x11" + n + nonce + mine,  # the device's order
        lambda n: b"\x11" + nonce + bytes(8) + mine,  # a nonce of another session
        lambda n: b"\x11" + bytes(8) + n + mine,
        lambda n: b"\x11" + nonce + n + point,  # another key
    ):
        assert attempt(good, wrong) == [Status.OK, Status.SECURITY]


def listed(host: Host) -> bytes:
    return host.wrap(0x0E)


CHANNEL: dict[str, Callable[[Host, list[bytes]], bytes]] = {
    "replayed": lambda host, earlier: earlier[-1],
    "the one after the next": lambda host, _earlier: (host.wrap(0x11), host.wrap(0x11))[1],
    "cut short": lambda host, _earlier: apdu(0, listed(host)[5:-1]),
    "a block less": lambda host, _earlier: apdu(0, listed(host)[5:][16:]),
    "a block more": lambda host, _earlier: apdu(0, bytes(16) + listed(host)[5:]),
    "emptied": lambda host, _earlier: (listed(host), apdu(0))[1],
    "in clear": lambda host, _earlier: apdu(0, b"\x0e"),
    "zeros": lambda host, _earlier: apdu(0, bytes(30)),
    "all that fits": lambda host, _earlier: apdu(0, bytes(255)),
    "of another session": lambda _host, _earlier: session(device()).wrap(0x0E),
}


@pytest.mark.parametrize("fault", CHANNEL)
def test_channel(fault: str, record_property: Record) -> None:
    virtual = device()
    virtual.handle(apdu(0x04, NANO_SP.to_bytes(4, "big")))
    host = session(virtual)
    if fault == "of another session":
        # Nonces that repeat would make the sessions the same.
        host = Host(virtual.handle, NANO_SP, PrivateKey.from_int(99))
        host.ephemeral = PrivateKey.from_int(98)
        host.connect()
    earlier = [host.wrap(0x11)]
    assert status(virtual.handle(earlier[0])) == Status.OK
    before = virtual.state
    assert virtual.handle(CHANNEL[fault](host, earlier)) == Status.SECURITY.to_bytes(2, "big")
    assert virtual.handle(listed(host)) == Status.SECURITY.to_bytes(2, "big"), "the channel is dead"
    assert virtual.state is before
    record_property(FIGURE, f"our device, wrapped messages | {fault} | refused, channel dead")


def test_every_bit_of_a_wrapped_message(record_property: Record) -> None:
    size = len(session(device()).wrap(0x0B, bytes(21)))
    for bit in range(5 * 8, size * 8):
        virtual = device()
        message = bytearray(session(virtual).wrap(0x0B, bytes(21)))
        message[bit // 8] ^= 1 << bit % 8
        assert status(virtual.handle(bytes(message))) == Status.SECURITY
        assert status(virtual.handle(apdu(0x53))) == Status.SECURITY
    record_property(
        FIGURE, f"our device, wrapped messages | {(size - 5) * 8} flipped bits | refused, channel dead"
    )


def test_two_messages_merged_into_one() -> None:
    """The MAC of such a message is right; only its length tells."""
    virtual = device()
    host = session(virtual)
    for sub, args in ((0x0E, b""), (0x11, b""), (0x13, b""), (0x10, b"")):
        assert host.channel
        merged = host.channel.wrap(bytes([sub]) + args)[:-14] + host.wrap(0x11)[5:]
        assert status(virtual.handle(apdu(0, merged))) != Status.OK
        host = session(virtual)


def test_a_load_that_is_out_of_order_installs_nothing() -> None:
    image = make_image()
    order = [
        (0x0B, image.create_app_params()),
        (0x05, bytes(4)),
        (0x06, bytes(2) + image.data[:200]),
        (0x09, b""),
    ]
    for first, second in pairwise(range(len(order))):
        swapped = list(order)
        swapped[first], swapped[second] = swapped[second], swapped[first]
        virtual = device()
        host = session(virtual)
        with pytest.raises(Refused):
            run_all(host, swapped)
        assert not virtual.state.apps


def run_all(host: Host, commands: list[tuple[int, bytes]]) -> None:
    for sub, args in commands:
        host.run(sub, args)
