"""Strictness of keys and signatures, in the manner of the Wycheproof ECDSA vectors."""

import contextlib
import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from toolchain.errors import SigningError
from toolchain.keys import ORDER, PrivateKey, PublicKey, Signature, low_s

PRIME = 2**256 - 2**32 - 977
"""Field of secp256k1 (SEC 2, §2.4.1)."""

KEY = PrivateKey.from_int(0xC0FFEE)
DIGEST = hashlib.sha256(b"app").digest()
SCALARS = st.integers(1, ORDER - 1)


def integer(value: int) -> bytes:
    """DER INTEGER, shortest form."""
    size = value.bit_length() // 8 + 1
    return bytes([2, size]) + value.to_bytes(size, "big")


def sequence(*parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes([0x30, len(body)]) + body


def numbers(der: bytes) -> tuple[int, int]:
    size = der[3]
    return int.from_bytes(der[4 : 4 + size], "big"), int.from_bytes(der[6 + size :], "big")


R, S = numbers(KEY.sign_digest(DIGEST))


def test_the_known_answers_of_rfc_6979_for_this_curve() -> None:
    # Trezor's and Bitcoin Core's vector: key 1, SHA-256 of "Satoshi Nakamoto".
    signature = PrivateKey.from_int(1).sign_message(b"Satoshi Nakamoto")
    assert numbers(signature) == (
        0x934B1EA10A4B3C1757E2B0C017D0B6143CE3C9A7E6A4A49860D7A6AB210EE3D8,
        0x2442CE9D2B916064108014783E923EC36B49743E2FFA1C4496F01A512AAFD9E5,
    )
    generator = PrivateKey.from_int(1).public_key.point
    assert generator.hex()[2:66] == "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"


@given(SCALARS, st.binary(min_size=32, max_size=32))
def test_signatures_verify_are_low_and_the_same_every_time(secret: int, digest: bytes) -> None:
    key = PrivateKey.from_int(secret)
    signature = key.sign_digest(digest)
    assert key.public_key.verifies(signature, digest)
    assert numbers(signature)[1] <= ORDER // 2
    assert signature == key.sign_digest(digest) == low_s(signature)


@given(st.binary(min_size=32, max_size=32), st.integers(0, 255))
def test_a_flipped_bit_of_the_digest_does_not_verify(digest: bytes, bit: int) -> None:
    flipped = bytearray(digest)
    flipped[bit // 8] ^= 1 << bit % 8
    assert not KEY.public_key.verifies(KEY.sign_digest(digest), bytes(flipped))


@given(st.data())
def test_a_flipped_bit_of_the_signature_does_not_verify(data: st.DataObject) -> None:
    signature = bytearray(KEY.sign_digest(DIGEST))
    bit = data.draw(st.integers(0, len(signature) * 8 - 1))
    signature[bit // 8] ^= 1 << bit % 8
    assert not KEY.public_key.verifies(bytes(signature), DIGEST)


def test_messages_are_hashed_once() -> None:
    assert KEY.public_key.verifies_message(KEY.sign_message(b"app"), b"app")
    assert KEY.public_key.verifies(KEY.sign_message(b"app"), DIGEST)
    assert not KEY.public_key.verifies_message(KEY.sign_digest(DIGEST), DIGEST)


@pytest.mark.parametrize("size", [0, 20, 31, 33, 64])
def test_a_digest_has_32_bytes(size: int) -> None:
    with pytest.raises(SigningError, match="32 bytes"):
        KEY.sign_digest(bytes(size))
    assert not KEY.public_key.verifies(KEY.sign_digest(DIGEST), bytes(size))


GOOD = sequence(integer(R), integer(S))
NOT_DER = {
    "empty": b"",
    "sequence only": bytes.fromhex("3000"),
    "one number": sequence(integer(R)),
    "three numbers": sequence(integer(R), integer(S), integer(1)),
    "cut": GOOD[:-1],
    "a byte behind": GOOD + b"\0",
    "a byte inside": sequence(integer(R), integer(S), b"\0"),
    "long form of a short length": b"\x30\x81" + GOOD[1:],
    "long form of a number's length": sequence(b"\x02\x81" + integer(R)[1:], integer(S)),
    "indefinite length": b"\x30\x80" + GOOD[2:] + b"\0\0",
    "a zero in front": sequence(b"\x02" + bytes([integer(R)[1] + 1]) + b"\0" + integer(R)[2:], integer(S)),
    "length one too long": b"\x30" + bytes([GOOD[1] + 1]) + GOOD[2:],
    "length one too short": b"\x30" + bytes([GOOD[1] - 1]) + GOOD[2:],
    "length of 4 GiB": b"\x30\x84\xff\xff\xff\xff" + GOOD[2:],
    "a set": b"\x31" + GOOD[1:],
    "octet strings": sequence(b"\4" + integer(R)[1:], b"\4" + integer(S)[1:]),
    "empty numbers": bytes.fromhex("300402000200"),
    "infinity": bytes.fromhex("3008090380fe0109038 0fe01".replace(" ", "")),
    "raw numbers": R.to_bytes(32, "big") + S.to_bytes(32, "big"),
    "PEM": b"-----BEGIN SIGNATURE-----",
}
OUT_OF_RANGE = {
    "r is zero": sequence(integer(0), integer(S)),
    "s is zero": sequence(integer(R), integer(0)),
    "both are zero": sequence(integer(0), integer(0)),
    "r is the order": sequence(integer(ORDER), integer(S)),
    "s is the order": sequence(integer(R), integer(ORDER)),
    "r plus the order": sequence(integer(R + ORDER), integer(S)),
    "s plus the order": sequence(integer(R), integer(S + ORDER)),
    "r is negative": sequence(b"\2\x20" + bytes([0x80]) + bytes(31), integer(S)),
    "s is negative": sequence(integer(R), b"\2\1\xff"),
    "r has 2000 bits": b"\x30\x82\x01\x20\x02\x81\xfa" + b"\x01" * 250 + integer(S)[: 0x120 - 253],
    "r is the prime": sequence(integer(PRIME), integer(S)),
}


@pytest.mark.parametrize("der", [*NOT_DER.values(), *OUT_OF_RANGE.values()], ids=[*NOT_DER, *OUT_OF_RANGE])
def test_what_is_not_strict_der_in_range_is_refused(der: bytes) -> None:
    assert KEY.public_key.verifies(GOOD, DIGEST)
    assert not KEY.public_key.verifies(der, DIGEST)
    with pytest.raises(SigningError):
        low_s(der)


@given(st.binary(max_size=80))
def test_bytes_at_random_are_refused_or_normalised_and_never_crash(data: bytes) -> None:
    assert not KEY.public_key.verifies(data, DIGEST)
    with contextlib.suppress(SigningError):
        assert low_s(low_s(data)) == low_s(data)


@given(SCALARS, SCALARS)
def test_low_s_keeps_r_and_halves_the_range_of_s(r: int, s: int) -> None:
    assert numbers(low_s(sequence(integer(r), integer(s)))) == (r, min(s, ORDER - s))


def test_a_high_s_verifies_but_is_not_what_we_make() -> None:
    high = sequence(integer(R), integer(ORDER - S))
    assert KEY.public_key.verifies(high, DIGEST)
    assert low_s(high) == GOOD


X, Y = KEY.public_key.point[1:33], KEY.public_key.point[33:]
POINTS = {
    "empty": b"",
    "infinity": b"\0",
    "padded infinity": bytes(65),
    "compressed": bytes([2 + Y[-1] % 2]) + X,
    "hybrid": bytes([6 + Y[-1] % 2]) + X + Y,
    "another prefix": b"\5" + X + Y,
    "no prefix": X + Y,
    "cut": b"\4" + X + Y[:-1],
    "one byte more": b"\4" + X + Y + b"\0",
    "off the curve": b"\4" + X + (int.from_bytes(Y, "big") ^ 1).to_bytes(32, "big"),
    "x and y swapped": b"\4" + Y + X,
    "the origin": b"\4" + bytes(64),
    "x is the prime": b"\4" + PRIME.to_bytes(32, "big") + Y,
    "all ones": b"\4" + b"\xff" * 64,
    "a point of P-256": ec.derive_private_key(7, ec.SECP256R1())
    .public_key()
    .public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint),
}


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_what_is_not_an_uncompressed_point_of_the_curve_is_refused(point: bytes) -> None:
    with pytest.raises(SigningError):
        PublicKey(point)


@given(st.binary(min_size=65, max_size=65))
def test_points_at_random_are_refused(point: bytes) -> None:
    with pytest.raises(SigningError):
        PublicKey(point)


@pytest.mark.parametrize("secret", [0, -1, ORDER, ORDER + 1, 1 << 256, -ORDER])
def test_private_keys_are_in_range(secret: int) -> None:
    with pytest.raises(SigningError, match="out of range"):
        PrivateKey.from_int(secret)


def test_the_edges_of_the_range_are_keys() -> None:
    assert PrivateKey.from_int(ORDER - 1).secret == ORDER - 1
    low, high = PrivateKey.from_int(1).public_key.point, PrivateKey.from_int(ORDER - 1).public_key.point
    assert low[1:33] == high[1:33]
    assert low != high


@given(SCALARS)
def test_public_keys_survive_pem(secret: int) -> None:
    key = PrivateKey.from_int(secret).public_key
    assert PublicKey.from_pem(key.pem()) == key
    assert key.key_id == hashlib.sha256(key.point).hexdigest()[:16]


def spki(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not PEM",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        KEY.public_key.pem()[:60],
        KEY.pem(None).decode(),
        spki(ec.generate_private_key(ec.SECP256R1())),
        spki(ed25519.Ed25519PrivateKey.generate()),
        "\ud800",
    ],
    ids=["empty", "text", "garbage", "cut", "private", "P-256", "Ed25519", "surrogate"],
)
def test_what_is_no_public_key_of_the_curve_is_refused(text: str) -> None:
    with pytest.raises(SigningError):
        PublicKey.from_pem(text)


def test_new_keys_differ_and_hide_themselves() -> None:
    first, second = PrivateKey.generate(), PrivateKey.generate()
    assert first.secret != second.secret
    assert repr(first) == f"PrivateKey(key_id={first.public_key.key_id})"
    assert str(first.secret) not in f"{first} {first!r} {vars(first)}"


def test_keys_written_without_a_passphrase_are_plain_and_with_one_are_not() -> None:
    assert KEY.pem(None).startswith(b"-----BEGIN PRIVATE KEY-----")
    assert KEY.pem(b"passphrase").startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")


def test_signatures_are_values() -> None:
    assert Signature("a", b"b") == Signature("a", b"b")
