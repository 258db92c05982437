import base64
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolchain.dsse import IN_TOTO, Envelope, open_payload, parse_canonical, seal, signers
from toolchain.errors import ImageError, SigningError
from toolchain.keys import ORDER, PrivateKey, Signature, low_s

ALICE, BOB, EVE = (PrivateKey.from_int(n) for n in (0xA11CE, 0xB0B, 0xE7E))


def signed(envelope: Envelope, *keys: PrivateKey) -> Envelope:
    for key in keys:
        envelope = envelope.with_signature(key, key.public_key)
    return envelope


def test_the_encoding_of_the_specification() -> None:
    """The example of the DSSE specification (protocol.md, "Pre-Authentication Encoding")."""
    envelope = Envelope("http://example.com/HelloWorld", b"hello world")
    pae = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert envelope.digest() == hashlib.sha256(pae).digest()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_round_trip(table: dict[str, object]) -> None:
    envelope = signed(seal(IN_TOTO, table), ALICE, BOB)
    back = Envelope.from_json(envelope.to_json())
    assert back == envelope
    assert open_payload(back, IN_TOTO) == table
    assert signers([back], [k.public_key for k in (ALICE, BOB, EVE)]) == {ALICE.public_key, BOB.public_key}


@given(st.binary(max_size=40), st.text(max_size=20))
def test_any_payload_survives(payload: bytes, payload_type: str) -> None:
    envelope = signed(Envelope(payload_type, payload), ALICE)
    assert Envelope.from_json(envelope.to_json()) == envelope


def test_every_flipped_bit_of_an_envelope_is_refused_or_unsigned() -> None:
    good = signed(seal(IN_TOTO, {"a": 1}), ALICE).to_json().encode()
    for at in range(len(good) * 8):
        bad = bytearray(good)
        bad[at // 8] ^= 1 << at % 8
        try:
            envelope = Envelope.from_json(bad.decode())
        except (ImageError, UnicodeDecodeError):
            continue
        hint_only = envelope.signatures[0].key_id != ALICE.public_key.key_id
        assert hint_only or not envelope.signed_by(ALICE.public_key)


def test_a_signature_does_not_fit_another_type_or_payload() -> None:
    envelope = signed(seal(IN_TOTO, {"a": 1}), ALICE)
    for other in (
        Envelope("application/other", envelope.payload, envelope.signatures),
        Envelope(IN_TOTO, envelope.payload + b" ", envelope.signatures),
    ):
        assert not other.signed_by(ALICE.public_key)
    with pytest.raises(ImageError, match="the envelope holds"):
        open_payload(envelope, "application/other")


def test_high_s_is_not_a_signature() -> None:
    from cryptography.hazmat.primitives.asymmetric import utils

    envelope = signed(seal(IN_TOTO, {}), ALICE)
    r, s = utils.decode_dss_signature(envelope.signatures[0].der)
    high = utils.encode_dss_signature(r, ORDER - s)
    assert low_s(high) == envelope.signatures[0].der
    changed = Envelope(IN_TOTO, envelope.payload, (Signature(ALICE.public_key.key_id, high),))
    assert not changed.signed_by(ALICE.public_key)
    garbage = Envelope(IN_TOTO, envelope.payload, (Signature(ALICE.public_key.key_id, b"x"),))
    assert not garbage.signed_by(ALICE.public_key)


def test_nobody_signs_twice_or_for_someone_else() -> None:
    envelope = signed(seal(IN_TOTO, {}), ALICE)
    with pytest.raises(SigningError, match="has signed this already"):
        signed(envelope, ALICE)
    with pytest.raises(SigningError, match="the signer holds the key"):
        envelope.with_signature(EVE, BOB.public_key)


def test_a_signer_that_lies_is_caught() -> None:
    class Liar:
        public_key = BOB.public_key

        def sign_digest(self, digest: bytes) -> bytes:
            return EVE.sign_digest(digest)

    with pytest.raises(SigningError, match="does not verify"):
        seal(IN_TOTO, {}).with_signature(Liar(), BOB.public_key)


def spoiled() -> list[str]:
    good = json.loads(signed(seal(IN_TOTO, {"a": 1}), ALICE, BOB).to_json())
    first, second = good["signatures"]
    tables: list[object] = [
        {**good, "extra": 1},
        {**good, "signatures": [second, first]},
        {**good, "signatures": [first, first]},
        {**good, "signatures": [{**first, "extra": 1}]},
        {**good, "signatures": first},
        {**good, "payload": good["payload"].rstrip("=") + "\n"},
        {**good, "payload": 1},
        {**good, "payloadType": 1},
        {**good, "signatures": [{"keyid": f"{n:016x}", "sig": first["sig"]} for n in range(65)]},
        {"payload": good["payload"], "payloadType": good["payloadType"]},
        [],
        None,
        1,
    ]
    texts = [json.dumps(table, sort_keys=True, indent=2) + "\n" for table in tables]
    return [*texts, json.dumps(good), "", "[" * 100_000, '{"payload": NaN}']


@pytest.mark.parametrize("text", spoiled())
def test_what_is_not_an_envelope_is_refused(text: str) -> None:
    with pytest.raises(ImageError, match="not a DSSE envelope"):
        Envelope.from_json(text)


def test_padding_bits_of_base64_are_not_a_second_form() -> None:
    good = seal(IN_TOTO, {"a": 11}).to_json()
    payload = json.loads(good)["payload"]
    assert payload.endswith("=")
    character = payload.rstrip("=")[-1]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = payload.rstrip("=")[:-1] + alphabet[alphabet.index(character) ^ 1]
    other += "=" * (len(payload) - len(other))
    assert base64.b64decode(other) == base64.b64decode(payload)
    with pytest.raises(ImageError, match="canonical form"):
        Envelope.from_json(good.replace(payload, other))


@pytest.mark.parametrize(
    "data",
    [b"", b"[]\n", b"{}", b'{"a":1}\n', b'{\n  "a": 1.5\n}\n', b"\xff", b'{\n  "a": 1,\n  "a": 1\n}\n'],
)
def test_payloads_that_are_not_canonical(data: bytes) -> None:
    with pytest.raises(ImageError, match="not canonical JSON"):
        parse_canonical(data, where="x")
