"""What the commands of one device share: its configuration, its memory, and the session with a host."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from toolchain.virtual_device.application import InstalledApp
from toolchain.virtual_device.channel import Channel
from toolchain.virtual_device.config import DeviceConfig, Prompt, PromptKind, Random
from toolchain.virtual_device.flash import Construction
from toolchain.virtual_device.handshake import Handshake, Trust
from toolchain.virtual_device.state import DeviceState, Endorsement
from toolchain.virtual_device.status import RefusedError, Status

Action = Callable[[bytes], bytes]
"""A command: arguments in, reply data out, or a refusal."""

Actions = Mapping[int, Action]


@dataclass
class PackConstruction:
    """A language pack that is being loaded."""

    language: int
    size: int
    data: bytearray = field(default_factory=bytearray)


@dataclass
class Session:
    """What one host has going on; gone with it.

    ``deleted`` are the apps that it deleted, ``replaced`` the names that its load replaces at commit,
    ``pages`` and ``pack_pages`` the list pages that it has not fetched yet, ``endorsement`` a key that waits
    for its owner.
    """

    handshake: Handshake | None = None
    channel: Channel | None = None
    trust: Trust = Trust.FOREIGN
    construction: Construction | None = None
    deleted: list[InstalledApp] = field(default_factory=list)
    replaced: set[str] = field(default_factory=set)
    pages: list[bytes] = field(default_factory=list)
    pack_pages: list[bytes] = field(default_factory=list)
    pack: PackConstruction | None = None
    endorsement: Endorsement | None = None


@dataclass
class Core:
    """A device that is switched on. ``state`` is what it would remember if power went now."""

    config: DeviceConfig
    state: DeviceState
    random: Random
    locked: bool = False
    recovery: bool = False
    session: Session = field(default_factory=Session)
    running: InstalledApp | None = None

    def ask(self, kind: PromptKind, subject: str, identifier: str) -> None:
        """Put a prompt on the screen.

        Raises:
            RefusedError: DENIED.
        """
        if not self.config.consent(Prompt(kind, subject, identifier)):
            raise RefusedError(Status.DENIED)

    def signed(self, digest: bytes, signature: bytes) -> bool:
        """Whether a key that this device trusts (configured, or the custom CA) signed ``digest`` itself."""
        authority = self.state.custom_ca
        keys = self.config.signing_keys + (() if authority is None else (authority.key,))
        return any(key.verifies(signature, digest) for key in keys)


def exact_length(data: bytes, length: int) -> None:
    """Refuse any other length, so that no message can hide behind another.

    Raises:
        RefusedError: WRONG_LENGTH.
    """
    if len(data) != length:
        raise RefusedError(Status.WRONG_LENGTH)
