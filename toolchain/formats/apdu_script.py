"""APDU scripts: one command per line, lowercase hex, LF (loader protocol §15.2).

The commands are those of a load before wrapping. Replaying tools skip lines that they do not
understand, so a damaged script loads something else than it says; here every line is a command.
"""

import re
from collections.abc import Iterable

from toolchain.errors import ImageError

_HEADER = 5  # CLA INS P1 P2 Lc; short form, never an Le (loader protocol §2)
_LINE = re.compile(r"(?:[0-9a-f]{2})+")


def write_script(commands: Iterable[bytes]) -> str:
    """The script of these APDUs, each with its Lc byte.

    Raises:
        ImageError: no command, or one whose Lc is not the number of its data bytes.
    """
    lines = []
    for number, command in enumerate(commands, 1):
        _check(command, f"command {number}")
        lines.append(command.hex() + "\n")
    if not lines:
        raise ImageError("the script holds no command")
    return "".join(lines)


def read_script(text: str, *, where: str = "") -> tuple[bytes, ...]:
    """The APDUs of a script. ``where`` names the file in errors, which also name the line.

    Raises:
        ImageError: no command; a line that is not lowercase hex, is blank or a comment, or whose Lc is
            not the number of its data bytes; no line feed at the end.
    """
    try:
        return _read(text)
    except ImageError as e:
        e.where = where
        raise


def _read(text: str) -> tuple[bytes, ...]:
    if not text:
        raise ImageError("the script holds no command")
    if not text.endswith("\n"):
        raise ImageError("the last line has no line feed: the script is cut short")
    commands = []
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        if not line or line.startswith("#"):
            raise ImageError(
                f"line {number} is blank or a comment; other tools skip or misread it",
                hint="remove it: every line of a script is a command",
            )
        if not _LINE.fullmatch(line):
            raise ImageError(
                f"line {number} is not lowercase hex in whole bytes", hint="lines end in LF, without spaces"
            )
        command = bytes.fromhex(line)
        _check(command, f"line {number}")
        commands.append(command)
    return tuple(commands)


def _check(command: bytes, what: str) -> None:
    if len(command) < _HEADER:
        raise ImageError(f"{what} has {len(command)} bytes; a command has at least 5, others would skip it")
    announced, found = command[_HEADER - 1], len(command) - _HEADER
    if announced != found:
        raise ImageError(f"{what} says that {announced} data bytes follow, but there are {found}")
