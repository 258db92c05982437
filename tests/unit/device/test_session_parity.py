"""Whole sessions of ours against those of ledgerblue and ledgerctl, unmodified, byte for byte.

Keys and nonces are drawn. What differs by design is put in place from outside: their random numbers, and
their nonces of ECDSA, which ledgerblue takes from a Mersenne Twister (ours are those of RFC 6979).
"""

import contextlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from ledgerblue.deployed import getDeployedSecretV2
from ledgerblue.hexLoader import HexLoader
from ledgerwallet.client import LedgerClient
from ledgerwallet.crypto import ecc

from tests.unit.device.small_device import ISSUER, Relay, SmallDevice
from toolchain.device.fields import lv
from toolchain.device.session import Fresh, open_session
from toolchain.device.status import Step
from toolchain.keys import ORDER, PrivateKey

keys = st.integers(1, ORDER - 1)
nonces = st.binary(min_size=8, max_size=8)
names = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=30)


@dataclass(frozen=True)
class Case:
    """Everything that a session depends on."""

    target_id: int
    host: int
    ephemeral: int
    host_nonce: bytes
    device: int
    device_ephemeral: int
    device_nonce: bytes
    name: str


def cases(*target_ids: int) -> st.SearchStrategy[Case]:
    """Any; but what comes back as if reflected, we refuse, unlike the peers."""
    drawn = st.builds(Case, st.sampled_from(target_ids), keys, keys, nonces, keys, keys, nonces, names)
    return drawn.filter(
        lambda case: (
            case.host_nonce != case.device_nonce and case.device_ephemeral not in (case.ephemeral, case.host)
        )
    )


def device_of(case: Case) -> SmallDevice:
    made = SmallDevice(case.target_id, key=PrivateKey.from_int(case.device), nonce=case.device_nonce)
    made.ephemeral = PrivateKey.from_int(case.device_ephemeral)
    return made


def recorded(case: Case, talk: Callable[[Callable[[bytes], bytes]], None]) -> list[bytes]:
    """The commands of a conversation with the device of the case."""
    sent: list[bytes] = []
    device = device_of(case)

    def exchange(apdu: bytes) -> bytes:
        sent.append(bytes(apdu))
        return device.exchange(bytes(apdu))

    talk(exchange)
    return sent


def ours(case: Case) -> list[bytes]:
    sent: list[bytes] = []

    def command(_number: int, apdu: bytes) -> bytes:
        sent.append(apdu)
        return apdu

    fresh = Fresh(case.host_nonce, PrivateKey.from_int(case.ephemeral))
    link = Relay(device_of(case), command=command)
    session = open_session(link, case.target_id, PrivateKey.from_int(case.host), [ISSUER], fresh=fresh)
    session.send(b"\x0c" + lv(case.name.encode()), step=Step.DELETE, answer="none")
    session.send(b"\x11", step=Step.MEMORY, answer="due")
    session.send(b"\x0c" + lv(case.name.encode()), step=Step.DELETE, answer="none")
    return sent


class Dongle:
    def __init__(self, exchange: Callable[[bytes], bytes]) -> None:
        self._exchange = exchange

    def apduMaxDataSize(self) -> int:  # noqa: N802 - ledgerblue's name
        return 240

    def exchange(self, apdu: bytes) -> bytes:
        answer = self._exchange(apdu)
        assert answer[-2:] == b"\x90\0"
        return answer[:-2]


@contextlib.contextmanager
def fixed_ledgerblue(case: Case) -> Iterator[None]:
    def sign(self: SimpleNamespace, message: bytes) -> bytes:
        return PrivateKey.from_int(self.obj.d).sign_message(message)

    with (
        mock.patch("ledgerblue.deployed.os", SimpleNamespace(urandom=lambda _size: case.host_nonce)),
        mock.patch("ledgerblue.ecWrapper.ecpy.ecrand.rnd", return_value=case.ephemeral),
        mock.patch("ledgerblue.ecWrapper.PrivateKey.ecdsa_sign", sign),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        yield


def ledgerblue(case: Case, exchange: Callable[[bytes], bytes]) -> None:
    dongle = Dongle(exchange)
    with fixed_ledgerblue(case):
        secret = getDeployedSecretV2(dongle, case.host.to_bytes(32, "big"), case.target_id)
        loader = HexLoader(dongle, 0xE0, True, secret)
        loader.deleteApp(case.name.encode())
        loader.getMemInfo()
        loader.deleteApp(case.name.encode())


def ledgerctl(case: Case, exchange: Callable[[bytes], bytes]) -> None:
    def sign(self: ecc.PrivateKey, message: bytes) -> bytes:
        return PrivateKey.from_int(int.from_bytes(self.serialize(), "big")).sign_message(message)

    device = SimpleNamespace(exchange=exchange, open=lambda: None)
    client = LedgerClient(device, private_key=case.host.to_bytes(32, "big"))
    client._target_id = case.target_id
    ephemeral = ecc.PrivateKey(case.ephemeral.to_bytes(32, "big"))
    with (
        mock.patch("ledgerwallet.simpleserver.os", SimpleNamespace(urandom=lambda _size: case.host_nonce)),
        mock.patch("ledgerwallet.simpleserver.PrivateKey", return_value=ephemeral),
        mock.patch("ledgerwallet.crypto.ecc.PrivateKey.sign", sign),
    ):
        client.delete_app(case.name)
        client.get_memory_info()
        client.delete_app(case.name)


@settings(max_examples=15, deadline=None)
@given(cases(0x31100002, 0x31100003, 0x31100004, 0x33000004, 0x33100004))
def test_sessions_of_ledgerblue(case: Case) -> None:
    """Handshake, keys and wrapped commands around an answer with content, on every generation."""
    assert ours(case) == recorded(case, lambda exchange: ledgerblue(case, exchange))


@settings(max_examples=15, deadline=None)
@given(cases(0x31100003, 0x31100004, 0x33000004, 0x33100004))
def test_sessions_of_ledgerctl(case: Case) -> None:
    assert ours(case) == recorded(case, lambda exchange: ledgerctl(case, exchange))


def test_a_session_has_ten_commands() -> None:
    case = Case(0x33100004, 1, 2, bytes(8), 3, 4, b"devnonce", "App")
    assert [apdu[1] for apdu in ours(case)] == [0x04, 0x50, 0x51, 0x51, 0x52, 0x52, 0x53, 0, 0, 0]
