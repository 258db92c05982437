"""Language packs: the texts of the device's own screens (loader protocol §16.3)."""

from dataclasses import dataclass

from toolchain.device.apdu import CLA, Command
from toolchain.device.fields import lv, split_lv
from toolchain.device.session import Session
from toolchain.device.status import Step
from toolchain.errors import DeviceError, ImageError
from toolchain.load.plan import Packing, cuts

CREATE, LOAD, COMMIT, DELETE, LIST = 0x30, 0x31, 0x32, 0x33, 0x34
"""Instructions of their own: P1 names the language, the data is wrapped (§4)."""

MAX_PAGES = 64
MAX_SIZE = 1 << 20


@dataclass(frozen=True)
class LanguagePack:
    """One entry of the list: the language's number, size in bytes, version."""

    language: int
    size: int
    version: str


def plan_pack(language: int, data: bytes, signature: bytes | None) -> tuple[tuple[Command, bytes], ...]:
    """The commands that load a pack: each a header, and what is wrapped behind it; cut as ledgerblue cuts.

    Raises:
        ImageError: not a possible language, size or signature.
    """
    if not 0 <= language < 256 or not 0 < len(data) <= MAX_SIZE:
        raise ImageError("a language pack has a number below 256 and up to 1 MiB of data")
    if signature is not None and not 0 < len(signature) < 128:
        raise ImageError("a signature has 1 to 127 bytes")
    chunks = [
        (Command(CLA, LOAD, language), start.to_bytes(4, "big") + data[start:end])
        for start, end in cuts(len(data), Packing.script())
    ]
    return (
        (Command(CLA, CREATE, language), len(data).to_bytes(4, "big")),
        *chunks,
        (Command(CLA, COMMIT, language), lv(signature) if signature else b""),
    )


def install_pack(session: Session, language: int, data: bytes, signature: bytes | None) -> LanguagePack:
    """Load a pack and make the device list it.

    Raises:
        ImageError: not a possible pack.
        DeviceError: refused, not listed afterwards, or the link failed.
    """
    for header, plaintext in plan_pack(language, data, signature):
        session.send_to(header, plaintext, step=Step.LANGUAGE, answer="none")
    for pack in list_packs(session):
        if pack.language == language:
            return pack
    raise DeviceError("the device did not confirm: it does not list the language pack", where=Step.LANGUAGE)


def delete_pack(session: Session, language: int) -> None:
    """Delete a pack.

    Neither this command nor the question for the list has content, so nothing protects them: that the pack is
    gone is the link's word, unlike what ``install_pack`` returns.

    Raises:
        DeviceError: refused, still listed, or the link failed.
    """
    session.send_to(Command(CLA, DELETE, language), b"", step=Step.LANGUAGE, answer="none")
    if any(pack.language == language for pack in list_packs(session)):
        raise DeviceError(
            "the device did not confirm: the language pack is still listed", where=Step.LANGUAGE
        )


def list_packs(session: Session) -> tuple[LanguagePack, ...]:
    """The packs on the device.

    Raises:
        DeviceError: refused, malformed, not authentic, or the link failed.
    """
    packs: list[LanguagePack] = []
    for number in range(MAX_PAGES):
        header = Command(CLA, LIST, int(number > 0))
        page = session.send_to(header, b"", step=Step.LANGUAGE, answer="optional")
        if not page:
            return tuple(packs)
        packs += parse_page(page)
    raise DeviceError("the device's list of language packs does not end", where=Step.LANGUAGE)


def parse_page(page: bytes) -> tuple[LanguagePack, ...]:
    """Format 1: entries of ``size LV(language) LV(bytes) LV(version)``.

    Raises:
        DeviceError: malformed.
    """
    try:
        return tuple(_entries(page))
    except (ValueError, IndexError) as e:
        raise DeviceError("the device's list of language packs is malformed", where=Step.LANGUAGE) from e


def _entries(page: bytes) -> list[LanguagePack]:
    if page[0] != 1:
        raise ValueError("not format 1")
    entries, at = [], 1
    while at < len(page):
        size = page[at]
        if size < 2 or at + size > len(page):
            raise ValueError("an entry reaches behind the end")
        language, length, version = split_lv(page[at + 1 : at + size])
        text = version.decode("utf-8")
        if len(language) != 1 or len(length) != 4 or not text.isprintable():
            raise ValueError("a field has the wrong size or text")
        entries.append(LanguagePack(language[0], int.from_bytes(length, "big"), text))
        at += size
    return entries
