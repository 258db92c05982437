"""The device's channels: round trips, strict padding and lengths, merged and flipped messages."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from toolchain.errors import SecureChannelError
from toolchain.virtual_device.channel import CbcChannel, CbcMacChannel, Channel, SivChannel

MAKERS: list[Callable[[], Channel]] = [
    lambda: CbcChannel(b"k" * 16),
    lambda: CbcMacChannel(b"e" * 16, b"m" * 16),
    lambda: SivChannel(b"s" * 16 + b"c" * 16),
]
AUTHENTIC = MAKERS[1:]


@pytest.mark.parametrize("make", MAKERS)
@given(messages=st.lists(st.binary(min_size=1, max_size=240), max_size=6))
def test_round_trip_in_both_directions(make: Callable[[], Channel], messages: list[bytes]) -> None:
    """One pair of IVs serves commands and replies, in the order of the wire."""
    host, device = make(), make()
    for message in messages:
        assert device.unwrap(host.wrap(message)) == message
        assert host.unwrap(device.wrap(message[::-1])) == message[::-1]


@pytest.mark.parametrize("make", AUTHENTIC)
@given(message=st.binary(min_size=1, max_size=60), data=st.data())
def test_a_flipped_bit_is_refused(make: Callable[[], Channel], message: bytes, data: st.DataObject) -> None:
    wrapped = bytearray(make().wrap(message))
    bit = data.draw(st.integers(0, len(wrapped) * 8 - 1))
    wrapped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SecureChannelError):
        make().unwrap(bytes(wrapped))


@pytest.mark.parametrize("make", MAKERS)
@given(message=st.binary(max_size=64))
def test_garbage_is_refused(make: Callable[[], Channel], message: bytes) -> None:
    """Without a MAC, garbage of whole blocks may unwrap to something; it never raises anything else."""
    try:
        plain = make().unwrap(message)
    except SecureChannelError:
        return
    assert isinstance(make(), CbcChannel)
    assert len(plain) < len(message)


def test_sizes_are_those_of_the_protocol() -> None:
    for size in (1, 15, 16, 17, 222):
        blocks = 16 * (size // 16 + 1)
        assert len(MAKERS[0]().wrap(bytes(size))) == blocks
        assert len(MAKERS[1]().wrap(bytes(size))) == blocks + 14
        assert len(MAKERS[2]().wrap(bytes(size))) == size + 16


@pytest.mark.parametrize(
    "padded",
    [
        bytes(16),
        b"\x80" + bytes(31),
        b"AB\x80\x01" + bytes(12),
        b"A" * 16,
    ],
    ids=["no mark", "a block too many", "bytes behind the mark", "nothing"],
)
def test_padding_is_strict(padded: bytes) -> None:
    context = Cipher(algorithms.AES(b"k" * 16), modes.CBC(bytes(16))).encryptor()
    with pytest.raises(SecureChannelError):
        CbcChannel(b"k" * 16).unwrap(context.update(padded) + context.finalize())


def test_a_merged_message_unwraps_to_more_than_one_command() -> None:
    """Message boundaries are outside of the MAC, so that exact argument lengths must catch this."""
    host = MAKERS[1]()
    first, second = host.wrap(b"\x07"), host.wrap(b"\x07")
    merged = MAKERS[1]().unwrap(first[:-14] + second)
    assert merged == b"\x07\x80" + bytes(14) + b"\x07"
