"""Project Wycheproof's vectors: no mismatch (tests/vectors/wycheproof/README.md)."""

import base64
import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import ecdsa
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import utils
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from toolchain import libsecp256k1
from toolchain.device.channel import compressed_secret, counter_secret
from toolchain.dsse import Envelope
from toolchain.errors import SigningError
from toolchain.keys import ORDER, PrivateKey, PublicKey, Signature, low_s

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests" / "vectors" / "wycheproof"


def cases(name: str, count: int) -> list[list[Any]]:
    found: list[list[Any]] = json.loads((VECTORS / f"{name}.json").read_text())
    assert len(found) == count
    return found


def is_low_s(der: bytes) -> bool:
    try:
        return low_s(der) == der
    except SigningError:
        return False


ECDSA = [
    (
        number,
        PublicKey(bytes.fromhex(point)),
        bytes.fromhex(message),
        bytes.fromhex(sig),
        result == "valid",
        flags,
    )
    for number, point, message, sig, result, flags in cases("ecdsa_secp256k1_sha256_bitcoin", 463)
]


def test_ecdsa() -> None:
    """What verifies and has a low S is what the vectors, which demand a low S, call valid."""
    for number, key, message, signature, valid, flags in ECDSA:
        accepted = key.verifies_message(signature, message)
        assert (accepted and is_low_s(signature)) == valid, number
        if accepted != valid:
            assert flags in (["SignatureMalleabilityBitcoin"], ["ArithmeticError"]), number


def test_ecdsa_with_the_second_verifier() -> None:
    """libsecp256k1, as the PKCS#11 signer checks answers with it: what ``low_s`` gave, never bare input."""
    for number, key, message, signature, valid, _ in ECDSA:
        if is_low_s(signature):
            digest = hashlib.sha256(message).digest()
            r, s = utils.decode_dss_signature(signature)
            raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
            assert libsecp256k1.verifies(key.compressed, digest, raw) == valid, number


def test_ecdsa_in_the_standalone_verifier() -> None:
    spec = importlib.util.spec_from_file_location("standalone_verifier", ROOT / "verify_bundle.py")
    assert spec is not None
    assert spec.loader is not None
    standalone = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(standalone)
    for number, key, message, signature, valid, _ in ECDSA:
        digest = hashlib.sha256(message).digest()
        assert standalone.Key(key.pem(), "key").verifies(signature, digest) == valid, number


def test_ecdsa_in_envelopes() -> None:
    """None of the invalid encodings gets past an envelope either: there, the message is another one."""
    for _, key, _, signature, _, _ in ECDSA:
        envelope = Envelope("application/json", b"{}", (Signature(key.key_id, signature),))
        assert not envelope.signed_by(key)


def test_ecdh() -> None:
    """Both secrets of the device channels over the shared point; what is invalid is refused."""
    agreed = 0
    for number, public, private, shared, result, flags in cases("ecdh_secp256k1", 752):
        scalar = int(private, 16)
        pem = base64.encodebytes(bytes.fromhex(public)).decode()
        try:
            theirs = PublicKey.from_pem(f"-----BEGIN PUBLIC KEY-----\n{pem}-----END PUBLIC KEY-----\n")
        except SigningError:
            assert result != "valid" or flags == ["CompressedPublic"], number
            continue
        assert result != "invalid", number
        mine = PrivateKey.from_int(scalar)
        x = bytes.fromhex(shared)
        assert counter_secret(mine, theirs) == hashlib.sha256(x + b"\0\0\0\1").digest(), number
        product = ecdsa.VerifyingKey.from_string(theirs.point, ecdsa.SECP256k1).pubkey.point * scalar
        assert product.to_bytes()[:32] == x, number
        expected = hashlib.sha256(product.to_bytes("compressed")).digest()
        assert compressed_secret(mine, theirs) == expected, number
        agreed += 1
    assert agreed >= 473


def test_points_of_ecdh_that_are_not_on_the_curve() -> None:
    """As they would come over the wire: the bare point."""
    refused = 0
    for _, public, _, _, result, flags in cases("ecdh_secp256k1", 752):
        point = bytes.fromhex(public)[-65:]
        if result == "invalid" and "InvalidCurveAttack" in flags and len(point) == 65 and point[0] == 4:
            with pytest.raises(SigningError):
                PublicKey(point)
            refused += 1
    assert refused > 0


@pytest.mark.parametrize("scalar", [0, ORDER, ORDER + 1, -1])
def test_private_keys_out_of_range(scalar: int) -> None:
    with pytest.raises(SigningError):
        PrivateKey.from_int(scalar)


def test_aes_siv() -> None:
    for number, key, aad, message, sealed, result, _ in cases("aes_siv_cmac", 442):
        cipher = AESSIV(bytes.fromhex(key))
        data, plain = [bytes.fromhex(aad)], bytes.fromhex(message)
        if result == "valid":
            assert cipher.decrypt(bytes.fromhex(sealed), data) == plain, number
            assert cipher.encrypt(plain, data) == bytes.fromhex(sealed), number
        else:
            with pytest.raises(InvalidTag):
                cipher.decrypt(bytes.fromhex(sealed), data)
