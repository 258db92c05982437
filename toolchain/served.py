"""Virtual devices with the user's own issuer, on a port of this machine."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from toolchain import dist
from toolchain.errors import ConfigError
from toolchain.keys import PublicKey
from toolchain.sign.issuer import virtual_device_issuer
from toolchain.target import Target
from toolchain.userdata import data_folder
from toolchain.virtual_device import (
    Consent,
    DeviceConfig,
    DeviceIdentity,
    DeviceState,
    Trace,
    VirtualDevice,
    allow,
)
from toolchain.virtual_device.config import ListFormat
from toolchain.virtual_device.latency import Latency
from toolchain.virtual_device.state import MAX_STATE

_LAST_PORT = 65535


@dataclass(frozen=True)
class Served:
    """A virtual device on a port."""

    uri: str
    target: Target
    issuer: PublicKey
    device: VirtualDevice


@dataclass(frozen=True)
class Setup:
    """How a served device is set up; by default it is fresh, allows everything and forgets.

    ``api_level`` is that of its OS, unless it is the target's own. With ``state`` it remembers from one run
    to the next; the file is written when it stops. With a ``seed`` its keys and nonces are the same each
    time. ``recovery`` says how it starts, ``onboarded`` whether a fresh one has an owner.
    """

    consent: Consent = allow
    state: Path | None = None
    api_level: int | None = None
    signing_keys: tuple[PublicKey, ...] = ()
    list_format: ListFormat = "versioned"
    seed: bytes | None = None
    recovery: bool = False
    onboarded: bool = True
    trace: Trace | None = None
    quick_ack: bool = True
    latency: Latency | None = None


@contextlib.contextmanager
def virtual_device(target: Target, port: int = 0, setup: Setup | None = None) -> Iterator[Served]:
    """Serve a virtual device on the loopback interface while the context lasts.

    Raises:
        ConfigError: the state file cannot be read.
        ImageError: the state is not one of such a device.
        TransportError: the port is taken.
    """
    setup = setup or Setup()
    issuer = virtual_device_issuer(data_folder())[0]
    config = DeviceConfig.standard(target, DeviceIdentity.issue(issuer, setup.seed))
    config = replace(
        config,
        consent=setup.consent,
        list_format=setup.list_format,
        signing_keys=setup.signing_keys,
        seed=setup.seed,
        recovery=setup.recovery,
        api_level=config.api_level if setup.api_level is None else setup.api_level,
    )
    remembered = DeviceState(onboarded=setup.onboarded)
    if setup.state is not None and setup.state.exists():
        remembered = DeviceState.load(dist.read(setup.state, limit=MAX_STATE))
    device = VirtualDevice(config, remembered, setup.trace)
    try:
        with device.serve(port=port, quick_ack=setup.quick_ack, latency=setup.latency) as server:
            yield Served(server.uri, target, issuer.public_key, device)
    finally:
        if setup.state is not None:
            dist.write(setup.state, device.state.dump())


@contextlib.contextmanager
def virtual_devices(
    target: Target, count: int, port: int, setups: Callable[[int], Setup]
) -> Iterator[tuple[Served, ...]]:
    """Serve ``count`` devices on as many ports in a row, or on any free ones for port 0.

    Args:
        target: what all of them are.
        count: how many.
        port: of the first one.
        setups: how device number ``n``, from 0 on, is set up.

    Raises:
        ConfigError: fewer than one, or a port that there is not; or as ``virtual_device``.
        ImageError, TransportError: as ``virtual_device``.
    """
    if count < 1 or not 0 <= port <= _LAST_PORT - (count - 1 if port else 0):
        raise ConfigError(f"{count} devices from port {port} on are not possible")
    with contextlib.ExitStack() as stack:
        yield tuple(
            stack.enter_context(virtual_device(target, port + number if port else 0, setups(number)))
            for number in range(count)
        )


def keep_settings(state: Path, full_hash: bytes, settings: bytes) -> None:
    """Put what an app wrote into its data section into the state file of its device.

    Raises:
        ConfigError: the file cannot be read or written.
        ImageError: it is not a state, or has no such app.
    """
    remembered = DeviceState.load(dist.read(state, limit=MAX_STATE))
    dist.write(state, remembered.with_settings(full_hash, settings).dump())
