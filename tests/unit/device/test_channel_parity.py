"""Our channels against those of ledgerblue and ledgerctl, unmodified, over any conversation."""

from typing import Any, Protocol

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgerblue.hexLoader import HexLoader
from ledgerwallet.crypto.scp import SCP

from toolchain.device.channel import CbcChannel, CbcMacChannel, Channel, SivChannel
from toolchain.errors import SecureChannelError

secrets = st.binary(min_size=32, max_size=32)
# Our side speaks first; a message is ours or the peer's. ledgerblue passes answers of two bytes as they are.
conversations = st.lists(
    st.tuples(st.booleans(), st.binary(max_size=240)), max_size=8, unique_by=lambda message: message[1]
)
few = settings(max_examples=25, deadline=None)


class Peer(Protocol):
    def wrap(self, data: bytes) -> bytes: ...

    def unwrap(self, data: bytes) -> bytes: ...


class Ledgerblue:
    def __init__(self, kind: type[Channel], secret: bytes) -> None:
        agreed: Any = secret
        if kind is CbcChannel:
            agreed = secret[:16]
        elif kind is CbcMacChannel:
            agreed = {"ecdh_secret": secret}
        self._loader = HexLoader(None, 0xE0, True, agreed, scpv3=kind is SivChannel)

    def wrap(self, data: bytes) -> bytes:
        return bytes(self._loader.scpWrap(data))

    def unwrap(self, data: bytes) -> bytes:
        return bytes(self._loader.scpUnwrap(data))


def converse(ours: Channel, peer: Peer, conversation: list[tuple[bool, bytes]]) -> None:
    for from_us, plaintext in conversation:
        if from_us:
            assert peer.unwrap(ours.wrap(plaintext)) == plaintext
        elif plaintext:
            assert ours.unwrap(peer.wrap(plaintext)) == plaintext


@pytest.mark.parametrize("kind", [CbcChannel, CbcMacChannel])
@few
@given(secret=secrets, conversation=conversations)
def test_ledgerblue(kind: type[CbcChannel], secret: bytes, conversation: list[tuple[bool, bytes]]) -> None:
    converse(kind.from_secret(secret), Ledgerblue(kind, secret), conversation)


@few
@given(secret=secrets, conversation=conversations)
def test_ledgerctl(secret: bytes, conversation: list[tuple[bool, bytes]]) -> None:
    converse(CbcMacChannel.from_secret(secret), SCP(secret), conversation)


@few
@given(key=secrets, plaintext=st.binary(min_size=1, max_size=240))
def test_siv_of_ledgerblue(key: bytes, plaintext: bytes) -> None:
    """Wrapping alone: ledgerblue derives this key elsewhere, and the recorded session covers that."""
    loader = HexLoader(None, 0xE0, True, key, scpv3=True)
    loader.scp_enc_key = key
    assert SivChannel(key).wrap(plaintext) == loader.scpWrap(plaintext)
    assert SivChannel(key).unwrap(bytes(loader.scpWrap(plaintext))) == plaintext


def test_the_peers_accept_padding_that_we_refuse() -> None:
    """Harmless behind a MAC, a hole without one."""
    key = bytes(range(16))
    block = b"AB\x80\x01\x02" + b"\x03" * 11
    wrapped = Cipher(algorithms.AES128(key), modes.CBC(bytes(16))).encryptor().update(block)
    assert HexLoader(None, 0xE0, True, key).scpUnwrap(wrapped) == b"AB"
    with pytest.raises(SecureChannelError):
        CbcChannel(key).unwrap(wrapped)
