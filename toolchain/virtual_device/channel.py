"""The device's end of the secure channels (loader protocol §5.4, §6, §7).

Written for this package alone: the host has its own code, so that the two check each other.
"""

import hashlib
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import constant_time
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from toolchain import libsecp256k1
from toolchain.errors import SecureChannelError
from toolchain.keys import ORDER, PrivateKey, PublicKey

BLOCK = 16
MAC_LENGTH = 14


class Channel(Protocol):
    """Unwraps commands and wraps replies, in the order in which they cross the wire. Never empty ones."""

    def unwrap(self, wrapped: bytes) -> bytes:
        """Plaintext of a command.

        Raises:
            SecureChannelError: not authentic; the channel must not be used again.
        """
        ...

    def wrap(self, plain: bytes) -> bytes:
        """What to send for a reply."""
        ...


def _encrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    context = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return context.update(data) + context.finalize()


def _decrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    context = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    return context.update(data) + context.finalize()


def _pad(plain: bytes) -> bytes:
    marked = plain + b"\x80"
    return marked + bytes(-len(marked) % BLOCK)


def _unpad(padded: bytes) -> bytes:
    """Remove ``80 00…``: at most one block, and nothing but zeros behind the mark."""
    marked = padded.rstrip(b"\0")
    if not marked.endswith(b"\x80") or len(padded) - len(marked) >= BLOCK:
        raise SecureChannelError
    return marked[:-1]


def _check_blocks(ciphertext: bytes) -> None:
    if not ciphertext or len(ciphertext) % BLOCK:
        raise SecureChannelError


class CbcChannel:
    """AES-CBC without a MAC, one IV for both directions (generation 2, §7.2)."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._iv = bytes(BLOCK)

    def unwrap(self, wrapped: bytes) -> bytes:
        """See ``Channel``."""
        _check_blocks(wrapped)
        padded = _decrypt(self._key, self._iv, wrapped)
        self._iv = wrapped[-BLOCK:]
        return _unpad(padded)

    def wrap(self, plain: bytes) -> bytes:
        """See ``Channel``."""
        wrapped = _encrypt(self._key, self._iv, _pad(plain))
        self._iv = wrapped[-BLOCK:]
        return wrapped


class CbcMacChannel:
    """AES-CBC, then a CBC-MAC over the ciphertext; both chain through the session (§7.1)."""

    def __init__(self, enc_key: bytes, mac_key: bytes) -> None:
        self._enc = CbcChannel(enc_key)
        self._mac_key = mac_key
        self._mac_iv = bytes(BLOCK)

    def _tag(self, ciphertext: bytes) -> bytes:
        self._mac_iv = _encrypt(self._mac_key, self._mac_iv, ciphertext)[-BLOCK:]
        return self._mac_iv[-MAC_LENGTH:]

    def unwrap(self, wrapped: bytes) -> bytes:
        """See ``Channel``."""
        ciphertext, tag = wrapped[:-MAC_LENGTH], wrapped[-MAC_LENGTH:]
        _check_blocks(ciphertext)
        if not constant_time.bytes_eq(self._tag(ciphertext), tag):
            raise SecureChannelError
        return self._enc.unwrap(ciphertext)

    def wrap(self, plain: bytes) -> bytes:
        """See ``Channel``."""
        ciphertext = self._enc.wrap(plain)
        return ciphertext + self._tag(ciphertext)


class SivChannel:
    """AES-SIV (RFC 5297) without associated data; no state (§7.3)."""

    def __init__(self, key: bytes) -> None:
        self._siv = AESSIV(key)

    def unwrap(self, wrapped: bytes) -> bytes:
        """See ``Channel``."""
        try:
            return self._siv.decrypt(wrapped, None)
        except (InvalidTag, ValueError) as e:
            raise SecureChannelError from e

    def wrap(self, plain: bytes) -> bytes:
        """See ``Channel``."""
        return self._siv.encrypt(plain, None)


def _derive(secret: bytes, index: int) -> bytes:
    """Session key ``index``: a hash taken as a scalar, times G, hashed again (§6)."""
    for retry in range(256):
        scalar = hashlib.sha256(index.to_bytes(4, "big") + bytes([retry]) + secret).digest()
        if 0 < int.from_bytes(scalar, "big") < ORDER:
            return hashlib.sha256(libsecp256k1.base_multiple(scalar)).digest()[:BLOCK]
    raise SecureChannelError


def classic_channel(generation: int, ephemeral: PrivateKey, host: PublicKey) -> Channel:
    """The channel of generation 2 (no MAC) or of 3 and up, from our ephemeral key and the host's.

    The secret is the hash of the compressed shared point (§5.4, classic form).
    """
    secret = libsecp256k1.ecdh(host.compressed, ephemeral.secret.to_bytes(32, "big"))
    if generation < 3:
        return CbcChannel(secret[:BLOCK])
    return CbcMacChannel(_derive(secret, 0), _derive(secret, 1))


def siv_channel(ephemeral: PrivateKey, host: PublicKey) -> Channel:
    """The SIV channel: the secret is a hash of the shared X (§5.4); S2V key, then CTR key (§6)."""
    mine = ec.derive_private_key(ephemeral.secret, ec.SECP256K1())
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), host.point)
    secret = hashlib.sha256(mine.exchange(ec.ECDH(), theirs) + b"\0\0\0\1").digest()
    zero = bytes(BLOCK)
    return SivChannel(_encrypt(secret, zero, b"\1" * BLOCK) + _encrypt(secret, zero, b"\2" * BLOCK))
