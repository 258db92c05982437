"""``file:``: a key in a PKCS#8 PEM file (RFC 5958), encrypted with a passphrase."""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from toolchain.errors import SigningError
from toolchain.keys import AskSecret, PrivateKey, PublicKey
from toolchain.sign.files import read_private
from toolchain.sign.record import KeyRecord, Role, read_record

_ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_PLAIN = b"-----BEGIN PRIVATE KEY-----"


class FileSigner:
    """Signs with a key that was read from a file. ``record`` tells what the key is for."""

    def __init__(self, key: PrivateKey, record: KeyRecord) -> None:
        self._key = key
        self.record = record

    @property
    def public_key(self) -> PublicKey:
        """The key's own point; it equals the record's."""
        return self._key.public_key

    def sign_digest(self, digest: bytes) -> bytes:
        """Low-S DER signature over the 32-byte digest, nonce by RFC 6979."""
        return self._key.sign_digest(digest)

    def __repr__(self) -> str:
        return f"FileSigner(name={self.record.name!r}, key_id={self.public_key.key_id})"


def open_file(path: str, ask_secret: AskSecret, role: Role = "app-signing") -> FileSigner:
    """The signer of a key with that role.

    Raises:
        SigningError: as ``read_key``, or the key has another role, was rotated or revoked.
    """
    key, record = read_key(Path(path), ask_secret)
    record.require_role(role)
    record.require_in_use()
    return FileSigner(key, record)


def read_key(path: Path, ask_secret: AskSecret) -> tuple[PrivateKey, KeyRecord]:
    """The key in ``path`` and its public record.

    Only a development key may lie there without a passphrase.

    Raises:
        SigningError: no record; another key than the record's; ``files.read_private``; ``parse_key``.
    """
    record = read_record(path)
    data = read_private(path)
    if not record.development and not data.lstrip().startswith(_ENCRYPTED):
        parse_key(data, None, where=str(path))
        raise SigningError(
            "the key file has no passphrase",
            hint="encrypt it: openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 1000000",
            where=str(path),
        )
    passphrase = None
    if data.lstrip().startswith(_ENCRYPTED):
        passphrase = ask_secret(f"passphrase of {path.name}").encode()
    key = parse_key(data, passphrase, where=str(path))
    if key.public_key != record.key:
        raise SigningError(
            f"the file holds the key {key.public_key.key_id}, its record says {record.key.key_id}",
            where=str(path),
        )
    return key, record


def parse_key(data: bytes, passphrase: bytes | None, *, where: str) -> PrivateKey:
    """A secp256k1 key from PKCS#8 PEM.

    Raises:
        SigningError: not such a file, wrong passphrase, another curve or kind of key.
    """
    text = data.lstrip()
    if not text.startswith((_ENCRYPTED, _PLAIN)):
        raise SigningError(
            "not a private key in PKCS#8 PEM form",
            hint="convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 1000000",
            where=where,
        )
    if text.startswith(_ENCRYPTED) and not passphrase:
        raise SigningError("the key needs a passphrase, and none was given", where=where)
    try:
        key = serialization.load_pem_private_key(text, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Without the cause: a parser's message may quote what it read.
        if passphrase:
            raise SigningError(
                "wrong passphrase, or the key file is damaged", hint="try the passphrase again", where=where
            ) from None
        raise SigningError("the key file is damaged", where=where) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise SigningError("the file holds no elliptic-curve key", where=where)
    if not isinstance(key.curve, ec.SECP256K1):
        raise SigningError(
            f"the key is on {key.curve.name}",
            hint="apps are signed on secp256k1: make a key with issuer.new",
            where=where,
        )
    return PrivateKey(key)
