"""Power fails, the host dies or the device restarts at every command of an update; then it is repeated."""

import contextlib
from collections import Counter
from collections.abc import Callable

import pytest

from tests.faults.figures import FIGURE
from tests.unit.device.small_device import HOST_KEY, ISSUER, ISSUER_KEY
from tests.unit.load.samples import sample_image
from toolchain.device.session import open_session
from toolchain.device.transport import Closing
from toolchain.errors import DeviceError
from toolchain.image import Image
from toolchain.load.install import Installed, install
from toolchain.load.inventory import device_version
from toolchain.target import Target, get_target
from toolchain.virtual_device import DeviceConfig, DeviceIdentity, Moment, VirtualDevice

NAMES = ("Sample", "Another App")


def app(target: Target, name: str, length: int) -> Image:
    tail = b"\x01" + bytes((len(name),)) + name.encode()
    return sample_image(
        length,
        name=name,
        target_id=target.id,
        target_version=target.version,
        api_level=target.api_level,
        tail=tail,
    )


class Link(Closing):
    """The device on a wire that notices when its power fails."""

    max_data = 255

    def __init__(self, device: VirtualDevice) -> None:
        self.device = device
        self.exchanges = 0

    def exchange(self, apdu: bytes) -> bytes:
        self.exchanges += 1
        return self.device.handle(apdu)

    def close(self) -> None:
        self.device.disconnect()


def load(link: Link, image: Image) -> Installed:
    with link:
        target_id = device_version(link).target_id
        return install(open_session(link, target_id, HOST_KEY, [ISSUER]), image, None)


def installed(device: VirtualDevice) -> dict[str, bytes]:
    return {a.name: a.full_hash for a in device.state.apps}


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("target", ["nanos", "nanosp", "nanox"])
@pytest.mark.parametrize("name", NAMES)
def test_every_command(
    target: str, name: str, moment: Moment, record_property: Callable[[str, object], None]
) -> None:
    device_target = get_target(target)
    old, new = app(device_target, name, 700), app(device_target, name, 900)
    config = DeviceConfig.standard(device_target, DeviceIdentity.issue(ISSUER_KEY, seed=b"cut"))

    with_old = VirtualDevice(config)
    load(Link(with_old), old)
    rehearsal = Link(VirtualDevice(config, with_old.state))
    load(rehearsal, new)
    outcomes: Counter[str] = Counter()
    for number in range(rehearsal.exchanges):
        device = VirtualDevice(config, with_old.state)
        device.cut_power(number, moment)
        try:
            load(Link(device), new)
        except DeviceError:
            there = installed(device).get(name)
            assert there in (None, old.digest(), new.digest())
            outcomes["old" if there == old.digest() else "new" if there else "none"] += 1
        else:
            pytest.fail(f"nobody noticed that power failed at command {number}")
        assert load(Link(device), new).app.full_hash == new.digest()
        assert installed(device) == {name: new.digest()}
    assert sum(outcomes.values()) == rehearsal.exchanges
    record_property(FIGURE, figure(f"{target}, {name}, power fails: {moment.name.lower()}", outcomes))


def figure(what: str, outcomes: Counter[str]) -> str:
    """After the fault: the old version was there, the new one, or none; then the same load again."""
    left = " ".join(f"{outcomes[kind]:>3} {kind}" for kind in ("old", "none", "new"))
    total = outcomes.total()
    return f"our loads, cut at every command | {what} | {left} | {total} of {total} recovered"


class HostKilled(BaseException):
    """What ends our process, as far as the device can tell: the connection is gone."""


class Dying(Link):
    """A link whose host dies before, or after, command number ``last``."""

    def __init__(self, device: VirtualDevice, last: int, *, before: bool) -> None:
        super().__init__(device)
        self.last = last
        self.before = before

    def exchange(self, apdu: bytes) -> bytes:
        if self.before and self.exchanges == self.last:
            raise HostKilled
        answer = super().exchange(apdu)
        if self.exchanges > self.last:
            raise HostKilled
        return answer


class Reset(Link):
    """A link to a device that somebody restarts before command number ``number``."""

    def __init__(self, device: VirtualDevice, number: int) -> None:
        super().__init__(device)
        self.number = number

    def exchange(self, apdu: bytes) -> bytes:
        if self.exchanges == self.number:
            # All that a restart leaves is what the device remembers.
            self.device = VirtualDevice(self.device.config, self.device.state)
        return super().exchange(apdu)


@pytest.mark.parametrize("fault", ["killed before", "killed after", "device restarts"])
@pytest.mark.parametrize("target", ["nanos", "nanosp", "nanox"])
@pytest.mark.parametrize("name", NAMES)
def test_the_host_dies_or_the_device_restarts(
    target: str, name: str, fault: str, record_property: Callable[[str, object], None]
) -> None:
    device_target = get_target(target)
    old, new = app(device_target, name, 700), app(device_target, name, 900)
    config = DeviceConfig.standard(device_target, DeviceIdentity.issue(ISSUER_KEY, seed=b"cut"))
    with_old = VirtualDevice(config)
    load(Link(with_old), old)
    rehearsal = Link(VirtualDevice(config, with_old.state))
    load(rehearsal, new)
    outcomes: Counter[str] = Counter()
    for number in range(rehearsal.exchanges):
        device = VirtualDevice(config, with_old.state)
        link = (
            Reset(device, number)
            if fault == "device restarts"
            else Dying(device, number, before=fault == "killed before")
        )
        with contextlib.suppress(DeviceError, HostKilled):
            load(link, new)
        there = installed(link.device).get(name)
        outcomes["old" if there == old.digest() else "new" if there else "none"] += 1
        assert load(Link(link.device), new).app.full_hash == new.digest()
        assert installed(link.device) == {name: new.digest()}
    record_property(FIGURE, figure(f"{target}, {name}, {fault}", outcomes))
