"""Commands and answers on the wire, as values (loader protocol §2)."""

from dataclasses import dataclass

from toolchain.errors import ImageError, TransportError

CLA = 0xE0
"""Class byte of the loader."""

MAX_DATA = 255
"""Bytes of data that one command can carry: Lc is one byte, there is no extended form."""

OK = 0x9000
"""The one status word that means success."""


@dataclass(frozen=True)
class Command:
    """``CLA INS P1 P2 Lc data``. Lc is always present; Le never is."""

    cla: int
    ins: int
    p1: int = 0
    p2: int = 0
    data: bytes = b""

    def __post_init__(self) -> None:
        """Refuse what has no encoding.

        Raises:
            ImageError: a header field is not a byte, or there is too much data.
        """
        if not all(0 <= field <= 0xFF for field in (self.cla, self.ins, self.p1, self.p2)):
            raise ImageError("a header field of a command is not a byte")
        if len(self.data) > MAX_DATA:
            raise ImageError(f"a command carries {MAX_DATA} bytes at most, not {len(self.data)}")

    def encode(self) -> bytes:
        """The bytes to send, 5 to 260."""
        return bytes((self.cla, self.ins, self.p1, self.p2, len(self.data))) + self.data

    @classmethod
    def decode(cls, apdu: bytes) -> "Command":
        """The command in these bytes.

        Raises:
            ImageError: shorter than a header, or Lc is not the number of bytes that follow.
        """
        if len(apdu) < 5 or apdu[4] != len(apdu) - 5:
            raise ImageError("not a command: Lc is missing or does not match the data")
        return cls(apdu[0], apdu[1], apdu[2], apdu[3], apdu[5:])


@dataclass(frozen=True)
class Response:
    """What a device answers: data, then a status word of 16 bits."""

    data: bytes
    sw: int

    def encode(self) -> bytes:
        """Data and status word, as transports hand them over."""
        return self.data + self.sw.to_bytes(2, "big")

    @classmethod
    def decode(cls, answer: bytes) -> "Response":
        """The answer in these bytes.

        Raises:
            TransportError: too short for a status word.
        """
        if len(answer) < 2:
            raise TransportError(
                "the device's answer was cut short: it has no status word",
                hint="reconnect the device and run the command again",
            )
        return cls(answer[:-2], int.from_bytes(answer[-2:], "big"))
