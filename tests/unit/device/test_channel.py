import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.device.vectors import group
from toolchain.device import channel as channel_module
from toolchain.device.channel import (
    CbcChannel,
    CbcMacChannel,
    Channel,
    SivChannel,
    compressed_secret,
    counter_secret,
    pad,
    unpad,
)
from toolchain.errors import SecureChannelError
from toolchain.keys import PrivateKey, PublicKey

SECRET = hashlib.sha256(b"test").digest()
KINDS: list[Callable[[bytes], Channel]] = [
    CbcChannel.from_secret,
    CbcMacChannel.from_secret,
    SivChannel.from_secret,
]
AUTHENTIC = KINDS[1:]

kinds = pytest.mark.parametrize("kind", KINDS, ids=["cbc", "cbc-mac", "siv"])
authentic = pytest.mark.parametrize("kind", AUTHENTIC, ids=["cbc-mac", "siv"])

# Unique, because the SIV channel refuses as an answer what it sent as a command.
messages = st.lists(
    st.tuples(st.booleans(), st.binary(max_size=300)), max_size=12, unique_by=lambda message: message[1]
)


@kinds
@given(messages=messages)
def test_both_sides_understand_each_other(
    kind: Callable[[bytes], Channel], messages: list[tuple[bool, bytes]]
) -> None:
    sides = kind(SECRET), kind(SECRET)
    for from_host, plaintext in messages:
        sender, receiver = sides if from_host else sides[::-1]
        wrapped = sender.wrap(plaintext)
        assert (wrapped == b"") == (plaintext == b"")
        assert receiver.unwrap(wrapped) == plaintext


@pytest.mark.parametrize("length", [1, 15, 16, 17, 31, 32, 227, 239])
def test_length_on_the_wire(length: int) -> None:
    blocks = 16 * (length // 16 + 1)
    assert len(CbcChannel.from_secret(SECRET).wrap(bytes(length))) == blocks
    assert len(CbcMacChannel.from_secret(SECRET).wrap(bytes(length))) == blocks + 14
    assert len(SivChannel.from_secret(SECRET).wrap(bytes(length))) == length + 16


@authentic
def test_every_flipped_bit_is_noticed_and_kills(kind: Callable[[bytes], Channel]) -> None:
    wrapped = kind(SECRET).wrap(b"seventeen bytes!!")
    for bit in range(len(wrapped) * 8):
        altered = bytearray(wrapped)
        altered[bit // 8] ^= 1 << bit % 8
        channel = kind(SECRET)
        with pytest.raises(SecureChannelError):
            channel.unwrap(bytes(altered))
        with pytest.raises(SecureChannelError):
            channel.unwrap(wrapped)
        with pytest.raises(SecureChannelError):
            channel.wrap(b"anything")
        with pytest.raises(SecureChannelError):
            channel.unwrap(b"")


@authentic
def test_every_truncation_and_extension_is_noticed(kind: Callable[[bytes], Channel]) -> None:
    wrapped = kind(SECRET).wrap(b"seventeen bytes!!")
    for length in range(1, len(wrapped)):
        with pytest.raises(SecureChannelError):
            kind(SECRET).unwrap(wrapped[:length])
    for more in (b"\0", bytes(16), wrapped):
        with pytest.raises(SecureChannelError):
            kind(SECRET).unwrap(wrapped + more)


def test_all_causes_look_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    wrapped = CbcMacChannel.from_secret(SECRET).wrap(b"x")
    with monkeypatch.context() as patch:
        patch.setattr(channel_module, "pad", lambda data: data)
        bad_padding = CbcMacChannel.from_secret(SECRET).wrap(bytes(16))
    texts = set()
    for altered in (wrapped[:-1], b"\1" + wrapped[1:], wrapped[:-1] + b"\1", b"\1", bad_padding):
        with pytest.raises(SecureChannelError) as caught:
            CbcMacChannel.from_secret(SECRET).unwrap(altered)
        texts.add((str(caught.value), caught.value.hint))
    assert len(texts) == 1


def test_a_replayed_or_reflected_message_is_refused() -> None:
    host, device = (CbcMacChannel.from_secret(SECRET) for _ in range(2))
    command = host.wrap(b"a command that is longer than one block")
    device.unwrap(command)
    with pytest.raises(SecureChannelError):
        device.unwrap(command)
    with pytest.raises(SecureChannelError):
        host.unwrap(command)


def test_siv_refuses_its_own_messages_as_answers() -> None:
    host = SivChannel.from_secret(SECRET)
    command = host.wrap(b"\x10")
    with pytest.raises(SecureChannelError):
        host.unwrap(command)


def test_swapped_messages_are_refused() -> None:
    host, device = (CbcMacChannel.from_secret(SECRET) for _ in range(2))
    _first, second = host.wrap(b"first"), host.wrap(b"second")
    with pytest.raises(SecureChannelError):
        device.unwrap(second)


def test_a_message_behind_a_lost_one_is_refused() -> None:
    """Why an answer with content vouches for everything before it."""
    host, device = (CbcMacChannel.from_secret(SECRET) for _ in range(2))
    host.wrap(b"swallowed on the way")
    with pytest.raises(SecureChannelError):
        device.unwrap(host.wrap(b"next"))


@given(st.binary(max_size=100))
def test_padding_round_trip(data: bytes) -> None:
    assert unpad(pad(data)) == data


@pytest.mark.parametrize(
    "padded",
    [
        bytes(16),
        b"a" * 16,
        b"a" * 14 + b"\x80\x01",
        b"a" * 15 + b"\x80" + bytes(16),
        b"AB\x80\x01\x02" + bytes(11),
        b"\x80" + bytes(16),
    ],
)
def test_lenient_padding_is_refused(padded: bytes) -> None:
    with pytest.raises(SecureChannelError):
        unpad(padded)


@pytest.mark.parametrize("length", [1, 15, 17])
def test_cbc_takes_whole_blocks_only(length: int) -> None:
    with pytest.raises(SecureChannelError):
        CbcChannel.from_secret(SECRET).unwrap(bytes(length))


def test_killed_channel_stays_dead() -> None:
    channel = CbcMacChannel.from_secret(SECRET)
    channel.kill()
    for use in (channel.wrap, channel.unwrap):
        with pytest.raises(SecureChannelError):
            use(b"x")


def test_agreement_is_symmetric() -> None:
    a, b = PrivateKey.generate(), PrivateKey.generate()
    for agree in (compressed_secret, counter_secret):
        assert agree(a, b.public_key) == agree(b, a.public_key)
    assert compressed_secret(a, b.public_key) != counter_secret(a, b.public_key)


def _cbc_mac(case: dict[str, Any]) -> CbcMacChannel:
    return CbcMacChannel(bytes.fromhex(case["enc_key"]), bytes.fromhex(case["mac_key"]))


def _signature_fails(case: dict[str, Any]) -> None:
    key, signature = PublicKey(bytes.fromhex(case["public"])), bytes.fromhex(case["signature"])
    if case["kind"] == "ecdsa-prehashed":
        assert not key.verifies(signature, bytes.fromhex(case["digest"]))
    else:
        assert not key.verifies_message(signature, bytes.fromhex(case["message"]))


def _unwrap_fails(case: dict[str, Any]) -> None:
    siv = case["kind"] == "siv-unwrap"
    channel = SivChannel(bytes.fromhex(case["key"])) if siv else _cbc_mac(case)
    with pytest.raises(SecureChannelError):
        channel.unwrap(bytes.fromhex(case["wrapped"]))


def _sequence_fails(case: dict[str, Any]) -> None:
    channel = _cbc_mac(case)
    for wrapped in case["sequence"][: case["fails_at"]]:
        channel.unwrap(bytes.fromhex(wrapped))
    with pytest.raises(SecureChannelError):
        channel.unwrap(bytes.fromhex(case["sequence"][case["fails_at"]]))


MUST_FAIL = {
    "ecdsa-sha256": _signature_fails,
    "ecdsa-prehashed": _signature_fails,
    "cbc-mac-unwrap": _unwrap_fails,
    "siv-unwrap": _unwrap_fails,
    "cbc-mac-sequence": _sequence_fails,
}


@pytest.mark.parametrize(
    "case", [c for c in group("must_fail") if c["kind"] != "sha256-mismatch"], ids=lambda c: str(c["id"])
)
def test_known_forgeries_fail(case: dict[str, Any]) -> None:
    MUST_FAIL[case["kind"]](case)
