"""Devices by URI: ``tcp://``, ``usb:``, and ``virtual:``, which starts a device in software.

``virtual:`` talks to the virtual device over TCP on the loopback interface, as to any other.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from toolchain import dist
from toolchain.device.session import Session, open_session
from toolchain.device.transport import TIMEOUT, open_transport
from toolchain.errors import ConfigError
from toolchain.image import Image
from toolchain.keys import PrivateKey, PublicKey
from toolchain.load.inventory import device_version
from toolchain.sign.issuer import development_issuer, virtual_device_issuer
from toolchain.target import Target, get_target, target_by_id
from toolchain.trust import Issuer, pinned_issuers
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

VIRTUAL = "virtual:"
VIRTUAL_ISSUER = "virtual device"


@dataclass(frozen=True)
class DeviceOptions:
    """Which device, and how to treat it.

    ``state`` is the file in which a virtual one keeps its apps. ``force`` loads what is there already.
    ``omit_signature`` commits without the signature, for a device that does not trust the signing key.
    """

    uri: str
    state: Path | None = None
    force: bool = False
    omit_signature: bool = False
    unsafe_unknown_issuer: bool = False
    timeout: float = TIMEOUT


@dataclass(frozen=True)
class Connection:
    """An open session, and the URI under which the device was reached."""

    uri: str
    session: Session


def trusted_issuers(uri: str) -> tuple[Issuer, ...]:
    """Whose device certificates count. The virtual device's issuer never vouches for a device on a cable."""
    pinned = pinned_issuers()
    if uri.startswith("usb:"):
        return pinned
    record = virtual_device_issuer(data_folder())[1]
    return (*pinned, Issuer(VIRTUAL_ISSUER, record.key, "virtual"))


def development_key() -> PublicKey:
    """The user's own key for signing apps, which the user's virtual devices trust."""
    return development_issuer(data_folder())[1].key


def target_of(options: DeviceOptions) -> Target | None:
    """The target that the device says it is; None for a virtual one, which is whatever is asked of it.

    The answer is a claim in clear. The session and the install check it.

    Raises:
        ConfigError: the device is of no target that the project knows.
        DeviceError: no answer.
    """
    if options.uri.startswith(VIRTUAL):
        name = options.uri.removeprefix(VIRTUAL)
        return get_target(name) if name else None
    with open_transport(options.uri, timeout=options.timeout) as transport:
        claimed = device_version(transport).target_id
    target = target_by_id(claimed)
    if target is None:
        raise ConfigError(f"the device has target id {claimed:08x}, which no target file describes")
    return target


@contextlib.contextmanager
def connect(options: DeviceOptions, image: Image, signing_key: PublicKey) -> Iterator[Connection]:
    """Open a session with a device that ``image`` is for.

    A virtual device runs an OS of the image's API level, and accepts app signatures of ``signing_key``.

    Raises:
        ConfigError: the URI or the state file.
        DeviceError: the device, the link or its authenticity.
    """
    with contextlib.ExitStack() as stack:
        uri = options.uri
        if uri.startswith(VIRTUAL):
            target = (
                get_target(uri.removeprefix(VIRTUAL)) if uri != VIRTUAL else target_by_id(image.target_id)
            )
            if target is None:
                raise ConfigError(f"no virtual device has the target id {image.target_id:08x}")
            served = virtual_device(
                target, state=options.state, signing_keys=(signing_key,), api_level=image.api_level
            )
            uri = stack.enter_context(served).uri
        transport = stack.enter_context(open_transport(uri, timeout=options.timeout))
        session = open_session(
            transport,
            image.target_id,
            PrivateKey.generate(),
            trusted_issuers(options.uri),
            unsafe_unknown_issuer=options.unsafe_unknown_issuer,
        )
        yield Connection(uri, session)


@dataclass(frozen=True)
class Served:
    """A virtual device on a port."""

    uri: str
    target: Target
    issuer: PublicKey


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
            yield Served(server.uri, target, issuer.public_key)
    finally:
        if state is not None:
            dist.write(state, device.state.dump())
