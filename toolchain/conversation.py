"""A conversation with a device as text: who says what, in words; bytes only on request.

What does not parse is shown as bytes, since a host or a device may say anything.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from toolchain.device.apdu import CLA, OK
from toolchain.device.fields import split_lv
from toolchain.device.status import Step, explain
from toolchain.errors import ToolchainError
from toolchain.load.inventory import parse_memory, parse_page, parse_secured_version, parse_version
from toolchain.target import target_by_id
from toolchain.virtual_device import Exchange

_SECURED = 0x00

Words = Callable[[bytes], str]
"""Says what some bytes mean; may raise on bytes that mean something else."""


@dataclass(frozen=True)
class _Message:
    """A kind of command: what it is called, what its arguments and its answer say."""

    step: str
    said: Words
    answered: Words


def _hex(data: bytes) -> str:
    return data.hex() if len(data) <= 16 else f"{data[:8].hex()}… ({len(data)} bytes)"


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _target(data: bytes) -> str:
    found = target_by_id(_number(data))
    return f"{data.hex()} ({found.title})" if found else data.hex()


def _key(point: bytes) -> str:
    return f"key {point[:5].hex()}…{point[-4:].hex()}"


def _named(data: bytes) -> str:
    return split_lv(data)[0].decode("ascii")


def _certificate(data: bytes) -> str:
    *_, point, signature = split_lv(data)
    return f"{_key(point)}, signature of {len(signature)} bytes"


def _version(parse: Callable[[bytes], object]) -> Words:
    def said(data: bytes) -> str:
        version = parse(data)
        names = ", ".join(getattr(version, "flag_names", ()))
        return f"{_target(data[:4])}, OS {getattr(version, 'os_version', '')}, {names}"

    return said


def _apps(data: bytes) -> str:
    apps = parse_page(data) if data else ()
    return ", ".join(f"{app.name} {app.full_hash.hex()[:16]}…" for app in apps) or "no more apps"


def _memory(data: bytes) -> str:
    room = parse_memory(data)
    return f"{room.free} bytes free, {room.applications} in use, {room.slots_used} of {room.slots} places"


def _create(data: bytes) -> str:
    if len(data) not in (20, 21):
        return _hex(data)
    level = f"API level {data[0]}, " if len(data) == 21 else ""
    code, size, params, flags, boot = (_number(data[i : i + 4]) for i in range(len(data) - 20, len(data), 4))
    sizes = f"{code} bytes of code, {size} of data, {params} of parameters"
    return f"{level}{sizes}, flags {flags:#x}, boot {boot:#x}"


def _chunk(data: bytes) -> str:
    return f"{len(data) - 2} bytes at {_number(data[:2]):#06x}"


def _crc(data: bytes) -> str:
    return f"{_number(data[2:6])} bytes at {_number(data[:2]):#06x}: {data[6:].hex()}"


def _commit(data: bytes) -> str:
    return f"signature of {len(data) - 1} bytes" if data else "without a signature"


def _authority(data: bytes) -> str:
    name, point = split_lv(data)
    return f"{name.decode('ascii')}, {_key(point)}"


def _nothing(data: bytes) -> str:
    return _hex(data) if data else ""


_CLEAR: Mapping[int, _Message] = {
    0x01: _Message(Step.VERSION, _nothing, _version(parse_version)),
    0x04: _Message(Step.TARGET, _target, _nothing),
    0x50: _Message(Step.NONCE, _hex, lambda data: f"batch {data[:4].hex()}, nonce {data[4:].hex()}"),
    0x51: _Message(Step.HOST_CERTIFICATE, _certificate, _nothing),
    0x52: _Message(Step.DEVICE_CERTIFICATE, _nothing, _certificate),
    0x53: _Message(Step.OPEN, _nothing, _nothing),
    0xC0: _Message(Step.ENDORSE, _nothing, lambda data: _key(data[:65])),
    0xC2: _Message(Step.OWNER, lambda data: f"signature of {len(data)} bytes", _nothing),
    0xD0: _Message("onboard", lambda _data: "PIN and words are not shown", _nothing),
    0xD8: _Message(Step.RUN, lambda data: data.decode("ascii"), _nothing),
    0xDE: _Message(Step.LIST, _nothing, _apps),
    0xDF: _Message(Step.LIST, _nothing, _apps),
    **dict.fromkeys(range(0x30, 0x35), _Message(Step.LANGUAGE, _nothing, _nothing)),
}
_WRAPPED: Mapping[int, _Message] = {
    0x05: _Message(Step.SELECT, lambda data: f"at {_number(data):#x}", _nothing),
    0x06: _Message(Step.LOAD, _chunk, _nothing),
    0x07: _Message(Step.FLUSH, _nothing, _nothing),
    0x08: _Message(Step.CRC, _crc, _nothing),
    0x09: _Message(Step.COMMIT, _commit, _nothing),
    0x0B: _Message(Step.CREATE, _create, _nothing),
    0x0C: _Message(Step.DELETE, _named, _nothing),
    0x0E: _Message(Step.LIST, _nothing, _apps),
    0x0F: _Message(Step.LIST, _nothing, _apps),
    0x10: _Message(Step.VERSION, _nothing, _version(parse_secured_version)),
    0x11: _Message(Step.MEMORY, _nothing, _memory),
    0x12: _Message(Step.ENROLL_CA, _authority, _nothing),
    0x13: _Message(Step.REMOVE_CA, _nothing, _nothing),
    0x15: _Message(Step.DELETE, _hex, _nothing),
}
_UNKNOWN = _Message("", _hex, _hex)


def _words(words: Words, data: bytes) -> str:
    try:
        said = words(data)
    except (ToolchainError, ValueError, IndexError):
        return _hex(data)
    return said if said.isprintable() else _hex(data)


def _parts(exchange: Exchange) -> tuple[_Message, bytes, bytes]:
    """The kind of message, its arguments and its answer, in clear."""
    command, reply = exchange.command, exchange.reply[:-2]
    if exchange.plain_command is not None:
        plain, answer = exchange.plain_command, exchange.plain_reply or b""
        if command[1] == _SECURED:
            return _WRAPPED.get(plain[0] if plain else -1, _UNKNOWN), plain[1:], answer
        return _CLEAR.get(command[1], _UNKNOWN), plain, answer
    known = command[:1] == bytes((CLA,)) and len(command) >= 5
    return (_CLEAR.get(command[1], _UNKNOWN) if known else _UNKNOWN), command[5:], reply


def describe(number: int, exchange: Exchange, *, raw: bool = False) -> Iterator[str]:
    """One exchange: a line of the host's, one of the device's unless it says no more than "done".

    Args:
        number: of the exchange, for people to refer to.
        exchange: what crossed the wire.
        raw: show the bytes as well.
    """
    message, arguments, answer = _parts(exchange)
    lock = "*" if exchange.plain_command is not None else " "
    name = message.step or f"unknown command {exchange.command[:5].hex()}"
    said = _words(message.said, arguments)
    yield f"{number:>4} {lock} host    {name}{': ' if said else ''}{said}"
    sw = _number(exchange.reply[-2:])
    if sw != OK:
        step = next((s for s in Step if s == message.step), None)
        word = explain(sw, step)
        yield f"       device  REFUSED {sw:04x} {word.name}: {word.meaning}"
    elif answered := _words(message.answered, answer):
        yield f"       device  {answered}"
    if raw and exchange.command[1:2] != b"\xd0":  # which carries a PIN
        yield f"       => {exchange.command.hex()}"
        if exchange.plain_command is not None:
            yield f"          in clear {exchange.plain_command.hex()}"
        yield f"       <= {exchange.reply.hex()}"
        if exchange.plain_reply:
            yield f"          in clear {exchange.plain_reply.hex()}"
