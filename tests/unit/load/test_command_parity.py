"""Our sub-commands against those of ledgerblue and ledgerctl, unmodified."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from ledgerblue.hexLoader import HexLoader

from toolchain.device.apdu import Command
from toolchain.device.session import Session
from toolchain.device.status import Step
from toolchain.errors import DeviceError
from toolchain.keys import PrivateKey
from toolchain.load.inventory import (
    delete_app,
    delete_app_by_hash,
    enroll_ca,
    memory_info,
    remove_ca,
    secured_version,
)
from toolchain.load.language import plan_pack

names = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=100)


class Card:
    """Remembers what ledgerblue would send."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def apduMaxDataSize(self) -> int:  # noqa: N802 - ledgerblue's name
        return 240

    def exchange(self, apdu: bytes) -> bytes:
        self.sent.append(bytes(apdu))
        return b""


class Recorder(Session):
    """Remembers what we would send, in clear, and never answers."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send_to(self, header: Command, plaintext: bytes, *, step: Step, answer: object) -> bytes:
        self.sent.append(Command(header.cla, header.ins, header.p1, header.p2, plaintext).encode())
        return b""


def first_of_ours(action: Callable[[Session], object]) -> bytes:
    recorder = Recorder()
    try:
        action(recorder)
    except DeviceError:
        assert recorder.sent  # it missed an answer
    return recorder.sent[0]


def first_of_ledgerblue(action: Callable[[HexLoader], object]) -> bytes:
    card = Card()
    try:
        action(HexLoader(card, 0xE0, False, None))
    except IndexError:
        assert card.sent  # it missed an answer
    return card.sent[0]


@given(name=names, digest=st.binary(min_size=32, max_size=32), scalar=st.integers(1, 1 << 128))
def test_sub_commands(name: str, digest: bytes, scalar: int) -> None:
    key = PrivateKey.from_int(scalar).public_key
    pairs: list[tuple[Callable[[Session], object], Callable[[HexLoader], object]]] = [
        (lambda s: delete_app(s, name), lambda b: b.deleteApp(name.encode())),
        (lambda s: delete_app_by_hash(s, digest), lambda b: b.deleteAppByHash(digest)),
        (lambda s: enroll_ca(s, name, key), lambda b: b.setupCustomCA(name, key.point)),
        (remove_ca, lambda b: b.resetCustomCA()),
        (memory_info, lambda b: b.getMemInfo()),
        (secured_version, lambda b: b.getVersion()),
    ]
    for ours, theirs in pairs:
        assert first_of_ours(ours) == first_of_ledgerblue(theirs)


@given(
    language=st.integers(0, 255),
    data=st.binary(min_size=1, max_size=1500),
    signature=st.none() | st.binary(min_size=1, max_size=72),
)
def test_language_pack(language: int, data: bytes, signature: bytes | None) -> None:
    card = Card()
    loader = HexLoader(card, 0xE0, False, None)

    class Area:
        def getStart(self) -> int:  # noqa: N802 - ledgerblue's name
            return 0

        def getData(self) -> bytes:  # noqa: N802 - ledgerblue's name
            return data

    class Areas:
        def getAreas(self) -> list[Area]:  # noqa: N802 - ledgerblue's name
            return [Area()]

        def minAddr(self) -> int:  # noqa: N802 - ledgerblue's name
            return 0

    loader.createPack(language, len(data))
    loader.load(0, 0xF0, Areas(), doCRC=False)
    loader.commitPack(signature)
    ours = plan_pack(language, data, signature)
    assert [Command(h.cla, h.ins, h.p1, h.p2, plaintext).encode() for h, plaintext in ours] == card.sent
