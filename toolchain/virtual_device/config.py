"""What a virtual device is: model, identity, policies. Frozen; what changes is ``DeviceState``."""

import functools
import hashlib
import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from toolchain.errors import ConfigError
from toolchain.keys import ORDER, PrivateKey, PublicKey
from toolchain.target import Target

_MODELS = Path(__file__).parent / "models.toml"

_HEADER = bytes.fromhex("10b48081be2028")
"""Certificate header of a real Nano S, published by a third party (loader protocol §5.2)."""

ListFormat = Literal["versioned", "old"]
"""The two list pages of loader protocol §12.2."""

DeleteInLoad = Literal["at commit", "at once", "refused", "ends load"]
"""What becomes of a deletion while an app is being loaded; nobody has seen real devices do any of it.

Part of the commit; final at once, beside the load; refused; final at once, and the end of the load.
"""

Random = Callable[[int], bytes]
"""Gives that many random bytes."""


class PromptKind(Enum):
    """What a device asks its owner."""

    FOREIGN_HOST = "Allow an unknown manager"
    INSTALL = "Install app"
    DELETE = "Delete app"
    ENROL_CA = "Trust certificate"
    REMOVE_CA = "Remove certificate"


@dataclass(frozen=True)
class Prompt:
    """A question on the device's screen: about what, and its identifier (a digest or a key, hex)."""

    kind: PromptKind
    subject: str
    identifier: str


Consent = Callable[[Prompt], bool]
"""Answers a prompt. ``allow`` and ``deny`` do so for everybody; a callback may ask a person."""


def allow(_prompt: Prompt) -> bool:
    """Yes to everything."""
    return True


def deny(_prompt: Prompt) -> bool:
    """No to everything."""
    return False


def seeded_random(seed: bytes) -> Random:
    """The same bytes in every run, for tests and traces: SHAKE-256 over seed and counter."""
    counter = 0

    def random(size: int) -> bytes:
        nonlocal counter
        counter += 1
        return hashlib.shake_256(seed + counter.to_bytes(8, "big")).digest(size)

    return random


def random_key(random: Random) -> PrivateKey:
    """A private key from 32 random bytes, drawn again while out of range."""
    while not 0 < (scalar := int.from_bytes(random(32), "big")) < ORDER:
        pass
    return PrivateKey.from_int(scalar)


@dataclass(frozen=True, eq=False)
class DeviceIdentity:
    """From the factory: a key, and the issuer's signature over ``02 || header || key`` (§5.1)."""

    key: PrivateKey
    issuer: PublicKey
    header: bytes
    signature: bytes
    serial: bytes

    @classmethod
    def issue(
        cls, issuer: PrivateKey, seed: bytes | None = None, serial: bytes = b"\0\0\0\1"
    ) -> "DeviceIdentity":
        """Make a device of ``issuer``; with ``seed``, the same one every time. ``serial`` has 4 bytes."""
        if len(serial) != 4:
            raise ConfigError("a batch serial has 4 bytes")
        key = random_key(os.urandom if seed is None else seeded_random(b"device key" + seed))
        signature = issuer.sign_message(b"\x02" + _HEADER + key.public_key.point)
        return cls(key, issuer.public_key, _HEADER, signature, serial)


@functools.cache
def _models() -> dict[str, dict[str, Any]]:
    table: dict[str, dict[str, Any]] = tomllib.loads(_MODELS.read_text("utf-8"))
    return table


@dataclass(frozen=True, eq=False)
class DeviceConfig:
    """One device. ``standard`` fills in a model's figures; ``dataclasses.replace`` changes any.

    ``target_id``, ``target_version`` (text that enters the digest) and ``api_level`` (None: create-app has
    no level) may differ from the target's, to be an older or newer device. Sizes in bytes: ``page_size`` is
    what flash is erased by, ``block_size`` the unit of list pages, ``app_flash`` all space for apps.
    ``signing_keys`` are trusted for app signatures beside the enrolled CA. ``locked`` and ``recovery`` say
    how it powers on. ``sideload`` False refuses apps, ``custom_channels`` False refuses hosts, unless the
    issuer vouches for the host. With a ``seed`` nonces and keys repeat from run to run.
    """

    target: Target
    identity: DeviceIdentity
    target_id: int
    target_version: str
    api_level: int | None
    page_size: int
    block_size: int
    app_flash: int
    system_size: int
    slots: int
    os_version: str
    mcu_version: str
    mcu_hash: bytes
    bootloader_version: str
    hardware_version: str | None
    consent: Consent = allow
    list_format: ListFormat = "versioned"
    delete_in_load: DeleteInLoad = "at commit"
    locked: bool = False
    recovery: bool = False
    sideload: bool = True
    custom_channels: bool = True
    signing_keys: tuple[PublicKey, ...] = ()
    seed: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what no device is.

        Raises:
            ConfigError: channel generation below 2, sizes or levels out of range.
        """
        if not 0 <= self.target_id < 1 << 32 or self.generation < 2:
            raise ConfigError(
                f"no virtual device has target id {self.target_id:#x}",
                hint="channel generations (the last hex digit) from 2 on are supported",
            )
        if self.api_level is not None and not 0 <= self.api_level < 256:
            raise ConfigError(f"API level {self.api_level} does not fit one byte")
        if min(self.page_size, self.block_size) < 1 or min(self.app_flash, self.slots, self.system_size) < 0:
            raise ConfigError("pages and blocks have at least one byte, and no size is negative")
        if max(self.system_size, self.slots) >= 1 << 32 or self.app_flash >= self.block_size << 16:
            raise ConfigError("memory information has 32-bit numbers, and list pages 16-bit block counts")
        if self.erase_size % self.page_size or self.erase_size % self.block_size:
            raise ConfigError("of page and block size, one is a multiple of the other")

    @property
    def generation(self) -> int:
        """Low nibble of the target id (§3)."""
        return self.target_id & 0xF

    @property
    def erase_size(self) -> int:
        """Bytes that flash is handed out by: a page, or a block where that is larger."""
        return max(self.page_size, self.block_size)

    @property
    def page_count(self) -> int:
        """Erasable units for apps."""
        return self.app_flash // self.erase_size

    def random(self) -> Random:
        """A source of nonces and keys: the operating system's, or the seed's."""
        return os.urandom if self.seed is None else seeded_random(self.seed)

    @classmethod
    def standard(
        cls, target: Target, identity: DeviceIdentity, target_id: int | None = None
    ) -> "DeviceConfig":
        """The current device of that model, or with ``target_id`` an older one.

        Generations below 4 know no API level, and no text of theirs enters the digest.
        """
        models = _models()
        figures = models["default"] | models.get(target.name, {})
        chosen = target.id if target_id is None else target_id
        return cls(
            target=target,
            identity=identity,
            target_id=chosen,
            target_version=target.version,
            api_level=target.api_level if chosen & 0xF > 3 else None,
            page_size=target.page_size,
            block_size=target.list_block_size,
            app_flash=figures["app_flash"],
            system_size=figures["system_size"],
            slots=figures["slots"],
            os_version=figures["os_version"],
            mcu_version=figures["mcu_version"],
            mcu_hash=hashlib.sha256(figures["mcu_version"].encode("ascii")).digest(),
            bootloader_version=figures["bootloader_version"],
            hardware_version=figures.get("hardware_version"),
        )
