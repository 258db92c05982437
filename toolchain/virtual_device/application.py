"""Applications: the create-app command, what install parameters say, and what lies installed."""

import hashlib
from dataclasses import dataclass

from toolchain.image import MAX_SIZE, Segment
from toolchain.virtual_device.fields import read_lvs, read_name, read_tlv_length, read_tlvs
from toolchain.virtual_device.status import RefusedError, Status

FLAG_SIGNED = 0x0004
FLAG_CUSTOM_CA = 0x0400
FLAG_ISSUER = 0x4000
FLAG_ENABLED = 0x8000
FLAG_OS_UPGRADE = 0x0002

_DEVICE_FLAGS = FLAG_OS_UPGRADE | FLAG_SIGNED | FLAG_CUSTOM_CA | FLAG_ISSUER
"""Flags that the device gives or that only the issuer may ask for (§9.1)."""

_KNOWN_FLAGS = 0x3FFFF
_ERASED = b"\xff"
_ALIGNMENT = 64
"""Parameters that a client appends start at a multiple of this behind the code (§11)."""

_TAG_NAME, _TAG_VERSION, _TAG_DEPENDENCY = 0x01, 0x02, 0x06


@dataclass(frozen=True)
class Dependency:
    """A library that must be installed; any version when ``version`` is None."""

    name: str
    version: str | None


@dataclass(frozen=True)
class Description:
    """What install parameters say, as far as the loader needs it."""

    name: str
    version: str
    dependencies: tuple[Dependency, ...] = ()


def read_install_params(data: bytes) -> Description:
    """Interpret install parameters (§10): a name, at most one version, dependencies.

    Raises:
        RefusedError: malformed, no name, or a name or version given twice.
    """
    names, versions, dependencies = [], [], []
    for tag, value in read_tlvs(data):
        if tag == _TAG_NAME:
            names.append(read_name(value))
        elif tag == _TAG_VERSION:
            versions.append(read_name(value))
        elif tag == _TAG_DEPENDENCY:
            dependencies.append(_read_dependency(value))
    if len(names) != 1 or len(versions) > 1:
        raise RefusedError(Status.INVALID)
    return Description(names[0], "".join(versions), tuple(dependencies))


def _read_dependency(value: bytes) -> Dependency:
    name, end = read_tlv_length(value, 0)
    if end == len(value):
        return Dependency(read_name(name), None)
    version, end = read_tlv_length(value, end)
    if end != len(value):
        raise RefusedError(Status.INVALID)
    return Dependency(read_name(name), read_name(version))


@dataclass(frozen=True)
class CreateRequest:
    """A create-app command. ``hashed`` is what of it enters the digest (§13).

    ``description`` is None where it follows in the install parameters.
    """

    hashed: bytes
    code_length: int
    data_length: int
    params_length: int
    flags: int
    boot_offset: int
    description: Description | None = None

    @property
    def size(self) -> int:
        """Most bytes that the image may span, padding in front of appended parameters included."""
        return self.code_length + self.data_length + -self.data_length % _ALIGNMENT + self.params_length

    @property
    def ends(self) -> tuple[int, int]:
        """Where the image may end: parameters directly behind the data, or behind its padding."""
        return self.code_length + self.data_length + self.params_length, self.size

    def check(self, *, issuer: bool) -> None:
        """Refuse numbers that make no sense, and flags that this host may not ask for.

        Raises:
            RefusedError: INVALID.
        """
        forbidden = ~_KNOWN_FLAGS | (0 if issuer else _DEVICE_FLAGS)
        if (
            self.flags & forbidden
            or self.code_length == 0
            or self.size > MAX_SIZE
            or self.boot_offset & ~1 >= self.code_length
            or (self.params_length == 0 and self.description is None)
        ):
            raise RefusedError(Status.INVALID)


def read_create(args: bytes, api_level: int | None, generation: int) -> CreateRequest:
    """Read a create-app command in the form of this device (§9).

    Raises:
        RefusedError: another form (WRONG_FORM), another API level (API_LEVEL).
    """
    if api_level is not None:
        if len(args) != 21:
            raise RefusedError(Status.WRONG_FORM)
        if args[0] != api_level:
            raise RefusedError(Status.API_LEVEL)
        return _read_numbers(args, args[1:])
    # A name is never empty, so the first byte of the third number tells the two old forms apart.
    if len(args) == 20 and (generation > 3 or args[8] == 0):
        return _read_numbers(args, args)
    if generation > 3 or len(args) < 8:
        raise RefusedError(Status.WRONG_FORM)
    try:
        return _read_legacy(args)
    except RefusedError as e:
        raise RefusedError(Status.WRONG_FORM) from e


def _read_numbers(args: bytes, numbers: bytes) -> CreateRequest:
    code, data, params, flags, boot = (int.from_bytes(numbers[i : i + 4], "big") for i in range(0, 20, 4))
    return CreateRequest(args, code, data, params, flags, boot)


def _read_legacy(args: bytes) -> CreateRequest:
    name, _icon, _path, *version = read_lvs(args[8:], 3, 4)
    return CreateRequest(
        hashed=b"",
        code_length=int.from_bytes(args[:4], "big"),
        data_length=0,
        params_length=0,
        flags=int.from_bytes(args[4:8], "big"),
        boot_offset=0,
        description=Description(read_name(name), "".join(map(read_name, version))),
    )


@dataclass(frozen=True)
class InstalledApp:
    """An app in flash. ``request`` is how it was created; ``segments`` lie at offsets from the image's start.

    ``pages`` are the flash pages that it occupies. ``nvm`` is its data section as the app has left it.
    """

    name: str
    version: str
    flags: int
    request: CreateRequest
    segments: tuple[Segment, ...]
    full_hash: bytes
    pages: tuple[int, ...]
    nvm: bytes

    @property
    def contents(self) -> bytes:
        """The image as it was loaded, holes erased."""
        image = bytearray(_ERASED * self.segments[-1].end)
        for segment in self.segments:
            image[segment.address : segment.end] = segment.data
        return bytes(image)

    @property
    def code_data_hash(self) -> bytes:
        """SHA-256 of code and data as loaded (§13)."""
        return hashlib.sha256(self.contents[: self.request.code_length + self.request.data_length]).digest()


def hash_prefix(target_id: int, target_version: str, request: CreateRequest) -> bytes:
    """What the full hash covers before the image (§13)."""
    device = target_id.to_bytes(4, "big") + target_version.encode("ascii") if target_id & 0xF > 3 else b""
    return device + request.hashed
