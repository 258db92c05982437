"""The manifest of one build for one target: what it is, where it came from, who signed it.

Canonical JSON: UTF-8, keys sorted, two spaces of indentation, one newline at the end, no floats. Reading is
strict: an unknown key, a missing key or a wrong type is an error, so that a manifest of another schema
is never half understood.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from toolchain.errors import ImageError

if TYPE_CHECKING:
    from toolchain.image import Image

SCHEMA = 1

_T = TypeVar("_T")


@dataclass(frozen=True)
class Provenance:
    """How an ELF came about.

    ``commit`` is the app's git commit, empty outside of a repository; ``dirty`` whether its tree had
    uncommitted changes. ``sdk`` and ``compiler`` are identities with a digest or version,
    ``command`` the make command with machine-specific folders replaced by names,
    ``environment`` the variables that it saw, with folders replaced alike, and ``umask``;
    ``source_date_epoch`` seconds since 1970.
    """

    commit: str
    dirty: bool
    builder: str
    compiler: str
    sdk: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    source_date_epoch: int
    platform: str


@dataclass(frozen=True)
class ImageRecord:
    """The image in figures: digest and lengths as loader protocol §9 and §13 define them."""

    digest: str
    target_id: int
    target_version: str
    api_level: int | None
    code_length: int
    data_length: int
    params_length: int
    flags: int
    boot_offset: int

    @classmethod
    def of(cls, image: "Image") -> "ImageRecord":
        """The figures of ``image``."""
        return cls(
            digest=image.digest().hex(),
            target_id=image.target_id,
            target_version=image.target_version,
            api_level=image.api_level,
            code_length=image.code_length,
            data_length=image.data_length,
            params_length=image.params_length,
            flags=image.flags,
            boot_offset=image.boot_offset,
        )


@dataclass(frozen=True)
class VerificationRecord:
    """Under which policy the image passed, and which rules were waived (id: reason, expiry)."""

    policy: str
    findings: int
    waived: tuple[str, ...]


@dataclass(frozen=True)
class SignatureRecord:
    """Who signed: ``point`` and ``der`` in hex. ``kind`` tells a development key from a release key."""

    key_id: str
    point: str
    der: str
    kind: Literal["development", "release"]


@dataclass(frozen=True)
class Manifest:
    """Everything about one build for one target. ``files`` maps names in its folder to their SHA-256.

    ``unsafe`` lists the named exceptions that were used (``unsafe-unknown-issuer`` …); it is empty for
    anything that a release may contain.
    """

    app: str
    version: str
    target: str
    image: ImageRecord
    provenance: Provenance
    verification: VerificationRecord
    signature: SignatureRecord | None
    files: Mapping[str, str]
    unsafe: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Canonical JSON text."""
        return canonical_json({"schema": SCHEMA, **dataclasses.asdict(self)})

    @classmethod
    def from_json(cls, text: str, *, where: str = "manifest.json") -> "Manifest":
        """Read what ``to_json`` wrote.

        Raises:
            ImageError: not JSON, another schema, unknown or missing keys, wrong types.
        """
        try:
            table = json.loads(text, object_pairs_hook=_no_duplicates)
        except (ValueError, RecursionError) as e:
            raise ImageError(f"not JSON: {e}", where=where) from e
        schema = table.pop("schema", None) if isinstance(table, dict) else None
        if type(schema) is not int or schema != SCHEMA:  # True and 1.0 are equal to 1, too
            raise ImageError(f"not a manifest of schema {SCHEMA}", where=where)
        return read_as(cls, table, where=where)


def canonical_json(value: object) -> str:
    """The one JSON text of ``value``: sorted keys, no floats, a newline at the end."""
    _refuse_floats(value)
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def read_as(kind: type[_T], value: object, *, where: str) -> _T:
    """``value`` from JSON as the frozen dataclass ``kind``, strictly: its fields, all of them, of its types.

    Raises:
        ImageError: anything else, naming the place.
    """
    loaded = _load(kind, value, where)
    if not isinstance(loaded, kind):
        raise ImageError("expected an object", where=where)
    return loaded


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise TypeError("canonical JSON has no floats")
    if isinstance(value, Mapping):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _refuse_floats(item)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key stands twice")
    return table


def _is_broken_text(value: object) -> bool:
    """Half of a surrogate pair: JSON can spell it, UTF-8 cannot."""
    return isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value)


def _load(kind: Any, value: Any, where: str) -> object:  # noqa: ANN401 - types and JSON are what they are
    """``value`` from JSON as an instance of the annotation ``kind``, or ImageError naming ``where``."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, dict):
            raise ImageError("expected an object", where=where)
        hints = get_type_hints(kind)
        if unknown := value.keys() - hints.keys():
            raise ImageError(f"unknown keys: {', '.join(sorted(unknown))}", where=where)
        if missing := hints.keys() - value.keys():
            raise ImageError(f"missing keys: {', '.join(sorted(missing))}", where=where)
        return kind(**{name: _load(hint, value[name], f"{where}: {name}") for name, hint in hints.items()})
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple and isinstance(value, list):
        return tuple(_load(arguments[0], item, where) for item in value)
    if origin is Mapping and isinstance(value, dict):
        return {
            _load(arguments[0], key, where): _load(arguments[1], item, f"{where}: {key}")
            for key, item in value.items()
        }
    if origin is Literal and value in arguments:
        return value
    if type(None) in arguments:
        if value is None:
            return None
        return _load(next(a for a in arguments if a is not type(None)), value, where)
    if isinstance(kind, type) and type(value) is kind and not _is_broken_text(value):
        return value
    raise ImageError(f"{value!r:.60} is not of the type that belongs here", where=where)
