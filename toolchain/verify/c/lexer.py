"""C text → tokens, comments and directives (C11, §6.4)."""

import bisect
import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from toolchain.errors import ImageError

MAX_SOURCE = 1 << 20
"""Characters of a source file that are read."""

_TOKEN = re.compile(
    r"""(?P<space>(?:[ \t\r\f\v\ufeff]|\\\r?\n)+)
    | (?P<newline>\n)
    | (?P<comment>//(?:[^\\\n]|\\\r?\n|\\.)*|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/)
    | (?P<string>(?:u8|[LuU])?"(?:[^"\\\n]|\\(?:\r?\n|.))*")
    | (?P<char>[LuU]?'(?:[^'\\\n]|\\(?:\r?\n|.))*')
    | (?P<name>(?:[^\W\d]|\$)[\w$]*)
    | (?P<number>\.?[0-9](?:[eEpP][+-]|[\w.])*)
    | (?P<mark>->|\+\+|--|<<=|>>=|<<|>>|[<>=!+\-*/%&|^]=|&&|\|\||\.\.\.|\#\#|.)""",
    re.VERBOSE,
)

IsDefined = Callable[[str], bool | None]
"""Whether a macro is defined; None if nobody knows."""

_DEFINED = re.compile(r"(!?)\s*defined\s*\(?\s*(\w+)\s*\)?")

_INCLUDE = re.compile(r"\s*[<\"]([^>\"]+)[>\"]")


@dataclass(frozen=True, slots=True)
class Token:
    """One token. ``kind`` is name, number, string, char or mark; line and column count from 1."""

    kind: str
    text: str
    line: int
    column: int


@dataclass(frozen=True)
class Directive:
    """A line of the preprocessor: ``name`` (``pragma``), the tokens behind it, and its text.

    ``index`` is the number of code tokens in front of it.
    """

    name: str
    tokens: tuple[Token, ...]
    text: str
    line: int
    index: int

    @property
    def included(self) -> str:
        """What an ``#include`` names, without quotes; empty for other directives."""
        match = _INCLUDE.match(self.text) if self.name in ("include", "include_next", "import") else None
        return match[1] if match else ""


@dataclass(frozen=True)
class Comment:
    """A comment with its signs, and the line where it begins."""

    text: str
    line: int


@dataclass(frozen=True, eq=False)
class Source:
    """A file in parts. ``tokens`` are those outside of directives and comments."""

    tokens: tuple[Token, ...]
    directives: tuple[Directive, ...]
    comments: tuple[Comment, ...]

    def every_token(self) -> Iterator[Token]:
        """Those of the code, then those of the directives: bodies of macros are code, too."""
        yield from self.tokens
        for directive in self.directives:
            yield from directive.tokens

    def code(self, is_defined: IsDefined, *, one_branch: bool) -> tuple[Token, ...]:
        """The tokens without those that the compiler surely does not see.

        With ``one_branch``, of ``#if … #else`` only the first branch that may be compiled.
        """
        kept: list[Token] = []
        open_ifs: list[tuple[bool, bool]] = []  # whether this branch is kept, whether no other can be
        start = left_out = 0
        for directive in self.directives:
            if not left_out:
                kept += self.tokens[start : directive.index]
            start = directive.index
            if directive.name in ("if", "ifdef", "ifndef"):
                holds = _holds(directive, is_defined)
                open_ifs.append((holds is not False, holds is True or (one_branch and holds is None)))
                left_out += holds is False
            elif directive.name in ("else", "elif", "endif") and open_ifs:
                was_kept, decided = open_ifs.pop()
                left_out -= not was_kept
                if directive.name != "endif":
                    open_ifs.append((not decided, decided or one_branch))
                    left_out += decided
        if not left_out:
            kept += self.tokens[start:]
        return tuple(kept)


@functools.lru_cache(maxsize=2048)
def read_source(text: str) -> Source:
    """Split ``text``.

    Raises:
        ImageError: too long, or something is not a token (an unterminated string or comment); ``where``
            is the line.
    """
    if len(text) > MAX_SOURCE:
        raise ImageError(f"the file has more than {MAX_SOURCE} characters")
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    tokens: list[Token] = []
    directives: list[Directive] = []
    comments: list[Comment] = []
    position, line_is_empty = 0, True
    inside: list[Token] | None = None
    begin = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        line = bisect.bisect_right(starts, position)
        if match is None or _is_open(match):
            if inside is None or match is None or match[0] == "/":
                raise ImageError("a string, character or comment has no end", where=str(line))
            position += 1  # an apostrophe in #error or #warning is prose
            continue
        kind, piece, position = str(match.lastgroup), match[0], match.end()
        if kind == "newline":
            if inside is not None:
                directives.append(_directive(inside, text[begin : match.start()], len(tokens)))
                inside = None
            line_is_empty = True
        elif kind == "comment":
            comments.append(Comment(piece, line))
        elif kind != "space":
            token = Token(kind, piece, line, match.start() - starts[line - 1] + 1)
            if inside is not None:
                inside.append(token)
            elif piece == "#" and line_is_empty:
                inside, begin = [token], match.end()
            else:
                tokens.append(token)
            line_is_empty = False
    if inside is not None:
        directives.append(_directive(inside, text[begin:], len(tokens)))
    return Source(tuple(tokens), tuple(directives), tuple(comments))


def _holds(directive: Directive, is_defined: IsDefined) -> bool | None:
    """Whether a condition holds; None if that is not known."""
    if directive.text in ("0", "1"):
        return directive.text == "1"
    match = _DEFINED.fullmatch(directive.text)
    if directive.name == "if" and not match:
        return None
    name = match[2] if match else directive.tokens[0].text if directive.tokens else ""
    known = False if name == "__cplusplus" else is_defined(name)
    negated = directive.name == "ifndef" or bool(match and match[1])
    return None if known is None else known != negated


def _is_open(match: re.Match[str]) -> bool:
    """Whether a mark begins a string, a character or a comment that has no end."""
    return match.lastgroup == "mark" and (match[0] in "\"'" or match.string.startswith("/*", match.start()))


def _directive(tokens: list[Token], text: str, index: int) -> Directive:
    """``tokens`` begin with the sign; a sign alone is a directive without a name."""
    name = tokens[1].text if len(tokens) > 1 else ""
    return Directive(name, tuple(tokens[2:]), text.strip().removeprefix(name).strip(), tokens[0].line, index)
