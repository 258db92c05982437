"""Virtual devices with the user's own issuer, on a port of this machine."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from toolchain import dist
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
from toolchain.virtual_device.state import MAX_STATE


@dataclass(frozen=True)
class Served:
    """A virtual device on a port."""

    uri: str
    target: Target
    issuer: PublicKey
    device: VirtualDevice


@contextlib.contextmanager
def virtual_device(
    target: Target,
    port: int = 0,
    *,
    consent: Consent = allow,
    state: Path | None = None,
    api_level: int | None = None,
    signing_keys: tuple[PublicKey, ...] = (),
    list_format: ListFormat = "versioned",
    trace: Trace | None = None,
    quick_ack: bool = True,
) -> Iterator[Served]:
    """Serve a virtual device on the loopback interface while the context lasts.

    ``api_level`` is that of its OS, unless it is the target's own. With ``state`` it remembers from one run
    to the next; the file is written when the context ends.

    Raises:
        ConfigError: the state file cannot be read.
        ImageError: the state is not one of such a device.
        TransportError: the port is taken.
    """
    issuer = virtual_device_issuer(data_folder())[0]
    config = DeviceConfig.standard(target, DeviceIdentity.issue(issuer))
    config = replace(config, consent=consent, list_format=list_format, signing_keys=signing_keys)
    if api_level is not None:
        config = replace(config, api_level=api_level)
    remembered = None
    if state is not None and state.exists():
        remembered = DeviceState.load(dist.read(state, limit=MAX_STATE))
    device = VirtualDevice(config, remembered, trace)
    try:
        with device.serve(port=port, quick_ack=quick_ack) as server:
            yield Served(server.uri, target, issuer.public_key, device)
    finally:
        if state is not None:
            dist.write(state, device.state.dump())


def keep_settings(state: Path, full_hash: bytes, settings: bytes) -> None:
    """Put what an app wrote into its data section into the state file of its device.

    Raises:
        ConfigError: the file cannot be read or written.
        ImageError: it is not a state, or has no such app.
    """
    remembered = DeviceState.load(dist.read(state, limit=MAX_STATE))
    dist.write(state, remembered.with_settings(full_hash, settings).dump())
