"""What the commands of one device share: its configuration, its memory, and the session with a host."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from toolchain.virtual_device.application import InstalledApp
from toolchain.virtual_device.channel import Channel
from toolchain.virtual_device.config import DeviceConfig, Prompt, PromptKind, Random
from toolchain.virtual_device.flash import Construction
from toolchain.virtual_device.handshake import Handshake, Trust
from toolchain.virtual_device.state import DeviceState
from toolchain.virtual_device.status import RefusedError, Status

Action = Callable[[bytes], bytes]
"""A command: arguments in, reply data out, or a refusal."""

Actions = Mapping[int, Action]


@dataclass
class Session:
    """What one host has going on; gone with it.

    ``deleted`` are the apps that it deleted, ``replaced`` the names that its load replaces at commit,
    ``pages`` the list pages that it has not fetched yet.
    """

    handshake: Handshake | None = None
    channel: Channel | None = None
    trust: Trust = Trust.FOREIGN
    construction: Construction | None = None
    deleted: list[InstalledApp] = field(default_factory=list)
    replaced: set[str] = field(default_factory=set)
    pages: list[bytes] = field(default_factory=list)


@dataclass
class Core:
    """A device that is switched on. ``state`` is what it would remember if power went now."""

    config: DeviceConfig
    state: DeviceState
    random: Random
    locked: bool
    recovery: bool
    session: Session = field(default_factory=Session)
    running: InstalledApp | None = None

    def ask(self, kind: PromptKind, subject: str, identifier: str) -> None:
        """Put a prompt on the screen.

        Raises:
            RefusedError: DENIED.
        """
        if not self.config.consent(Prompt(kind, subject, identifier)):
            raise RefusedError(Status.DENIED)


def exact_length(data: bytes, length: int) -> None:
    """Refuse any other length, so that no message can hide behind another.

    Raises:
        RefusedError: WRONG_LENGTH.
    """
    if len(data) != length:
        raise RefusedError(Status.WRONG_LENGTH)
