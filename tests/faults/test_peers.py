"""The same faults for our host and for the official two, unmodified, side by side.

A cell counts what a host makes of a fault: it refuses; it is unharmed, because the app is there after all;
or it believes in an install that the device knows nothing of. We never do. The others are here to show that
the suite finds something.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.faults.figures import FIGURE
from tests.faults.hosts import HOSTS, Exchange, Host
from tests.unit.device.small_device import ISSUER_KEY
from tests.unit.virtual_device.host import make_image
from toolchain.errors import AuthenticationError, StatusWordError, ToolchainError
from toolchain.keys import PrivateKey
from toolchain.target import get_target
from toolchain.virtual_device import (
    DeviceConfig,
    DeviceIdentity,
    DeviceState,
    Moment,
    PowerLostError,
    Trace,
    VirtualDevice,
)
from toolchain.virtual_device import Exchange as Traced

IMAGE = make_image(code=1024, data=512)
OLDER = make_image(code=1024, data=512, fill=7)
OK = b"\x90\x00"
TARGET = get_target("nanosp")

Record = Callable[[str, object], None]

STEPS: dict[str, Callable[[bytes, bytes], bool]] = {
    "nonces": lambda c, _p: c[1] == 0x50,
    "device certificate": lambda c, _p: c[1] == 0x52 and c[2] == 0,
    "ephemeral certificate": lambda c, _p: c[1] == 0x52 and c[2] == 0x80,
    "create": lambda _c, p: p[:1] == b"\x0b",
    "chunk": lambda _c, p: p[:1] == b"\x06",
    "commit": lambda _c, p: p[:1] == b"\x09",
}
"""Where faults strike, by command and its plaintext: each kind of step once."""


def make_device(
    issuer: PrivateKey = ISSUER_KEY, state: DeviceState | None = None, trace: Trace | None = None
) -> VirtualDevice:
    identity = DeviceIdentity.issue(issuer, seed=b"peers")
    return VirtualDevice(DeviceConfig.standard(TARGET, identity), state, trace)


@dataclass
class Wire:
    """Everything between a host and ``device``; strikes once, at the first command of ``step``."""

    device: VirtualDevice
    step: str
    fault: Callable[["Wire", bytes], bytes]
    sent: list[bytes] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    struck: bool = False

    def exchange(self, apdu: bytes) -> bytes:
        apdu = bytes(apdu)
        if not self.struck and STEPS[self.step](apdu, self.plaintext(apdu)):
            self.struck = True
            answer = self.fault(self, apdu)
        else:
            answer = self.honest(apdu)
        self.sent.append(apdu)
        self.answers.append(answer)
        return answer

    def honest(self, apdu: bytes) -> bytes:
        return self.device.handle(apdu)

    def plaintext(self, apdu: bytes) -> bytes:
        """What the device will read, found out on a copy of it: the wire itself cannot know."""
        return self.plain.get(len(self.sent), b"") if apdu[1] == 0 else b""

    plain: dict[int, bytes] = field(default_factory=dict)


def flip_answer(wire: Wire, apdu: bytes) -> bytes:
    answer = bytearray(wire.honest(apdu))
    answer[0 if len(answer) == 2 else len(answer) // 2] ^= 1
    return bytes(answer)


def flip_command(wire: Wire, apdu: bytes) -> bytes:
    return wire.honest(apdu[:-1] + bytes((apdu[-1] ^ 1,))) if len(apdu) > 5 else flip_answer(wire, apdu)


def duplicate(wire: Wire, apdu: bytes) -> bytes:
    wire.honest(apdu)
    return wire.honest(apdu)


def reflect(wire: Wire, apdu: bytes) -> bytes:
    wire.honest(apdu)
    return apdu[5:] + OK


def stale(wire: Wire, apdu: bytes) -> bytes:
    wire.honest(apdu)
    return max(wire.answers, key=len)


FAULTS: dict[str, Callable[[Wire, bytes], bytes]] = {
    "drop, say it is done": lambda _wire, _apdu: OK,
    "answer cut short": lambda wire, apdu: (a := wire.honest(apdu))[: len(a) // 2],
    "answer flipped": flip_answer,
    "answer emptied": lambda wire, apdu: (wire.honest(apdu), OK)[1],
    "answer oversized": lambda wire, apdu: (wire.honest(apdu), bytes(65533) + OK)[1],
    "answer of zeros": lambda wire, apdu: (wire.honest(apdu), bytes(64) + OK)[1],
    "an older answer": stale,
    "command reflected": reflect,
    "command flipped": flip_command,
    "command twice": duplicate,
}


def rehearse(host: Host, folder: Path, state: DeviceState | None = None) -> dict[int, bytes]:
    """Plaintext of the wrapped commands of a load, by number of exchange."""
    traced: list[Traced] = []
    device = make_device(state=state, trace=traced.append)
    host(device.handle, IMAGE, folder)
    return {n: t.plain_command for n, t in enumerate(traced) if t.plain_command}


def outcome(host: Host, exchange: Exchange, device: VirtualDevice, folder: Path) -> str:
    with errors_of(host) as errors:
        host(exchange, IMAGE, folder)
    if errors:
        return "refused"
    there = [app.full_hash for app in device.state.apps] == [IMAGE.digest()]
    return "unharmed" if there else "believed"


@contextlib.contextmanager
def errors_of(host: Host) -> Iterator[list[BaseException]]:
    """What the host raises. Ours raises only its own errors; the others anything, BaseException too."""
    caught: list[BaseException] = []
    kind = ToolchainError if host is HOSTS["ours"] else BaseException
    try:
        yield caught
    except kind as e:
        if isinstance(e, KeyboardInterrupt | GeneratorExit):
            raise
        caught.append(e)


def cell(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[kind]} {kind}" for kind in ("refused", "unharmed", "believed") if counts[kind])


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", HOSTS)
def test_a_hostile_wire(name: str, fault: str, tmp_path: Path, record_property: Record) -> None:
    host = HOSTS[name]
    plain = rehearse(host, tmp_path)
    counts: Counter[str] = Counter()
    for step in STEPS:
        wire = Wire(make_device(), step, FAULTS[fault], plain=plain)
        counts[outcome(host, wire.exchange, wire.device, tmp_path)] += 1
        assert wire.struck, step
    record_property(FIGURE, f"a hostile wire, {len(STEPS)} steps each | {fault} | {name} | {cell(counts)}")
    if name == "ours":
        assert not counts["believed"]
    if name == "ledgerctl" and fault == "drop, say it is done":
        assert counts["believed"], "a lost commit goes unnoticed there: this test must be able to see it"


@pytest.mark.parametrize("name", HOSTS)
def test_an_impostor_and_a_relay_that_swallows(name: str, tmp_path: Path, record_property: Record) -> None:
    """A device of another maker; and one whose link answers every wrapped command itself."""
    host = HOSTS[name]
    impostor = make_device(PrivateKey.from_int(0xBAD))
    accepted = outcome(host, impostor.handle, impostor, tmp_path)
    device = make_device()

    def swallow(apdu: bytes) -> bytes:
        return OK if apdu[1] == 0 else device.handle(bytes(apdu))

    believed = outcome(host, swallow, device, tmp_path)
    word = {"refused": "refused", "unharmed": "ACCEPTED", "believed": "BELIEVED"}
    record_property(FIGURE, f"who is fooled | impostor | {name} | {word[accepted]}")
    record_property(FIGURE, f"who is fooled | relay that swallows | {name} | {word[believed]}")
    expected = ("refused", "refused") if name == "ours" else ("unharmed", "believed")
    assert (accepted, believed) == expected


def swallowing(exchange: Exchange) -> Exchange:
    """Everything behind the handshake is answered by the wire: done."""
    return lambda apdu: OK if apdu[1] == 0 else exchange(bytes(apdu))


def certified_as(role: int) -> VirtualDevice:
    """A device whose issuer has certified its key for another purpose."""
    identity = DeviceIdentity.issue(ISSUER_KEY, seed=b"peers")
    signed = bytes([role]) + identity.header + identity.key.public_key.point
    identity = replace(identity, signature=ISSUER_KEY.sign_message(signed))
    return VirtualDevice(DeviceConfig.standard(TARGET, identity))


def replayed(host: Host, folder: Path) -> Exchange:
    """All answers of an earlier session of the same host."""
    answers: list[bytes] = []
    device = make_device()

    def record(apdu: bytes) -> bytes:
        answers.append(device.handle(bytes(apdu)))
        return answers[-1]

    host(record, IMAGE, folder)
    recorded = iter(answers)
    return lambda _apdu: next(recorded, OK)


def two_devices(host: Host, folder: Path) -> Exchange:
    """The certificate of a genuine device, and the session key of another one."""
    genuine, other = make_device(), make_device(PrivateKey.from_int(0xBAD))

    def exchange(apdu: bytes) -> bytes:
        answers = other.handle(apdu), genuine.handle(apdu)
        return answers[apdu[1:3] == b"\x52\x00"]

    return swallowing(exchange)


def reflected(host: Host, folder: Path) -> Exchange:
    """The host's own certificates, as if they were a device's."""
    device = make_device()
    mine: dict[int, bytes] = {}

    def exchange(apdu: bytes) -> bytes:
        if apdu[1] == 0x51:
            mine[apdu[2]] = apdu[5:]
        answer = device.handle(apdu)
        return b"\0" + mine[apdu[2]] + OK if apdu[1] == 0x52 else answer

    return swallowing(exchange)


def own_nonce(host: Host, folder: Path) -> Exchange:
    """The host's nonce comes back as the device's."""
    device = make_device()

    def exchange(apdu: bytes) -> bytes:
        answer = device.handle(apdu)
        return answer[:4] + apdu[5:] + OK if apdu[1] == 0x50 else answer

    return swallowing(exchange)


IDENTITIES: dict[str, Callable[[Host, Path], Exchange]] = {
    "another issuer": lambda _host, _folder: make_device(PrivateKey.from_int(0xBAD)).handle,
    "certified as a host": lambda _host, _folder: certified_as(0x01).handle,
    "certified as an endorsement": lambda _host, _folder: certified_as(0xFF).handle,
    "a session replayed": replayed,
    "a genuine certificate, another's session key": two_devices,
    "the host's certificates reflected": reflected,
    "the host's nonce reflected": own_nonce,
}


@pytest.mark.parametrize("identity", IDENTITIES)
@pytest.mark.parametrize("name", HOSTS)
def test_who_is_taken_for_a_genuine_device(
    name: str, identity: str, tmp_path: Path, record_property: Record
) -> None:
    """Whoever is accepted here has the host's word that an app is installed."""
    host = HOSTS[name]
    exchange = IDENTITIES[identity](host, tmp_path)
    with errors_of(host) as errors:
        host(exchange, IMAGE, tmp_path)
    record_property(
        FIGURE,
        f"who is taken for a genuine device | {identity} | {name} | {'refused' if errors else 'ACCEPTED'}",
    )
    if name == "ours":
        assert isinstance(errors[0], AuthenticationError | StatusWordError)


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("name", HOSTS)
def test_power_fails_during_an_update(
    name: str, moment: Moment, tmp_path: Path, record_property: Record
) -> None:
    """Each kind of step once, then the same command again."""
    host = HOSTS[name]
    before = make_device()
    HOSTS["ours"](before.handle, OLDER, tmp_path)
    plain = rehearse(host, tmp_path, before.state)
    counts: Counter[str] = Counter()
    for step in STEPS:

        def cut(wire: Wire, apdu: bytes) -> bytes:
            wire.device.cut_power(0, moment)
            try:
                return wire.honest(apdu)
            except PowerLostError as e:
                raise ConnectionResetError from e

        wire = Wire(make_device(state=before.state), step, cut, plain=plain)

        def exchange(apdu: bytes, wire: Wire = wire) -> bytes:
            try:
                return wire.exchange(apdu)
            except ConnectionResetError as e:
                raise PowerLostError from e

        with errors_of(host) as errors:
            host(exchange, IMAGE, tmp_path)
        counts["noticed"] += bool(errors)
        counts["an app is there"] += bool(wire.device.state.apps)
        with errors_of(host):
            host(wire.device.handle, IMAGE, tmp_path)
        counts["recovered"] += [app.full_hash for app in wire.device.state.apps] == [IMAGE.digest()]
    figures = " | ".join(f"{counts[k]} {k}" for k in ("noticed", "an app is there", "recovered"))
    record_property(
        FIGURE,
        f"power fails in an update, {len(STEPS)} steps each | {moment.name.lower()} | {name} | {figures}",
    )
    if name == "ours":
        assert counts["noticed"] == counts["recovered"] == counts["an app is there"] == len(STEPS)
