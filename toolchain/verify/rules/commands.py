"""Commands of the host: nothing of them is used before it is known to be there."""

import re
from collections.abc import Iterator

from toolchain.verify.c.tree import Expression, Function, constant, expressions
from toolchain.verify.code import milder, read_code
from toolchain.verify.model import Candidate, Location, Problem, Severity, rule

_COMMAND = re.compile(r"\bcommand_t\b")
_BUFFER, _LC, _HEADER = "G_io_apdu_buffer", 4, 5
"""The buffer of commands, where it has the length of their data, and where the data begins (ISO 7816-4)."""

_LENGTH = re.compile(r"(?:.*_)?(?:lc|len|length|size|left|remaining|available|rx)(?:_.*)?", re.IGNORECASE)
_COMPARISONS = frozenset({"<", ">", "<=", ">=", "==", "!="})
_VALUES = ("name", "global", "member", "pointee")


@rule(
    "src-apdu-length-checked",
    Severity.WARNING,
    reason="Behind a short command lie the bytes of the one before: the app takes them for this one's.",
    source="security requirements, Good Practices for Transaction Handling: input is not trusted",
    fix="compare the length with what is read, or read through buffer_t, whose functions do",
)
def src_apdu_length_checked(candidate: Candidate) -> Iterator[Problem]:
    """Bytes of a command are read by number only behind a comparison of its length, here or in the caller."""
    code = read_code(candidate)
    concerned = [f for f in code.functions if _takes_command(f) or f'"{_BUFFER}"' in f.text]
    if not concerned:
        return
    callers: dict[str, list[Function]] = {}
    for function in code.functions:
        for name in function.called:
            callers.setdefault(name, []).append(function)
    for function in concerned:
        for line, what in _early(function):
            if not any(_checks(caller) for caller in callers.get(function.name, ())):
                message = f"{what} is read before the command's length is known"
                yield Problem(message, Location(function.path, line), milder(function.path))
            break


def _takes_command(function: Function) -> bool:
    return any(_COMMAND.search(p.type) for p in function.parameters)


def _early(function: Function) -> Iterator[tuple[int, str]]:
    """Reads of a command's data before anything of its length is compared: line, and what is read."""
    commands = {p.name for p in function.parameters if _COMMAND.search(p.type)}
    line = function.line
    for whole in expressions(function.body):
        parts = list(whole.walk())
        if any(_is_check(part, commands) for part in parts):
            return
        targets = {id(part.parts[0]) for part in parts if part.kind == "assign"}
        for part in parts:
            line = part.line or line
            if part.kind == "index" and id(part) not in targets and (what := _read(part, commands)):
                yield line, what


def _read(index: Expression, commands: set[str]) -> str:
    """What of a command's data a constant index reads; empty if it is nothing."""
    array, number = index.parts[0], constant(index.parts[1])
    if number is None:
        return ""
    if array.kind == "global" and array.text == _BUFFER and number >= _HEADER:
        return f"{_BUFFER}[{number}]"
    field = array.kind in ("pointee", "member") and array.text == "data"
    if field and array.parts[0].kind == "name" and array.parts[0].text in commands:
        return f"{array.parts[0].text}->data[{number}]"
    return ""


def _is_check(part: Expression, commands: set[str]) -> bool:
    """A comparison with a length, or a call that gets the command and may compare it."""
    if part.kind == "call":
        return any(a.kind == "name" and a.text in commands for a in part.parts)
    return _is_bound(part)


def _is_bound(part: Expression) -> bool:
    """Whether two values are compared, one of them a length, and not only with 0."""
    if part.kind != "binary" or part.text not in _COMPARISONS:
        return False
    if part.text in ("==", "!=") and any(constant(side) == 0 for side in part.parts):
        return False
    return any(_is_length(value) for value in part.walk())


def _is_length(value: Expression) -> bool:
    if value.kind == "index":
        return value.parts[0].text == _BUFFER and constant(value.parts[1]) == _LC
    return value.kind in _VALUES and bool(_LENGTH.fullmatch(value.text))


def _checks(function: Function) -> bool:
    return any(_is_bound(part) for whole in expressions(function.body) for part in whole.walk())
