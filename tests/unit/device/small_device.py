"""A device small enough to read at a glance, for tests of the host: handshake, channel, apps.

It is in the test's process and is a transport itself. It checks what it must to answer sensibly, no more;
strictness is the virtual device's business.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from toolchain.device import certificate
from toolchain.device.apdu import Command, Response
from toolchain.device.channel import (
    CbcChannel,
    CbcMacChannel,
    Channel,
    SivChannel,
    compressed_secret,
    counter_secret,
)
from toolchain.device.fields import lv, split_lv
from toolchain.device.transport import Closing, Transport
from toolchain.errors import SecureChannelError, SigningError
from toolchain.keys import PrivateKey, PublicKey
from toolchain.trust import Issuer

NANO_SP = 0x33100004
HEADER = bytes.fromhex("10b48081be2028")

ISSUER_KEY = PrivateKey.from_int(0x1551)
ISSUER = Issuer("test issuer", ISSUER_KEY.public_key, "virtual")
DEVICE_KEY = PrivateKey.from_int(0xDE71CE)
HOST_KEY = PrivateKey.from_int(0x4057)


class RefusedError(Exception):
    """The device does not go along."""


def require(condition: bool) -> None:
    if not condition:
        raise RefusedError


@dataclass
class SmallDevice(Closing):
    target_id: int = NANO_SP
    issuer: PrivateKey = ISSUER_KEY
    key: PrivateKey = DEVICE_KEY
    nonce: bytes = b"devnonce"
    max_data: int = 255
    free: int = 1 << 20
    slots: int = 20
    apps: dict[str, bytes] = field(default_factory=dict)
    loading_name: str = "Sample"
    received: list[bytes] = field(default_factory=list)
    page_size: int = 2

    def __post_init__(self) -> None:
        self.channel: Channel | None = None
        self.next_channel: Channel | None = None
        self.ephemeral = PrivateKey.from_int(0xE9)
        self.siv = False
        self.host_nonce = b""
        self.host = self.host_ephemeral = HOST_KEY.public_key
        self.loaded = b""
        self.pages: list[bytes] = []

    def close(self) -> None:
        self.channel = None

    def exchange(self, apdu: bytes) -> bytes:
        command = Command.decode(apdu)
        handler: Callable[[Command], bytes] | None = {
            0x00: self._secured,
            0x04: self._target,
            0x50: self._nonces,
            0x51: self._host_certificate,
            0x52: self._device_certificate,
            0x53: self._open,
        }.get(command.ins)
        if handler is None:
            return Response(b"", 0x6D00).encode()
        try:
            return Response(handler(command), 0x9000).encode()
        except (RefusedError, SecureChannelError):
            return Response(b"", 0x6982).encode()
        except (ValueError, IndexError, SigningError):
            return Response(b"", 0x6A80).encode()

    def _target(self, command: Command) -> bytes:
        self.channel, self.siv = None, command.p1 == 2
        require(command.data == self.target_id.to_bytes(4, "big"))
        return b""

    def _nonces(self, command: Command) -> bytes:
        self.host_nonce = command.data
        return b"\0\0\0\2" + self.nonce

    def _host_certificate(self, command: Command) -> bytes:
        point, signature = split_lv(command.data)
        key = PublicKey(point)
        if command.p1 == 0:
            self.host = key
            require(key.verifies_message(signature, certificate.host_static_signed(key)))
        else:
            self.host_ephemeral = key
            signed = certificate.host_ephemeral_signed(self.host_nonce, self.nonce, key)
            require(self.host.verifies_message(signature, signed))
        return b""

    def _device_certificate(self, command: Command) -> bytes:
        agree = counter_secret if self.siv else compressed_secret
        secret = agree(self.ephemeral, self.host_ephemeral)
        siv = SivChannel.from_secret(secret)
        if command.p1 == 0:
            signature = self.issuer.sign_message(
                certificate.device_static_signed(HEADER, self.key.public_key)
            )
            static = lv(HEADER) + lv(self.key.public_key.point) + lv(signature)
            return siv.wrap(static) if self.siv else static
        mine = self.ephemeral.public_key
        signature = self.key.sign_message(
            certificate.device_ephemeral_signed(self.nonce, self.host_nonce, mine)
        )
        if self.siv:
            signature, self.next_channel = siv.wrap(signature), siv
        elif self.target_id & 0xF == 2:
            self.next_channel = CbcChannel.from_secret(secret)
        else:
            self.next_channel = CbcMacChannel.from_secret(secret)
        return lv(b"") + lv(mine.point) + lv(signature)

    def _open(self, _command: Command) -> bytes:
        self.channel = self.next_channel
        return b""

    def _secured(self, command: Command) -> bytes:
        if self.channel is None:
            raise RefusedError
        plaintext = self.channel.unwrap(command.data)
        self.received.append(plaintext)
        return self.channel.wrap(self.run(plaintext[0], plaintext[1:]))

    def run(self, sub: int, arguments: bytes) -> bytes:
        match sub:
            case 0x0B:
                prefix = self.target_id.to_bytes(4, "big") if self.target_id & 0xF > 3 else b""
                self.loaded = prefix + arguments
            case 0x06:
                self.loaded += arguments[2:]
            case 0x09:
                self.apps[self.loading_name] = hashlib.sha256(self.loaded).digest()
            case 0x0C:
                self.apps.pop(arguments[1:].decode(), None)
            case 0x15:
                self.apps = {name: h for name, h in self.apps.items() if h != arguments}
            case 0x0E | 0x0F:
                return self._page(first=sub == 0x0E)
            case 0x10:
                return self.target_id.to_bytes(4, "big") + lv(b"1.0.0") + lv(b"\x04\0\0\0") + lv(b"5.1\0")
            case 0x11:
                used = len(self.apps)
                return b"".join(n.to_bytes(4, "big") for n in (1 << 19, 0, self.free, used, self.slots))
        return b""

    def _page(self, *, first: bool) -> bytes:
        if first:
            entries = [
                bytes((70 + len(name),)) + b"\0\x10\x80\0" + bytes(32) + full_hash + lv(name.encode())
                for name, full_hash in self.apps.items()
            ]
            self.pages = [
                b"\x01" + b"".join(entries[i : i + self.page_size])
                for i in range(0, len(entries), self.page_size)
            ]
        return self.pages.pop(0) if self.pages else b""


class Relay(Closing):
    """Something on the way: sees every exchange, and may change it. Counts exchanges from 0."""

    def __init__(
        self,
        transport: Transport,
        *,
        command: Callable[[int, bytes], bytes] = lambda _number, apdu: apdu,
        answer: Callable[[int, bytes], bytes] = lambda _number, answer: answer,
    ) -> None:
        self._transport = transport
        self._command = command
        self._answer = answer
        self.max_data = transport.max_data
        self.exchanges = 0

    def exchange(self, apdu: bytes) -> bytes:
        number, self.exchanges = self.exchanges, self.exchanges + 1
        return self._answer(number, self._transport.exchange(self._command(number, apdu)))

    def close(self) -> None:
        self._transport.close()
