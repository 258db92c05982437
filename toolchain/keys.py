"""Keys and signatures on secp256k1, the only curve of the loader protocol.

Public keys on the wire are 65-byte uncompressed points; signatures are DER, and ours always low-S.
Digests are signed as they are, without a second hash (loader protocol §13).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from toolchain.errors import SigningError

ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
"""Order of the group (SEC 2, §2.4.1)."""

_PREHASHED = ec.ECDSA(utils.Prehashed(hashes.SHA256()))

AskSecret = Callable[[str], str]
"""Asks a person (or a pipe) for the named secret, for example ``passphrase of issuer.pem``."""


@dataclass(frozen=True)
class PublicKey:
    """A point on secp256k1 as 65 bytes ``04 || X || Y``."""

    point: bytes

    def __post_init__(self) -> None:
        """Refuse anything that is not an uncompressed point on the curve.

        Raises:
            SigningError: wrong length, prefix or coordinates.
        """
        if len(self.point) != 65 or self.point[0] != 4:
            raise SigningError("public key is not an uncompressed secp256k1 point of 65 bytes")
        try:
            self._key()
        except ValueError as e:
            raise SigningError("public key is not a point on secp256k1") from e

    def _key(self) -> ec.EllipticCurvePublicKey:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), self.point)

    @property
    def compressed(self) -> bytes:
        """The point as 33 bytes: ``02`` or ``03``, by the parity of Y, then X."""
        return bytes((2 + (self.point[64] & 1),)) + self.point[1:33]

    @property
    def key_id(self) -> str:
        """First 16 hex digits of SHA-256 over the point; names a key in manifests and messages."""
        return hashlib.sha256(self.point).hexdigest()[:16]

    def verifies(self, signature: bytes, digest: bytes) -> bool:
        """Whether ``signature`` (strict DER, any S) is valid over the 32-byte ``digest`` itself."""
        try:
            self._key().verify(signature, digest, _PREHASHED)
        except (InvalidSignature, ValueError):
            return False
        return True

    def verifies_message(self, signature: bytes, message: bytes) -> bool:
        """Whether ``signature`` is valid over SHA-256 of ``message``, as the handshake uses it."""
        return self.verifies(signature, hashlib.sha256(message).digest())

    def pem(self) -> str:
        """SubjectPublicKeyInfo as PEM text."""
        return (
            self._key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode("ascii")
        )

    @classmethod
    def from_pem(cls, text: str) -> "PublicKey":
        """Read SubjectPublicKeyInfo PEM.

        Raises:
            SigningError: not PEM, or not a secp256k1 key.
        """
        try:
            key = serialization.load_pem_public_key(text.encode())
        except (ValueError, UnsupportedAlgorithm) as e:
            raise SigningError("not a public key in PEM form") from e
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256K1):
            raise SigningError("public key is not on secp256k1")
        return cls(_encode(key))


def _encode(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def low_s(der: bytes) -> bytes:
    """The same signature with S at most half the order (BIP-62), as DER.

    Raises:
        SigningError: not a DER signature, or numbers out of range.
    """
    try:
        r, s = utils.decode_dss_signature(der)
    except ValueError as e:
        raise SigningError("the signer's answer is not a DER signature") from e
    if not (0 < r < ORDER and 0 < s < ORDER):
        raise SigningError("the signer's answer is out of range")
    return utils.encode_dss_signature(r, min(s, ORDER - s))


@dataclass(frozen=True)
class Signature:
    """A low-S DER signature over a 32-byte digest, and the id of the key that verifies it."""

    key_id: str
    der: bytes


class Signer(Protocol):
    """Whoever holds a private key: a file, an HSM, an air gap."""

    @property
    def public_key(self) -> PublicKey:
        """The key that the signer says it holds; callers compare it with the one they expect."""
        ...

    def sign_digest(self, digest: bytes) -> bytes:
        """DER signature over the 32-byte digest.

        Raises:
            SigningError: the signer refuses.
        """
        ...


class PrivateKey:
    """A secp256k1 private key in memory; never printed, never compared, never in a repr."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self.public_key = PublicKey(_encode(key.public_key()))

    @classmethod
    def generate(cls) -> "PrivateKey":
        """A new key from the operating system's random numbers."""
        return cls(ec.generate_private_key(ec.SECP256K1()))

    @classmethod
    def from_int(cls, secret: int) -> "PrivateKey":
        """The key with this scalar.

        Raises:
            SigningError: zero, negative, or not below the order.
        """
        if not 0 < secret < ORDER:
            raise SigningError("private key is out of range")
        return cls(ec.derive_private_key(secret, ec.SECP256K1()))

    @property
    def secret(self) -> int:
        """The scalar itself. For key agreement and for storing; nothing else may read it."""
        return self._key.private_numbers().private_value

    def sign_digest(self, digest: bytes) -> bytes:
        """Low-S DER signature over the digest itself, nonce by RFC 6979."""
        if len(digest) != 32:
            raise SigningError("a digest has 32 bytes")
        algorithm = ec.ECDSA(utils.Prehashed(hashes.SHA256()), deterministic_signing=True)
        return low_s(self._key.sign(digest, algorithm))

    def sign_message(self, message: bytes) -> bytes:
        """Low-S DER signature over SHA-256 of ``message``."""
        return self.sign_digest(hashlib.sha256(message).digest())

    def pem(self, passphrase: bytes | None) -> bytes:
        """PKCS#8 PEM, encrypted with ``passphrase`` unless that is None."""
        encryption: serialization.KeySerializationEncryption = (
            serialization.NoEncryption()
            if passphrase is None
            else serialization.BestAvailableEncryption(passphrase)
        )
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )

    def __repr__(self) -> str:
        return f"PrivateKey(key_id={self.public_key.key_id})"
