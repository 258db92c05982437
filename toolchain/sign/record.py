"""The public record beside a key file: what the key is, what it may be used for, and what became of it.

``issuer.pem`` has ``issuer.toml`` beside it. The record holds nothing secret.
"""

import datetime
import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from toolchain.errors import ConfigError, RevokedError, SigningError
from toolchain.keys import PublicKey
from toolchain.toml import parse_toml

Role = Literal["app-signing", "device-issuer", "release-approval", "builder", "log", "witness"]
"""app-signing: signs apps; device-issuer: certifies devices; release-approval: approves a release; builder:
attests rebuilds; log: signs the heads of a log; witness: co-signs them.

A key has one role for life.
"""

_KEYS = {"name", "role", "key_id", "point", "created", "development"}
_MORE_KEYS = {"successor", "revoked"}


@dataclass(frozen=True)
class KeyRecord:
    """Public facts of a key. ``development`` keys prove nothing to anyone but their owner.

    ``successor`` is the id of the key that took over, empty for one in use; ``revoked`` the day from which on
    the key counts for nothing.
    """

    name: str
    role: Role
    key: PublicKey
    created: datetime.date
    development: bool
    successor: str = ""
    revoked: datetime.date | None = None

    def to_toml(self) -> str:
        """Text that ``read_record`` reads."""
        name = self.name.replace("\\", "\\\\").replace('"', '\\"')
        return (
            "# Public record of the key beside it; nothing here is secret.\n"
            f'name = "{name}"\n'
            f'role = "{self.role}"\n'
            f'key_id = "{self.key.key_id}"\n'
            f'point = "{self.key.point.hex()}"\n'
            f"created = {self.created.isoformat()}\n"
            f"development = {str(self.development).lower()}\n"
            + (f'successor = "{self.successor}"\n' if self.successor else "")
            + (f"revoked = {self.revoked.isoformat()}\n" if self.revoked else "")
        )

    @property
    def status(self) -> Literal["in use", "rotated", "revoked"]:
        """What became of the key."""
        return "revoked" if self.revoked else "rotated" if self.successor else "in use"

    def require_trusted(self) -> None:
        """Refuse a key that was revoked: whatever it signed.

        Raises:
            RevokedError: it was.
        """
        if self.revoked:
            raise RevokedError(
                f"the key {self.key.key_id} was revoked on {self.revoked}",
                hint="get the issuer's new public record from somebody whom you trust",
            )

    def require_in_use(self) -> None:
        """Refuse to sign with a key that was revoked, or that has a successor.

        Raises:
            SigningError: either.
        """
        self.require_trusted()
        if self.successor:
            raise SigningError(
                f"the key {self.key.key_id} was rotated: its successor is {self.successor}",
                hint="sign with the successor",
            )

    def require_role(self, role: Role) -> None:
        """Refuse the key for anything but its own role.

        Raises:
            SigningError: the key has another role.
        """
        if self.role != role:
            raise SigningError(
                f"the key {self.key.key_id} is for {self.role}, not for {role}",
                hint=f"make a key of its own: issuer.new --role {role}",
            )


def get_role(name: str) -> Role:
    """The role of that name.

    Raises:
        ConfigError: no such role.
    """
    found: Role | None = next((role for role in get_args(Role) if role == name), None)
    if found is None:
        raise ConfigError(f"no role is called {name!r}", hint=f"choose one of: {', '.join(get_args(Role))}")
    return found


def record_path(key_path: Path) -> Path:
    """Where the record of a key file lies."""
    return key_path.with_suffix(".toml")


def chain_path(key_path: Path) -> Path:
    """Where the chain of a key lies, if it has one: rotations and revocations (``chain``)."""
    return key_path.with_suffix(".chain.json")


def read_record(key_path: Path) -> KeyRecord:
    """The record beside ``key_path``.

    Raises:
        SigningError: none there, or not such a file.
    """
    path = record_path(key_path)
    where = str(path)
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as e:
        raise SigningError(
            "the key has no public record, so nothing says what it is for",
            hint=f"record it: ./inv issuer.record '{key_path}'",
            where=where,
        ) from e
    except (OSError, UnicodeDecodeError) as e:
        raise SigningError("the key's record cannot be read", where=where) from e
    return parse_record(text, where=where)


def parse_record(text: str, *, where: str) -> KeyRecord:
    """The record in the text of its file.

    Raises:
        SigningError: not such a text.
    """
    try:
        table = parse_toml(text)
    except ValueError as e:
        raise SigningError("the key's record cannot be read", where=where) from e
    return _parse(table, where)


def _parse(table: dict[str, object], where: str) -> KeyRecord:
    if table.keys() - _MORE_KEYS != _KEYS:
        raise SigningError(f"a key's record has exactly: {', '.join(sorted(_KEYS))}", where=where)
    name, role, created, development = (table[k] for k in ("name", "role", "created", "development"))
    if not (isinstance(name, str) and name.isprintable() and type(created) is datetime.date):
        raise SigningError("a key's record has a printable name and a date", where=where)
    if not isinstance(development, bool):
        raise SigningError("a key's record says development = true or false", where=where)
    successor, revoked = table.get("successor", ""), table.get("revoked")
    if not (isinstance(successor, str) and re.fullmatch(r"(?:[0-9a-f]{16})?", successor)):
        raise SigningError("the successor in a key's record is not a key id", where=where)
    if not (revoked is None or type(revoked) is datetime.date):
        raise SigningError("a key's record says since which day the key is revoked", where=where)
    known = next((r for r in get_args(Role) if r == role), None)
    if known is None:
        raise SigningError(f"unknown role; known are {', '.join(get_args(Role))}", where=where)
    try:
        key = PublicKey(bytes.fromhex(str(table["point"])))
    except (ValueError, SigningError) as e:
        raise SigningError("the point of a key's record is not a secp256k1 point", where=where) from e
    if key.key_id != table["key_id"]:
        raise SigningError("a key's record names another key id than its point has", where=where)
    return KeyRecord(name, known, key, created, development, successor, revoked)


@functools.cache
def _known_keys() -> frozenset[str]:
    """Ids of keys whose private halves were published."""
    path = Path(__file__).parent / "known_keys.toml"
    lists: Mapping[str, list[str]] = tomllib.loads(path.read_text("utf-8"))
    return frozenset(key_id for ids in lists.values() for key_id in ids)


def require_release_key(record: KeyRecord) -> None:
    """What the policies release and store demand of a signing key.

    Raises:
        SigningError: a development key, a key that everybody knows, or one with another role.
    """
    record.require_role("app-signing")
    record.require_in_use()
    if record.key.key_id in _known_keys():
        raise SigningError(
            f"the private half of the key {record.key.key_id} was published",
            hint="make a key of your own with issuer.new, and trust this one no longer",
        )
    if record.development:
        raise SigningError(
            f"the key {record.key.key_id} is a development key and cannot sign a release",
            hint="make a release key with issuer.new, and name it with --signer file:PATH",
        )
