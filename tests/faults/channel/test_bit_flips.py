"""Every bit of every answer of a handshake, and of a wrapped answer, flipped on the way to the host."""

import pytest

from tests.unit.device.small_device import HOST_KEY, ISSUER, NANO_SP, Relay, SmallDevice
from toolchain.device.session import Fresh, Session, open_session
from toolchain.device.status import Step
from toolchain.device.transport.replay import ReplayTransport
from toolchain.errors import (
    AuthenticationError,
    DeviceError,
    SecureChannelError,
    StatusWordError,
    TransportError,
)
from toolchain.keys import PrivateKey

Conversation = list[tuple[bytes, bytes]]
FRESH = Fresh(b"hostnonc", PrivateKey.from_int(0x57A7))


class CachedSigner:
    """The same signatures without computing them anew for every bit."""

    def __init__(self) -> None:
        self.public_key = HOST_KEY.public_key
        self._known: dict[bytes, bytes] = {}

    def sign_digest(self, digest: bytes) -> bytes:
        if digest not in self._known:
            self._known[digest] = HOST_KEY.sign_digest(digest)
        return self._known[digest]


SIGNER = CachedSigner()


def record(*, siv: bool) -> Conversation:
    """A whole session: handshake, memory information, a command without answer."""
    conversation: Conversation = []
    commands: list[bytes] = []

    def sent(_number: int, apdu: bytes) -> bytes:
        commands.append(apdu)
        return apdu

    def received(_number: int, answer: bytes) -> bytes:
        conversation.append((commands[-1], answer))
        return answer

    talk(open_session(Relay(SmallDevice(), command=sent, answer=received), NANO_SP, SIGNER, [ISSUER],
                      siv=siv, fresh=FRESH))  # fmt: skip
    return conversation


def talk(session: Session) -> None:
    session.send(b"\x11", step=Step.MEMORY, answer="due")
    session.send(b"\x07", step=Step.FLUSH, answer="none")


def replay(conversation: Conversation, *, siv: bool) -> None:
    talk(open_session(ReplayTransport(conversation), NANO_SP, SIGNER, [ISSUER], siv=siv, fresh=FRESH))


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("siv", [False, True], ids=["cbc-mac", "siv"])
def test_unchanged_recording_is_accepted(siv: bool) -> None:
    replay(record(siv=siv), siv=siv)


@pytest.mark.parametrize("number", range(9))
@pytest.mark.parametrize("siv", [False, True], ids=["cbc-mac", "siv"])
def test_every_flipped_bit(siv: bool, number: int) -> None:
    """Nonce, certificates, signatures, wrapped data and status words.

    The batch serial in front of the nonce is the one field that nothing signs; nothing uses it.
    """
    conversation = record(siv=siv)
    command, answer = conversation[number]
    status_word = range(len(answer) * 8 - 16, len(answer) * 8)
    serial = range(32) if number == 1 else range(0)
    refused = accepted = 0
    for bit in range(len(answer) * 8):
        conversation[number] = command, flipped(answer, bit)
        if bit in serial:
            replay(conversation, siv=siv)
            accepted += 1
            continue
        with pytest.raises(DeviceError) as caught:
            replay(conversation, siv=siv)
        allowed: tuple[type[DeviceError], ...] = (AuthenticationError, SecureChannelError)
        if number == 1:
            # The recording has no other answer to a message over another nonce.
            allowed = (TransportError,)
        assert isinstance(caught.value, StatusWordError if bit in status_word else allowed)
        refused += 1
    assert (refused, accepted) == (len(answer) * 8 - len(serial), len(serial))


@pytest.mark.parametrize("number", range(9))
@pytest.mark.parametrize("siv", [False, True], ids=["cbc-mac", "siv"])
def test_every_truncation(siv: bool, number: int) -> None:
    """Cut short by any number of bytes, with and without a status word behind."""
    conversation = record(siv=siv)
    command, answer = conversation[number]
    for length in range(len(answer)):
        conversation[number] = command, answer[:length]
        with pytest.raises(DeviceError):
            replay(conversation, siv=siv)
        if length < len(answer) - 2:
            conversation[number] = command, answer[:length] + b"\x90\x00"
            with pytest.raises(DeviceError):
                replay(conversation, siv=siv)
