"""What is fuzzed: functions of bytes that must return, or raise an error of ours. Anything else is a find.

The device's side of a conversation comes first, then the host's, then files.
"""

import types
from collections.abc import Callable, Iterator
from pathlib import Path

from ledgerblue import ledgerWrapper

from toolchain.conversation import describe
from toolchain.device.apdu import Response
from toolchain.device.certificate import DeviceCertificate
from toolchain.device.channel import CbcChannel, CbcMacChannel, Channel, SivChannel
from toolchain.device.logs import read_log
from toolchain.device.session import Fresh, open_session
from toolchain.device.transport import Closing
from toolchain.device.transport.ble import Reassembly
from toolchain.device.transport.tcp import TcpTransport
from toolchain.device.transport.usb import UsbTransport
from toolchain.errors import ToolchainError
from toolchain.formats.apdu_script import read_script
from toolchain.formats.elf import read_elf
from toolchain.formats.ihex import read_ihex
from toolchain.formats.install_params import parse_install_params, path_from_text
from toolchain.keys import PrivateKey, PublicKey
from toolchain.load import language
from toolchain.load.inventory import inventory, parse_memory, parse_page, parse_secured_version, parse_version
from toolchain.load.script import load_commands
from toolchain.manifest import Manifest
from toolchain.target import get_target
from toolchain.trust import Issuer
from toolchain.virtual_device import DeviceConfig, DeviceIdentity, DeviceState, Exchange, VirtualDevice
from toolchain.virtual_device.application import read_create, read_install_params
from toolchain.virtual_device.apps import Apps
from toolchain.virtual_device.authorities import Authorities
from toolchain.virtual_device.config import seeded_random
from toolchain.virtual_device.core import Core
from toolchain.virtual_device.status import RefusedError

Target = Callable[[bytes], object]

CORPUS = Path(__file__).parent / "corpus"

_ISSUER = PrivateKey.from_int(0x1551E7)
_HOST = PrivateKey.from_int(0x4057)
_CONFIG = DeviceConfig.standard(get_target("nanosp"), DeviceIdentity.issue(_ISSUER, b"fuzz"))
_TARGET_ID = _CONFIG.target_id


def pieces(data: bytes) -> Iterator[bytes]:
    """Cut at two length bytes in front of each piece."""
    while data:
        size = int.from_bytes(data[:2], "big")
        yield data[2 : 2 + size]
        data = data[2 + size :]


class Answers(Closing):
    """A device that answers what the fuzzer says."""

    max_data = 255

    def __init__(self, data: bytes) -> None:
        self._answers = pieces(data)

    def exchange(self, _apdu: bytes) -> bytes:
        return next(self._answers, b"")

    def close(self) -> None:
        """Nothing to let go of."""


class Socket:
    """A network that brings what the fuzzer says, in pieces."""

    def __init__(self, data: bytes) -> None:
        self._pieces = pieces(data)

    def settimeout(self, _seconds: float) -> None:
        """Nothing here takes time."""

    def sendall(self, _data: bytes) -> None:
        """Nobody listens."""

    def recv(self, _size: int) -> bytes:
        return next(self._pieces, b"")

    def close(self) -> None:
        """Nothing to let go of."""


class Hid:
    """A cable that brings what the fuzzer says, in reports of 64 bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def write(self, data: bytes) -> int:
        return len(data)

    def read(self, size: int, timeout_ms: int) -> list[int]:  # noqa: ARG002 - hidapi's name
        report, self._data = self._data[:size], self._data[size:]
        return list(report)

    def close(self) -> None:
        """Nothing to let go of."""


def device_conversation(data: bytes) -> None:
    device = VirtualDevice(_CONFIG)
    for apdu in pieces(data):
        answer = device.handle(apdu)
        if len(answer) < 2:
            raise AssertionError("an answer without a status word")
    device.state.check(_CONFIG)


def device_commands(data: bytes) -> None:
    """Commands behind the channel, which a fuzzer could not get through."""
    core = Core(_CONFIG, DeviceState(), seeded_random(b"fuzz"))
    actions = {**Apps(core).actions, **Authorities(core).actions}
    for command in pieces(data):
        action = actions.get(command[0]) if command else None
        if action is not None:
            _refusable(action, command[1:])
    core.state.check(_CONFIG)


def _refusable(function: Callable[..., object], *arguments: object) -> None:
    try:
        function(*arguments)
    except RefusedError:
        pass


def device_parameters(data: bytes) -> None:
    _refusable(read_install_params, data)
    for level, generation in ((None, 2), (None, 4), (25, 4)):
        _refusable(read_create, data, level, generation)


def device_state(data: bytes) -> None:
    state = DeviceState.load(data)
    if DeviceState.load(state.dump()) != state:
        raise AssertionError("a state changes by being written and read")
    state.check(_CONFIG)


def host_handshake(data: bytes) -> None:
    """Signatures that verify are out of a fuzzer's reach, so no session comes about."""
    issuer = Issuer("fuzz", _ISSUER.public_key, "virtual")
    fresh = Fresh(b"hostnonc", PrivateKey.from_int(0x57A7))
    siv = data[:1] == b"\1"
    session = open_session(Answers(data[1:]), _TARGET_ID, _HOST, [issuer], siv=siv, fresh=fresh)
    inventory(session)


def host_channel(data: bytes) -> None:
    kinds: tuple[Callable[[], Channel], ...] = (
        lambda: CbcChannel(bytes(16)),
        lambda: CbcMacChannel(bytes(16), bytes(16)),
        lambda: SivChannel(bytes(32)),
    )
    channel = kinds[data[0] % 3 if data else 0]()
    channel.wrap(b"\x0e")
    channel.unwrap(data[1:])


def host_answers(data: bytes) -> None:
    parsers: tuple[Target, ...] = (
        parse_page,
        parse_memory,
        parse_version,
        parse_secured_version,
        language.parse_page,
        DeviceCertificate.parse,
        Response.decode,
    )
    parsers[data[0] % len(parsers) if data else 0](data[1:])


def host_tcp(data: bytes) -> None:
    link = TcpTransport.__new__(TcpTransport)
    link.__dict__.update(_name="tcp://fuzz:1", _timeout=60.0, _socket=Socket(data))
    link.exchange(b"\xe0\x01\0\0\0")


def host_usb(data: bytes) -> None:
    framing: types.ModuleType = ledgerWrapper
    UsbTransport(Hid(data), framing).exchange(b"\xe0\x01\0\0\0")


def host_ble(data: bytes) -> None:
    answer = Reassembly()
    for frame in pieces(data):
        if answer.add(frame) is not None:
            return


def host_trace(data: bytes) -> None:
    """A conversation that somebody watches."""
    command, reply, plain, answer, *_ = (*pieces(data), b"", b"", b"", b"")
    for exchange in (
        Exchange(command, reply + b"\x90\0", None, None),
        Exchange(b"\xe0\0\0\0\0", reply + b"\x90\0", plain, answer),
    ):
        for line in describe(1, exchange):
            if not line.isprintable():
                raise AssertionError("a line that a terminal might obey")


def file_log(data: bytes) -> None:
    for _ in read_log(data.decode("utf-8", "replace")):
        pass


def file_script(data: bytes) -> None:
    load_commands(read_script(data.decode("ascii", "replace")))


def file_key(data: bytes) -> None:
    """A signature and a public key from elsewhere."""
    _HOST.public_key.verifies(data, bytes(32))
    PublicKey.from_pem(data.decode("ascii", "replace"))


TARGETS: dict[str, Target] = {
    "device-conversation": device_conversation,
    "device-commands": device_commands,
    "device-parameters": device_parameters,
    "device-state": device_state,
    "host-handshake": host_handshake,
    "host-channel": host_channel,
    "host-answers": host_answers,
    "host-tcp": host_tcp,
    "host-usb": host_usb,
    "host-ble": host_ble,
    "host-trace": host_trace,
    "file-log": file_log,
    "file-script": file_script,
    "file-key": file_key,
    "file-elf": read_elf,
    "file-hex": lambda data: read_ihex(data.decode("ascii", "replace")),
    "file-parameters": parse_install_params,
    "file-path": lambda data: path_from_text(data.decode("utf-8", "replace")),
    "file-manifest": lambda data: Manifest.from_json(data.decode("utf-8", "replace")),
}


def run(target: Target, data: bytes) -> None:
    """Feed one input; errors of ours are answers like any."""
    try:
        target(data)
    except ToolchainError:
        pass
