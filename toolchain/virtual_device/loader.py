"""The device's state machine: an APDU in, data and status word out; no sockets, no time, no printing.

What a host left behind (handshake, channel, half-finished load) lives in ``core.Session`` and goes with the
next ``E0 04``, with ``disconnect`` or with the first message that is not authentic. What stays is
``DeviceState``.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass

from toolchain.errors import SecureChannelError
from toolchain.virtual_device import replies
from toolchain.virtual_device.apps import Apps
from toolchain.virtual_device.authorities import Authorities
from toolchain.virtual_device.channel import Channel, SivChannel
from toolchain.virtual_device.config import DeviceConfig, PromptKind
from toolchain.virtual_device.core import Actions, Core, Session, exact_length
from toolchain.virtual_device.endorsement import Endorsements
from toolchain.virtual_device.fields import lv, read_name
from toolchain.virtual_device.handshake import Handshake, Trust
from toolchain.virtual_device.languages import Languages
from toolchain.virtual_device.owner import Owner
from toolchain.virtual_device.state import DeviceState
from toolchain.virtual_device.status import RefusedError, Status

CLASS = 0xE0
RUNNING_CLASS = 0xB0

_P1: Mapping[int, Container[int]] = {
    0x04: (0, 0x02),
    0x30: range(256),
    0x31: range(256),
    0x32: range(256),
    0x33: range(256),
    0x34: (0, 1),
    0x51: (0, 0x80),
    0x52: (0, 0x80),
    0xC0: (1, 2),
    0xD0: (0, 1, 2),
}
"""P1 where it may be other than 0 (loader protocol §4)."""

_P2: Mapping[int, Container[int]] = {0x51: (0, 1)}
"""P2 where it may be other than 0."""

_ZERO = (0,)


@dataclass(frozen=True)
class Command:
    """One APDU in short form (loader protocol §2)."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes

    @classmethod
    def parse(cls, apdu: bytes) -> "Command":
        """Take an APDU apart.

        Raises:
            RefusedError: its length and its Lc disagree.
        """
        if len(apdu) < 5 or apdu[4] != len(apdu) - 5:
            raise RefusedError(Status.WRONG_LENGTH)
        return cls(apdu[0], apdu[1], apdu[2], apdu[3], apdu[5:])


class Loader:
    """A device that is switched on.

    ``plain`` holds command and reply of the last APDU in the clear, if it came through the channel.
    """

    def __init__(self, config: DeviceConfig, state: DeviceState) -> None:
        """Raise ImageError if ``state`` cannot be this device's."""
        state.check(config)
        self.core = Core(config, state, config.random())
        self.power_on()
        self.owner = Owner(self.core)
        self.plain: tuple[bytes, bytes] | None = None
        apps, authorities = Apps(self.core), Authorities(self.core)
        self._language_actions = Languages(self.core).actions
        self._secured_actions: Actions = {
            **apps.actions,
            **authorities.actions,
            0x10: self._secured_version,
        }
        self._siv_actions: Actions = {**authorities.siv_actions, 0x10: self._secured_version}
        self._actions: Mapping[int, Callable[[Command], bytes]] = {
            0x00: self._secured,
            0x01: self._version,
            0x04: self._reset,
            0x50: self._authenticate,
            0x51: self._authenticate,
            0x52: self._authenticate,
            0x53: self._authenticate,
            0xD8: self._run,
            0xDE: lambda command: apps.list_first(command.data),
            0xDF: lambda command: apps.list_next(command.data),
            0xD0: lambda command: self.owner.onboard(command.p1, command.data),
            **dict.fromkeys(self._language_actions, self._language),
            **{ins: _with_p1(action) for ins, action in Endorsements(self.core).actions.items()},
        }

    def power_on(self) -> None:
        """Start with nothing but what ``state`` remembers; a device with a PIN is locked."""
        core = self.core
        core.session, core.running = Session(), None
        core.locked = core.config.locked or core.state.pin != ""
        core.recovery = core.config.recovery

    def disconnect(self) -> None:
        """The host is gone: its session and its half-finished load are, too."""
        self.core.session = Session()

    def handle(self, apdu: bytes) -> bytes:
        """Answer one APDU: reply data, then the status word. Never raises on what a host sends."""
        self.plain = None
        try:
            reply = self._dispatch(Command.parse(apdu))
        except RefusedError as e:
            return e.status.to_bytes(2, "big")
        except SecureChannelError:
            self.disconnect()
            return Status.SECURITY.to_bytes(2, "big")
        return reply + Status.OK.to_bytes(2, "big")

    def _dispatch(self, command: Command) -> bytes:
        if command.cla == RUNNING_CLASS:
            return self._about_running(command)
        if command.cla != CLASS:
            raise RefusedError(Status.UNKNOWN_CLASS)
        action = self._actions.get(command.ins)
        if action is None or self.core.running is not None:
            raise RefusedError(Status.UNKNOWN_INSTRUCTION)
        if self.core.locked and command.ins != 0x01:
            raise RefusedError(Status.LOCKED)
        if command.p1 not in _P1.get(command.ins, _ZERO) or command.p2 not in _P2.get(command.ins, _ZERO):
            raise RefusedError(Status.WRONG_P1_P2)
        return action(command)

    def _about_running(self, command: Command) -> bytes:
        """What every app and the dashboard answer themselves: ``01`` name and version, ``A7`` quit."""
        if (command.p1, command.p2) != (0, 0):
            raise RefusedError(Status.WRONG_P1_P2)
        exact_length(command.data, 0)
        app = self.core.running
        if command.ins == 0xA7:
            self.core.running = None
            return b""
        if command.ins != 0x01:
            raise RefusedError(Status.UNKNOWN_INSTRUCTION)
        name, version = ("BOLOS", self.core.config.os_version) if app is None else (app.name, app.version)
        return b"\x01" + lv(name.encode("ascii")) + lv(version.encode("ascii"))

    def _version_flags(self) -> bytes:
        core = self.core
        return replies.version_flags(
            core.state,
            recovery=core.recovery,
            unlocked=not core.locked,
        )

    def _version(self, command: Command) -> bytes:
        exact_length(command.data, 0)
        return replies.plain_version(self.core.config, self._version_flags())

    def _secured_version(self, args: bytes) -> bytes:
        exact_length(args, 0)
        return replies.secured_version(self.core.config, self._version_flags())

    def _reset(self, command: Command) -> bytes:
        self.disconnect()
        exact_length(command.data, 4)
        config, state = self.core.config, self.core.state
        target_id = int.from_bytes(command.data, "big")
        if target_id != config.target_id:
            same_model = target_id >> 16 == config.target_id >> 16
            raise RefusedError(Status.WRONG_GENERATION if same_model else Status.WRONG_MODEL)
        self.core.session.handshake = Handshake(
            config.identity,
            config.generation,
            self.core.random,
            custom_ca=None if state.custom_ca is None else state.custom_ca.key,
            recover_ca=None if state.recover_ca is None else state.recover_ca.key,
            siv=command.p1 == 0x02,
        )
        return b""

    def _authenticate(self, command: Command) -> bytes:
        """Messages 2 to 7. Whatever is wrong in one of them ends the handshake."""
        session = self.core.session
        handshake, session.handshake = session.handshake, None
        if handshake is None:
            raise RefusedError(Status.SECURITY)
        if command.ins == 0x53:
            exact_length(command.data, 0)
            session.channel, session.trust = handshake.finish(), handshake.trust
            return b""
        reply = self._handshake_step(handshake, command)
        session.handshake = handshake
        return reply

    def _handshake_step(self, handshake: Handshake, command: Command) -> bytes:
        data, last = command.data, command.p1 == 0x80
        if command.ins == 0x50:
            return handshake.nonces(data)
        if command.ins == 0x52:
            exact_length(data, 0)
            return handshake.device_ephemeral() if last else handshake.device_static()
        recover = command.p2 == 0x01
        if last:
            handshake.host_ephemeral(data, recover=recover)
            self._admit(handshake)
        else:
            handshake.host_static(data, recover=recover)
        return b""

    def _admit(self, handshake: Handshake) -> None:
        """A host that no issuer vouches for must be allowed, one that nobody does is asked about."""
        if handshake.trust is Trust.ISSUER:
            return
        if not self.core.config.custom_channels:
            raise RefusedError(Status.NO_CUSTOM_CHANNEL)
        if handshake.trust is Trust.FOREIGN and handshake.host is not None:
            self.core.ask(PromptKind.FOREIGN_HOST, handshake.host.key_id, handshake.host.point.hex())

    def _run(self, command: Command) -> bytes:
        app = self.core.state.find(read_name(command.data))
        if app is None:
            raise RefusedError(Status.NOT_INSTALLED)
        self.disconnect()
        self.core.running = app
        return b""

    def _secured(self, command: Command) -> bytes:
        """A wrapped sub-command (§8). A refusal is answered in the clear and leaves the channel as it is."""
        channel = self._channel()
        if not command.data:
            raise SecureChannelError
        plain = channel.unwrap(command.data)
        self.plain = plain, b""
        actions = self._siv_actions if isinstance(channel, SivChannel) else self._secured_actions
        action = actions.get(plain[0]) if plain else None
        if action is None:
            raise RefusedError(Status.UNKNOWN_INSTRUCTION)
        reply = action(plain[1:])
        self.plain = plain, reply
        return channel.wrap(reply) if reply else b""

    def _language(self, command: Command) -> bytes:
        """Language packs: the body goes through the channel unless it is empty (§16.3)."""
        channel = self._channel()
        if isinstance(channel, SivChannel):
            raise RefusedError(Status.UNKNOWN_INSTRUCTION)
        plain = channel.unwrap(command.data) if command.data else b""
        self.plain = plain, b""
        reply = self._language_actions[command.ins](command.p1, plain)
        self.plain = plain, reply
        return channel.wrap(reply) if reply else b""

    def _channel(self) -> Channel:
        if self.core.session.channel is None:
            raise SecureChannelError
        return self.core.session.channel


def _with_p1(action: Callable[[int, bytes], bytes]) -> Callable[[Command], bytes]:
    return lambda command: action(command.p1, command.data)
