"""Keys derived from the emulator's seed by other code than the device's: BIP-39, BIP-32, SLIP-10."""

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MNEMONIC = (
    "glory promote mansion idle axis finger extra february uncover one trip resource lawn turtle enact "
    "monster seven myth punch hobby comfort wild raise skin"
)
"""The words that Speculos starts with; public, so of no value."""

HARDENED = 0x80000000
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Of secp256k1 (SEC 2 §2.4.1)."""


def parse_path(path: str) -> tuple[int, ...]:
    """``44'/1'/0`` as numbers."""
    return tuple(
        int(part.removesuffix("'")) | (HARDENED if part.endswith("'") else 0) for part in path.split("/")
    )


def encode_path(path: str) -> bytes:
    """As the apps read it: count, then words of four bytes."""
    elements = parse_path(path)
    return bytes([len(elements)]) + b"".join(e.to_bytes(4, "big") for e in elements)


def _seed() -> bytes:
    return hashlib.pbkdf2_hmac("sha512", MNEMONIC.encode(), b"mnemonic", 2048)


def _split_mac(key: bytes, message: bytes) -> tuple[bytes, bytes]:
    mac = hmac.new(key, message, hashlib.sha512).digest()
    return mac[:32], mac[32:]


def derive_secp256k1(path: str) -> tuple[ec.EllipticCurvePrivateKey, bytes]:
    """Private key and chain code (BIP-32)."""
    secret, chain_code = _split_mac(b"Bitcoin seed", _seed())
    for element in parse_path(path):
        key = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256K1())
        if element & HARDENED:
            data = b"\0" + secret
        else:
            data = key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        left, chain_code = _split_mac(chain_code, data + element.to_bytes(4, "big"))
        tweaked = (int.from_bytes(left, "big") + int.from_bytes(secret, "big")) % _ORDER
        secret = tweaked.to_bytes(32, "big")
    return ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256K1()), chain_code


def derive_ed25519(path: str) -> ed25519.Ed25519PrivateKey:
    """Private key (SLIP-10; all elements are hardened)."""
    secret, chain_code = _split_mac(b"ed25519 seed", _seed())
    for element in parse_path(path):
        message = b"\0" + secret + (element | HARDENED).to_bytes(4, "big")
        secret, chain_code = _split_mac(chain_code, message)
    return ed25519.Ed25519PrivateKey.from_private_bytes(secret)
