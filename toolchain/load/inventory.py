"""What is on a device, and removing it: apps, memory, versions, custom CA (loader protocol §8, §12, §14).

Everything a device says is parsed strictly and within bounds: sizes, counts and texts.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from toolchain.device.apdu import CLA, Command
from toolchain.device.fields import lv
from toolchain.device.session import Session, Verdict, call
from toolchain.device.status import Step
from toolchain.device.transport import Transport
from toolchain.errors import ConfigError, DeviceError
from toolchain.keys import PublicKey

DELETE, LIST, LIST_NEXT, VERSION, MEMORY = 0x0C, 0x0E, 0x0F, 0x10, 0x11
ENROLL_CA, REMOVE_CA, DELETE_HASH = 0x12, 0x13, 0x15
"""Sub-instructions (§8)."""

PLAIN_VERSION, PLAIN_RUN, PLAIN_LIST, PLAIN_LIST_NEXT = 0x01, 0xD8, 0xDE, 0xDF
"""Instructions in clear (§4)."""

HASH = 32
MAX_PAGES = 256
"""Pages of a list at most. Devices hold some hundred apps; more is an attack."""

FLAG_UX = 0x0008
FLAG_CUSTOM_CA = 0x0400
"""Flags that a genuine check warns about (§9.1): a replaced user interface, a custom CA."""


_VERSION_FLAGS = (
    "recovery mode",
    "signed MCU",
    "onboarded",
    "issuer trusted",
    "custom CA trusted",
    "HSM initialised",
    "factory filled",
    "PIN validated",
)
"""Flags of a version answer, lowest bit first (§12.1)."""

_APP_FLAGS = {
    0x0001: "main",
    0x0002: "OS upgrade",
    0x0004: "signed",
    0x0008: "user interface",
    0x0010: "derive master",
    0x0020: "preloaded",
    0x0040: "global PIN",
    0x0080: "debug",
    0x0100: "autoboot",
    0x0200: "settings",
    0x0400: "custom CA",
    0x0800: "library",
    0x1000: "not runnable",
    0x2000: "language pack",
    0x4000: "issuer",
    0x8000: "enabled",
}
"""Flags of a listed app (§9.1)."""


class BootLoaderError(DeviceError):
    """The device runs its boot loader, so it has no apps to speak of."""


class _Reader:
    """Takes fields off the front of an answer."""

    def __init__(self, data: bytes, step: Step) -> None:
        self._data = data
        self._step = step

    def malformed(self, what: str) -> DeviceError:
        return DeviceError(
            f"the device's answer is malformed: {what}",
            hint="the loader and this OS version do not agree; update both",
            where=self._step,
        )

    @property
    def left(self) -> int:
        return len(self._data)

    def take(self, count: int) -> bytes:
        if count > len(self._data):
            raise self.malformed("it ends within a field")
        taken, self._data = self._data[:count], self._data[count:]
        return taken

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")

    def lv(self) -> bytes:
        return self.take(self.number(1))

    def text(self, data: bytes) -> str:
        """Printable text: what a device says ends up on a terminal."""
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as e:
            raise self.malformed("a text is not UTF-8") from e
        if not text.isprintable():
            raise self.malformed("a text holds control characters")
        return text

    def end(self) -> None:
        if self._data:
            raise self.malformed("there are bytes behind its end")


@dataclass(frozen=True)
class InstalledApp:
    """One entry of the list (§12.2). Old devices report neither ``blocks`` nor ``code_data_hash``.

    ``full_hash`` is what ``Image.digest()`` computes. ``blocks`` times the target's ``list_block_size``
    is the flash that the app uses.
    """

    name: str
    flags: int
    full_hash: bytes
    blocks: int | None = None
    code_data_hash: bytes | None = None

    @property
    def is_custom_ca(self) -> bool:
        """Whether the entry stands for an enrolled custom CA, not for an app."""
        return bool(self.flags & FLAG_CUSTOM_CA)

    @property
    def flag_names(self) -> tuple[str, ...]:
        """Names of the flags that are set."""
        return tuple(name for flag, name in _APP_FLAGS.items() if self.flags & flag)


@dataclass(frozen=True)
class MemoryInfo:
    """Flash in bytes, and places for apps (§12.3)."""

    system: int
    applications: int
    free: int
    slots_used: int
    slots: int


@dataclass(frozen=True)
class Inventory:
    """What is installed, and how much room is left."""

    apps: tuple[InstalledApp, ...]
    memory: MemoryInfo


@dataclass(frozen=True)
class DeviceVersion:
    """What the device says it is (§12.1). In clear it is a claim; over the channel it is authentic.

    ``flags`` as a number, first byte lowest (bit 0 recovery mode, 2 onboarded, 4 custom CA trusted …).
    Fields that this OS version does not report are empty.
    """

    target_id: int
    os_version: str
    flags: int
    mcu_version: str
    bootloader_version: str = ""
    hardware_version: bytes = b""
    language: bytes = b""
    mcu_hash: bytes = b""

    @property
    def recovery_mode(self) -> bool:
        """Whether the device was started in recovery mode."""
        return bool(self.flags & 1)

    @property
    def custom_ca(self) -> bool:
        """Whether the device knows a custom CA."""
        return bool(self.flags & 1 << 4)

    @property
    def flag_names(self) -> tuple[str, ...]:
        """Names of the flags that are set."""
        return tuple(name for bit, name in enumerate(_VERSION_FLAGS) if self.flags & 1 << bit)


def parse_page(page: bytes) -> tuple[InstalledApp, ...]:
    """The entries of one page, in format 1 or in the old one.

    Raises:
        DeviceError: malformed.
    """
    reader = _Reader(page, Step.LIST)
    entry = _entry_old
    if page[:1] == b"\x01":
        reader.take(1)
        entry = _entry_1
    apps = []
    while reader.left:
        apps.append(entry(reader))
    return tuple(apps)


def _entry_1(reader: _Reader) -> InstalledApp:
    size = reader.number(1)
    blocks, flags = reader.number(2), reader.number(2)
    code_data_hash, full_hash = reader.take(HASH), reader.take(HASH)
    name = reader.lv()
    if size != 70 + len(name):
        raise reader.malformed("the size of an entry is wrong")
    return InstalledApp(reader.text(name), flags, full_hash, blocks, code_data_hash)


def _entry_old(reader: _Reader) -> InstalledApp:
    size = reader.number(1)
    name, flags, full_hash = reader.lv(), reader.number(4), reader.take(HASH)
    if size not in (37 + len(name), 38 + len(name)):
        raise reader.malformed("the size of an entry is wrong")
    return InstalledApp(reader.text(name), flags, full_hash)


def parse_memory(data: bytes) -> MemoryInfo:
    """Five numbers of 32 bits.

    Raises:
        DeviceError: malformed.
    """
    reader = _Reader(data, Step.MEMORY)
    memory = MemoryInfo(*(reader.number(4) for _ in range(5)))
    reader.end()
    return memory


def parse_version(data: bytes) -> DeviceVersion:
    """The plain form. Fields behind the MCU version depend on the OS version and may be missing.

    Raises:
        DeviceError: malformed.
        BootLoaderError: the device runs its boot loader and no OS.
    """
    reader = _Reader(data, Step.VERSION)
    target_id = reader.number(4)
    if target_id >> 28 != 3:
        raise BootLoaderError(
            "the device runs its boot loader, not its OS",
            hint="unplug the device and start it without holding a button",
            where=Step.VERSION,
        )
    os_version = reader.text(reader.lv())
    flags = int.from_bytes(reader.lv(), "little")
    mcu_version = reader.text(reader.lv())
    rest = [reader.lv() for _ in iter(lambda: reader.left, 0)]
    bootloader = reader.text(rest.pop(0)) if rest else ""
    # Only this model reports its hardware; nothing in the answer marks the field.
    hardware = rest.pop(0) if rest and target_id >> 16 == 0x3300 else b""
    language = rest.pop(0) if rest else b""
    return DeviceVersion(target_id, os_version, flags, mcu_version, bootloader, hardware, language)


def parse_secured_version(data: bytes) -> DeviceVersion:
    """The form of the channel: the MCU version ends in a zero, a raw MCU hash may follow.

    Raises:
        DeviceError: malformed.
    """
    reader = _Reader(data, Step.VERSION)
    target_id, os_version = reader.number(4), reader.text(reader.lv())
    flags = int.from_bytes(reader.lv(), "little")
    mcu_version = reader.text(reader.lv().removesuffix(b"\0"))
    mcu_hash = reader.take(HASH) if reader.left else b""
    return DeviceVersion(target_id, os_version, flags, mcu_version, mcu_hash=mcu_hash)


def device_version(transport: Transport) -> DeviceVersion:
    """Ask in clear what the device is, before any session.

    Raises:
        DeviceError: refused, malformed, or the link failed.
    """
    return parse_version(call(transport, Command(CLA, PLAIN_VERSION), Step.VERSION))


def secured_version(session: Session) -> DeviceVersion:
    """Ask over the channel what the device is.

    Raises:
        DeviceError: refused, malformed, not authentic, or the link failed.
    """
    return parse_secured_version(session.send(bytes((VERSION,)), step=Step.VERSION, answer="due"))


def memory_info(session: Session) -> MemoryInfo:
    """How much room there is.

    Raises:
        DeviceError: refused, malformed, not authentic, or the link failed.
    """
    return parse_memory(session.send(bytes((MEMORY,)), step=Step.MEMORY, answer="due"))


def _pages(fetch: Callable[[bool], bytes]) -> Iterator[tuple[InstalledApp, ...]]:
    for number in range(MAX_PAGES):
        apps = parse_page(fetch(number == 0))
        if not apps:
            return
        yield apps
    raise DeviceError("the device's list of apps does not end", where=Step.LIST)


def _secured_pages(session: Session) -> Iterator[tuple[InstalledApp, ...]]:
    def fetch(first: bool) -> bytes:
        return session.send(bytes((LIST if first else LIST_NEXT,)), step=Step.LIST, answer="optional")

    return _pages(fetch)


def claimed_apps(transport: Transport) -> tuple[InstalledApp, ...]:
    """What the device lists in clear, without a session. Nothing proves it.

    Raises:
        DeviceError: refused, malformed, or the link failed.
    """

    def fetch(first: bool) -> bytes:
        ins = PLAIN_LIST if first else PLAIN_LIST_NEXT
        return call(transport, Command(CLA, ins), Step.LIST)

    return tuple(itertools.chain.from_iterable(_pages(fetch)))


def inventory(session: Session) -> Inventory:
    """What is installed and how much room is left.

    The end of a list is an empty answer, which a relay could have made. The memory information behind it
    has content, so on the CBC channels it proves that no page was swallowed.

    Raises:
        DeviceError: refused, malformed, not authentic, or the link failed.
    """
    apps = tuple(itertools.chain.from_iterable(_secured_pages(session)))
    return Inventory(apps, memory_info(session))


def find_app(session: Session, full_hash: bytes) -> InstalledApp | None:
    """The app with that hash, or None; stops at the page that has it.

    Raises:
        DeviceError: refused, malformed, not authentic, or the link failed.
    """
    for page in _secured_pages(session):
        for app in page:
            if app.full_hash == full_hash:
                return app
    return None


def _field(text: str) -> bytes:
    data = text.encode("utf-8")
    if not 0 < len(data) < 128:
        raise ConfigError("a name has 1 to 127 bytes", where=text)
    return lv(data)


def delete_app(session: Session, name: str) -> Inventory:
    """Delete the app of that name and return what is left. An app that is not there is no error.

    Raises:
        ConfigError: not a possible name.
        DeviceError: refused, the app is still listed, or the link failed.
    """
    session.send(bytes((DELETE,)) + _field(name), step=Step.DELETE, answer="none")
    return _without(session, lambda app: app.name == name)


def delete_app_by_hash(session: Session, full_hash: bytes) -> Inventory:
    """Delete the app with that full hash and return what is left.

    Raises:
        ConfigError: not a hash.
        DeviceError: refused, the app is still listed, or the link failed.
    """
    if len(full_hash) != HASH:
        raise ConfigError(f"a hash has {HASH} bytes, not {len(full_hash)}")
    session.send(bytes((DELETE_HASH,)) + full_hash, step=Step.DELETE, answer="none")
    return _without(session, lambda app: app.full_hash == full_hash)


def _without(session: Session, gone: Callable[[InstalledApp], bool]) -> Inventory:
    left = inventory(session)
    for app in left.apps:
        if gone(app) and not app.is_custom_ca:
            raise DeviceError(
                f"the device did not confirm: {app.name} is still listed",
                hint="accept the question on the device's screen, and look for what alters its answers",
                where=Step.DELETE,
            )
    return left


def enroll_ca(session: Session, name: str, key: PublicKey) -> None:
    """Make the device trust ``key``, after its owner confirmed. Only in recovery mode; one at a time (§14.1).

    The answer is a status word, so success is the link's word; a later session with that key proves it.

    Raises:
        ConfigError: not a possible name.
        DeviceError: refused, or the link failed.
    """
    plaintext = bytes((ENROLL_CA,)) + _field(name) + lv(key.point)
    session.send(plaintext, step=Step.ENROLL_CA, answer="none")


def remove_ca(session: Session) -> None:
    """Make the device forget its custom CA. What holds for ``enroll_ca`` holds here.

    Raises:
        DeviceError: refused, or the link failed.
    """
    session.send(bytes((REMOVE_CA,)), step=Step.REMOVE_CA, answer="none")


def run_app(transport: Transport, name: str) -> None:
    """Start an installed app; afterwards the device speaks the app's protocol.

    Raises:
        ConfigError: not a possible name.
        DeviceError: refused, or the link failed.
    """
    call(transport, Command(CLA, PLAIN_RUN, data=_field(name)[1:]), Step.RUN)


@dataclass(frozen=True)
class GenuineCheck:
    """What a session proved about a device, and what to be wary of."""

    verdict: Verdict
    version: DeviceVersion
    inventory: Inventory

    @property
    def custom_ca(self) -> InstalledApp | None:
        """The entry of an enrolled custom CA: whoever holds its key loads apps without being asked."""
        return next((app for app in self.inventory.apps if app.is_custom_ca), None)

    @property
    def replaced_interface(self) -> InstalledApp | None:
        """An app that stands in for the device's own user interface."""
        return next((app for app in self.inventory.apps if app.flags & FLAG_UX), None)


def check_genuine(session: Session) -> GenuineCheck:
    """Version, apps and memory over the channel, with the verdict of the session (§14.2).

    Raises:
        DeviceError: refused, malformed, not authentic, or the link failed.
    """
    return GenuineCheck(session.verdict, secured_version(session), inventory(session))
