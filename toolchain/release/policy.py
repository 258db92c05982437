"""The release policy: who approves, who rebuilds, who signs, which log sees it.

A file of canonical JSON that whoever verifies gets out of band; everything else in a bundle is measured
against it. No key has two roles, so that no single person fills two.
"""

import dataclasses
import datetime
import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from toolchain.dsse import parse_canonical, parse_date
from toolchain.errors import ImageError, SigningError
from toolchain.keys import PublicKey
from toolchain.manifest import canonical_json, read_as

SCHEMA = "release-policy/1"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ORIGIN = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True)
class Party:
    """Someone with a key. ``key`` is SubjectPublicKeyInfo as PEM."""

    name: str
    key: str

    @functools.cached_property
    def public_key(self) -> PublicKey:
        """The key itself.

        Raises:
            ImageError: not such a key, or not in the one form that openssl writes.
        """
        try:
            key = PublicKey.from_pem(self.key)
        except SigningError as e:
            raise ImageError(e.message, where=f"policy: {self.name}") from e
        if key.pem() != self.key:
            raise ImageError("the key is not plain PEM", where=f"policy: {self.name}")
        return key


@dataclass(frozen=True)
class Approver(Party):
    """Someone who approves releases, up to and including the day ``expires``.

    ``revoked`` is the day on which the key was given up. From then on it counts for nothing, whatever the
    date of its approvals: whoever stole it can date them back.
    """

    expires: str
    revoked: str | None

    def usable(self, today: datetime.date) -> bool:
        """Whether the key counts on that day."""
        return self.revoked is None and today <= datetime.date.fromisoformat(self.expires)


@dataclass(frozen=True)
class AppKey(Party):
    """A key that signs apps. ``revoked`` is the day on which it was given up; from then on it is no key."""

    revoked: str | None


@dataclass(frozen=True)
class LogPolicy:
    """The transparency log: its name and key, its witnesses, and how many of them must have signed."""

    origin: str
    key: str
    witnesses: tuple[Party, ...]
    required: int

    @property
    def party(self) -> Party:
        """The log as a party."""
        return Party("log", self.key)


@dataclass(frozen=True)
class ReleasePolicy:
    """Which releases are good. Dates are YYYY-MM-DD; ``expires`` is the last day of the policy.

    ``threshold`` different ``approvers`` and ``rebuilds`` different ``builders`` are needed. ``app_keys``
    sign the apps called ``apps``; every app must have passed the rules of ``verification``.
    """

    apps: tuple[str, ...]
    issued: str
    expires: str
    verification: str
    threshold: int
    approvers: tuple[Approver, ...]
    rebuilds: int
    builders: tuple[Party, ...]
    app_keys: tuple[AppKey, ...]
    log: LogPolicy

    def __post_init__(self) -> None:
        """Refuse a policy that cannot be kept, or that one person could keep alone.

        Raises:
            ImageError: thresholds out of reach, names or keys that stand twice, dates that are none.
        """
        for text in (
            self.issued,
            self.expires,
            *(a.expires for a in self.approvers),
            *(a.revoked for a in self.approvers if a.revoked is not None),
            *(k.revoked for k in self.app_keys if k.revoked is not None),
        ):
            parse_date(text, where="policy")
        for parties in (self.approvers, self.builders, self.app_keys, self.log.witnesses):
            names = [party.name for party in parties]
            if len(set(names)) != len(names) or not all(_NAME.fullmatch(name) for name in names):
                raise ImageError("names are simple words, and stand once", where="policy")
        points = [party.public_key for party in self.parties()]
        if len(set(points)) != len(points):
            raise ImageError("a key has one role and stands once", where="policy")
        for name, least, needed, there in (
            ("threshold", 2, self.threshold, sum(a.revoked is None for a in self.approvers)),
            ("rebuilds", 0, self.rebuilds, len(self.builders)),
            ("log.required", 0, self.log.required, len(self.log.witnesses)),
        ):
            if not least <= needed <= there:
                raise ImageError(f"{name} is {needed}, possible is {least} to {there}", where="policy")
        if not self.signing_keys() or not self.apps or not _ORIGIN.fullmatch(self.log.origin):
            raise ImageError("a policy names apps, keys that sign them, and a log", where="policy")

    def signing_keys(self) -> tuple[PublicKey, ...]:
        """Keys that sign apps, without those that were revoked."""
        return tuple(key.public_key for key in self.app_keys if key.revoked is None)

    def parties(self) -> Iterable[Party]:
        """Everyone with a key."""
        return (*self.approvers, *self.builders, *self.app_keys, self.log.party, *self.log.witnesses)

    def to_json(self) -> str:
        """Canonical JSON."""
        return canonical_json({"schema": SCHEMA, **dataclasses.asdict(self)})

    @classmethod
    def from_json(cls, data: bytes, *, where: str = "policy.json") -> Self:
        """Read what ``to_json`` wrote, byte for byte.

        Raises:
            ImageError: anything else.
        """
        table = parse_canonical(data, where=where)
        if table.pop("schema", None) != SCHEMA:
            raise ImageError(f"not a {SCHEMA}", where=where)
        return read_as(cls, table, where=where)

    def in_force(self, today: datetime.date) -> bool:
        """Whether the policy holds on that day."""
        return self.issued <= today.isoformat() <= self.expires
