"""What a device remembers without power, as an immutable value, and as canonical JSON.

Every change of the loader is one assignment of a new ``DeviceState``: a power cut leaves the old or the new
one, nothing between.
"""

import base64
import binascii
import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from toolchain.errors import ImageError, SigningError
from toolchain.image import MAX_SIZE, Segment
from toolchain.keys import PublicKey
from toolchain.virtual_device.application import (
    CreateRequest,
    Description,
    InstalledApp,
    hash_prefix,
)
from toolchain.virtual_device.config import DeviceConfig
from toolchain.virtual_device.fields import read_name
from toolchain.virtual_device.flash import page_count
from toolchain.virtual_device.status import RefusedError

FORMAT = 1
MAX_STATE = 64 << 20
"""Bytes of a state file at most; a full device of 2 MiB takes less than 3 MiB."""

PIN_TRIES = 3


@dataclass(frozen=True)
class Authority:
    """An enrolled certificate: a name for people, and its key."""

    name: str
    key: PublicKey


@dataclass(frozen=True)
class LanguagePack:
    """Texts of the device's own screens, for the OS version that they were loaded under."""

    language: int
    version: str
    data: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of all chunks (§16.3)."""
        return hashlib.sha256(self.data).digest()


@dataclass(frozen=True)
class Endorsement:
    """The public half of an endorsement key, and its owner's signature (§14.4)."""

    slot: int
    key: PublicKey
    owner_signature: bytes


@dataclass(frozen=True)
class DeviceState:
    """Installed apps in order of installation, certificates, language packs, endorsement keys.

    ``wear`` counts how often each flash page was erased. ``pin`` is empty where none is set, and kept as it
    is: a virtual device protects nothing. ``tries`` are those left before a wrong PIN wipes the device.
    """

    apps: tuple[InstalledApp, ...] = ()
    custom_ca: Authority | None = None
    recover_ca: Authority | None = None
    packs: tuple[LanguagePack, ...] = ()
    endorsements: tuple[Endorsement, ...] = ()
    onboarded: bool = True
    pin: str = field(default="", repr=False)
    tries: int = PIN_TRIES
    wear: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))

    def find(self, name: str) -> InstalledApp | None:
        """The installed app of that name, or None."""
        return next((app for app in self.apps if app.name == name), None)

    def with_settings(self, full_hash: bytes, nvm: bytes) -> "DeviceState":
        """The state after the app with that hash has run, and written its data section.

        Raises:
            ImageError: no such app, or it has a data section of another size.
        """
        found = next((app for app in self.apps if app.full_hash == full_hash), None)
        if found is None or len(found.nvm) != len(nvm):
            raise ImageError("the device has no app with such a data section")
        changed = replace(found, nvm=nvm)
        return replace(self, apps=tuple(changed if app is found else app for app in self.apps))

    def check(self, config: DeviceConfig) -> None:
        """Refuse a state that this device cannot have.

        Raises:
            ImageError: too many apps, names or pages that two apps share, pages that it has not or that do
                not hold their app, hashes of another device.
        """
        pages = [page for app in self.apps for page in app.pages]
        names = {app.name for app in self.apps}
        if len(self.apps) > config.slots or len(names) < len(self.apps) or len(set(pages)) < len(pages):
            raise ImageError("the device state has more apps than slots, or apps that share names or pages")
        if any(len(app.pages) != page_count(app.segments[-1].end, config.erase_size) for app in self.apps):
            raise ImageError("an app in the device state occupies more or less flash than it needs")
        if any(not 0 <= page < config.page_count for page in (*pages, *self.wear)):
            raise ImageError("the device state uses flash that this device does not have")
        for app in self.apps:
            streamed = b"".join(segment.data for segment in app.segments)
            prefix = hash_prefix(config.target_id, config.target_version, app.request)
            if hashlib.sha256(prefix + streamed).digest() != app.full_hash:
                raise ImageError(
                    f"the app {app.name!r} in the device state was not installed on such a device",
                    hint="use another state file for another target",
                )

    def dump(self) -> bytes:
        """Canonical JSON: sorted keys, no spaces, a final newline; bytes as base64."""
        document = {
            "format": FORMAT,
            "apps": [_dump_app(app) for app in self.apps],
            "custom_ca": _dump_authority(self.custom_ca),
            "recover_ca": _dump_authority(self.recover_ca),
            "packs": [[pack.language, pack.version, _dump_bytes(pack.data)] for pack in self.packs],
            "endorsements": [
                [entry.slot, _dump_bytes(entry.key.point), _dump_bytes(entry.owner_signature)]
                for entry in self.endorsements
            ],
            "onboarded": self.onboarded,
            "pin": self.pin,
            "tries": self.tries,
            "wear": {str(page): count for page, count in self.wear.items()},
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def load(cls, data: bytes) -> "DeviceState":
        """Read what ``dump`` wrote.

        Raises:
            ImageError: not such a file.
        """
        if len(data) > MAX_STATE:
            raise ImageError("the device state is larger than any device")
        try:
            document = _table(json.loads(data))
            if _natural(document["format"]) != FORMAT:
                raise ImageError(f"the device state has format {document['format']}, not {FORMAT}")
            wear = {int(page): _natural(count) for page, count in _table(document["wear"]).items()}
            return cls(
                apps=tuple(_load_app(_table(app)) for app in _list(document["apps"])),
                custom_ca=_load_authority(document["custom_ca"]),
                recover_ca=_load_authority(document["recover_ca"]),
                packs=tuple(_load_pack(pack) for pack in _list(document["packs"])),
                endorsements=tuple(_load_endorsement(entry) for entry in _list(document["endorsements"])),
                onboarded=_truth(document["onboarded"]),
                pin=_text(document["pin"]),
                tries=_natural(document["tries"]),
                wear=MappingProxyType(wear),
            )
        except (KeyError, TypeError, ValueError, RecursionError, SigningError, RefusedError) as e:
            raise ImageError(f"not a device state: {e}") from e


def _dump_bytes(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _load_bytes(text: object) -> bytes:
    try:
        return base64.b64decode(_text(text), validate=True)
    except binascii.Error as e:
        raise ValueError("not base64") from e


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, found {type(value).__name__}")
    return value


def _name(value: object) -> str:
    return read_name(_text(value).encode())


def _natural(value: object, most: int = 0xFFFFFFFF) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise TypeError(f"expected a number from 0 to {most}")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("expected true or false")
    return value


def _dump_authority(authority: Authority | None) -> object:
    if authority is None:
        return None
    return {"name": authority.name, "key": _dump_bytes(authority.key.point)}


def _load_authority(value: object) -> Authority | None:
    if value is None:
        return None
    table = _table(value)
    return Authority(_name(table["name"]), PublicKey(_load_bytes(table["key"])))


def _load_pack(value: object) -> LanguagePack:
    language, version, data = _list(value)
    return LanguagePack(_natural(language, 0xFF), _name(version), _load_bytes(data))


def _load_endorsement(value: object) -> Endorsement:
    slot, key, signature = _list(value)
    return Endorsement(_natural(slot, 2), PublicKey(_load_bytes(key)), _load_bytes(signature))


def _dump_app(app: InstalledApp) -> dict[str, object]:
    request = app.request
    description = request.description
    return {
        "name": app.name,
        "version": app.version,
        "flags": app.flags,
        "request": {
            "hashed": _dump_bytes(request.hashed),
            "code_length": request.code_length,
            "data_length": request.data_length,
            "params_length": request.params_length,
            "flags": request.flags,
            "boot_offset": request.boot_offset,
            "described": description is not None,
        },
        "segments": [[segment.address, _dump_bytes(segment.data)] for segment in app.segments],
        "full_hash": _dump_bytes(app.full_hash),
        "pages": list(app.pages),
        "nvm": _dump_bytes(app.nvm),
    }


def _load_app(table: Mapping[str, object]) -> InstalledApp:
    name, version = _name(table["name"]), _text(table["version"]) and _name(table["version"])
    request = _table(table["request"])
    app = InstalledApp(
        name=name,
        version=version,
        flags=_natural(table["flags"]),
        request=CreateRequest(
            hashed=_load_bytes(request["hashed"]),
            code_length=_natural(request["code_length"]),
            data_length=_natural(request["data_length"]),
            params_length=_natural(request["params_length"]),
            flags=_natural(request["flags"]),
            boot_offset=_natural(request["boot_offset"]),
            description=Description(name, version) if request["described"] is True else None,
        ),
        segments=tuple(_load_segment(segment) for segment in _list(table["segments"])),
        full_hash=_load_bytes(table["full_hash"]),
        pages=tuple(_natural(page) for page in _list(table["pages"])),
        nvm=_load_bytes(table["nvm"]),
    )
    if not app.segments or app.segments[-1].end not in app.request.ends or app.request.size > MAX_SIZE:
        raise ValueError(f"the sizes of app {name!r} do not add up")
    if any(after.address <= before.end for before, after in itertools.pairwise(app.segments)):
        raise ValueError(f"the segments of app {name!r} overlap")
    if len(app.nvm) != app.request.data_length:
        raise ValueError(f"the data section of app {name!r} has another size")
    return app


def _load_segment(value: object) -> Segment:
    address, data = _list(value)
    return Segment(_natural(address), _load_bytes(data))


def _table(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"expected a table, found {type(value).__name__}")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, found {type(value).__name__}")
    return value
