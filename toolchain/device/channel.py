"""The secure channel as state without I/O (loader protocol §5.4, §6, §7).

Both directions share one state: it advances with every message that is not empty, in the order in
which they cross the wire. An empty message is not wrapped and advances nothing, so it proves nothing
by itself; the next message that is not empty vouches for all before it (CBC channels only).
"""

import hashlib
import hmac
from abc import ABC, abstractmethod
from typing import ClassVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from toolchain import libsecp256k1
from toolchain.errors import SecureChannelError
from toolchain.keys import ORDER, PrivateKey, PublicKey

BLOCK = 16
MAC = 14
"""Bytes of the MAC block that are sent: the last 14 of 16."""

_ZERO = bytes(BLOCK)


def compressed_secret(mine: PrivateKey, theirs: PublicKey) -> bytes:
    """SHA-256 of the shared point in compressed form (§5.4, the CBC channels)."""
    return libsecp256k1.ecdh(theirs.compressed, mine.secret.to_bytes(32, "big"))


def counter_secret(mine: PrivateKey, theirs: PublicKey) -> bytes:
    """SHA-256 of ``X || 00000001`` of the shared point (§5.4, the SIV channel)."""
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), theirs.point)
    x = ec.derive_private_key(mine.secret, ec.SECP256K1()).exchange(ec.ECDH(), point)
    return hashlib.sha256(x + b"\0\0\0\1").digest()


def derive_key(secret: bytes, index: int) -> bytes:
    """Key number ``index``, 16 bytes: hash to a scalar, multiply, hash the point (§6).

    Raises:
        SecureChannelError: no scalar in 256 attempts, which cannot happen by chance.
    """
    for retry in range(256):
        scalar = int.from_bytes(hashlib.sha256(index.to_bytes(4, "big") + bytes((retry,)) + secret).digest())
        if 0 < scalar < ORDER:
            point = PrivateKey.from_int(scalar).public_key.point
            return hashlib.sha256(point).digest()[:BLOCK]
    raise SecureChannelError


def pad(data: bytes) -> bytes:
    """Append ``80`` and zeros up to whole blocks (ISO/IEC 9797-1, method 2)."""
    return data + b"\x80" + bytes(-(len(data) + 1) % BLOCK)


def unpad(padded: bytes) -> bytes:
    """Undo ``pad``.

    Raises:
        SecureChannelError: the last block does not end in ``80`` and zeros.
    """
    data = padded.rstrip(b"\0")
    if len(padded) - len(data) >= BLOCK or not data.endswith(b"\x80"):
        raise SecureChannelError
    return data[:-1]


class Channel(ABC):
    """Wraps what we send and unwraps what the device answers, in order.

    Empty messages pass as they are. Nothing comes after an error: every later call raises it again.
    """

    authenticates: ClassVar[bool] = True
    """Whether a message that was altered is always noticed."""

    _dead = False

    def wrap(self, plaintext: bytes) -> bytes:
        """Data to send for ``plaintext``.

        Raises:
            SecureChannelError: the channel is dead.
        """
        if self._dead:
            raise SecureChannelError
        return self._seal(plaintext) if plaintext else b""

    def unwrap(self, wrapped: bytes) -> bytes:
        """Plaintext of an answer.

        Raises:
            SecureChannelError: the answer is not authentic, or the channel is dead.
        """
        if self._dead:
            raise SecureChannelError
        if not wrapped:
            return b""
        try:
            return self._open(wrapped)
        except SecureChannelError:
            self._dead = True
            raise

    def kill(self) -> None:
        """Refuse everything from now on: the two sides may no longer agree on the state."""
        self._dead = True

    @abstractmethod
    def _seal(self, plaintext: bytes) -> bytes: ...

    @abstractmethod
    def _open(self, wrapped: bytes) -> bytes: ...


class CbcChannel(Channel):
    """AES-128-CBC with one running IV and no MAC (§7.2): target ids with low nibble 1 or 2.

    Without a MAC it hides content but does not authenticate it; strict padding is all there is.
    """

    authenticates = False

    def __init__(self, key: bytes) -> None:
        self._key = algorithms.AES128(key)
        self._iv = _ZERO

    @classmethod
    def from_secret(cls, secret: bytes) -> "CbcChannel":
        """The channel whose key is the first half of the ECDH secret."""
        return cls(secret[:BLOCK])

    def _seal(self, plaintext: bytes) -> bytes:
        ciphertext = Cipher(self._key, modes.CBC(self._iv)).encryptor().update(pad(plaintext))
        self._iv = ciphertext[-BLOCK:]
        return ciphertext

    def _open(self, wrapped: bytes) -> bytes:
        if len(wrapped) % BLOCK:
            raise SecureChannelError
        padded = Cipher(self._key, modes.CBC(self._iv)).decryptor().update(wrapped)
        self._iv = wrapped[-BLOCK:]
        return unpad(padded)


class CbcMacChannel(CbcChannel):
    """AES-128-CBC, then CBC-MAC over the ciphertext (§7.1): low nibble 3 and up.

    The MAC chains over all ciphertext of the session in both directions; the wire carries the last 14
    bytes of its block.
    """

    authenticates = True

    def __init__(self, enc_key: bytes, mac_key: bytes) -> None:
        super().__init__(enc_key)
        # One encryptor for the whole session: its own chaining is the MAC's chaining.
        self._mac = Cipher(algorithms.AES128(mac_key), modes.CBC(_ZERO)).encryptor()

    @classmethod
    def from_secret(cls, secret: bytes) -> "CbcMacChannel":
        """The channel whose two keys are derived from the ECDH secret."""
        return cls(derive_key(secret, 0), derive_key(secret, 1))

    def _tag(self, ciphertext: bytes) -> bytes:
        return self._mac.update(ciphertext)[-MAC:]

    def _seal(self, plaintext: bytes) -> bytes:
        ciphertext = super()._seal(plaintext)
        return ciphertext + self._tag(ciphertext)

    def _open(self, wrapped: bytes) -> bytes:
        ciphertext, tag = wrapped[:-MAC], wrapped[-MAC:]
        if not ciphertext or len(ciphertext) % BLOCK:
            raise SecureChannelError
        if not hmac.compare_digest(self._tag(ciphertext), tag):
            raise SecureChannelError
        return super()._open(ciphertext)


class SivChannel(Channel):
    """AES-SIV (RFC 5297) without associated data or nonce (§7.3): ``tag || ciphertext``.

    It has no state of its own, so a relay can replay messages. We remember what we sent, to refuse our
    own commands when they come back as answers.
    """

    def __init__(self, key: bytes) -> None:
        self._siv = AESSIV(key)
        self._sent: set[bytes] = set()

    @classmethod
    def from_secret(cls, secret: bytes) -> "SivChannel":
        """The channel whose 32-byte key is derived from the ECDH secret: first half S2V, second CTR."""
        block = Cipher(algorithms.AES256(secret), modes.ECB()).encryptor()  # noqa: S305 - two single blocks, as the protocol derives its key
        return cls(block.update(bytes([1]) * BLOCK + bytes([2]) * BLOCK))

    def _seal(self, plaintext: bytes) -> bytes:
        wrapped = self._siv.encrypt(plaintext, None)
        self._sent.add(wrapped)
        return wrapped

    def _open(self, wrapped: bytes) -> bytes:
        if len(wrapped) <= BLOCK or wrapped in self._sent:
            raise SecureChannelError
        try:
            return self._siv.decrypt(wrapped, None)
        except InvalidTag as e:
            raise SecureChannelError from e
