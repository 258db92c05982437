"""Devices by URI: ``tcp://``, ``usb:``, and ``virtual:``, which starts a device in software.

``virtual:`` talks to the virtual device over TCP on the loopback interface, as to any other.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from toolchain.device.session import Genuine, Session, open_session
from toolchain.device.transport import TIMEOUT, Limited, Transport, open_transport
from toolchain.errors import AuthenticationError, ConfigError, DeviceError, RevokedError
from toolchain.image import Image
from toolchain.keys import PrivateKey, PublicKey, Signer
from toolchain.load import consent
from toolchain.load.consent import Announce, silent
from toolchain.load.diagnose import ANSWER_TIME
from toolchain.load.inventory import (
    DeviceVersion,
    GenuineCheck,
    check_genuine,
    device_version,
    enroll_ca,
    secured_version,
)
from toolchain.load.inventory import remove_ca as forget_ca
from toolchain.load.preflight import require_compatible
from toolchain.sign.issuer import development_issuer, virtual_device_issuer
from toolchain.sign.record import read_record
from toolchain.sign.trusted import trusted_keys
from toolchain.target import Target, get_target, target_by_id
from toolchain.trust import Issuer, pinned_issuers
from toolchain.userdata import data_folder, data_path

if TYPE_CHECKING:
    from toolchain.virtual_device import VirtualDevice

VIRTUAL = "virtual:"
VIRTUAL_ISSUER = "virtual device"
_LONGEST = 86_400.0


@dataclass(frozen=True)
class DeviceOptions:
    """Which device, and how to treat it.

    ``target`` is what it must be, and what a virtual one is. ``state`` is the file in which a virtual one
    keeps its apps. ``force`` loads what is there already, and onto models that are not known to take apps.
    ``omit_signature`` commits without the signature, for a device that does not trust the signing key.
    ``timeout`` is for one answer, ``limit`` for everything together, in seconds: a device that is slow on
    purpose ends there.
    """

    uri: str
    target: str = ""
    state: Path | None = None
    force: bool = False
    omit_signature: bool = False
    unsafe_unknown_issuer: bool = False
    timeout: float = TIMEOUT
    limit: float = 900.0

    def __post_init__(self) -> None:
        """Refuse a time that no clock can measure.

        Raises:
            ConfigError: ``timeout`` is no number of seconds above zero.
        """
        if not 0 < self.timeout <= _LONGEST:
            raise ConfigError(
                f"a device cannot be given {self.timeout:g} seconds to answer",
                hint="take 1 or more; 60 are usual",
            )


def options(
    uri: str, target: str, state: str, timeout: float, *, unsafe_unknown_issuer: bool = False
) -> DeviceOptions:
    """Options as they come from a command line: empty texts mean nothing."""
    return DeviceOptions(
        uri,
        target=target,
        state=Path(state).expanduser() if state else None,
        unsafe_unknown_issuer=unsafe_unknown_issuer,
        timeout=timeout,
    )


@dataclass(frozen=True)
class Link:
    """An open link to a device, the URI under which it was reached, and what it claims to be.

    ``virtual`` is the device itself, if this process made it.
    """

    uri: str
    transport: Transport
    claimed: DeviceVersion
    virtual: "VirtualDevice | None" = None


@dataclass(frozen=True)
class Flash:
    """What a virtual device of this process holds as an app.

    ``contents`` is the image as it was loaded, ``settings`` the data section as the app has left it since.
    ``state`` is the file in which the device remembers both, if it does.
    """

    contents: bytes
    settings: bytes
    state: Path | None


@dataclass(frozen=True)
class Connection:
    """An open session, the URI under which the device was reached, and what it claims to be in clear."""

    uri: str
    session: Session
    claimed: DeviceVersion
    virtual: "VirtualDevice | None" = None
    state: Path | None = None

    def flash(self, full_hash: bytes) -> Flash | None:
        """What lies in the flash of a virtual device as the app with that hash; nobody can ask a real one."""
        apps = self.virtual.state.apps if self.virtual else ()
        found = next((app for app in apps if app.full_hash == full_hash), None)
        return Flash(found.contents, found.nvm, self.state) if found else None


ISSUERS = "issuers"
"""Folder, in the user's data folder, of the records of device issuers that the user trusts."""


def added_issuers() -> tuple[Issuer, ...]:
    """Device issuers that the user added, with the successors that their chains name, unless one was revoked.

    Raises:
        ConfigError, ImageError, SigningError: a record or chain cannot be read, is not good, or is for
            something else.
    """
    found: list[Issuer] = []
    for path in sorted((data_path() / ISSUERS).glob("*.toml")):
        record = read_record(path)
        record.require_role("device-issuer")
        with contextlib.suppress(RevokedError):
            found += [Issuer(record.name, key, "custom") for key in trusted_keys(path, record)]
    return tuple(found)


def trusted_issuers(uri: str) -> tuple[Issuer, ...]:
    """Whose device certificates count. The virtual device's issuer vouches for nothing real."""
    pinned = (*pinned_issuers(), *added_issuers())
    if not uri.startswith((VIRTUAL, "tcp:")):
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
        return _virtual_target(options)
    # Nothing that is asked here waits for a person.
    quick = replace(options, timeout=min(options.timeout, ANSWER_TIME))
    with link(quick) as found:
        claimed = found.claimed.target_id
    target = target_by_id(claimed)
    if target is None:
        raise ConfigError(f"the device has target id {claimed:08x}, which no target file describes")
    return target


def _virtual_target(options: DeviceOptions) -> Target | None:
    name = options.uri.removeprefix(VIRTUAL) or options.target
    return get_target(name) if name else None


@contextlib.contextmanager
def link(
    options: DeviceOptions, image: Image | None = None, signing_keys: tuple[PublicKey, ...] = ()
) -> Iterator[Link]:
    """Open the link to a device and ask in clear what it is.

    A virtual device is one that ``image`` is for, with an OS of its API level, and accepts app signatures
    of ``signing_keys``.

    Raises:
        ConfigError: the URI or the state file.
        DeviceError: nobody there, no answer, or another target than asked for.
    """
    with contextlib.ExitStack() as stack:
        uri, virtual = options.uri, None
        if uri.startswith(VIRTUAL):
            target = _virtual_target(options)
            if target is None and image is not None:
                target = target_by_id(image.target_id)
            if target is None:
                raise ConfigError(
                    "nothing says what the virtual device is", hint="name it with --target", where=uri
                )
            # Most of the device in software is of no use to a real one.
            from toolchain.served import Setup, virtual_device

            level = image.api_level if image else None
            setup = Setup(state=options.state, signing_keys=signing_keys, api_level=level)
            made = stack.enter_context(virtual_device(target, setup=setup))
            uri, virtual = made.uri, made.device
        transport = stack.enter_context(open_transport(uri, timeout=options.timeout))
        transport = Limited(transport, options.limit)
        claimed = device_version(transport)
        if options.target and claimed.target_id != get_target(options.target).id:
            title = get_target(options.target).title
            raise DeviceError(
                f"the device has target id {claimed.target_id:08x}, which is not {title}",
                hint="connect the right device, or leave --target out",
            )
        yield Link(uri, transport, claimed, virtual)


@contextlib.contextmanager
def connect(
    options: DeviceOptions,
    image: Image | None = None,
    signing_key: PublicKey | None = None,
    announce: Announce = silent,
) -> Iterator[Connection]:
    """Open a session with a device, one that can take ``image`` if there is one.

    A device that says it knows a custom CA meets the user's development key, which it may be; any other
    meets a key that nobody has seen before, and asks its owner about it.

    Raises:
        ConfigError: the URI or the state file.
        DeviceError: the device, the link or its authenticity; or the device does not take ``image``.
    """
    # Before the device waits for us.
    issuers = trusted_issuers(options.uri)
    host: Signer = PrivateKey.generate()
    with link(options, image, () if signing_key is None else (signing_key,)) as found:
        if image is not None:
            require_compatible(image, found.claimed)
        if found.claimed.custom_ca:
            host = development_issuer(data_folder())[0]
        elif not options.uri.startswith(VIRTUAL):
            announce(consent.foreign_host(host.public_key))
        session = open_session(
            found.transport,
            found.claimed.target_id,
            host,
            issuers,
            unsafe_unknown_issuer=options.unsafe_unknown_issuer,
        )
        if image is not None and not options.force:
            require_compatible(image, found.claimed, session.verdict)
        yield Connection(found.uri, session, found.claimed, found.virtual, options.state)


@dataclass(frozen=True)
class NotGenuine:
    """The device did not prove that a pinned issuer made it, and why that is so."""

    uri: str
    error: AuthenticationError


@dataclass(frozen=True)
class ProvedGenuine:
    """The device proved that ``issuer`` made it; ``check`` says what to be wary of all the same."""

    uri: str
    issuer: Issuer
    check: GenuineCheck


def genuine(options: DeviceOptions, announce: Announce = silent) -> ProvedGenuine | NotGenuine:
    """Whether the device is what its issuer made. An unknown issuer is never genuine, whatever the options.

    Raises:
        ConfigError: the URI or the state file.
        DeviceError: the device cannot be asked: nobody there, locked, link broken.
    """
    strict = replace(options, unsafe_unknown_issuer=False)
    try:
        with connect(strict, announce=announce) as connection:
            check = check_genuine(connection.session)
    except AuthenticationError as e:
        return NotGenuine(options.uri, e)
    verdict = check.verdict
    if not isinstance(verdict, Genuine):
        raise TypeError("a strict session has an issuer")
    return ProvedGenuine(connection.uri, verdict.issuer, check)


def enroll(options: DeviceOptions, name: str, key: PublicKey, announce: Announce = silent) -> None:
    """Make the device trust ``key`` as its custom CA, and make it say over the channel that it has one.

    Raises:
        ConfigError: the URI, the state file, or not a possible name.
        DeviceError: not in recovery mode, another CA is enrolled, refused, not confirmed, or the link failed.
    """
    with connect(options, announce=announce) as connection:
        before = secured_version(connection.session)
        if not before.recovery_mode:
            raise DeviceError(
                "the device is not in recovery mode", hint="restart it that way: docs/devices.md says how"
            )
        if before.custom_ca:
            raise DeviceError("a custom CA is enrolled already", hint="remove it first: ./inv issuer.remove")
        announce(consent.enroll(name, key))
        enroll_ca(connection.session, name, key)
        if not secured_version(connection.session).custom_ca:
            raise DeviceError("the device did not confirm: it says that it has no custom CA")


def remove_ca(options: DeviceOptions, announce: Announce = silent) -> bool:
    """Make the device forget its custom CA, and say so over the channel; False if there was none.

    Raises:
        ConfigError: the URI or the state file.
        DeviceError: refused, not confirmed, or the link failed.
    """
    with connect(options, announce=announce) as connection:
        if not secured_version(connection.session).custom_ca:
            return False
        announce(consent.remove())
        forget_ca(connection.session)
        if secured_version(connection.session).custom_ca:
            raise DeviceError("the device did not confirm: it says that it still has a custom CA")
    return True
