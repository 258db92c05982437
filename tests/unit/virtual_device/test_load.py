"""Loading: the right hash, whatever the chunking; nothing visible before the commit; strict order."""

import binascii
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.virtual_device.host import (
    ALL_TARGETS,
    Host,
    Refused,
    apdu,
    config,
    install_params,
    load_plan,
    lv,
    make_image,
)
from toolchain.image import Image
from toolchain.virtual_device import DeviceConfig, VirtualDevice


def connect(device_config: DeviceConfig) -> tuple[VirtualDevice, Host]:
    device = VirtualDevice(device_config)
    return device, Host(device.handle, device_config.target_id).connect()


@pytest.mark.parametrize(
    ("target", "target_id"),
    [("nanos", 0x31100002), ("nanos", 0x31100003), *((name, None) for name in ALL_TARGETS)],
)
def test_an_app_is_installed_with_the_digest_of_its_image(target: str, target_id: int | None) -> None:
    device, host = connect(config(target, target_id))
    image = make_image(target=target, target_id=target_id)
    host.load(image)
    (app,) = device.state.apps
    assert app.full_hash == image.digest()
    assert app.contents == image.data
    assert (app.name, app.version) == ("App", "1.0.0")
    assert app.nvm == image.data[1024:1536]
    assert host.names() == ["App"]


@settings(max_examples=20, deadline=None)
@given(
    chunk=st.integers(1, 222),
    code=st.integers(1, 3000),
    data=st.integers(0, 300),
    hole=st.booleans(),
)
def test_chunking_and_holes_do_not_matter(chunk: int, code: int, data: int, hole: bool) -> None:
    device, host = connect(config())
    cut = (code // 3 + 1, code // 2 + 1) if hole and code > 6 else None
    image = make_image(code=code, data=data, hole=cut)
    for sub, args in load_plan(image, chunk=chunk, crc=lambda area: binascii.crc_hqx(area, 0xFFFF)):
        host.run(sub, args)
    (app,) = device.state.apps
    assert app.full_hash == image.digest()
    assert [(s.address + image.base, s.data) for s in app.segments] == [
        (s.address, s.data) for s in image.segments
    ]


def test_more_than_64_kib_are_loaded_in_several_selects() -> None:
    device, host = connect(config())
    image = make_image(code=150_016)
    host.load(image)
    assert device.state.apps[0].full_hash == image.digest()


def test_parameters_appended_behind_unaligned_data() -> None:
    """One client starts them at the next multiple of 64 of the data's length."""
    image = make_image(code=128, data=10)
    params = image.params_length
    body = image.data[:138]
    for gap in (0, 54):
        device, host = connect(config())
        host.run(0x0B, image.create_app_params())
        host.run(0x05, bytes(4))
        host.run(0x06, bytes(2) + body)
        host.run(0x05, (138 + gap).to_bytes(4, "big"))
        host.run(0x06, bytes(2) + image.data[-params:])
        host.run(0x09)
        assert device.state.apps[0].name == "App"
        assert device.state.apps[0].full_hash == image.digest()


def test_padding_that_was_not_used_takes_no_page() -> None:
    """Up to 63 bytes in front of the parameters are allowed for; here they would need another page."""
    image = make_image(code=512 - 15 - 1, data=1)
    assert image.span == 512
    device, host = connect(config())
    host.load(image)
    assert [len(app.pages) for app in device.state.apps] == [1]
    assert int.from_bytes(host.run(0x11)[4:8], "big") == 512
    VirtualDevice(device.config, device.state)


def test_legacy_form() -> None:
    device, host = connect(config("nanos", 0x31100003))
    body = bytes(range(200))
    create = (200).to_bytes(4, "big") + bytes(4) + lv(b"Old") + lv(b"icon") + lv(b"\xff") + lv(b"0.9")
    host.run(0x0B, create)
    host.run(0x05, bytes(4))
    host.run(0x06, bytes(2) + body)
    host.run(0x09, (0x41).to_bytes(4, "big"))
    (app,) = device.state.apps
    assert (app.name, app.version, app.request.boot_offset) == ("Old", "0.9", 0x41)
    assert app.contents == body


def _drop(device: VirtualDevice, host: Host) -> None:
    device.disconnect()


def _reset(device: VirtualDevice, host: Host) -> None:
    host.connect()


def _flip(device: VirtualDevice, host: Host) -> None:
    wrapped = bytearray(host.wrap(0x07))
    wrapped[-1] ^= 1
    assert device.handle(bytes(wrapped)) == b"\x69\x82"


@pytest.mark.parametrize("end", [_drop, _reset, _flip])
@pytest.mark.parametrize("delete_first", [False, True])
def test_whenever_a_load_ends_early_the_version_before_is_intact(
    end: Callable[[VirtualDevice, Host], None], delete_first: bool
) -> None:
    before, after = make_image(fill=1), make_image(fill=2, code=2048)
    plan = load_plan(after)
    # While the new version loads, the old one is deleted either as the session's first command or just
    # before the commit.
    deletion = (0x0C, lv(b"App"))
    plan = [deletion, *plan] if delete_first else [*plan[:-1], deletion, plan[-1]]
    device, host = connect(config())
    host.load(before)
    # Deleting first and going away before the create-app command is a deletion and nothing else.
    for cut in range(2 if delete_first else 0, len(plan)):
        for sub, args in plan[:cut]:
            host.run(sub, args)
            if sub != 0x0C or not delete_first:
                assert host.names() == ["App"]
        end(device, host)
        assert [app.full_hash for app in device.state.apps] == [before.digest()]
        host.connect()
        assert host.names() == ["App"]
    for sub, args in plan:
        host.run(sub, args)
    assert [app.full_hash for app in device.state.apps] == [after.digest()]
    assert host.names() == ["App"]


def test_without_room_for_both_a_deletion_stands() -> None:
    device, host = connect(config(app_flash=4096))
    host.load(make_image(code=2048))
    after = make_image(fill=2, code=2048)
    with pytest.raises(Refused, match="6a84"):
        host.load(after)
    host.run(0x0C, lv(b"App"))
    host.run(0x0B, after.create_app_params())
    assert not device.state.apps
    host.load(after)
    assert device.state.apps[0].full_hash == after.digest()


def test_deleting_alone_takes_effect_at_once() -> None:
    device, host = connect(config())
    image = make_image()
    host.load(image)
    host.run(0x0C, lv(b"Other"))
    assert [app.name for app in device.state.apps] == ["App"]
    host.run(0x15, image.digest())
    device.disconnect()
    assert not device.state.apps
    host.connect().run(0x15, image.digest())


def _expect(host: Host, status: int, sub: int, args: bytes = b"") -> None:
    with pytest.raises(Refused) as refusal:
        host.run(sub, args)
    assert refusal.value.status == status


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ([(0x05, bytes(4))], 0x6982),
        ([(0x06, bytes(2) + b"x")], 0x6982),
        ([(0x07, b"")], 0x6982),
        ([(0x08, bytes(8))], 0x6982),
        ([(0x09, b"")], 0x6982),
        (["create", (0x06, bytes(2) + b"x")], 0x6982),
        (["create", (0x07, b"")], 0x6982),
        (["create", (0x09, b"")], 0x6802),
        (["create", (0x05, b"\0\0\0\1")], 0x6802),
        (["create", (0x05, b"\xff\xff\xff\xff")], 0x6802),
        (["create", (0x05, bytes(3))], 0x6700),
        (["create", (0x05, bytes(5))], 0x6700),
        (["create", (0x05, bytes(4)), (0x06, bytes(2))], 0x6802),
        (["create", (0x05, bytes(4)), (0x06, b"\0\1x")], 0x6802),
        (["create", (0x05, bytes(4)), (0x06, bytes(2) + b"xy"), (0x06, b"\0\1x")], 0x6802),
        (["create", (0x05, bytes(4)), (0x06, bytes(2) + b"xy"), (0x05, b"\0\0\0\1")], 0x6802),
        (["create", (0x05, bytes(4)), (0x06, bytes(2) + b"xy"), (0x07, b"x")], 0x6700),
        (["create", (0x05, bytes(4)), (0x06, bytes(2) + b"xy"), (0x08, bytes(7))], 0x6700),
        (["create", (0x05, bytes(4)), (0x06, bytes(2) + b"xy"), (0x08, b"\0\0\0\0\0\2\0\0")], 0x6802),
        (["create", (0x05, bytes(4)), (0x06, bytes(2) + b"xy"), (0x08, b"\0\0\0\0\0\3\0\0")], 0x6802),
        (["create", (0x05, bytes(4)), (0x06, bytes(2) + b"xy"), (0x09, b"")], 0x6802),
        (["create", (0x05, bytes(4)), (0x05, bytes(4)), (0x09, b"")], 0x6802),
    ],
)
def test_order_and_arguments_are_enforced(steps: list[tuple[int, bytes] | str], status: int) -> None:
    device, host = connect(config())
    image = make_image()
    commands = [(0x0B, image.create_app_params()) if isinstance(step, str) else step for step in steps]
    for sub, args in commands[:-1]:
        host.run(sub, args)
    _expect(host, status, *commands[-1])
    # The load is over, the channel is not.
    _expect(host, 0x6982, 0x05, bytes(4))
    host.load(image)
    assert device.state.apps[0].full_hash == image.digest()


def test_a_chunk_must_not_run_past_the_image_or_the_segment() -> None:
    _, host = connect(config())
    image = make_image(code=150_016)
    small = make_image(code=64, data=0)
    host.run(0x0B, small.create_app_params())
    host.run(0x05, bytes(4))
    _expect(host, 0x6802, 0x06, bytes(2) + bytes(64 + small.params_length + 1))
    host.run(0x0B, image.create_app_params())
    host.run(0x05, bytes(4))
    for at in range(0, 0xFFC0, 64):
        host.run(0x06, at.to_bytes(2, "big") + bytes(64))
    _expect(host, 0x6802, 0x06, b"\xff\xc0" + bytes(65))


def test_merged_messages_are_refused() -> None:
    """Two wrapped commands joined in one APDU carry a valid MAC, but no valid arguments."""
    image = make_image()
    merges: list[list[tuple[int, bytes]]] = [
        [(0x05, bytes(4)), (0x06, bytes(2) + image.data[:16])],
        [(0x07, b""), (0x07, b"")],
        [(0x08, b"\0\0\0\0\0\0\xff\xff"), (0x07, b"")],
        [(0x0C, lv(b"App")), (0x0C, lv(b"Other"))],
        [(0x09, b""), (0x0E, b"")],
        [(0x13, b""), (0x0E, b"")],
        [(0x15, bytes(32)), (0x0E, b"")],
        [(0x10, b""), (0x11, b"")],
        [(0x11, b""), (0x0E, b"")],
        [(0x0B, image.create_app_params()), (0x05, bytes(4))],
        [(0x0E, b""), (0x0F, b"")],
        [(0x12, lv(b"ca") + lv(bytes(65))), (0x0E, b"")],
    ]
    for merge in merges:
        device, host = connect(config(recovery=True))
        host.run(0x0B, image.create_app_params())
        first, second = (host.wrap(*command)[5:] for command in merge)
        reply = device.handle(apdu(0x00, first[:-14] + second))
        assert reply in (b"\x67\x00", b"\x68\x02", b"\x65\x12"), merge
        assert not device.state.apps


def test_a_chunk_merged_with_the_next_is_caught_by_the_gap() -> None:
    device, host = connect(config())
    image = make_image()
    host.run(0x0B, image.create_app_params())
    host.run(0x05, bytes(4))
    first, second = (host.wrap(0x06, at.to_bytes(2, "big") + image.data[at : at + 48])[5:] for at in (0, 48))
    device.handle(apdu(0x00, first[:-14] + second))
    _expect(host, 0x6802, 0x06, (96).to_bytes(2, "big") + image.data[96:144])
    assert not device.state.apps


@pytest.mark.parametrize("plain", [b"\x07", b"\x10", b"\x0e", b"\x0c" + lv(b"App"), b"\x09"])
def test_any_flipped_bit_kills_the_channel(plain: bytes) -> None:
    for bit in range(0, 8 * 46, 3):
        device, host = connect(config())
        host.run(0x0B, make_image().create_app_params())
        wrapped = bytearray(host.wrap(plain[0], plain[1:]))
        if 5 + bit // 8 >= len(wrapped):
            break
        wrapped[5 + bit // 8] ^= 1 << bit % 8
        assert device.handle(bytes(wrapped)) == b"\x69\x82"
        assert device.handle(host.wrap(0x0E)) == b"\x69\x82"


def test_replayed_and_cut_messages_kill_the_channel() -> None:
    for spoil in (lambda wrapped: wrapped, lambda wrapped: wrapped[:-1], lambda wrapped: b""):
        device, host = connect(config())
        wrapped = host.wrap(0x07)
        device.handle(wrapped)
        assert device.handle(apdu(0x00, spoil(wrapped[5:]))) == b"\x69\x82"
        assert device.handle(host.wrap(0x0E)) == b"\x69\x82"


def test_space_is_counted_in_pages_and_blocks() -> None:
    for target, unit in (("nanosp", 512), ("nanox", 4096), ("nanos", 4096)):
        device, host = connect(config(target))
        total = int.from_bytes(host.run(0x11)[8:12], "big")
        image = make_image(target=target, code=1024, data=512)
        host.load(image)
        used = -(-(image.span + 0) // unit) * unit
        numbers = [int.from_bytes(host.run(0x11)[i : i + 4], "big") for i in range(0, 20, 4)]
        assert numbers == [device.config.system_size, used, total - used, 1, device.config.slots]
        blocks = int.from_bytes(host.run(0x0E)[2:4], "big")
        assert blocks * device.config.block_size == used
        assert len(device.state.wear) == used // unit


def _fill(host: Host, count: int) -> list[Image]:
    images = [
        make_image(f"Application number {i:02}", fill=i, params=install_params(f"Application number {i:02}"))
        for i in range(count)
    ]
    for image in images:
        host.load(image)
    return images


def test_a_long_list_comes_in_pages() -> None:
    device, host = connect(config())
    images = _fill(host, 7)
    assert host.names() == [image.name for image in images]
    pages = [host.run(sub) for sub in (0x0E, 0x0F, 0x0F, 0x0F, 0x0F)]
    assert all(0 < len(page) < 240 for page in pages[:-1]), "wrapped, a short reply holds no more"
    assert pages[-1] == b""
    first = device.handle(apdu(0xDE))
    assert first[:-2] == host.run(0x0E)
    assert device.handle(apdu(0xDF))[:-2] != first[:-2]


def test_old_list_format() -> None:
    _, host = connect(config(list_format="old"))
    images = _fill(host, 5)
    listed, page = [], host.run(0x0E)
    while page:
        assert page[0] != 1
        while page:
            entry, page = page[1 : 1 + page[0]], page[1 + page[0] :]
            name, rest = entry[1 : 1 + entry[0]], entry[1 + entry[0] :]
            listed.append((name.decode(), rest[:4], rest[4:]))
        page = host.run(0x0F)
    assert listed == [(image.name, b"\0\0\x80\0", image.digest()) for image in images]
