"""The app's protocol from the host's side: doc/apdu.md, doc/formats.md."""

import hashlib

from apps.testing.device import apdu
from apps.testing.seed import encode_path

CLA = 0xE0
GET_VERSION, GET_APP_NAME, GET_PUBLIC_KEY, SIGN_MESSAGE = 3, 4, 5, 6
BEGIN_DOCUMENT, ATTEST_PAGE, SIGN_DOCUMENT, SIGN_HASH = 7, 8, 9, 10
SILENT, SHOW = 0, 1
LAST, MORE = 0x00, 0x80
MESSAGE_MAX = 400
PAGES_MAX = 99

OK = 0x9000
WRONG_LENGTH = 0x6700
DENIED = 0x6985
WRONG_P1P2 = 0x6A86
INS_NOT_SUPPORTED = 0x6D00
CLA_NOT_SUPPORTED = 0x6E00
BAD_PATH = 0xB101
BAD_STATE = 0xB103
TOO_LONG = 0xB104
NOT_TEXT = 0xB105
HASH_REFUSED = 0xB106
BAD_ATTESTATION = 0xB108


def message_bytes(text: bytes) -> bytes:
    """What the signature of a message covers."""
    return b"\x19Notary message:\n%d\n" % len(text) + text


def document_bytes(pages: list[bytes]) -> bytes:
    """What the signature of a document covers."""
    digest = hashlib.sha256(b"".join(hashlib.sha256(page).digest() for page in pages)).digest()
    return b"\x19Notary document:\n%d\n" % len(pages) + digest


def parts(ins: int, first: bytes, pieces: list[bytes]) -> list[bytes]:
    """The commands of a request in several parts."""
    commands = [apdu(CLA, ins, 0, MORE, first)]
    for number, piece in enumerate(pieces, 1):
        commands.append(apdu(CLA, ins, number, LAST if number == len(pieces) else MORE, piece))
    return commands


def sign_message(path: str, text: bytes, *, part: int = 200) -> list[bytes]:
    """The commands that send path and message."""
    pieces = [text[i : i + part] for i in range(0, len(text), part)] or [b""]
    return parts(SIGN_MESSAGE, encode_path(path), pieces)


def attest_page(text: bytes, *, part: int = 200) -> list[bytes]:
    """The commands that send a page."""
    return parts(ATTEST_PAGE, b"", [text[i : i + part] for i in range(0, len(text), part)] or [b""])


def sign_document(path: str, attestations: list[bytes]) -> list[bytes]:
    """The commands that send path and attestations."""
    return parts(SIGN_DOCUMENT, encode_path(path), attestations)
