"""What became of an issuer's key: rotations and revocations, each a statement signed by the keys themselves.

::

    {"schema": "issuer-chain/1", "statements": [DSSE envelope, …]}

A rotation is signed by the old key, which names its successor, and by the new one, which shows that somebody
holds it. A revocation is signed by the key itself or by one that came after it. So whoever trusts one key of
a chain can tell the later ones, without asking anyone. A key that is revoked leads nowhere any more: whoever
stole it could sign a rotation, too.
"""

import datetime
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from toolchain.dsse import Envelope, open_payload, parse_canonical, parse_date, seal
from toolchain.errors import ImageError, RevokedError, SigningError
from toolchain.keys import PublicKey, Signer
from toolchain.manifest import canonical_json

SCHEMA = "issuer-chain/1"
ROTATION = "application/vnd.nano-toolchain.issuer-rotation+json"
REVOCATION = "application/vnd.nano-toolchain.issuer-revocation+json"
"""Payload types."""

MAX_STATEMENTS = 64

_ROLE = re.compile(r"[a-z-]{1,32}")
_REASON = re.compile(r"[ -~]{0,200}")


@dataclass(frozen=True)
class Chain:
    """Statements that were checked. ``keys`` go from the oldest to the newest; ``revoked`` says since when.

    Made by ``from_envelopes`` and ``from_json`` only, which refuse what is not signed as it should be.
    """

    statements: tuple[Envelope, ...] = ()
    role: str = ""
    keys: tuple[PublicKey, ...] = ()
    revoked: Mapping[PublicKey, datetime.date] = field(default_factory=dict)

    @classmethod
    def from_envelopes(cls, envelopes: Iterable[Envelope], *, where: str = "issuer chain") -> Self:
        """The chain of these statements, in their order.

        Raises:
            ImageError: not such statements.
            SigningError: a signature is missing, not good or too many, or the statements do not fit together.
        """
        chain, newest = cls(), datetime.date.min
        for number, envelope in enumerate(envelopes):
            if number == MAX_STATEMENTS:
                raise ImageError(f"a chain has at most {MAX_STATEMENTS} statements", where=where)
            chain, date = chain._with(envelope, where)
            if date < newest:
                raise SigningError(
                    "the statements of the chain are not in the order of their dates", where=where
                )
            newest = date
        return chain

    @classmethod
    def from_json(cls, data: bytes, *, where: str = "issuer chain") -> Self:
        """Read what ``to_json`` wrote, byte for byte.

        Raises:
            ImageError, SigningError: as ``from_envelopes``, or not such a file.
        """
        table = parse_canonical(data, where=where)
        statements = table.get("statements")
        if table.keys() != {"schema", "statements"} or table["schema"] != SCHEMA:
            raise ImageError(f"not an {SCHEMA}", where=where)
        if not isinstance(statements, list) or not 0 < len(statements) <= MAX_STATEMENTS:
            raise ImageError(f"a chain has 1 to {MAX_STATEMENTS} statements", where=where)
        return cls.from_envelopes(
            [Envelope.from_json(canonical_json(statement), where=where) for statement in statements],
            where=where,
        )

    def to_json(self) -> bytes:
        """Canonical JSON."""
        statements = [parse_canonical(e.to_json().encode(), where="statement") for e in self.statements]
        return canonical_json({"schema": SCHEMA, "statements": statements}).encode()

    def rotated(self, old: Signer, new: Signer, role: str, date: datetime.date, reason: str) -> Self:
        """The chain with one key more, signed by both.

        Raises:
            SigningError: a signer refuses, or ``old`` is not the chain's newest key, or is revoked.
        """
        envelope = rotation(old.public_key, new.public_key, role, date, reason)
        self._with_unsigned(envelope)
        return self._grown(envelope.with_signature(old, old.public_key).with_signature(new, new.public_key))

    def revoking(self, key: PublicKey, by: Signer, role: str, date: datetime.date, reason: str) -> Self:
        """The chain with the statement, signed by ``by``, that ``key`` counts for nothing any more.

        Raises:
            SigningError: the signer refuses, or may not revoke that key.
        """
        envelope = revocation(key, role, date, reason)
        _, allowed, _ = self._with_unsigned(envelope)
        if (by.public_key,) not in allowed:
            raise SigningError(f"the key {by.public_key.key_id} may not revoke {key.key_id}")
        return self._grown(envelope.with_signature(by, by.public_key))

    def trusted_by(self, key: PublicKey, role: str) -> tuple[PublicKey, ...]:
        """``key`` and those that came after it: whom somebody who trusts ``key`` for ``role`` can trust.

        Raises:
            SigningError: the chain is about other keys or another role.
            RevokedError: one of them was revoked.
        """
        if key not in self.keys or role != self.role:
            raise SigningError(f"the chain is not about the key {key.key_id} as {role}")
        later = self.keys[self.keys.index(key) :]
        for one in later:
            if one in self.revoked:
                raise RevokedError(
                    f"the key {one.key_id} was revoked on {self.revoked[one]}",
                    hint="get the issuer's new public record from somebody whom you trust",
                )
        return later

    def _grown(self, envelope: Envelope) -> Self:
        if len(self.statements) >= MAX_STATEMENTS:
            raise SigningError(f"a chain has at most {MAX_STATEMENTS} statements; begin a new one")
        return type(self).from_envelopes((*self.statements, envelope))

    def _with(self, envelope: Envelope, where: str) -> "tuple[Self, datetime.date]":
        """The chain with one statement more, and the statement's date."""
        chain, needed, date = self._with_unsigned(envelope, where)
        ids = {signature.key_id for signature in envelope.signatures}
        signers = [key for key in chain.keys if key.key_id in ids]
        if len(signers) != len(ids) or not all(envelope.signed_by(key) for key in signers):
            raise SigningError(
                "a statement of the chain is not signed by the keys that it is about", where=where
            )
        if not any(set(signers) == set(group) for group in needed):
            raise SigningError("a statement of the chain is signed by the wrong keys", where=where)
        return chain, date

    def _with_unsigned(
        self, envelope: Envelope, where: str = "issuer chain"
    ) -> "tuple[Self, list[tuple[PublicKey, ...]], datetime.date]":
        """As ``_with``, with the groups of keys any of which may have signed the statement."""
        rotates = envelope.payload_type == ROTATION
        table = open_payload(envelope, ROTATION if rotates else REVOCATION, where=where)
        names = {"date", "reason", "role", *(("new", "old") if rotates else ("key",))}
        texts = {name: value for name, value in table.items() if isinstance(value, str)}
        if table.keys() != names or texts.keys() != names:
            raise ImageError("not a statement about an issuer's key", where=where)
        date, role = parse_date(texts["date"], where=where), texts["role"]
        if not _ROLE.fullmatch(role) or not _REASON.fullmatch(texts["reason"]):
            raise ImageError(
                "a statement of the chain has a role, and a reason of at most 200 ASCII characters",
                where=where,
            )
        about = _key(texts["old"] if rotates else texts["key"], where)
        keys = self.keys or (about,)
        if self.role not in ("", role) or about not in keys or about in self.revoked:
            raise SigningError(
                f"the key {about.key_id} is not in the chain as {role}, or was revoked before", where=where
            )
        if not rotates:
            later = [key for key in keys[keys.index(about) :] if key not in self.revoked]
            revoked = {**self.revoked, about: date}
            return type(self)((*self.statements, envelope), role, keys, revoked), [(k,) for k in later], date
        new = _key(texts["new"], where)
        if about != keys[-1] or new in keys:
            raise SigningError(f"the key {about.key_id} has a successor already, or is its own", where=where)
        return (
            type(self)((*self.statements, envelope), role, (*keys, new), self.revoked),
            [(about, new)],
            date,
        )


def rotation(old: PublicKey, new: PublicKey, role: str, date: datetime.date, reason: str) -> Envelope:
    """The statement, unsigned, that ``new`` takes over from ``old``."""
    table = {"date": date.isoformat(), "new": new.pem(), "old": old.pem(), "reason": reason, "role": role}
    return seal(ROTATION, table)


def revocation(key: PublicKey, role: str, date: datetime.date, reason: str) -> Envelope:
    """The statement, unsigned, that ``key`` counts for nothing any more."""
    return seal(REVOCATION, {"date": date.isoformat(), "key": key.pem(), "reason": reason, "role": role})


def _key(pem: str, where: str) -> PublicKey:
    try:
        key = PublicKey.from_pem(pem)
    except SigningError as e:
        raise ImageError("a statement of the chain names no secp256k1 key", where=where) from e
    if key.pem() != pem:
        raise ImageError("a key of the chain is not plain PEM", where=where)
    return key
