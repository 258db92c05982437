"""Install parameters: TLV ↔ InstallParams (loader protocol §10).

They lie behind the image, in the section ``.install_parameters``, and tell the device the app's name,
version, icon, and which keys the app may derive. ``encode_install_params`` writes them in the order of
the SDK's own tool: dependencies, raw TLVs, name, version, icon, path.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from toolchain.errors import ConfigError, ImageError

DerivationPath = tuple[int, ...]
"""Words of a BIP-32 path; bit 31 marks a hardened one."""

HARDENED = 0x80000000
ANY_INDEX = 0x7FFFFFFF
"""The word that matches every index; ``*`` in text (§10.1)."""

ALL_CURVES = 0xFF
"""Mask that the tools write when no curve is named."""

CURVES = {
    "secp256k1": 0x01,
    "secp256r1": 0x02,
    "ed25519": 0x04,
    "slip21": 0x08,
    "bls12381g1": 0x10,
    "bls12377g1": 0x20,
    "jubjub": 0x40,
}
"""Names as the SDK spells them → bits of the mask (§10.1)."""

_NAME, _VERSION, _ICON, _PATH, _DATA_SIZE, _DEPENDENCY = 1, 2, 3, 4, 5, 6
_RESERVED = range(_NAME, _DEPENDENCY + 1)
_SLIP21 = 0x80


@dataclass(frozen=True)
class Dependency:
    """A library app that must be installed; any version of it if ``version`` is empty."""

    name: str
    version: str = ""


@dataclass(frozen=True)
class InstallParams:
    """What an app tells the device about itself.

    ``curves`` is the mask of CURVES, or ALL_CURVES. ``paths`` are the prefixes that derivation is
    limited to. Without any path, BIP-32 derivation is unrestricted if there is no SLIP-21 path either,
    and impossible otherwise; the single empty path ``((),)`` says unrestricted in both cases.
    ``extra`` holds TLVs with tags that have no field here, in their order.
    """

    name: str
    version: str
    icon: bytes | None
    curves: int
    paths: tuple[DerivationPath, ...]
    paths_slip21: tuple[str, ...]
    dependencies: tuple[Dependency, ...] = ()
    extra: tuple[tuple[int, bytes], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what has no encoding, or says two things at once.

        Raises:
            ImageError: texts that are not printable ASCII, numbers out of range, duplicates.
        """
        texts = [self.name, self.version, *self.paths_slip21]
        texts += [text for d in self.dependencies for text in (d.name, d.version or "0")]
        if not all(text.isascii() and text.isprintable() and text for text in texts):
            raise ImageError("names, versions and SLIP-21 paths are printable ASCII texts")
        if not 0 <= self.curves < _SLIP21 and self.curves != ALL_CURVES:
            raise ImageError(f"the curve mask {self.curves:#04x} has bits without a curve")
        if self.paths_slip21 and not self.curves & CURVES["slip21"]:
            raise ImageError("SLIP-21 paths need the slip21 bit of the curve mask")
        if () in self.paths and len(self.paths) > 1:
            raise ImageError("an empty path allows everything; other paths beside it mean nothing")
        if any(len(p) >= _SLIP21 or not all(0 <= word < 1 << 32 for word in p) for p in self.paths):
            raise ImageError("a path has at most 127 elements of 32 bits")
        if any(len(p) > 126 for p in self.paths_slip21):
            raise ImageError("a SLIP-21 path has at most 126 characters")
        if any(not 0 <= tag < 256 or tag in _RESERVED for tag, _ in self.extra):
            raise ImageError("an extra TLV has a tag of one byte, and none of 01 to 06")
        names = [d.name for d in self.dependencies]
        for values in (self.paths, self.paths_slip21, names, [tag for tag, _ in self.extra]):
            if len(set(values)) != len(values):
                raise ImageError("install parameters say the same thing twice")


def encode_install_params(params: InstallParams) -> bytes:
    """The bytes of the section ``.install_parameters``.

    Raises:
        ImageError: a value is longer than 65535 bytes.
    """
    fields = [(_DEPENDENCY, _dependency(d)) for d in params.dependencies]
    fields += params.extra
    fields += [(_NAME, params.name.encode("ascii")), (_VERSION, params.version.encode("ascii"))]
    if params.icon is not None:
        fields.append((_ICON, params.icon))
    fields.append((_PATH, _restriction(params)))
    return b"".join(bytes([tag]) + _with_length(value) for tag, value in fields)


def _with_length(value: bytes) -> bytes:
    size = len(value)
    if size < 0x80:
        return bytes([size]) + value
    if size < 0x100:
        return bytes([0x81, size]) + value
    if size < 0x10000:
        return b"\x82" + size.to_bytes(2, "big") + value
    raise ImageError(f"a value of {size} bytes is too long for an install parameter")


def _dependency(dependency: Dependency) -> bytes:
    version = dependency.version.encode("ascii")
    return _with_length(dependency.name.encode("ascii")) + (_with_length(version) if version else b"")


def _restriction(params: InstallParams) -> bytes:
    paths = [bytes([len(p)]) + b"".join(word.to_bytes(4, "big") for word in p) for p in params.paths]
    labels = [bytes([_SLIP21 | (len(p) + 1), 0]) + p.encode("ascii") for p in params.paths_slip21]
    # The tools write the empty path behind the SLIP-21 paths, all others before them.
    parts = labels + paths if params.paths == ((),) else paths + labels
    return bytes([params.curves]) + b"".join(parts)


class _Reader:
    """Takes bytes from the front; ``what`` names the whole in errors."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._offset = 0
        self._what = what

    def __bool__(self) -> bool:
        return self._offset < len(self._data)

    def take(self, size: int) -> bytes:
        end = self._offset + size
        if end > len(self._data):
            raise ImageError(f"{self._what}: byte {self._offset} announces more than there is")
        taken, self._offset = self._data[self._offset : end], end
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def value(self) -> bytes:
        """A value behind its length, which must have its shortest form."""
        size = self.number(1)
        if size >= 0x80:
            if size not in (0x81, 0x82):
                raise ImageError(f"{self._what}: {size:02x} is not the start of a length")
            digits = size - 0x80
            size = self.number(digits)
            if size < (0x80, 0x100)[digits - 1]:
                raise ImageError(f"{self._what}: a length of {size} is not in its shortest form")
        return self.take(size)


def parse_install_params(data: bytes, *, where: str = "") -> InstallParams:
    """Read the bytes of the section ``.install_parameters``, in any order of tags.

    Raises:
        ImageError: lengths that do not add up or are not minimal, duplicate or reserved tags, no name,
            no version, or no path restriction (a device would then let the app derive every key).
    """
    try:
        return _parse(data)
    except ImageError as e:
        e.where = where
        raise


def _parse(data: bytes) -> InstallParams:
    single: dict[int, bytes] = {}
    dependencies: list[Dependency] = []
    extra: list[tuple[int, bytes]] = []
    reader = _Reader(data, "install parameters")
    while reader:
        tag, value = reader.number(1), reader.value()
        if tag == _DEPENDENCY:
            dependencies.append(_parse_dependency(value))
        elif tag == _DATA_SIZE:
            raise ImageError("install parameters: tag 05 is reserved and never used")
        elif tag not in _RESERVED:
            extra.append((tag, value))
        elif tag in single:
            raise ImageError(f"install parameters: tag {tag:02x} is there twice")
        else:
            single[tag] = value
    for tag, what in ((_NAME, "name"), (_VERSION, "version"), (_PATH, "path restriction")):
        if tag not in single:
            raise ImageError(f"install parameters: there is no {what}")
    curves, paths, paths_slip21 = _parse_restriction(single[_PATH])
    return InstallParams(
        name=_ascii(single[_NAME]),
        version=_ascii(single[_VERSION]),
        icon=single.get(_ICON),
        curves=curves,
        paths=paths,
        paths_slip21=paths_slip21,
        dependencies=tuple(dependencies),
        extra=tuple(extra),
    )


def _ascii(value: bytes) -> str:
    try:
        return value.decode("ascii")
    except UnicodeDecodeError as e:
        raise ImageError(f"install parameters: {value!r} is not ASCII text") from e


def _parse_dependency(value: bytes) -> Dependency:
    reader = _Reader(value, "dependency")
    name = _ascii(reader.value())
    version = ""
    if reader:
        version = _ascii(reader.value())
        if reader or not version:
            raise ImageError("dependency: a name and a version are all that it has")
    return Dependency(name, version)


def _parse_restriction(value: bytes) -> tuple[int, tuple[DerivationPath, ...], tuple[str, ...]]:
    reader = _Reader(value, "path restriction")
    curves = reader.number(1)
    paths: list[DerivationPath] = []
    labels: list[str] = []
    while reader:
        head = reader.number(1)
        if head < _SLIP21:
            paths.append(tuple(reader.number(4) for _ in range(head)))
        else:
            label = reader.take(head - _SLIP21)
            if label[:1] != b"\0":
                raise ImageError("path restriction: a SLIP-21 path starts with a zero byte")
            labels.append(_ascii(label[1:]))
    return curves, tuple(paths), tuple(labels)


def path_from_text(text: str) -> DerivationPath:
    """``44'/1'`` → words; ``*`` matches every index, the empty text is the empty path.

    Raises:
        ConfigError: not a path.
    """
    return tuple(_words(text)) if text else ()


def _words(text: str) -> Iterator[int]:
    for element in text.split("/"):
        digits = element.removesuffix("'")
        # The last index that is not hardened cannot be written: its word is that of "*".
        mark, limit = (0, ANY_INDEX) if digits == element else (HARDENED, HARDENED)
        if element == "*":
            yield ANY_INDEX
        elif digits.isascii() and digits.isdecimal() and len(digits) <= 10 and int(digits) < limit:
            yield int(digits) | mark
        else:
            raise ConfigError(
                f"{text!r} is not a derivation path", hint="write it like 44'/1' or 44'/*, without m/"
            )


def path_to_text(path: DerivationPath) -> str:
    """Words → ``44'/1'``."""
    return "/".join(_element(word) for word in path)


def _element(word: int) -> str:
    if word == ANY_INDEX:
        return "*"
    return f"{word & ~HARDENED}'" if word & HARDENED else str(word)


def curve_mask(names: Iterable[str], *, slip21: bool = False) -> int:
    """Mask of the named curves; ALL_CURVES if none is named, as the tools do.

    ``slip21`` says that there are SLIP-21 paths, whose bit the tools add to named curves.

    Raises:
        ConfigError: a curve that the device does not know.
    """
    mask = 0
    for name in names:
        if name not in CURVES:
            raise ConfigError(f"no curve is called {name!r}", hint=f"choose of: {', '.join(CURVES)}")
        mask |= CURVES[name]
    if not mask:
        return ALL_CURVES
    return mask | CURVES["slip21"] if slip21 else mask


def curve_names(mask: int) -> tuple[str, ...]:
    """Names of the mask's curves; none for ALL_CURVES."""
    return () if mask == ALL_CURVES else tuple(name for name, bit in CURVES.items() if mask & bit)
