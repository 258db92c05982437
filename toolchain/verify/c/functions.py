"""Tokens → functions and the calls in them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from toolchain.errors import ImageError
from toolchain.verify.c.lexer import IsDefined, Source, Token

_PAIRS = {"(": ")", "[": "]", "{": "}"}
_CLOSING = frozenset(_PAIRS.values())
_TYPES = frozenset(
    {"void", "char", "short", "int", "long", "float", "double", "signed", "unsigned", "_Bool", "bool"}
)
_NOT_CALLED = frozenset(
    {"if", "for", "while", "switch", "return", "sizeof", "do", "else", "case", "_Alignof", "_Static_assert"}
    | {"typeof", "__typeof__", "__attribute__", "defined", "_Generic", "__asm__", "asm", "_Alignas"}
)
"""Names that a parenthesis can follow without a call."""

_NEVER_CALLED = _NOT_CALLED | _TYPES


@dataclass(frozen=True)
class Function:
    """A function's definition. ``parameters`` and ``body`` are the tokens inside of its brackets.

    ``returns`` are the tokens in front of its name: type, storage class, attributes.
    """

    name: str
    returns: tuple[Token, ...]
    parameters: tuple[Token, ...]
    body: tuple[Token, ...]
    line: int

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Name of each parameter, empty where it has none."""
        return tuple(_declared_name(part) for part in split(self.parameters))


@dataclass(frozen=True)
class Call:
    """A call: its name, and the tokens of each argument."""

    name: Token
    arguments: tuple[tuple[Token, ...], ...]


def brackets(tokens: Sequence[Token]) -> dict[int, int]:
    """Index of each opening bracket → index of the one that closes it.

    Raises:
        ImageError: they do not match.
    """
    pairs: dict[int, int] = {}
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token.kind != "mark":
            continue
        if token.text in _PAIRS:
            opened.append(index)
        elif token.text in _CLOSING:
            if not opened or _PAIRS[tokens[opened[-1]].text] != token.text:
                raise ImageError("a bracket is closed that is not open", where=str(token.line))
            pairs[opened.pop()] = index
    if opened:
        raise ImageError("a bracket is not closed", where=str(tokens[opened[-1]].line))
    return pairs


def functions(source: Source, is_defined: IsDefined = lambda _: None) -> tuple[Function, ...]:
    """Every function that the file defines.

    Where nobody knows whether an ``#if`` holds, both branches are read, unless their brackets do not add
    up; then the first one is.

    Raises:
        ImageError: brackets that do not match.
    """
    try:
        return tuple(_functions(source.code(is_defined, one_branch=False)))
    except ImageError:
        return tuple(_functions(source.code(is_defined, one_branch=True)))


def _functions(tokens: Sequence[Token]) -> Iterator[Function]:
    pairs = brackets(tokens)
    index = begin = name_index = 0
    last_list = None
    while index < len(tokens):
        text = tokens[index].text
        if text == "(" and tokens[index].kind == "mark":
            end = pairs[index]
            before = tokens[index - 1] if index else None
            if before and before.kind == "name" and before.text not in _NOT_CALLED:
                last_list, name_index = (before, tokens[index + 1 : end]), index - 1
            index = end + 1
        elif text == "{" and tokens[index].kind == "mark":
            end = pairs[index]
            if last_list:
                name, parameters = last_list
                yield Function(
                    name.text,
                    tuple(tokens[begin:name_index]),
                    tuple(parameters),
                    tuple(tokens[index + 1 : end]),
                    name.line,
                )
            last_list, index = None, end + 1
            begin = index
        else:
            if text in (";", "=", ","):
                last_list = None
            index += 1
            begin = index if text == ";" else begin


def _declared_name(declaration: Sequence[Token]) -> str:
    """``const uint8_t *a[4]`` → ``a``; of a function pointer, its name."""
    for index, token in enumerate(declaration):
        if token.text in ("[", ")") and index and declaration[index - 1].kind == "name":
            return declaration[index - 1].text
    last = declaration[-1] if declaration else None
    return last.text if last and last.kind == "name" and len(declaration) > 1 else ""


def calls(tokens: Sequence[Token]) -> Iterator[Call]:
    """Every call in ``tokens``, outer ones first.

    Raises:
        ImageError: brackets that do not match.
    """
    pairs = brackets(tokens)
    for index, token in enumerate(tokens[:-1]):
        if token.kind != "name" or token.text in _NEVER_CALLED or index + 1 not in pairs:
            continue
        if tokens[index + 1].text != "(":
            continue
        before = tokens[index - 1] if index else None
        # `type name(…)` declares; `return name(…)` and `else name(…)` call.
        if before and before.kind == "name" and before.text not in _NOT_CALLED:
            continue
        end = pairs[index + 1]
        yield Call(token, tuple(split(tokens[index + 2 : end])))


def split(tokens: Sequence[Token], at: str = ",") -> Iterator[tuple[Token, ...]]:
    """``tokens`` between the commas that stand in no bracket; nothing for no tokens."""
    depth, part = 0, 0
    for index, token in enumerate(tokens):
        if token.kind != "mark":
            continue
        if token.text in _PAIRS:
            depth += 1
        elif token.text in _CLOSING:
            depth -= 1
        elif token.text == at and not depth:
            yield tuple(tokens[part:index])
            part = index + 1
    if tokens:
        yield tuple(tokens[part:])
