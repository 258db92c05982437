"""A small host for tests: handshake, wrapping, and loads of synthetic apps."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from toolchain.image import Image, Segment
from toolchain.keys import PrivateKey, PublicKey
from toolchain.target import get_target
from toolchain.virtual_device import DeviceConfig, DeviceIdentity
from toolchain.virtual_device.channel import Channel, classic_channel, siv_channel

ISSUER = PrivateKey.from_int(0x1551E7)
CA = PrivateKey.from_int(0xCA)
STRANGER = PrivateKey.from_int(0x57A)
IDENTITY = DeviceIdentity.issue(ISSUER, b"device under test")
ALL_TARGETS = ("nanos", "nanosp", "nanox", "stax", "flex", "apex_p")

Handle = Callable[[bytes], bytes]


def config(target: str = "nanosp", target_id: int | None = None, **changes: object) -> DeviceConfig:
    """The standard device of that name, repeatable, with some fields changed."""
    standard = DeviceConfig.standard(get_target(target), IDENTITY, target_id)
    return changed(replace(standard, seed=b"test"), **changes)


def changed(device: DeviceConfig, **changes: object) -> DeviceConfig:
    """``device`` with some fields changed; their names and types are the test's own business."""
    fields: dict[str, Any] = changes
    return replace(device, **fields)


def lv(data: bytes) -> bytes:
    return bytes([len(data)]) + data


def apdu(ins: int, data: bytes = b"", p1: int = 0, p2: int = 0) -> bytes:
    return bytes([0xE0, ins, p1, p2, len(data)]) + data


class Host:
    """Speaks to a device through ``handle``; keeps the status word of the last reply in ``status``."""

    def __init__(
        self, handle: Handle, target_id: int, key: PrivateKey = STRANGER, *, siv: bool = False
    ) -> None:
        self.handle = handle
        self.target_id = target_id
        self.key = key
        self.siv = siv
        self.status = 0
        self.ephemeral = PrivateKey.from_int(0xE9)
        self.nonce = bytes(range(8))
        self.channel: Channel | None = None

    def send(self, command: bytes) -> bytes:
        reply = self.handle(command)
        self.status = int.from_bytes(reply[-2:], "big")
        return reply[:-2]

    def handshake(self) -> Iterator[bytes]:
        """The seven messages, each made when the one before is answered; ends at a refusal."""
        yield from self._step(apdu(0x04, self.target_id.to_bytes(4, "big"), p1=2 if self.siv else 0))
        yield from self._step(apdu(0x50, self.nonce))
        device_nonce = self.reply[4:12]
        point = self.key.public_key.point
        yield from self._step(apdu(0x51, lv(point) + lv(self.key.sign_message(b"\x01" + point))))
        point = self.ephemeral.public_key.point
        signature = self.key.sign_message(b"\x11" + self.nonce + device_nonce + point)
        yield from self._step(apdu(0x51, lv(point) + lv(signature), p1=0x80))
        yield from self._step(apdu(0x52))
        yield from self._step(apdu(0x52, p1=0x80))
        keys = self.ephemeral, PublicKey(self.reply[2:67])
        yield from self._step(apdu(0x53))
        self.channel = siv_channel(*keys) if self.siv else classic_channel(self.target_id & 0xF, *keys)

    def _step(self, command: bytes) -> Iterator[bytes]:
        self.reply = self.send(command)
        if self.status != 0x9000:
            raise Refused(self.status)
        yield command

    def connect(self) -> "Host":
        for _ in self.handshake():
            pass
        return self

    def wrap(self, sub: int, args: bytes = b"") -> bytes:
        assert self.channel is not None
        return apdu(0x00, self.channel.wrap(bytes([sub]) + args))

    def run(self, sub: int, args: bytes = b"") -> bytes:
        """A secured command; its reply in the clear, or ``Refused``."""
        reply = self.send(self.wrap(sub, args))
        if self.status != 0x9000:
            raise Refused(self.status)
        assert self.channel is not None
        return self.channel.unwrap(reply) if reply else b""

    def load(self, image: Image, signature: bytes | None = None) -> None:
        for sub, args in load_plan(image, signature):
            self.run(sub, args)

    def names(self) -> list[str]:
        """Names of the listed apps, versioned format."""
        found = []
        page = self.run(0x0E)
        while page:
            assert page[0] == 1
            at = 1
            while at < len(page):
                found.append(page[at + 70 : at + page[at]].decode("ascii"))
                at += page[at]
            page = self.run(0x0F)
        return found


class Refused(Exception):  # noqa: N818 - reads as what happened
    def __init__(self, status: int) -> None:
        super().__init__(f"{status:04x}")
        self.status = status


def install_params(name: str, version: str = "1.0.0", dependencies: tuple[bytes, ...] = ()) -> bytes:
    params = b"".join(b"\x06" + lv(dependency) for dependency in dependencies)
    return params + b"\x01" + lv(name.encode()) + b"\x02" + lv(version.encode()) + b"\x04" + lv(b"\xff")


def make_image(
    name: str = "App",
    target: str = "nanosp",
    *,
    code: int = 1024,
    data: int = 512,
    params: bytes | None = None,
    fill: int = 1,
    flags: int = 0,
    target_id: int | None = None,
    hole: tuple[int, int] | None = None,
) -> Image:
    """A synthetic app; ``hole`` is cut out of it, as offsets."""
    device = config(target, target_id)
    params = install_params(name) if params is None else params
    body = hashlib.shake_256(bytes([fill])).digest(code + data) + params
    base = 0xC0DE0000
    parts = [(0, len(body))] if hole is None else [(0, hole[0]), (hole[1], len(body))]
    return Image(
        name=name,
        version="1.0.0",
        target_id=device.target_id,
        target_version=device.target_version,
        api_level=device.api_level,
        segments=tuple(Segment(base + start, body[start:end]) for start, end in parts),
        code_length=code,
        data_length=data,
        params_length=len(params),
        flags=flags,
        boot_offset=1,
    )


def load_plan(
    image: Image, signature: bytes | None = None, chunk: int = 208, crc: Callable[[bytes], int] | None = None
) -> list[tuple[int, bytes]]:
    """Secured commands of a load as (sub-instruction, arguments)."""
    plan = [(0x0B, image.create_app_params())]
    for segment in image.segments:
        for start in range(0, len(segment.data), 1 << 16):
            area = segment.data[start : start + (1 << 16)]
            plan.append((0x05, (segment.address - image.base + start).to_bytes(4, "big")))
            plan += [
                (0x06, at.to_bytes(2, "big") + area[at : at + chunk]) for at in range(0, len(area), chunk)
            ]
            if crc is not None:
                plan.append((0x07, b""))
                sizes = bytes(2) + len(area).to_bytes(4, "big")
                plan.append((0x08, sizes + crc(area).to_bytes(2, "big")))
    plan.append((0x09, b"" if signature is None else lv(signature)))
    return plan
