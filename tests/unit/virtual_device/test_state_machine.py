"""A model of the device and the device agree over long random sequences of commands."""

import contextlib

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.unit.virtual_device.host import (
    ALL_TARGETS,
    CA,
    Host,
    Refused,
    config,
    install_params,
    load_plan,
    lv,
    make_image,
)
from toolchain.image import Image
from toolchain.virtual_device import DeviceState, Moment, PowerLostError, VirtualDevice

NAMES = ("A", "B", "Exchange", "Longer name")
names = st.sampled_from(NAMES)
fills = st.integers(1, 3)
sizes = st.sampled_from([64, 1000, 9000])
steps = st.one_of(st.integers(0, 8), st.integers(0, 60))
SLOTS = 3
FLASH = 10 * 4096


class DeviceMachine(RuleBasedStateMachine):
    """``apps`` and ``ca`` are what the device should remember."""

    @initialize(model=st.sampled_from(ALL_TARGETS))
    def switch_on(self, model: str) -> None:
        self.model = model
        self.config = config(model, slots=SLOTS, app_flash=FLASH)
        self.device = VirtualDevice(self.config)
        self.apps: dict[str, Image] = {}
        self.ca = False
        self.connect()

    def connect(self) -> None:
        self.host = Host(self.device.handle, self.config.target_id).connect()

    def image(self, name: str, fill: int, size: int) -> Image:
        return make_image(name, self.model, code=size, fill=fill, params=install_params(name))

    def pages(self, image: Image) -> int:
        return -(-image.span // self.config.erase_size)

    def expected_refusal(self, image: Image) -> int | None:
        if len(self.apps) == SLOTS:
            return 0x6A85
        used = sum(map(self.pages, self.apps.values()))
        if used + self.pages(image) > self.config.page_count:
            return 0x6A84
        if image.digest() in {app.digest() for app in self.apps.values()}:
            return 0x6A81
        return 0x6A80 if image.name in self.apps else None

    @rule()
    def reconnect(self) -> None:
        self.connect()

    @rule(name=names, fill=fills, size=sizes)
    def load(self, name: str, fill: int, size: int) -> None:
        self.connect()
        image = self.image(name, fill, size)
        refusal = self.expected_refusal(image)
        with contextlib.suppress(Refused):
            self.host.load(image)
        assert self.host.status == (refusal or 0x9000)
        if refusal is None:
            self.apps[name] = image

    @rule(name=names, fill=fills, size=sizes, steps=steps, moment=st.sampled_from(Moment))
    def lose_power_while_loading(self, name: str, fill: int, size: int, steps: int, moment: Moment) -> None:
        self.connect()
        image = self.image(name, fill, size)
        refusal = self.expected_refusal(image)
        plan = load_plan(image)
        self.device.cut_power(steps, moment)
        with contextlib.suppress(Refused, PowerLostError):
            for sub, args in plan:
                self.host.run(sub, args)
        commit = len(plan) - 1
        if refusal is None and (steps > commit or (steps == commit and moment is not Moment.BEFORE)):
            self.apps[name] = image
        with contextlib.suppress(PowerLostError):
            for _ in range(steps + 1):
                self.device.handle(b"\xe0\x01\0\0\0")
        self.connect()

    @rule(name=names)
    def delete(self, name: str) -> None:
        self.host.run(0x0C, lv(name.encode()))
        self.apps.pop(name, None)
        # A load in the same session would bring it back if it failed; that has tests of its own.
        self.connect()

    @rule(name=names)
    def delete_by_hash(self, name: str) -> None:
        if name in self.apps:
            self.host.run(0x15, self.apps.pop(name).digest())
            self.connect()
        else:
            self.host.run(0x15, bytes(32))

    @rule(name=names, fill=fills)
    def replace_app(self, name: str, fill: int) -> None:
        """Delete, then load: installed if it fits, and otherwise gone, for deleting was the user's wish."""
        self.connect()
        self.host.run(0x0C, lv(name.encode()))
        self.apps.pop(name, None)
        image = self.image(name, fill, 64)
        if self.expected_refusal(image) is None:
            self.host.load(image)
            self.apps.pop(name, None)
            self.apps[name] = image
        self.connect()

    @rule(name=names, fill=fills, size=sizes, commit=st.booleans())
    def replace_app_at_its_commit(self, name: str, fill: int, size: int, commit: bool) -> None:
        """Load, delete, commit: one step if it fits beside its older version, else nothing at all."""
        self.connect()
        image = self.image(name, fill, size)
        create, *loads, last = load_plan(image)
        refusal = self.expected_refusal(image)
        with contextlib.suppress(Refused):
            self.host.run(*create)
        if self.host.status == 0x9000:
            for sub, args in loads:
                self.host.run(sub, args)
            self.host.run(0x0C, lv(name.encode()))
            if commit:
                self.host.run(*last)
                self.apps.pop(name, None)
                self.apps[name] = image
        else:
            assert self.host.status == refusal
            assert refusal in (0x6A84, 0x6A85)
        self.connect()

    @precondition(lambda self: not self.ca)
    @rule()
    def enrol(self) -> None:
        self.device.recovery = True
        self.host.run(0x12, lv(b"ca") + lv(CA.public_key.point))
        self.ca = True

    @precondition(lambda self: self.ca)
    @rule()
    def remove(self) -> None:
        self.host.run(0x13)
        self.ca = False

    @rule()
    def save_and_load(self) -> None:
        self.device = VirtualDevice(self.config, DeviceState.load(self.device.state.dump()))
        self.connect()

    @rule(junk=st.binary(max_size=100))
    def garbage(self, junk: bytes) -> None:
        self.device.handle(junk)
        self.connect()

    @invariant()
    def lists_what_it_should(self) -> None:
        if hasattr(self, "device"):
            assert self.host.names() == [*self.apps, *(["ca"] if self.ca else [])]
            assert [app.full_hash for app in self.device.state.apps] == [
                i.digest() for i in self.apps.values()
            ]

    @invariant()
    def counts_what_it_holds(self) -> None:
        if hasattr(self, "device"):
            memory = self.host.run(0x11)
            _, used, free, apps, slots = (int.from_bytes(memory[i : i + 4], "big") for i in range(0, 20, 4))
            assert used == sum(map(self.pages, self.apps.values())) * self.config.erase_size
            assert (used + free, apps, slots) == (FLASH, len(self.apps), SLOTS)


TestDevice = DeviceMachine.TestCase
TestDevice.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
