"""Configurations that are refused, and the state file: round trip, hostile bytes, another device's state."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.virtual_device.host import ALL_TARGETS, CA, ISSUER, Host, changed, config, lv, make_image
from toolchain.errors import ConfigError, ImageError
from toolchain.target import get_target
from toolchain.virtual_device import DeviceConfig, DeviceIdentity, DeviceState, VirtualDevice


def used_device(target: str = "nanosp", target_id: int | None = None) -> VirtualDevice:
    """A device with two apps, one with a hole, and both certificates."""
    device = VirtualDevice(config(target, target_id, recovery=True))
    host = Host(device.handle, device.config.target_id).connect()
    host.load(make_image("First", target, target_id=target_id))
    host.load(make_image("Second", target, target_id=target_id, fill=2, hole=(100, 200)))
    host.run(0x12, lv(b"ca") + lv(CA.public_key.point))
    siv = Host(device.handle, device.config.target_id, siv=True).connect()
    siv.run(0xD2, lv(b"recover") + lv(CA.public_key.point))
    return device


@pytest.mark.parametrize(("target", "target_id"), [("nanos", 0x31100003), *((n, None) for n in ALL_TARGETS)])
def test_state_round_trip(target: str, target_id: int | None) -> None:
    device = used_device(target, target_id)
    data = device.state.dump()
    again = DeviceState.load(data)
    assert again == device.state
    assert again.dump() == data
    revived = VirtualDevice(device.config, again)
    assert Host(revived.handle, revived.config.target_id).connect().names() == ["First", "Second", "ca"]


def test_legacy_apps_survive_too() -> None:
    device = VirtualDevice(config("nanos", 0x31100003))
    host = Host(device.handle, device.config.target_id).connect()
    host.run(0x0B, (64).to_bytes(4, "big") + bytes(4) + lv(b"Old") + lv(b"") + lv(b"\xff") + lv(b"2"))
    host.run(0x05, bytes(4))
    host.run(0x06, bytes(2) + bytes(64))
    host.run(0x09, (1).to_bytes(4, "big"))
    assert DeviceState.load(device.state.dump()) == device.state


@given(st.binary(max_size=200))
def test_garbage_is_not_a_state(data: bytes) -> None:
    with pytest.raises(ImageError):
        DeviceState.load(data)


PLACES: list[tuple[str | int, ...]] = [
    ("format",),
    ("apps",),
    ("apps", 0),
    ("apps", 0, "name"),
    ("apps", 0, "version"),
    ("apps", 0, "flags"),
    ("apps", 0, "request"),
    ("apps", 0, "request", "hashed"),
    ("apps", 0, "request", "code_length"),
    ("apps", 0, "segments"),
    ("apps", 0, "segments", 0),
    ("apps", 0, "segments", 0, 0),
    ("apps", 0, "segments", 0, 1),
    ("apps", 0, "full_hash"),
    ("apps", 0, "pages"),
    ("apps", 0, "pages", 0),
    ("apps", 0, "nvm"),
    ("custom_ca",),
    ("custom_ca", "key"),
    ("custom_ca", "name"),
    ("wear",),
    ("wear", "0"),
]
DOCUMENT = used_device().state.dump()


@pytest.mark.parametrize("value", [-1, 1 << 40, 1.5, True, "!", "ü", [None], {"a": 1}], ids=repr)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_no_field_of_a_state_is_believed(place: tuple[str | int, ...], value: object) -> None:
    document = json.loads(DOCUMENT)
    parent = document
    for step in place[:-1]:
        parent = parent[step]
    parent[place[-1]] = value
    if value == "!" and place[-1] in {"name", "version"}:
        DeviceState.load(json.dumps(document).encode())
        return
    with pytest.raises(ImageError):
        DeviceState.load(json.dumps(document).encode())


@pytest.mark.parametrize("missing", json.loads(DOCUMENT))
def test_no_field_may_be_missing(missing: str) -> None:
    document = json.loads(DOCUMENT)
    del document[missing]
    with pytest.raises(ImageError):
        DeviceState.load(json.dumps(document).encode())


def test_deep_nesting_and_size_are_bounded() -> None:
    with pytest.raises(ImageError):
        DeviceState.load(b"[" * 100_000)
    with pytest.raises(ImageError, match="larger"):
        DeviceState.load(b" " * (65 << 20))


def test_a_state_fits_its_device_only() -> None:
    state = used_device().state
    VirtualDevice(config(), state)
    first, second = state.apps
    for device_config, wrong in (
        (config("nanox"), state),
        (config(slots=1), state),
        (config(app_flash=1024), state),
        (config(), replace(state, apps=(first, replace(second, pages=first.pages)))),
        (config(), replace(state, apps=(replace(first, full_hash=bytes(32)), second))),
        (config(), replace(state, apps=(replace(first, pages=first.pages[:-1]), second))),
        (config(), replace(state, apps=(first, replace(second, name="First")))),
        (config(), replace(state, wear={1 << 30: 1})),
    ):
        with pytest.raises(ImageError):
            VirtualDevice(device_config, wrong)


@pytest.mark.parametrize(
    "change",
    [
        {"target_id": 0x31100001},
        {"target_id": 1 << 32},
        {"api_level": 256},
        {"page_size": 0},
        {"page_size": 48},
        {"app_flash": -1},
        {"app_flash": 1 << 32},
    ],
    ids=str,
)
def test_impossible_devices(change: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        changed(config(), **change)


def test_identity() -> None:
    again = DeviceIdentity.issue(ISSUER, b"x"), DeviceIdentity.issue(ISSUER, b"x")
    assert again[0].key.public_key == again[1].key.public_key
    assert DeviceIdentity.issue(ISSUER).key.public_key != DeviceIdentity.issue(ISSUER).key.public_key
    with pytest.raises(ConfigError):
        DeviceIdentity.issue(ISSUER, serial=b"\0")


def test_no_key_shows_in_a_repr() -> None:
    identity = DeviceIdentity.issue(ISSUER, b"secret seed")
    text = repr(replace(DeviceConfig.standard(get_target("nanosp"), identity), seed=b"secret seed"))
    assert "secret seed" not in text
    assert f"{identity.key.secret:x}" not in text
