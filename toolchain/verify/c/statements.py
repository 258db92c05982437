"""A function's tokens → its statements.

The SDK's macros with blocks (``TRY {…}``, ``CATCH_OTHER(e) {…}``) and any other of that shape come out as
``Named``; everything that is no statement of C is an expression.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from toolchain.errors import ImageError
from toolchain.verify.c.functions import brackets
from toolchain.verify.c.lexer import Token

MAX_DEPTH = 60
"""Levels of statements within statements."""

Tokens = tuple[Token, ...]


@dataclass(frozen=True)
class Block:
    """Statements between braces."""

    statements: tuple["Statement", ...]


@dataclass(frozen=True)
class Expression:
    """Anything that ends with a semicolon and is nothing else, declarations among them."""

    tokens: Tokens


@dataclass(frozen=True)
class If:
    """``if``; ``otherwise`` is None without ``else``."""

    condition: Tokens
    then: "Statement"
    otherwise: "Statement | None"


@dataclass(frozen=True)
class Loop:
    """``while``, ``for`` or, with ``at_least_once``, ``do``; ``head`` is what stands in its parentheses."""

    head: Tokens
    body: "Statement"
    at_least_once: bool


@dataclass(frozen=True)
class Switch:
    """``switch``; its cases are ``Label`` statements of the body."""

    head: Tokens
    body: "Statement"


@dataclass(frozen=True)
class Jump:
    """``return``, ``goto``, ``break`` or ``continue``; ``tokens`` are those behind the word."""

    word: Token
    tokens: Tokens


@dataclass(frozen=True)
class Label:
    """``name:``, ``case …:`` or ``default:``; ``name`` is that of a goto's target, else empty."""

    name: str
    is_default: bool


@dataclass(frozen=True)
class Named:
    """A macro with a block: ``TRY {…}``, ``CATCH(x) {…}``."""

    name: Token
    arguments: Tokens
    block: Block


Statement = Block | Expression | If | Loop | Switch | Jump | Label | Named


def statements(body: Sequence[Token]) -> Block:
    """The statements of a function's body.

    Raises:
        ImageError: brackets that do not match, or statements nested deeper than MAX_DEPTH.
    """
    return _Parser(tuple(body)).block(0, len(body), 0)


def expressions(statement: Statement) -> Iterator[Expression]:
    """Every expression statement within ``statement``."""
    match statement:
        case Expression():
            yield statement
        case Block(inner):
            for part in inner:
                yield from expressions(part)
        case If(_, then, otherwise):
            yield from expressions(then)
            if otherwise:
                yield from expressions(otherwise)
        case Loop(_, body, _) | Switch(_, body):
            yield from expressions(body)
        case Named(_, _, block):
            yield from expressions(block)


class _Parser:
    """Walks over the tokens once; every method takes the index where something begins."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._pairs = brackets(tokens)

    def block(self, start: int, end: int, depth: int) -> Block:
        """The statements between two indices."""
        found: list[Statement] = []
        while start < end:
            statement, start = self._statement(start, end, depth + 1)
            if statement is not None:
                found.append(statement)
        return Block(tuple(found))

    def _text(self, index: int, end: int) -> str:
        return self._tokens[index].text if index < end else ""

    def _statement(self, start: int, end: int, depth: int) -> tuple[Statement | None, int]:
        """The statement at ``start`` and the index behind it; None for an empty one."""
        if depth > MAX_DEPTH:
            where = str(self._tokens[min(start, len(self._tokens) - 1)].line)
            raise ImageError("statements are nested too deep", where=where)
        word = self._text(start, end)
        if word == ";":
            return None, start + 1
        if word == "{":
            return self.block(start + 1, self._pairs[start], depth), self._pairs[start] + 1
        if word in ("if", "while", "for", "switch") and self._text(start + 1, end) == "(":
            return self._with_head(word, start, end, depth)
        if word == "do":
            return self._do(start, end, depth)
        if word in ("return", "goto", "break", "continue"):
            stop = self._semicolon(start, end)
            return Jump(self._tokens[start], self._tokens[start + 1 : stop]), stop + 1
        if word in ("case", "default"):
            return Label("", word == "default"), self._colon(start, end) + 1
        if start < end and self._tokens[start].kind == "name":
            if self._text(start + 1, end) == ":" and self._text(start + 2, end) != ":":
                return Label(word, is_default=False), start + 2
            if named := self._named(start, end, depth):
                return named
        stop = self._semicolon(start, end)
        return Expression(self._tokens[start:stop]), stop + 1

    def _body(self, start: int, end: int, depth: int) -> tuple[Statement, int]:
        """The one statement that an ``if`` or a loop governs."""
        if start >= end:
            return Block(()), start
        statement, after = self._statement(start, end, depth + 1)
        return statement or Block(()), after

    def _with_head(self, word: str, start: int, end: int, depth: int) -> tuple[Statement, int]:
        close = self._pairs[start + 1]
        head = self._tokens[start + 2 : close]
        body, after = self._body(close + 1, end, depth)
        if word == "switch":
            return Switch(head, body), after
        if word != "if":
            return Loop(head, body, at_least_once=False), after
        otherwise = None
        if self._text(after, end) == "else":
            otherwise, after = self._body(after + 1, end, depth)
        return If(head, body, otherwise), after

    def _do(self, start: int, end: int, depth: int) -> tuple[Statement, int]:
        body, after = self._body(start + 1, end, depth)
        head: Tokens = ()
        if self._text(after, end) == "while" and self._text(after + 1, end) == "(":
            head = self._tokens[after + 2 : self._pairs[after + 1]]
            after = self._pairs[after + 1] + 1
        return Loop(head, body, at_least_once=True), after

    def _named(self, start: int, end: int, depth: int) -> tuple[Statement, int] | None:
        """``NAME {`` or ``NAME(…) {``; not ``struct name {`` and the like, which declare."""
        name, index = self._tokens[start], start + 1
        arguments: Tokens = ()
        if self._text(index, end) == "(":
            arguments = self._tokens[index + 1 : self._pairs[index]]
            index = self._pairs[index] + 1
        if self._text(index, end) != "{" or name.text in ("struct", "union", "enum"):
            return None
        block = self.block(index + 1, self._pairs[index], depth)
        return Named(name, arguments, block), self._pairs[index] + 1

    def _semicolon(self, start: int, end: int) -> int:
        """The index of the semicolon that ends an expression; ``end`` if there is none."""
        index = start
        while index < end:
            if self._tokens[index].text == ";" and self._tokens[index].kind == "mark":
                return index
            index = self._pairs.get(index, index) + 1
        return end

    def _colon(self, start: int, end: int) -> int:
        """The colon of a case, behind any ``?:`` in its expression."""
        index, questions = start, 0
        while index < end:
            text = self._tokens[index].text
            if text == "?":
                questions += 1
            elif text == ":":
                if not questions:
                    return index
                questions -= 1
            index = self._pairs.get(index, index) + 1
        return end
