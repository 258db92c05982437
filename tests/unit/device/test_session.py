"""What a session accepts and refuses, against a device in the same process."""

from collections.abc import Callable

import pytest

from tests.unit.device.small_device import (
    DEVICE_KEY,
    HEADER,
    HOST_KEY,
    ISSUER,
    ISSUER_KEY,
    NANO_SP,
    Relay,
    SmallDevice,
)
from toolchain.device import certificate
from toolchain.device.fields import lv, split_lv
from toolchain.device.session import Fresh, Genuine, Session, UnknownIssuer, open_session
from toolchain.device.status import Step
from toolchain.device.transport import Transport
from toolchain.errors import (
    AuthenticationError,
    ConfigError,
    DeviceError,
    SecureChannelError,
    StatusWordError,
    TransportError,
)
from toolchain.keys import PrivateKey
from toolchain.trust import Issuer

OTHER = Issuer("other", PrivateKey.from_int(99).public_key, "custom")
OK = b"\x90\x00"


def connect(
    transport: Transport,
    *,
    target_id: int = NANO_SP,
    issuers: tuple[Issuer, ...] = (ISSUER,),
    unsafe: bool = False,
    siv: bool = False,
    fresh: Fresh | None = None,
) -> Session:
    return open_session(
        transport, target_id, HOST_KEY, issuers, unsafe_unknown_issuer=unsafe, siv=siv, fresh=fresh
    )


def altered(number: int, change: Callable[[bytes], bytes]) -> Relay:
    """A device whose answer to exchange ``number`` is changed on the way."""
    return Relay(SmallDevice(), answer=lambda n, answer: change(answer) if n == number else answer)


@pytest.mark.parametrize("target_id", [0x31100002, 0x31100003, 0x31100004, 0x33000004, 0x33100004])
def test_every_generation(target_id: int) -> None:
    session = connect(SmallDevice(target_id), target_id=target_id)
    assert session.verdict == Genuine(ISSUER)
    assert session.issuer == ISSUER
    assert session.device.key == DEVICE_KEY.public_key
    assert session.authenticated == (target_id & 0xF > 2)
    assert len(session.send(b"\x11", step=Step.MEMORY, answer="due")) == 20
    assert session.send(b"\x07", step=Step.FLUSH, answer="none") == b""
    assert len(session.send(b"\x11", step=Step.MEMORY, answer="due")) == 20


def test_siv() -> None:
    session = connect(SmallDevice(), siv=True)
    assert session.issuer == ISSUER
    assert len(session.send(b"\x11", step=Step.MEMORY, answer="due")) == 20


def test_every_session_is_fresh() -> None:
    device = SmallDevice()
    seen = set()
    for _ in range(2):
        connect(device)
        seen.add((device.host_nonce, device.host_ephemeral.point))
    assert len({nonce for nonce, _ in seen}) == len({point for _, point in seen}) == 2


def test_the_issuer_is_found_among_several() -> None:
    assert connect(SmallDevice(), issuers=(OTHER, ISSUER)).issuer == ISSUER


def test_unknown_issuer_is_refused() -> None:
    with pytest.raises(AuthenticationError, match="not proved to be genuine") as caught:
        connect(SmallDevice(), issuers=(OTHER,))
    assert "trusted: other" in caught.value.hint


def test_unknown_issuer_by_name_is_recorded() -> None:
    session = connect(SmallDevice(), issuers=(OTHER,), unsafe=True)
    assert session.verdict == UnknownIssuer()
    assert session.issuer is None


def test_the_exception_does_not_excuse_message_6() -> None:
    """An impostor with a stolen certificate but without its key, whom nobody's opt-out lets in."""
    stolen = certificate.device_static_signed(HEADER, DEVICE_KEY.public_key)
    static = lv(HEADER) + lv(DEVICE_KEY.public_key.point) + lv(ISSUER_KEY.sign_message(stolen))
    impostor = Relay(
        SmallDevice(key=PrivateKey.generate()), answer=lambda n, answer: static + OK if n == 4 else answer
    )
    with pytest.raises(AuthenticationError, match="does not hold the key"):
        connect(impostor, unsafe=True)


def test_no_issuers() -> None:
    with pytest.raises(ConfigError, match="no device issuer is trusted"):
        connect(SmallDevice(), issuers=(), unsafe=True)


@pytest.mark.parametrize("target_id", [0x31000001, 0x33100000])
def test_handshakes_that_prove_nothing(target_id: int) -> None:
    with pytest.raises(ConfigError, match="proves nothing"):
        connect(SmallDevice(target_id), target_id=target_id)


def test_replayed_handshake() -> None:
    """Everything that a genuine device once said, said again."""
    recorded: list[bytes] = []

    def record(_number: int, answer: bytes) -> bytes:
        recorded.append(answer)
        return answer

    connect(Relay(SmallDevice(), answer=record))
    with pytest.raises(AuthenticationError, match="replays an old session"):
        connect(Relay(SmallDevice(), answer=lambda number, _answer: recorded[number]))


@pytest.mark.parametrize("serial_and_nonce", [b"", b"\0" * 11, b"\0" * 13, b"\0" * 4])
def test_nonce_of_wrong_length(serial_and_nonce: bytes) -> None:
    with pytest.raises(AuthenticationError, match="nonce is not fresh"):
        connect(altered(1, lambda _: serial_and_nonce + OK))


def test_reflected_nonce() -> None:
    with pytest.raises(AuthenticationError, match="nonce is not fresh"):
        connect(SmallDevice(nonce=b"hostnonc"), fresh=Fresh(nonce=b"hostnonc"))


def test_reflected_ephemeral_key() -> None:
    device = SmallDevice()
    fresh = Fresh()
    device.ephemeral = fresh.ephemeral
    with pytest.raises(AuthenticationError, match="not its own"):
        connect(device, fresh=fresh)


def test_wrong_role() -> None:
    """The device's certificate, signed as if for a host."""
    signature = ISSUER_KEY.sign_message(b"\x01" + HEADER + DEVICE_KEY.public_key.point)
    with pytest.raises(AuthenticationError):
        connect(altered(4, lambda _: lv(HEADER) + lv(DEVICE_KEY.public_key.point) + lv(signature) + OK))


def test_header_of_message_6_is_not_signed_so_it_must_be_empty() -> None:
    with pytest.raises(AuthenticationError, match="not its own"):
        connect(altered(5, lambda answer: lv(b"x") + answer[1:]))


@pytest.mark.parametrize("number", [4, 5])
def test_missing_certificate(number: int) -> None:
    with pytest.raises(AuthenticationError, match="malformed"):
        connect(altered(number, lambda _: OK))


@pytest.mark.parametrize("number", [0, 2, 3, 6])
def test_data_where_none_is_due(number: int) -> None:
    with pytest.raises(AuthenticationError, match="none is due"):
        connect(altered(number, lambda _: b"\0" + OK))


@pytest.mark.parametrize("number", range(7))
def test_refused_at_each_step(number: int) -> None:
    with pytest.raises(StatusWordError) as caught:
        connect(altered(number, lambda _: b"\x55\x15"))
    assert caught.value.sw == 0x5515
    assert "unlock" in caught.value.hint


@pytest.mark.parametrize("number", range(7))
def test_cut_at_each_step(number: int) -> None:
    with pytest.raises(TransportError):
        connect(altered(number, lambda _: b"\x90"))


def session_with(answer: Callable[[bytes], bytes]) -> Session:
    """A session whose link changes every answer of the channel."""
    return connect(Relay(SmallDevice(), answer=lambda n, data: answer(data) if n > 6 else data))


def assert_dead(session: Session) -> None:
    with pytest.raises(SecureChannelError):
        session.send(b"\x07", step=Step.FLUSH, answer="none")


def test_empty_answer_where_one_is_due() -> None:
    session = session_with(lambda _: OK)
    with pytest.raises(SecureChannelError):
        session.send(b"\x11", step=Step.MEMORY, answer="due")
    assert_dead(session)


def test_answer_where_none_is_due() -> None:
    session = connect(SmallDevice())
    with pytest.raises(SecureChannelError):
        session.send(b"\x11", step=Step.MEMORY, answer="none")
    assert_dead(session)


def test_optional_answers() -> None:
    session = connect(SmallDevice(apps={"A": bytes(32)}))
    assert session.send(b"\x0e", step=Step.LIST, answer="optional")
    assert session.send(b"\x0f", step=Step.LIST, answer="optional") == b""


def test_forged_answer() -> None:
    session = session_with(lambda _: bytes(30) + OK)
    with pytest.raises(SecureChannelError):
        session.send(b"\x07", step=Step.FLUSH, answer="none")
    assert_dead(session)


def test_reflected_command() -> None:
    last: list[bytes] = []

    def remember(_number: int, apdu: bytes) -> bytes:
        last.append(apdu)
        return apdu

    relay = Relay(
        SmallDevice(), command=remember, answer=lambda n, data: last[-1][5:] + OK if n > 6 else data
    )
    session = connect(relay)
    with pytest.raises(SecureChannelError):
        session.send(b"\x11", step=Step.MEMORY, answer="due")


def test_dead_after_the_link_failed() -> None:
    session = session_with(lambda _: b"")
    with pytest.raises(TransportError):
        session.send(b"\x07", step=Step.FLUSH, answer="none")
    assert_dead(session)


def test_status_word_of_the_channel() -> None:
    session = session_with(lambda _: b"\x6a\x84")
    with pytest.raises(StatusWordError, match="not enough space") as caught:
        session.send(b"\x0b", step=Step.CREATE, answer="none")
    assert caught.value.step == Step.CREATE


def test_a_swallowed_command_is_noticed_at_the_next_answer() -> None:
    device = SmallDevice()

    class Swallow(Relay):
        swallow = False

        def exchange(self, apdu: bytes) -> bytes:
            return OK if self.swallow else super().exchange(apdu)

    link = Swallow(device)
    session = connect(link)
    link.swallow = True
    session.send(b"\x07", step=Step.FLUSH, answer="none")
    link.swallow = False
    with pytest.raises(DeviceError):
        session.send(b"\x11", step=Step.MEMORY, answer="due")


def test_ready_certificates_take_the_place_of_our_own() -> None:
    ready = certificate.host_certificate(
        HOST_KEY.public_key, HOST_KEY.sign_message(certificate.host_static_signed(HOST_KEY.public_key))
    )
    sent: list[bytes] = []

    def remember(_number: int, apdu: bytes) -> bytes:
        sent.append(apdu)
        return apdu

    open_session(Relay(SmallDevice(), command=remember), NANO_SP, HOST_KEY, [ISSUER], chain=[ready, ready])
    chain = [apdu for apdu in sent if apdu[1] == 0x51]
    assert [apdu[2] for apdu in chain] == [0x00, 0x00, 0x80]
    assert chain[0][5:] == chain[1][5:] == ready
    assert split_lv(chain[2][5:])[0] != HOST_KEY.public_key.point
