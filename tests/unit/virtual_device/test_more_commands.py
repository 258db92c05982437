"""Endorsement, language packs, onboarding and PIN, power cuts, latency."""

import hashlib
import socket
import struct
from collections.abc import Iterator

import pytest

from tests.unit.virtual_device.host import (
    CA,
    STRANGER,
    Host,
    Refused,
    apdu,
    config,
    load_plan,
    lv,
    make_image,
)
from toolchain.keys import PublicKey
from toolchain.virtual_device import DeviceState, Moment, PowerLostError, VirtualDevice
from toolchain.virtual_device.latency import ble, fixed, frames, usb_hid
from toolchain.virtual_device.state import PIN_TRIES, Authority

WITH_CA = DeviceState(custom_ca=Authority("ca", CA.public_key))


def authenticated(device: VirtualDevice) -> Host:
    """A host that has stopped after message 6."""
    host = Host(device.handle, device.config.target_id)
    for command in host.handshake():
        if command[1:3] == b"\x52\x80":
            return host
    raise AssertionError


def test_endorsement_key_is_signed_by_the_device() -> None:
    device = VirtualDevice(config())
    made = []
    for slot in (1, 2, 1):
        host = authenticated(device)
        reply = host.send(apdu(0xC0, p1=slot))
        key, signature = PublicKey(reply[:65]), reply[65:]
        assert device.config.identity.key.public_key.verifies_message(signature, b"\xff" + key.point)
        owner = STRANGER.sign_message(b"\xfe" + key.point)
        host.send(apdu(0xC2, owner))
        assert host.status == 0x9000
        made.append((slot, key, owner))
    kept = [(entry.slot, entry.key, entry.owner_signature) for entry in device.state.endorsements]
    assert kept == made[1:]
    assert DeviceState.load(device.state.dump()) == device.state


def test_endorsement_out_of_order() -> None:
    device = VirtualDevice(config())
    assert device.handle(apdu(0xC0, p1=1)) == b"\x69\x82"
    host = Host(device.handle, device.config.target_id).connect()
    assert device.handle(apdu(0xC0, p1=1)) == b"\x69\x82"
    host = authenticated(device)
    assert host.handle(apdu(0xC0)) == b"\x6b\x00"
    assert host.handle(apdu(0xC0, b"x", p1=1)) == b"\x67\x00"
    assert host.handle(apdu(0xC2, b"x")) == b"\x69\x82"
    assert host.handle(apdu(0xC0, p1=1))[-2:] == b"\x90\x00"
    assert host.handle(apdu(0xC2, b"x")) == b"\x68\x02"
    assert not device.state.endorsements


class PackHost(Host):
    """A host that also speaks the language commands."""

    def pack(self, ins: int, body: bytes = b"", language: int = 1) -> bytes:
        assert self.channel is not None
        reply = self.send(apdu(ins, self.channel.wrap(body) if body else b"", p1=language))
        if self.status != 0x9000:
            raise Refused(self.status)
        return self.channel.unwrap(reply) if reply else b""

    def load_pack(self, data: bytes, signature: bytes | None = None, language: int = 1) -> None:
        self.pack(0x30, len(data).to_bytes(4, "big"), language)
        for at in range(0, len(data), 200):
            self.pack(0x31, at.to_bytes(4, "big") + data[at : at + 200], language)
        self.pack(0x32, b"" if signature is None else lv(signature), language)

    def packs(self) -> list[tuple[int, int]]:
        found, page = [], self.pack(0x34, language=0)
        while page:
            assert page[0] == 1
            at = 1
            while at < len(page):
                assert page[at + 1] == 1
                assert page[at + 3] == 4
                found.append((page[at + 2], int.from_bytes(page[at + 4 : at + 8], "big")))
                at += page[at]
            page = self.pack(0x34, language=1)
        return found


def pack_host(state: DeviceState | None = None) -> tuple[VirtualDevice, PackHost]:
    device = VirtualDevice(config(), state)
    host = PackHost(device.handle, device.config.target_id)
    host.connect()
    return device, host


def test_language_packs() -> None:
    device, host = pack_host(WITH_CA)
    data = bytes(range(256)) * 3
    assert host.packs() == []
    for language in range(1, 30):
        host.load_pack(data[language:], language=language)
    assert host.packs() == [(language, 768 - language) for language in range(1, 30)]
    host.load_pack(data, CA.sign_digest(hashlib.sha256(data).digest()))
    assert host.packs()[-1] == (1, 768)
    host.pack(0x33)
    host.pack(0x33)
    assert (1, 768) not in host.packs()
    assert DeviceState.load(device.state.dump()) == device.state


def test_language_packs_are_atomic_and_strict() -> None:
    device, host = pack_host(WITH_CA)
    host.load_pack(b"before")
    for steps, status in (
        ([(0x31, bytes(4) + b"x", 1)], 0x6982),
        ([(0x32, b"", 1)], 0x6982),
        ([(0x30, b"\0\0\0\0", 1)], 0x6802),
        ([(0x30, b"\0\x20\0\0", 1)], 0x6802),
        ([(0x30, b"\0\0\0", 1)], 0x6700),
        ([(0x30, b"\0\0\0\2", 1), (0x31, bytes(4) + b"x", 2)], 0x6982),
        ([(0x30, b"\0\0\0\2", 1), (0x31, b"\0\0\0\1x", 1)], 0x6802),
        ([(0x30, b"\0\0\0\2", 1), (0x31, bytes(4) + b"xyz", 1)], 0x6802),
        ([(0x30, b"\0\0\0\2", 1), (0x31, bytes(4), 1)], 0x6802),
        ([(0x30, b"\0\0\0\2", 1), (0x31, bytes(4) + b"x", 1), (0x32, b"", 1)], 0x6802),
        ([(0x30, b"\0\0\0\1", 1), (0x31, bytes(4) + b"x", 1), (0x32, lv(b"bad"), 1)], 0x6982),
        ([(0x33, b"x", 1)], 0x6700),
        ([(0x34, b"x", 0)], 0x6700),
        ([(0x34, b"", 2)], 0x6B00),
    ):
        for ins, body, p1 in steps[:-1]:
            host.pack(ins, body, p1)
        with pytest.raises(Refused, match=f"{status:04x}"):
            host.pack(*steps[-1])
        assert [pack.data for pack in device.state.packs] == [b"before"]
    host.pack(0x30, b"\0\0\0\1")
    device.disconnect()
    assert device.handle(apdu(0x33, p1=1)) == b"\x69\x82"
    siv = PackHost(device.handle, device.config.target_id, siv=True)
    siv.connect()
    with pytest.raises(Refused, match="6d00"):
        siv.packs()


WORDS = b" ".join([b"abandon"] * 24)
FRESH = DeviceState(onboarded=False)


def onboarding(pin: bytes = b"1234", words: bytes = WORDS) -> bytes:
    return lv(pin) + lv(b"") + lv(b"") + lv(words)


def test_onboarding_and_pin() -> None:
    device = VirtualDevice(config(), FRESH)
    assert device.handle(apdu(0x01))[11] & 4 == 0
    assert device.handle(apdu(0xD0, onboarding())) == b"\x66\x1e"
    device.recovery = True
    assert device.handle(apdu(0xD0, onboarding(), p1=1)) == b"\x69\x82"
    for bad in (
        onboarding(pin=b"123"),
        onboarding(pin=b"123456789"),
        onboarding(pin=b"12a4"),
        onboarding(pin=b""),
        onboarding(words=b"abandon"),
        onboarding()[:-1],
        onboarding() + b"\0",
    ):
        assert device.handle(apdu(0xD0, bad)) == b"\x68\x02"
    assert device.handle(apdu(0xD0, onboarding())) == b"\x90\x00"
    assert device.handle(apdu(0x01))[11] & 4
    assert device.handle(apdu(0xD0, onboarding())) == b"\x69\x82"
    assert device.handle(apdu(0xD0, onboarding(pin=b"5678"), p1=1)) == b"\x90\x00"
    assert device.handle(apdu(0xD0, onboarding(pin=b""), p1=2)) == b"\x90\x00"
    assert device.handle(apdu(0xD0, onboarding(), p1=2)) == b"\x68\x02"
    assert b"abandon" not in device.state.dump()


def test_a_device_with_a_pin_starts_locked_and_a_wrong_pin_wipes_it_in_the_end() -> None:
    device = VirtualDevice(config(), DeviceState(pin="1234"))
    start = apdu(0x04, device.config.target_id.to_bytes(4, "big"))
    assert device.handle(start) == b"\x55\x15"
    assert not device.unlock("0000")
    assert device.unlock("1234")
    assert device.state.tries == PIN_TRIES
    Host(device.handle, device.config.target_id).connect().load(make_image())
    device = VirtualDevice(device.config, DeviceState.load(device.state.dump()))
    assert device.locked
    for tries in (2, 1):
        assert not device.unlock("0000")
        assert device.state.tries == tries
        assert device.state.apps
    assert not device.unlock("0000")
    assert device.state == DeviceState(onboarded=False, wear=device.state.wear)
    assert device.state.wear
    assert not device.locked


def replace_app(host: Host, plan: list[tuple[int, bytes]]) -> None:
    host.connect()
    for sub, args in plan:
        host.run(sub, args)


@pytest.mark.parametrize("moment", Moment)
def test_power_cut_at_every_command_of_a_load(moment: Moment) -> None:
    """The same load again succeeds wherever power failed, and until the commit nothing of it shows."""
    before, image = make_image(fill=1), make_image(fill=2)
    plan = [*load_plan(image)[:-1], (0x0C, lv(b"App")), load_plan(image)[-1]]
    for cut in range(7 + len(plan)):
        device = VirtualDevice(config())
        host = Host(device.handle, device.config.target_id).connect()
        host.load(before)
        device.cut_power(cut, moment)
        with pytest.raises(PowerLostError):
            replace_app(host, plan)
        committed = cut == 6 + len(plan) and moment is not Moment.BEFORE
        expected = image if committed else before
        assert [app.full_hash for app in device.state.apps] == [expected.digest()]
        if not committed:
            replace_app(host, plan)
        assert [app.full_hash for app in device.state.apps] == [image.digest()]


def test_power_cut_leaves_nothing_running() -> None:
    device = VirtualDevice(config())
    host = Host(device.handle, device.config.target_id).connect()
    host.load(make_image())
    device.handle(apdu(0xD8, b"App"))
    device.recovery = True
    device.cut_power(0, Moment.BEFORE)
    with pytest.raises(PowerLostError):
        device.handle(apdu(0x01))
    assert not device.recovery
    host.connect()


@pytest.mark.parametrize(("moment", "arrives"), [(m, m is Moment.WITHIN_ANSWER) for m in Moment])
def test_power_cut_over_tcp(moment: Moment, arrives: bool) -> None:
    device = VirtualDevice(config())
    version = apdu(0x01)
    with device.serve() as server:
        device.cut_power(0, moment)
        for complete in (False, True):
            with socket.create_connection((server.host, server.port), timeout=10) as connection:
                connection.sendall(struct.pack(">I", len(version)) + version)
                received = b"".join(_read(connection, 4 + len(device.config.os_version) + 20, complete))
                whole = 4 + len(VirtualDevice(config()).handle(version))
                assert (len(received) == whole) is complete
                assert bool(received) is (complete or arrives)


def _read(connection: socket.socket, most: int, complete: bool) -> Iterator[bytes]:
    """What comes: the first part of a whole answer, or everything until the server hangs up."""
    while part := connection.recv(1024):
        yield part
        if complete:
            return


def test_frames_of_the_modelled_links() -> None:
    assert [frames(size, 57, 59) for size in (1, 57, 58, 116, 117)] == [1, 1, 2, 2, 3]
    assert usb_hid(142, 2) == pytest.approx(0.004)
    assert ble(142, 2) == pytest.approx(0.030)
    assert ble(238, 240) == pytest.approx(0.060)


def test_latency_is_asked_for_each_exchange() -> None:
    asked: list[tuple[int, int]] = []

    def latency(command: int, reply: int) -> float:
        asked.append((command, reply))
        return fixed(0.0)(command, reply)

    with (
        VirtualDevice(config()).serve(latency=latency) as server,
        socket.create_connection((server.host, server.port), timeout=10) as connection,
    ):
        connection.sendall(b"\0\0\0\5" + apdu(0x01))
        reply = connection.recv(1024)
        assert asked == [(5, len(reply) - 4)]
