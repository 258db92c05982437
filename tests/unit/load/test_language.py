import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.device.small_device import HOST_KEY, ISSUER, NANO_SP, SmallDevice
from toolchain.device.apdu import Command, Response
from toolchain.device.fields import lv
from toolchain.device.session import Session, open_session
from toolchain.errors import DeviceError, ImageError
from toolchain.load.language import LanguagePack, delete_pack, install_pack, list_packs, parse_page, plan_pack


class Multilingual(SmallDevice):
    """Adds the commands of language packs; ``keeps`` False forgets them."""

    keeps = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.packs: dict[int, bytes] = {}

    def exchange(self, apdu: bytes) -> bytes:
        command = Command.decode(apdu)
        if not 0x30 <= command.ins <= 0x34:
            return super().exchange(apdu)
        assert self.channel
        plaintext = self.channel.unwrap(command.data)
        answer = b""
        match command.ins:
            case 0x30:
                self.size, self.loaded = int.from_bytes(plaintext), b""
            case 0x31:
                assert int.from_bytes(plaintext[:4]) == len(self.loaded)
                self.loaded += plaintext[4:]
            case 0x32 if self.keeps:
                assert len(self.loaded) == self.size
                self.packs[command.p1] = self.loaded
            case 0x33 if self.keeps:
                self.packs.pop(command.p1)
            case 0x34 if command.p1 == 0 and self.packs:
                answer = b"\x01" + b"".join(
                    entry(LanguagePack(n, len(d), "1.0")) for n, d in self.packs.items()
                )
        return Response(self.channel.wrap(answer), 0x9000).encode()


def entry(pack: LanguagePack) -> bytes:
    fields = lv(bytes((pack.language,))) + lv(pack.size.to_bytes(4, "big")) + lv(pack.version.encode())
    return bytes((1 + len(fields),)) + fields


def connect(device: SmallDevice) -> Session:
    return open_session(device, NANO_SP, HOST_KEY, [ISSUER])


@pytest.mark.parametrize("size", [1, 208, 209, 5000])
def test_install_list_delete(size: int) -> None:
    device = Multilingual()
    session = connect(device)
    assert install_pack(session, 1, bytes(size), b"\x30\x00") == LanguagePack(1, size, "1.0")
    assert device.packs == {1: bytes(size)}
    install_pack(session, 2, b"text", None)
    assert [pack.language for pack in list_packs(session)] == [1, 2]
    delete_pack(session, 1)
    assert device.packs == {2: b"text"}


def test_what_nobody_confirms() -> None:
    device = Multilingual()
    session = connect(device)
    install_pack(session, 1, b"text", None)
    device.keeps = False
    with pytest.raises(DeviceError, match="still listed"):
        delete_pack(session, 1)
    with pytest.raises(DeviceError, match="does not list"):
        install_pack(session, 2, b"text", None)


@given(
    st.lists(
        st.builds(LanguagePack, st.integers(0, 255), st.integers(0, 1 << 31), st.just("1.0")), max_size=5
    )
)
def test_page_round_trip(packs: list[LanguagePack]) -> None:
    assert list(parse_page(b"\x01" + b"".join(map(entry, packs)))) == packs


@given(st.binary(max_size=100))
def test_any_page(page: bytes) -> None:
    try:
        parse_page(page)
    except DeviceError as error:
        assert "malformed" in str(error)  # noqa: PT017 - the point is that nothing else is raised


ENGLISH = LanguagePack(0, 10, "1.0")


@pytest.mark.parametrize(
    "page",
    [
        b"\x02" + entry(ENGLISH),
        b"\x01\x01",
        b"\x01" + entry(ENGLISH)[:-1],
        b"\x01" + entry(LanguagePack(0, 10, "1\x1b[2J")),
        b"\x01\x06" + lv(b"\0") + lv(b"") + lv(b"1"),
    ],
    ids=["format", "size", "cut", "control characters", "no length"],
)
def test_malformed_pages(page: bytes) -> None:
    with pytest.raises(DeviceError, match="malformed"):
        parse_page(page)


def test_a_list_without_end() -> None:
    class Endless(Multilingual):
        def exchange(self, apdu: bytes) -> bytes:
            if apdu[1] != 0x34:
                return super().exchange(apdu)
            assert self.channel
            return Response(self.channel.wrap(b"\x01" + entry(ENGLISH)), 0x9000).encode()

    with pytest.raises(DeviceError, match="does not end"):
        list_packs(connect(Endless()))


@pytest.mark.parametrize(
    ("language", "data", "signature"),
    [(256, b"x", None), (1, b"", None), (1, b"x", b""), (1, bytes(1 << 21), None)],
)
def test_impossible_packs(language: int, data: bytes, signature: bytes | None) -> None:
    with pytest.raises(ImageError):
        plan_pack(language, data, signature)
