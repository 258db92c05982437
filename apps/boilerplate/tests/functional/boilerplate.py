"""The app's protocol from the host's side: doc/apdu.md, doc/transaction.md."""

from dataclasses import dataclass

from apps.testing.device import apdu
from apps.testing.seed import encode_path

CLA = 0xE0
GET_VERSION, GET_APP_NAME, GET_PUBLIC_KEY, SIGN_TRANSACTION = 3, 4, 5, 6
SILENT, SHOW = 0, 1
LAST, MORE = 0x00, 0x80
MEMO_MAX = 160

OK = 0x9000
WRONG_LENGTH = 0x6700
DENIED = 0x6985
WRONG_P1P2 = 0x6A86
INS_NOT_SUPPORTED = 0x6D00
CLA_NOT_SUPPORTED = 0x6E00
BAD_PATH = 0xB001
BAD_STATE = 0xB003
TX_TOO_LONG = 0xB004
TX_MALFORMED = 0xB005
BLIND_SIGNING_OFF = 0xB006


@dataclass(frozen=True)
class Transaction:
    """doc/transaction.md."""

    nonce: int = 1
    to: bytes = bytes(range(0xD0, 0xE4))
    value: int = 123456789
    memo: bytes = b""

    def encode(self) -> bytes:
        """The bytes that are signed."""
        numbers = self.nonce.to_bytes(8, "big") + self.to + self.value.to_bytes(8, "big")
        return b"\x01" + numbers + bytes([len(self.memo)]) + self.memo


def sign_commands(path: str, transaction: bytes, *, chunk: int = 200) -> list[bytes]:
    """The commands that send path and transaction."""
    parts = [transaction[i : i + chunk] for i in range(0, len(transaction), chunk)] or [b""]
    commands = [apdu(CLA, SIGN_TRANSACTION, 0, MORE, encode_path(path))]
    for number, part in enumerate(parts, 1):
        last = LAST if number == len(parts) else MORE
        commands.append(apdu(CLA, SIGN_TRANSACTION, number, last, part))
    return commands
