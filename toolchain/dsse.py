"""Signed statements: DSSE envelopes (Dead Simple Signing Envelope v1) with ECDSA secp256k1 over SHA-256.

The signature covers the pre-authentication encoding, that is the payload's type and its bytes. Reading is
strict: an envelope has one form only, and its payload is canonical JSON.
"""

import datetime
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from toolchain.errors import ImageError, SigningError
from toolchain.keys import PublicKey, Signature, Signer, low_s
from toolchain.manifest import canonical_json

if TYPE_CHECKING:
    from securesystemslib import dsse

IN_TOTO = "application/vnd.in-toto+json"
"""Payload type of in-toto statements."""

MAX_SIGNATURES = 64


@dataclass(frozen=True)
class Envelope:
    """A payload, its type, and who signed it. Key ids are hints; only ``signed_by`` proves anything."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...] = ()

    def digest(self) -> bytes:
        """SHA-256 of the pre-authentication encoding: what a signature covers."""
        return hashlib.sha256(_foreign(self).pae()).digest()

    def signed_by(self, key: PublicKey) -> bool:
        """Whether one of the signatures is a low-S one by ``key`` over this payload and type."""
        digest = self.digest()
        return any(_is_low_s(s.der) and key.verifies(s.der, digest) for s in self.signatures)

    def with_signature(self, signer: Signer, expected: PublicKey) -> Self:
        """The envelope with one signature more, checked; signing again by the same key replaces nothing.

        Raises:
            SigningError: the signer holds another key or answers what does not verify, or the key has
                signed already.
        """
        if signer.public_key != expected:
            raise SigningError(
                f"the signer holds the key {signer.public_key.key_id}, expected is {expected.key_id}"
            )
        if any(s.key_id == expected.key_id for s in self.signatures):
            raise SigningError(f"the key {expected.key_id} has signed this already")
        digest = self.digest()
        der = low_s(signer.sign_digest(digest))
        if not expected.verifies(der, digest):
            raise SigningError(f"the signer's answer does not verify with the key {expected.key_id}")
        signatures = sorted((*self.signatures, Signature(expected.key_id, der)), key=lambda s: s.key_id)
        return type(self)(self.payload_type, self.payload, tuple(signatures))

    def to_json(self) -> str:
        """Canonical JSON; signatures ascend by key id."""
        return canonical_json(_foreign(self).to_dict())

    @classmethod
    def from_json(cls, text: str, *, where: str = "envelope") -> Self:
        """Read what ``to_json`` wrote, byte for byte.

        Raises:
            ImageError: anything else.
        """
        from securesystemslib import dsse, exceptions

        try:
            foreign = dsse.Envelope.from_dict(json.loads(text))
            signatures = tuple(
                Signature(s.keyid, bytes.fromhex(s.signature)) for s in foreign.signatures.values()
            )
            envelope = cls(foreign.payload_type, foreign.payload, signatures)
            texts = (foreign.payload_type, *(s.key_id for s in signatures))
            canonical = envelope.to_json() == text and all(isinstance(t, str) for t in texts)
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            RecursionError,
            exceptions.FormatError,
        ) as e:
            raise ImageError("not a DSSE envelope", where=where) from e
        ids = [s.key_id for s in signatures]
        if not canonical or ids != sorted(ids) or len(ids) > MAX_SIGNATURES:
            raise ImageError("not a DSSE envelope in its canonical form", where=where)
        return envelope


def seal(payload_type: str, value: object) -> Envelope:
    """An unsigned envelope around ``value`` as canonical JSON."""
    return Envelope(payload_type, canonical_json(value).encode())


def open_payload(envelope: Envelope, payload_type: str, *, where: str = "envelope") -> dict[str, object]:
    """The table in an envelope of that type. Says nothing about who signed it.

    Raises:
        ImageError: another type, or the payload is not canonical JSON of a table.
    """
    if envelope.payload_type != payload_type:
        raise ImageError(f"the envelope holds {envelope.payload_type!r:.60}, not {payload_type}", where=where)
    return parse_canonical(envelope.payload, where=where)


def parse_canonical(data: bytes, *, where: str) -> dict[str, object]:
    """A table from canonical JSON, byte for byte as ``canonical_json`` writes it.

    Raises:
        ImageError: anything else.
    """
    try:
        text = data.decode()
        table = json.loads(text)
        canonical = canonical_json(table) == text
    except (ValueError, TypeError, RecursionError) as e:
        raise ImageError("not canonical JSON", where=where) from e
    if not canonical or not isinstance(table, dict):
        raise ImageError("not canonical JSON of a table", where=where)
    return table


def parse_date(text: str, *, where: str) -> datetime.date:
    """A date of the form YYYY-MM-DD.

    Raises:
        ImageError: anything else.
    """
    try:
        date = datetime.date.fromisoformat(text)
    except ValueError as e:
        raise ImageError("not a date", where=where) from e
    if date.isoformat() != text:
        raise ImageError("not a date of the form YYYY-MM-DD", where=where)
    return date


def signers(envelopes: Iterable[Envelope], keys: Iterable[PublicKey]) -> frozenset[PublicKey]:
    """Which of ``keys`` signed at least one of the envelopes."""
    envelopes = tuple(envelopes)
    return frozenset(key for key in keys if any(envelope.signed_by(key) for envelope in envelopes))


def _foreign(envelope: Envelope) -> "dsse.Envelope":
    from securesystemslib import dsse
    from securesystemslib import signer as foreign

    signatures = {s.key_id: foreign.Signature(s.key_id, s.der.hex()) for s in envelope.signatures}
    return dsse.Envelope(envelope.payload, envelope.payload_type, signatures)


def _is_low_s(der: bytes) -> bool:
    try:
        return low_s(der) == der
    except SigningError:
        return False
