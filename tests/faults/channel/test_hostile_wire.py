"""A hostile wire between our host and a device, at every exchange of a whole load.

Whatever the wire does to one answer or one command, the load ends in an error of ours, and never in a
success that the device does not share.
"""

import re
from collections import Counter
from collections.abc import Callable

import pytest

from tests.faults.figures import FIGURE
from tests.unit.device.small_device import HOST_KEY, ISSUER, ISSUER_KEY, Relay, SmallDevice
from tests.unit.load.samples import sample_image
from toolchain.device.session import Fresh, open_session
from toolchain.device.transport import Closing, Transport
from toolchain.errors import DeviceError, SecureChannelError, TransportError
from toolchain.keys import PrivateKey
from toolchain.load.install import Installed, install
from toolchain.target import target_by_id
from toolchain.virtual_device import DeviceConfig, DeviceIdentity, VirtualDevice

Record = Callable[[str, object], None]

OK = b"\x90\x00"
NAME = b"\x01\x06Sample\x02\x051.0.0"
IMAGE = sample_image(600 + len(NAME), tail=NAME)


class Strict(Closing):
    """The virtual device, which has a channel of its own, as a transport."""

    max_data = 255

    def __init__(self) -> None:
        target = target_by_id(IMAGE.target_id)
        assert target
        identity = DeviceIdentity.issue(ISSUER_KEY, seed=b"strict")
        self._device = VirtualDevice(DeviceConfig.standard(target, identity))

    def exchange(self, apdu: bytes) -> bytes:
        return self._device.handle(apdu)

    def close(self) -> None:
        self._device.disconnect()

    @property
    def apps(self) -> dict[str, bytes]:
        return {app.name: app.full_hash for app in self._device.state.apps}


Make = type[SmallDevice] | type[Strict]
devices = pytest.mark.parametrize("make", [SmallDevice, Strict], ids=["small device", "virtual device"])

Alter = Callable[[list[bytes], bytes, bytes], bytes]
"""Earlier answers, the command, the honest answer; what the host gets instead."""


def hang(_earlier: list[bytes], _command: bytes, _answer: bytes) -> bytes:
    raise TransportError("the device did not answer within 1 s", hint="look at its screen")


ANSWERS: dict[str, Alter] = {
    "hang": hang,
    "nothing": lambda _earlier, _command, _answer: b"",
    "half a status word": lambda _earlier, _command, answer: answer[:-1],
    "empty": lambda _earlier, _command, _answer: OK,
    "cut": lambda _earlier, _command, answer: answer[: len(answer) // 2] + OK,
    "twice": lambda _earlier, _command, answer: answer + answer,
    "one byte more": lambda _earlier, _command, answer: answer[:-2] + b"\0" + OK,
    "oversized": lambda _earlier, _command, _answer: bytes(65533) + OK,
    "zeros": lambda _earlier, _command, answer: bytes(max(16, len(answer) - 2)) + OK,
    "an earlier answer": lambda earlier, _command, _answer: max(earlier, key=len, default=b"\0" + OK),
    "the command reflected": lambda _earlier, command, _answer: command[5:] + OK,
    "an error": lambda _earlier, _command, _answer: b"\x6f\x00",
    "a warning": lambda _earlier, _command, answer: answer[:-2] + b"\x61\x10",
}


class Wire(Relay):
    """Alters the answer of one exchange."""

    def __init__(self, device: Transport, number: int, alter: Alter) -> None:
        super().__init__(device)
        self.number = number
        self.alter = alter
        self.altered = False
        self.earlier: list[bytes] = []

    def exchange(self, apdu: bytes) -> bytes:
        number = self.exchanges
        honest = super().exchange(apdu)
        answer = honest if number != self.number else self.alter(self.earlier, apdu, honest)
        self.altered |= answer != honest
        self.earlier.append(honest)
        return answer


def load(link: Transport) -> Installed:
    fresh = Fresh(b"hostnonc", PrivateKey.from_int(0x57A7))
    session = open_session(link, IMAGE.target_id, HOST_KEY, [ISSUER], fresh=fresh)
    return install(session, IMAGE, None)


def exchanges(make: Make) -> range:
    link = Relay(make())
    load(link)
    return range(link.exchanges)


@devices
@pytest.mark.parametrize("fault", ANSWERS)
def test_every_answer(make: Make, fault: str, record_property: Record) -> None:
    """The last exchange is the list that confirms; all before it are handshake, inventory and load."""
    refused: Counter[str] = Counter()
    unharmed = 0
    for number in exchanges(make):
        device = make()
        wire = Wire(device, number, ANSWERS[fault])
        try:
            load(wire)
        except DeviceError as error:
            assert not re.search("[0-9a-f]{16}", f"{error} {error.hint}")  # noqa: PT017 - no keys, no plaintext
            refused[type(error).__name__] += 1
        else:
            assert not wire.altered, f"exchange {number}"
            assert device.apps == {"Sample": IMAGE.digest()}
            unharmed += 1
    assert refused
    record_property(FIGURE, figure(make, f"answer: {fault}", refused, unharmed))


def figure(make: Make, fault: str, refused: Counter[str], unharmed: int) -> str:
    """How a fault at every exchange ended, once for each; unharmed is what the fault did not change."""
    errors = ", ".join(f"{count} {name.removesuffix('Error')}" for name, count in sorted(refused.items()))
    whom = "small device" if make is SmallDevice else "virtual device"
    return f"our host, every exchange of a load | {fault} | {whom} | {errors} | {unharmed} unharmed"


COMMANDS: dict[str, Callable[[bytes, bytes], bytes]] = {
    "flipped": lambda apdu, _before: apdu[:-1] + bytes((apdu[-1] ^ 1,)),
    "replaced by the one before": lambda _apdu, before: before,
    "without data": lambda apdu, _before: apdu[:4] + b"\0",
}


@devices
@pytest.mark.parametrize("fault", COMMANDS)
def test_every_command(make: Make, fault: str, record_property: Record) -> None:
    refused: Counter[str] = Counter()
    unharmed = 0
    for number in exchanges(make):
        device = make()
        sent: list[bytes] = [b"\xe0\x01\0\0\0"]

        def alter(n: int, apdu: bytes, *, number: int = number, sent: list[bytes] = sent) -> bytes:
            changed = COMMANDS[fault](apdu, sent[-1]) if n == number and len(apdu) > 5 else apdu
            sent.append(apdu)
            return changed

        link = Relay(device, command=alter)
        try:
            load(link)
        except DeviceError as e:
            refused[type(e).__name__] += 1
            continue
        assert len(sent[number + 1]) == 5, f"exchange {number}"
        assert device.apps == {"Sample": IMAGE.digest()}
        unharmed += 1
    record_property(FIGURE, figure(make, f"command: {fault}", refused, unharmed))


def test_the_channel_is_dead_after_a_fault() -> None:
    for number in exchanges(SmallDevice)[7:]:
        wire = Wire(SmallDevice(), number, ANSWERS["zeros"])
        fresh = Fresh(b"hostnonc", PrivateKey.from_int(0x57A7))
        session = open_session(wire, IMAGE.target_id, HOST_KEY, [ISSUER], fresh=fresh)
        with pytest.raises(SecureChannelError):
            install(session, IMAGE, None)
        before = wire.exchanges
        with pytest.raises(SecureChannelError):
            install(session, IMAGE, None)
        assert wire.exchanges == before  # nothing more was sent
