"""Power fails, the host dies or the device restarts at every command of an update; then it is repeated."""

import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Any, get_args

import pytest

from tests.faults.figures import FIGURE
from tests.unit.device.small_device import HOST_KEY, ISSUER, ISSUER_KEY
from tests.unit.load.samples import sample_image
from tests.unit.virtual_device.host import changed
from toolchain.device.session import open_session
from toolchain.device.transport import Closing
from toolchain.errors import DeviceError, StatusWordError
from toolchain.image import Image
from toolchain.load.install import Installed, KeepingRefusedError, install
from toolchain.load.inventory import device_version
from toolchain.target import Target, get_target
from toolchain.virtual_device import DeviceConfig, DeviceIdentity, Exchange, Moment, VirtualDevice
from toolchain.virtual_device.config import DeleteInLoad

Record = Callable[[str, object], None]

NAMES = ("Sample", "Two Areas")
FAULTS = ("killed before", "killed after", "device restarts")
TARGETS = ("nanos", "nanosp", "nanox")
RECOVERED = "our loads, cut at every command"


def app(target: Target, name: str, version: int) -> Image:
    """One of two apps: all in one area; or with data, and a hole between two areas."""
    shapes: dict[str, dict[str, Any]] = {"Sample": {}, "Two Areas": {"holes": ((300, 100),), "data": 256}}
    return sample_image(
        900 + 200 * version,
        name=name,
        target_id=target.id,
        target_version=target.version,
        api_level=target.api_level,
        tail=b"\x01" + bytes((len(name),)) + name.encode(),
        **shapes[name],
    )


def updates(target: str, name: str) -> tuple[Image, Image]:
    """The version that is installed and its successor."""
    device_target = get_target(target)
    return app(device_target, name, 1), app(device_target, name, 2)


def device_with(target: str, image: Image, **changes: object) -> VirtualDevice:
    identity = DeviceIdentity.issue(ISSUER_KEY, seed=b"cut")
    device = VirtualDevice(changed(DeviceConfig.standard(get_target(target), identity), **changes))
    load(Link(device), image)
    return device


def again(device: VirtualDevice) -> VirtualDevice:
    """The same device, with what it remembers."""
    return VirtualDevice(device.config, device.state)


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
    """As the task does: a device that does not keep the version before gets a second load."""
    try:
        return load_once(link, image, delete_first=False)
    except KeepingRefusedError:
        return load_once(link, image, delete_first=True)


def load_once(link: Link, image: Image, *, delete_first: bool) -> Installed:
    with link:
        target_id = device_version(link).target_id
        session = open_session(link, target_id, HOST_KEY, [ISSUER])
        return install(session, image, None, delete_first=delete_first)


def installed(device: VirtualDevice) -> dict[str, bytes]:
    return {a.name: a.full_hash for a in device.state.apps}


def left(device: VirtualDevice, old: Image, new: Image) -> str:
    """What is there after a fault: one whole version, or none."""
    versions = {None: "none", old.digest(): "old", new.digest(): "new"}
    assert installed(device).keys() <= {new.name}
    return versions[installed(device).get(new.name)]


def recovered(device: VirtualDevice, new: Image) -> bool:
    """Whether the same load again leaves the device as one that nobody disturbed."""
    load(Link(device), new)
    return installed(device) == {new.name: new.digest()}


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", NAMES)
def test_every_command(target: str, name: str, moment: Moment, record_property: Record) -> None:
    old, new = updates(target, name)
    with_old = device_with(target, old)
    rehearsal = Link(again(with_old))
    load(rehearsal, new)
    outcomes: Counter[str] = Counter()
    total = 0
    for number in range(rehearsal.exchanges):
        device = again(with_old)
        device.cut_power(number, moment)
        with pytest.raises(DeviceError):
            load(Link(device), new)
        outcomes[left(device, old, new)] += 1
        total += recovered(device, new)
    require_one_version(outcomes, total, rehearsal.exchanges)
    what = f"{target}, {name}, power fails: {moment.name.lower()}"
    record_property(FIGURE, figure(RECOVERED, what, outcomes, total))


def require_one_version(outcomes: Counter[str], recovered: int, exchanges: int) -> None:
    """The version before works until the commit: there is never none, and both kinds of cut occur."""
    assert (outcomes["none"], outcomes.total(), recovered) == (0, exchanges, exchanges)
    assert outcomes["old"] > outcomes["new"] > 0


def figure(title: str, what: str, outcomes: Counter[str], recovered: int) -> str:
    """What was there after the faults, and how often the same load again put it right."""
    there = " ".join(f"{outcomes[kind]:>3} {kind}" for kind in ("old", "none", "new"))
    return f"{title} | {what} | {there} | {recovered} of {outcomes.total()} recovered"


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


def disturbed(fault: str, device: VirtualDevice, number: int) -> Link:
    if fault == "device restarts":
        return Reset(device, number)
    return Dying(device, number, before=fault == "killed before")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", NAMES)
def test_the_host_dies_or_the_device_restarts(
    target: str, name: str, fault: str, record_property: Record
) -> None:
    old, new = updates(target, name)
    with_old = device_with(target, old)
    rehearsal = Link(again(with_old))
    load(rehearsal, new)
    outcomes: Counter[str] = Counter()
    total = 0
    for number in range(rehearsal.exchanges):
        link = disturbed(fault, again(with_old), number)
        with contextlib.suppress(DeviceError, HostKilled):
            load(link, new)
        outcomes[left(link.device, old, new)] += 1
        total += recovered(link.device, new)
    require_one_version(outcomes, total, rehearsal.exchanges)
    record_property(FIGURE, figure(RECOVERED, f"{target}, {name}, {fault}", outcomes, total))


@pytest.mark.parametrize("policy", get_args(DeleteInLoad))
@pytest.mark.parametrize("moment", Moment)
def test_whatever_a_device_makes_of_a_deletion_within_a_load(
    policy: DeleteInLoad, moment: Moment, record_property: Record
) -> None:
    """Real devices may do any of it. In the end the app is there, by the second load at the latest."""
    old, new = updates("nanosp", "Sample")
    with_old = device_with("nanosp", old, delete_in_load=policy)
    rehearsal = Link(again(with_old))
    with contextlib.suppress(DeviceError):
        load(rehearsal, new)
    outcomes: Counter[str] = Counter()
    total = 0
    for number in range(rehearsal.exchanges):
        device = again(with_old)
        device.cut_power(number, moment)
        with pytest.raises(DeviceError):
            load(Link(device), new)
        outcomes[left(device, old, new)] += 1
        with contextlib.suppress(StatusWordError):  # a load that its own deletion ended
            load(Link(device), new)
        total += recovered(device, new)
    assert total == rehearsal.exchanges
    what = f"{policy}, power fails: {moment.name.lower()}"
    record_property(FIGURE, figure("deletions within a load", what, outcomes, total))


def test_without_room_for_both_the_version_before_goes_first() -> None:
    old, new = updates("nanosp", "Sample")
    device = device_with("nanosp", old, app_flash=2048)
    told: list[str] = []
    with Link(device) as link:
        session = open_session(link, device.config.target_id, HOST_KEY, [ISSUER])
        install(session, new, None, announce=told.append)
    assert installed(device) == {"Sample": new.digest()}
    assert "deleted before the new version is loaded" in told[0]


@pytest.mark.parametrize("sw", [0x6985, 0x5515])
def test_an_owner_who_refuses_the_deletion_is_not_asked_again(sw: int) -> None:
    old, new = updates("nanosp", "Sample")
    device = device_with("nanosp", old)
    deletions: list[bytes] = []

    class Refusing(Link):
        def exchange(self, apdu: bytes) -> bytes:
            answer = super().exchange(apdu)
            plain = traced[-1].plain_command
            if plain and plain[0] == 0x0C:
                deletions.append(plain)
                return sw.to_bytes(2, "big")
            return answer

    traced: list[Exchange] = []
    with pytest.raises(StatusWordError, match=f"{sw:04x}"):
        load(Refusing(VirtualDevice(device.config, device.state, traced.append)), new)
    assert len(deletions) == 1
