from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.device.small_device import HOST_KEY, ISSUER, NANO_SP, Relay, SmallDevice
from tests.unit.device.vectors import group
from toolchain.device.apdu import Command
from toolchain.device.fields import lv
from toolchain.device.session import Genuine, Session, open_session
from toolchain.device.transport import Transport
from toolchain.device.transport.replay import ReplayTransport
from toolchain.errors import ConfigError, DeviceError, SecureChannelError
from toolchain.keys import PrivateKey
from toolchain.load.inventory import (
    DeviceVersion,
    InstalledApp,
    MemoryInfo,
    check_genuine,
    claimed_apps,
    delete_app,
    delete_app_by_hash,
    device_version,
    enroll_ca,
    find_app,
    inventory,
    parse_memory,
    parse_page,
    parse_secured_version,
    parse_version,
    remove_ca,
    run_app,
)

OK = b"\x90\x00"
HASHES = {name: bytes([i]) * 32 for i, name in enumerate("ABCDE", start=1)}


def connect(transport: Transport) -> Session:
    return open_session(transport, NANO_SP, HOST_KEY, [ISSUER])


def entry_1(app: InstalledApp) -> bytes:
    name = app.name.encode()
    blocks, code_data = app.blocks or 0, app.code_data_hash or bytes(32)
    numbers = blocks.to_bytes(2, "big") + app.flags.to_bytes(2, "big")
    return bytes((70 + len(name),)) + numbers + code_data + app.full_hash + lv(name)


def entry_old(app: InstalledApp) -> bytes:
    name = app.name.encode()
    return bytes((38 + len(name),)) + lv(name) + app.flags.to_bytes(4, "big") + app.full_hash


names = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=32)
hashes = st.binary(min_size=32, max_size=32)
short = st.integers(0, 0xFFFF)


@given(st.lists(st.builds(InstalledApp, names, short, hashes, short, hashes), min_size=1, max_size=4))
def test_format_1(apps: list[InstalledApp]) -> None:
    assert list(parse_page(b"\x01" + b"".join(map(entry_1, apps)))) == apps


@given(st.lists(st.builds(InstalledApp, names, st.integers(0, 0xFFFFFFFF), hashes), max_size=4))
def test_old_format(apps: list[InstalledApp]) -> None:
    assert list(parse_page(b"".join(map(entry_old, apps)))) == apps


@given(st.binary(max_size=300))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    for parse in (parse_page, parse_memory, parse_version, parse_secured_version):
        try:
            parse(data)
        except DeviceError as error:
            assert error.hint  # noqa: PT017 - the point is that nothing else is raised


GOOD = InstalledApp("Sample", 0x8000, bytes(32), 3, bytes(32))


@pytest.mark.parametrize(
    "page",
    [
        b"\x01" + entry_1(GOOD)[:-1],
        b"\x01" + entry_1(GOOD) + b"\x4b",
        b"\x01\x4b" + entry_1(GOOD)[1:],
        b"\x01" + entry_1(InstalledApp("\x1b[2J", 0, bytes(32), 0, bytes(32))),
        b"\x01" + entry_1(GOOD).replace(b"Sample", b"\xff\xffmple"),
        entry_old(GOOD)[:-1],
        b"\x07" + entry_old(GOOD)[1:],
    ],
    ids=["cut", "half an entry", "wrong size", "control characters", "not text", "old cut", "old wrong size"],
)
def test_malformed_pages(page: bytes) -> None:
    with pytest.raises(DeviceError, match="malformed"):
        parse_page(page)


def test_flags_of_an_entry() -> None:
    assert InstalledApp("ca", 0x8400, bytes(32)).is_custom_ca
    assert not GOOD.is_custom_ca


def test_memory() -> None:
    numbers = b"".join(n.to_bytes(4, "big") for n in (1, 2, 3, 4, 5))
    assert parse_memory(numbers) == MemoryInfo(1, 2, 3, 4, 5)
    for wrong in (numbers[:-1], numbers + b"\0", b""):
        with pytest.raises(DeviceError, match="malformed"):
            parse_memory(wrong)


def test_version_in_clear() -> None:
    """The sample of a wallet's tests, a Nano X (loader protocol §12.1)."""
    sample = bytes.fromhex("3300000405322e322e3304ee00000004322e333004312e31360101010001 00".replace(" ", ""))
    version = parse_version(sample)
    assert version == DeviceVersion(
        0x33000004, "2.2.3", 0xEE, "2.30", "1.16", hardware_version=b"\x01", language=b"\0"
    )
    assert not version.recovery_mode


def test_version_without_the_later_fields() -> None:
    version = parse_version(bytes.fromhex("33100004") + lv(b"1.0") + lv(b"\1\0\0\0") + lv(b"4.1"))
    assert version == DeviceVersion(0x33100004, "1.0", 1, "4.1")
    assert version.recovery_mode


def test_boot_loader_is_told_apart() -> None:
    with pytest.raises(DeviceError, match="boot loader"):
        parse_version(bytes.fromhex("01000001") + lv(b"0.9") + lv(bytes(4)) + lv(b"1.0") + lv(bytes(4)))


@pytest.mark.parametrize("vector", group("handshake"), ids=lambda v: str(v["id"]))
def test_secured_answers_as_recorded(vector: dict[str, Any]) -> None:
    for wrapped in vector["wrapped"]:
        reply = bytes.fromhex(wrapped["reply_plain"])
        if wrapped["command_plain"] == "10":
            version = parse_secured_version(reply)
            assert version.target_id == int(vector["target_id"], 16)
            assert (version.os_version, version.mcu_version, len(version.mcu_hash)) == ("1.4.1", "5.28", 32)
        elif wrapped["command_plain"] == "11":
            assert parse_memory(reply) == MemoryInfo(0x80000, 0, 0x17F400, 0, 100)


def test_inventory_of_several_pages() -> None:
    found = inventory(connect(SmallDevice(apps=HASHES)))
    assert {app.name: app.full_hash for app in found.apps} == HASHES
    assert found.memory.slots_used == 5


def test_inventory_of_an_empty_device() -> None:
    assert inventory(connect(SmallDevice())).apps == ()


@pytest.mark.parametrize("swallowed", [7, 8, 9])
def test_a_swallowed_page_is_noticed(swallowed: int) -> None:
    """A relay that hides a page, or the custom CA on it, breaks the chain of the next answer."""
    link = Relay(SmallDevice(apps=HASHES), answer=lambda n, answer: OK if n == swallowed else answer)
    with pytest.raises(DeviceError):
        inventory(connect(link))


def test_a_list_without_end() -> None:
    class Endless(SmallDevice):
        def run(self, sub: int, arguments: bytes) -> bytes:
            if sub in (0x0E, 0x0F):
                return b"\x01" + entry_1(GOOD)
            return super().run(sub, arguments)

    with pytest.raises(DeviceError, match="does not end"):
        inventory(connect(Endless()))


def test_find_stops_at_the_page() -> None:
    device = SmallDevice(apps=HASHES)
    session = connect(device)
    found = find_app(session, HASHES["A"])
    assert found
    assert found.name == "A"
    assert device.received == [b"\x0e"]
    assert find_app(session, bytes(32)) is None


def test_claimed_apps() -> None:
    apps = (InstalledApp("A", 1, bytes(32)), InstalledApp("B", 2, bytes(32)))
    pages = [
        (Command(0xE0, 0xDE).encode(), entry_old(apps[0]) + OK),
        (Command(0xE0, 0xDF).encode(), entry_old(apps[1]) + OK),
        (Command(0xE0, 0xDF).encode(), OK),
    ]
    assert claimed_apps(ReplayTransport(pages)) == apps


def test_version_and_run_in_clear() -> None:
    answer = bytes.fromhex("33100004") + lv(b"1.0") + lv(bytes(4)) + lv(b"4.1")
    link = ReplayTransport(
        [(bytes.fromhex("e001000000"), answer + OK), (bytes.fromhex("e0d8000003417070"), OK)]
    )
    assert device_version(link).target_id == NANO_SP
    run_app(link, "App")


def test_delete() -> None:
    device = SmallDevice(apps=dict(HASHES))
    session = connect(device)
    assert [app.name for app in delete_app(session, "A").apps] == ["B", "C", "D", "E"]
    assert [app.name for app in delete_app_by_hash(session, HASHES["E"]).apps] == ["B", "C", "D"]
    assert len(delete_app(session, "not there").apps) == 3
    assert device.received[0] == b"\x0c\x01A"


def test_delete_that_nobody_confirms() -> None:
    class Deaf(SmallDevice):
        def run(self, sub: int, arguments: bytes) -> bytes:
            return b"" if sub == 0x0C else super().run(sub, arguments)

    with pytest.raises(DeviceError, match="did not confirm: A is still listed"):
        delete_app(connect(Deaf(apps=HASHES)), "A")


@pytest.mark.parametrize("name", ["", "x" * 128])
def test_impossible_names(name: str) -> None:
    session = connect(SmallDevice())
    with pytest.raises(ConfigError, match="1 to 127"):
        delete_app(session, name)
    with pytest.raises(ConfigError, match="32 bytes"):
        delete_app_by_hash(session, b"short")


def test_custom_ca() -> None:
    device = SmallDevice()
    session = connect(device)
    key = PrivateKey.from_int(5).public_key
    enroll_ca(session, "dev", key)
    remove_ca(session)
    assert device.received == [b"\x12\x03dev\x41" + key.point, b"\x13"]


def test_genuine_check() -> None:
    class WithCa(SmallDevice):
        def _page(self, *, first: bool) -> bytes:
            ca, ui = (InstalledApp(n, f, bytes(32), 0, bytes(32)) for n, f in (("dev", 0x8400), ("ui", 8)))
            return b"\x01" + entry_1(ca) + entry_1(ui) if first else b""

    plain = check_genuine(connect(SmallDevice()))
    assert plain.verdict == Genuine(ISSUER)
    assert plain.version.target_id == NANO_SP
    assert plain.version.mcu_version == "5.1"
    assert plain.custom_ca is plain.replaced_interface is None
    warned = check_genuine(connect(WithCa()))
    assert warned.custom_ca
    assert warned.replaced_interface
    assert (warned.custom_ca.name, warned.replaced_interface.name) == ("dev", "ui")


def test_a_session_that_lost_its_channel_lists_nothing() -> None:
    link = Relay(SmallDevice(apps=HASHES), answer=lambda n, answer: bytes(46) + OK if n == 7 else answer)
    session = connect(link)
    for _ in range(2):
        with pytest.raises(SecureChannelError):
            inventory(session)
