"""Virtual devices on ports: several at once, repeatable ones, and what a person does with them."""

import pytest

from tests.unit.virtual_device.host import apdu
from toolchain.buttons import press
from toolchain.device.transport import open_transport
from toolchain.errors import ConfigError, TransportError
from toolchain.load.inventory import device_version
from toolchain.served import Setup, virtual_device, virtual_devices
from toolchain.target import get_target
from toolchain.virtual_device import DeviceState, Moment, PowerLostError, VirtualDevice
from toolchain.virtual_device.latency import ble, latency, usb_hid

NANO_SP = get_target("nanosp")


def nonces(setup: Setup) -> bytes:
    with virtual_device(NANO_SP, setup=setup) as served:
        served.device.handle(apdu(0x04, NANO_SP.id.to_bytes(4, "big")))
        return served.device.handle(apdu(0x50, bytes(8))) + served.device.config.identity.key.public_key.point


def test_a_seed_makes_it_repeatable() -> None:
    assert nonces(Setup(seed=b"1")) == nonces(Setup(seed=b"1"))
    assert nonces(Setup(seed=b"1")) != nonces(Setup(seed=b"2"))
    assert nonces(Setup()) != nonces(Setup())


def test_several_on_ports_in_a_row() -> None:
    with virtual_devices(NANO_SP, 1, 0, lambda _: Setup()) as (probe,):
        start = int(probe.uri.rpartition(":")[2])
        with (
            pytest.raises(TransportError, match="cannot listen"),
            virtual_devices(NANO_SP, 1, start, lambda _: Setup()),
        ):
            pytest.fail("two devices on one port")
    with virtual_devices(NANO_SP, 3, start, lambda n: Setup(recovery=n == 1)) as served:
        assert [device.uri for device in served] == [f"tcp://127.0.0.1:{start + n}" for n in range(3)]
        for number, device in enumerate(served):
            with open_transport(device.uri, timeout=10) as transport:
                assert device_version(transport).recovery_mode == (number == 1)


@pytest.mark.parametrize(("count", "port"), [(0, 0), (2, 65535), (1, 65536), (1, -1)])
def test_impossible_ranges(count: int, port: int) -> None:
    with pytest.raises(ConfigError), virtual_devices(NANO_SP, count, port, lambda _: Setup()):
        pytest.fail("served")


def device(**state: object) -> VirtualDevice:
    with virtual_device(NANO_SP) as served:
        return VirtualDevice(served.device.config, DeviceState(**state))  # type: ignore[arg-type]


def conditions(one: VirtualDevice) -> tuple[bool, bool]:
    """Recovery mode, and whether it is locked."""
    return one.recovery, one.locked


def test_buttons() -> None:
    one = device(pin="1234")
    assert conditions(one) == (False, True)
    assert press([one], "unlock 4711\n") == "wrong PIN, 2 tries left"
    assert press([one], "unlock 1234") == "unlocked"
    assert press([one], "lock") == "locked"
    assert press([one], "recovery") == "restarted in recovery mode"
    assert conditions(one) == (True, True)
    assert press([one, one], "restart") == "restarted; restarted"
    assert conditions(one) == (False, True)
    for tries in (2, 1):
        assert press([one], "unlock 9") == f"wrong PIN, {tries} tries left"
    assert press([one], "unlock 9") == "wrong PIN: wiped"
    assert not one.state.onboarded
    assert press([one], "cut 1 within-answer") == "power will fail after 1 more commands"
    one.handle(apdu(0x01))
    with pytest.raises(PowerLostError):
        one.handle(apdu(0x01))
    assert press([one], "quit") == "in its menu"


@pytest.mark.parametrize("line", ["frob", "cut", "cut x", "cut 1 never", "cut 1 before now", "unlock 1 2"])
def test_not_understood(line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        press([device()], line)
    assert caught.value.hint


def test_moments_have_names() -> None:
    one = device()
    for moment in Moment:
        press([one], f"cut 0 {moment.name.lower().replace('_', '-')}")
        with pytest.raises(PowerLostError):
            one.handle(apdu(0x01))


def test_links_have_names() -> None:
    assert (latency("none"), latency("usb"), latency("ble")) == (None, usb_hid, ble)
    five = latency("5")
    assert five is not None
    assert five(5, 2) == 0.005
    for name in ("", "-1", "wifi", "60001", "1.5"):
        with pytest.raises(ConfigError):
            latency(name)
