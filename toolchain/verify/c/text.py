"""C text as it stands, before the preprocessor: directives, comments, and words that tools look for.

That is where pragmas, conditions and comments are; what the compiler made of it is in ``tree``.
"""

import functools
import re
from dataclasses import dataclass

import tree_sitter
import tree_sitter_c

from toolchain.errors import ImageError

MAX_SOURCE = 1 << 20
"""Characters of a source file that are read."""

MAX_DEPTH = 1000
"""Brackets, or conditions of the preprocessor, that may be open at once: time grows with their square."""

_INCLUDE = re.compile(r"\s*[<\"]([^>\"]+)[>\"]")
_DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(\w+)((?:[^\n\\]|\\\r?\n|\\.)*)", re.MULTILINE)
_NESTS = re.compile(r"[(\[{)\]}]|^[ \t]*#[ \t]*(end)?if", re.MULTILINE)
_LINE = re.compile(rb"(?:[^\n\\]|\\\r?\n|\\.)*")
_WORD = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|[A-Za-z_]\w*")

_QUERY = """
(comment) @comment
(preproc_include) @directive
(preproc_def) @directive
(preproc_function_def) @directive
(preproc_call) @directive
(preproc_if) @condition
(preproc_ifdef) @condition
(preproc_elif) @condition
(preproc_elifdef) @condition
(ERROR) @unclear
((identifier) @word (#match? @word "^(_Pragma|suppress|(maybe_)?unused|analyzer_noreturn|__[A-Za-z_]+__)$"))
((string_literal) @string (#match? @string "diagnostic|system_header"))
"""


@dataclass(frozen=True)
class Word:
    """A name or, with its quotes, a string; line and column count from 1."""

    text: str
    line: int
    column: int


@dataclass(frozen=True)
class Directive:
    """A line of the preprocessor: ``name`` (``pragma``) and the text behind it, without comments."""

    name: str
    text: str
    line: int
    column: int

    @property
    def included(self) -> str:
        """What an ``#include`` names, without quotes; empty for other directives."""
        match = _INCLUDE.match(self.text) if self.name in ("include", "include_next", "import") else None
        return match[1] if match else ""

    @property
    def words(self) -> tuple[Word, ...]:
        """Its names and strings."""
        found = []
        for match in _WORD.finditer(self.text):
            before = self.text[: match.start()]
            line = before.count("\n")
            column = len(before) - before.rfind("\n") if line else self.column + len(before)
            found.append(Word(match[0], self.line + line, column))
        return tuple(found)


@dataclass(frozen=True)
class Comment:
    """A comment with its signs, and the line where it begins."""

    text: str
    line: int


@dataclass(frozen=True, eq=False)
class Source:
    """A file in parts. ``words`` are names with two underscores around, and of what silences somebody."""

    words: tuple[Word, ...]
    directives: tuple[Directive, ...]
    comments: tuple[Comment, ...]


@functools.lru_cache(maxsize=2048)
def read_source(text: str) -> Source:
    """Split ``text``. What is no C is skipped: whether it compiles is the compiler's business.

    Raises:
        ImageError: it is too long, or nested too deep.
    """
    if len(text) > MAX_SOURCE:
        raise ImageError(f"the file has more than {MAX_SOURCE} characters")
    if _depth(text) > MAX_DEPTH:
        raise ImageError(f"more than {MAX_DEPTH} brackets or conditions are open at once")
    code = text.encode("utf-8", "replace")
    parser, query = _tools()
    captures = tree_sitter.QueryCursor(query).captures(parser.parse(code).root_node)
    comments = captures.get("comment", [])
    hidden = _without(code, comments)
    directives = {
        directive.line: directive
        for kind in ("directive", "condition", "unclear")
        for node in _outermost(captures.get(kind, []), every=kind != "unclear")
        for directive in _directives(hidden, node, whole=kind != "condition")
    }
    words = {_word(node) for kind in ("word", "string") for node in captures.get(kind, [])}
    words |= {word for directive in directives.values() for word in directive.words}
    return Source(
        tuple(sorted(words, key=lambda w: (w.line, w.column))),
        tuple(directives[line] for line in sorted(directives)),
        tuple(Comment(_text(node), node.start_point[0] + 1) for node in comments),
    )


@functools.cache
def _tools() -> tuple[tree_sitter.Parser, tree_sitter.Query]:
    language = tree_sitter.Language(tree_sitter_c.language())
    return tree_sitter.Parser(language), tree_sitter.Query(language, _QUERY)


def _depth(text: str) -> int:
    """How many brackets or conditions are open at most; those in strings and comments count as well."""
    deepest = depth = conditions = 0
    for match in _NESTS.finditer(text):
        if match[0] in "([{":
            depth += 1
        elif match[0] in ")]}":
            depth -= 1
        else:
            conditions += -1 if match[1] == "end" else 1
        deepest = max(deepest, depth, conditions)
    return deepest


def _outermost(nodes: list[tree_sitter.Node], *, every: bool) -> list[tree_sitter.Node]:
    """``nodes``, in the order of the text; without those inside of others unless ``every``."""
    found: list[tree_sitter.Node] = []
    for node in sorted(nodes, key=lambda n: (n.start_byte, -n.end_byte)):
        if every or not found or node.start_byte >= found[-1].end_byte:
            found.append(node)
    return found


def _text(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _word(node: tree_sitter.Node) -> Word:
    row, column = node.start_point
    return Word(_text(node), row + 1, column + 1)


def _without(code: bytes, comments: list[tree_sitter.Node]) -> bytes:
    """``code`` with blanks where comments are."""
    hidden = bytearray(code)
    for node in comments:
        piece = code[node.start_byte : node.end_byte]
        hidden[node.start_byte : node.end_byte] = re.sub(rb"[^\n]", b" ", piece)
    return bytes(hidden)


def _directives(code: bytes, node: tree_sitter.Node, *, whole: bool) -> list[Directive]:
    """The directives that begin in ``node``; of a condition, only its own line."""
    end = _end_of_line(code, max(node.start_byte, node.end_byte - 1) if whole else node.start_byte)
    piece = code[node.start_byte : end].decode("utf-8", "replace")
    found = []
    for match in _DIRECTIVE.finditer(piece):
        line = node.start_point[0] + 1 + piece.count("\n", 0, match.start(1))
        column = match.start(2) - piece.rfind("\n", 0, match.start(2))
        if line == node.start_point[0] + 1:
            column += node.start_point[1]
        found.append(Directive(match[1], match[2].strip("\r"), line, column))
        if not whole:
            break
    return found


def _end_of_line(code: bytes, start: int) -> int:
    """Where the line ends that begins at ``start``, its continuations included."""
    match = _LINE.match(code, start)
    return match.end() if match else start
