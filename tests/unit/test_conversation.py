"""A conversation reads like one, whatever was said; secrets of onboarding are never shown."""

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.virtual_device.host import CA, Host, apdu, config, lv, make_image
from toolchain.conversation import describe
from toolchain.virtual_device import DeviceState, Exchange, VirtualDevice


def listen(device: VirtualDevice, *, raw: bool = False) -> tuple[VirtualDevice, list[str]]:
    """The same device, and what is said to it."""
    said: list[str] = []
    heard = VirtualDevice(
        device.config,
        device.state,
        lambda exchange: said.extend(describe(len(said), exchange, raw=raw)),
    )
    return heard, said


def test_a_whole_load_in_words() -> None:
    device, said = listen(VirtualDevice(config(recovery=True)))
    device.handle(apdu(0x01))
    host = Host(device.handle, device.config.target_id).connect()
    host.load(make_image("Sample"))
    host.run(0x12, lv(b"mine") + lv(CA.public_key.point))
    host.run(0x0E)
    host.run(0x11)
    host.run(0x10)
    host.run(0x0C, lv(b"Sample"))
    text = "\n".join(said)
    for words in (
        "get version",
        "33100004 (Nano S Plus), OS 1.5.0, recovery mode",
        "send host certificate: key 04",
        "batch 00000001, nonce ",
        "* host    create app: API level 25, 1024 bytes of code, 512 of data",
        "* host    load chunk: 208 bytes at 0x00d0",
        "* host    commit app: without a signature",
        "* host    enrol custom CA: mine, key 04",
        "device  Sample ",
        "mine 0000000000000000…",
        "bytes free, 2048 in use, 1 of 100 places",
        "* host    delete app: Sample",
    ):
        assert words in text, text
    assert "REFUSED" not in text


def test_refusals_are_explained() -> None:
    device, said = listen(VirtualDevice(config(locked=True)))
    device.handle(apdu(0x04, (0x33100004).to_bytes(4, "big")))
    assert said[1].startswith("       device  REFUSED 5515 ")
    assert "locked" in said[1]
    device.handle(b"\xe0")
    assert "unknown command e0" in said[2]


def test_bytes_on_request_but_never_a_pin() -> None:
    device, said = listen(VirtualDevice(config(recovery=True), DeviceState(onboarded=False)), raw=True)
    words = b"abandon " * 11 + b"about"
    device.handle(apdu(0xD0, lv(b"4711") + lv(b"") + lv(b"") + lv(words)))
    assert "onboard: PIN and words are not shown" in said[0]
    assert not any(secret.hex() in " ".join(said) for secret in (b"4711", b"abandon"))
    host = Host(device.handle, device.config.target_id)
    device.unlock("4711")
    host.connect()
    host.run(0x0E)
    shown = "\n".join(said)
    assert "in clear 0e" in shown


@given(st.binary(max_size=80), st.none() | st.binary(max_size=80), st.binary(max_size=80))
def test_anything_may_be_said(command: bytes, plain: bytes | None, reply: bytes) -> None:
    exchange = Exchange(
        b"\xe0\x00\0\0\0" if plain is not None else command, reply + b"\x90\0", plain, plain and reply
    )
    lines = list(describe(1, exchange))
    assert 1 <= len(lines) <= 2
    assert all(line.isprintable() for line in lines)
