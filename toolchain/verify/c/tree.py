"""What the compiler saw, as the rules read it: functions, statements and expressions of C, macros expanded.

The SDK's TRY, CATCH and FINALLY are told apart again from the branches and jumps that they expand to, so
that a way through them is one. Everything turns into plain lists and back, for the cache and the processes
that parse. A function's body stays text until a rule asks for it: what it names stands beside it.
"""

import functools
import json
import operator
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from toolchain.errors import ImageError

Kind = Literal[
    "call",  # of the function ``text``; parts are its arguments
    "indirect",  # call through a pointer: parts are callee and arguments; ``text`` is pic behind PIC()
    "name",  # a variable of a function; ``text`` is its name, ``type`` its type
    "global",  # a variable of a file
    "constant",  # one of an enumeration
    "function",  # a function that is not called here: its address
    "member",  # ``text`` is the field, parts its record
    "pointee",  # the same through a pointer
    "index",  # parts are array and index
    "unary",  # ``text`` is the operator
    "binary",
    "assign",  # parts are target and value; also of a declaration
    "void",  # cast to void
    "number",
    "string",
    "sizeof",  # parts is what is measured, if it is an expression
    "other",
]
_KINDS: tuple[Kind, ...] = (
    "call",
    "indirect",
    "name",
    "global",
    "constant",
    "function",
    "member",
    "pointee",
    "index",
    "unary",
    "binary",
    "assign",
    "void",
    "number",
    "string",
    "sizeof",
    "other",
)


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """One expression. Casts, parentheses and PIC() are left out; ``line`` is 0 where nobody asks for it."""

    kind: Kind
    text: str = ""
    type: str = ""
    line: int = 0
    column: int = 0
    parts: tuple["Expression", ...] = ()

    def walk(self) -> Iterator["Expression"]:
        """This and every expression inside of it, inner ones first: the order in which calls run."""
        return reversed(self._backwards())

    def _backwards(self) -> "list[Expression]":
        """Without recursion, which costs most where expressions are many and small."""
        found: list[Expression] = []
        pending = [self]
        while pending:
            expression = pending.pop()
            found.append(expression)
            pending += expression.parts
        return found


NOTHING = Expression("other")
"""The expression of an empty condition."""


@dataclass(frozen=True, slots=True)
class Block:
    """Statements between braces."""

    statements: tuple["Statement", ...]


@dataclass(frozen=True, slots=True)
class Do:
    """An expression that stands alone, or one variable's declaration with its value."""

    expression: Expression


@dataclass(frozen=True, slots=True)
class If:
    """``if``; ``otherwise`` is empty without ``else``."""

    condition: Expression
    then: "Statement"
    otherwise: "Statement"
    line: int


@dataclass(frozen=True, slots=True)
class Loop:
    """Any loop: ``first`` runs once, ``step`` behind each round; ``at_least_once`` is ``do``."""

    first: Block
    condition: Expression
    step: Expression
    body: "Statement"
    at_least_once: bool


@dataclass(frozen=True, slots=True)
class Switch:
    """``switch``; its cases are ``Label`` statements of the body."""

    head: Expression
    body: Block


@dataclass(frozen=True, slots=True)
class Jump:
    """``return`` with its value, ``goto`` with its label, ``break`` or ``continue``."""

    word: str
    label: str
    value: Expression
    line: int


@dataclass(frozen=True, slots=True)
class Label:
    """``name:``, ``case …:`` or ``default:``; ``name`` is that of a goto's target, else empty."""

    name: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class Try:
    """BEGIN_TRY; ``catches_all`` if a clause takes whatever is thrown. ``line`` is that of BEGIN_TRY."""

    body: Block
    catches: tuple[Block, ...]
    catches_all: bool
    final: Block
    line: int


Statement = Block | Do | If | Loop | Switch | Jump | Label | Try
EMPTY = Block(())


@dataclass(frozen=True, slots=True)
class Variable:
    """A parameter or a variable of a function; ``type`` as the compiler writes it, without typedefs."""

    name: str
    type: str
    size: int
    is_static: bool
    line: int


@dataclass(frozen=True)
class Names:
    """What a body names: functions that it calls, those whose address it takes, constants of enumerations.

    ``tries`` are the lines of its BEGIN_TRY.
    """

    called: frozenset[str]
    mentioned: frozenset[str]
    constants: frozenset[str]
    tries: tuple[int, ...]

    @classmethod
    def of(cls, body: Block) -> "Names":
        """Gather them."""
        found = [e for expression in expressions(body) for e in expression.walk()]
        return cls(
            frozenset(e.text for e in found if e.kind == "call"),
            frozenset(e.text for e in found if e.kind == "function"),
            frozenset(e.text for e in found if e.kind == "constant"),
            tuple(s.line for s in statements(body) if isinstance(s, Try)),
        )


@dataclass(frozen=True, eq=False)
class Function:
    """A function's definition. ``path`` is that of its file, ``returns`` the type of its result.

    ``end`` is the line of its last brace, ``names`` what the body names, ``text`` the body as JSON: from the
    names, most rules see that a function is no concern of theirs.
    """

    name: str
    path: str
    line: int
    end: int
    returns: str
    parameters: tuple[Variable, ...]
    variables: tuple[Variable, ...]
    names: Names
    text: str = field(repr=False)

    @property
    def called(self) -> frozenset[str]:
        """The functions that it calls."""
        return self.names.called

    @functools.cached_property
    def body(self) -> Block:
        """Its statements, read on first use.

        Raises:
            ImageError: ``text`` is not what ``pack_body`` wrote.
        """
        try:
            return _block(json.loads(self.text))
        except (ValueError, TypeError, IndexError, RecursionError) as e:
            raise ImageError(
                f"what the parser made of {self.name} is damaged",
                hint="remove the folder .work/parsed, and verify again",
                where=f"{self.path}:{self.line}",
            ) from e

    @functools.cached_property
    def calls(self) -> tuple[Expression, ...]:
        """Its direct calls in order."""
        return tuple(e for whole in expressions(self.body) for e in whole.walk() if e.kind == "call")

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Name of each parameter, empty where it has none."""
        return tuple(p.name for p in self.parameters)


@dataclass(frozen=True)
class Global:
    """A variable of a file: its fields if it is a record, and the functions whose addresses it holds."""

    name: str
    path: str
    line: int
    type: str
    fields: tuple[tuple[str, int], ...]
    functions: tuple[str, ...]


@dataclass(frozen=True)
class Unit:
    """What one command compiled: what the app's files in it define.

    ``errors`` are the parser's: path, line and message. ``read`` are all files that went into it, absolute.
    """

    path: str
    functions: tuple[Function, ...]
    globals: tuple[Global, ...]
    errors: tuple[tuple[str, int, str], ...]
    read: tuple[str, ...]


def expressions(statement: Statement) -> Iterator[Expression]:
    """Every whole expression of ``statement``, in the order of the text."""
    match statement:
        case Do(expression):
            yield expression
        case Block(inner):
            for part in inner:
                yield from expressions(part)
        case If(condition, then, otherwise, _):
            yield condition
            yield from expressions(then)
            yield from expressions(otherwise)
        case Loop(first, condition, step, body, _):
            yield from expressions(first)
            yield condition
            yield from expressions(body)
            yield step
        case Switch(head, body):
            yield head
            yield from expressions(body)
        case Jump():
            yield statement.value
        case Try(body, catches, _, final, _):
            for block in (body, *catches, final):
                yield from expressions(block)


def statements(statement: Statement) -> Iterator[Statement]:
    """``statement`` and every one inside of it, in the order of the text."""
    yield statement
    match statement:
        case Block(inner):
            for part in inner:
                yield from statements(part)
        case If(_, then, otherwise, _):
            yield from statements(then)
            yield from statements(otherwise)
        case Loop(first, _, _, body, _):
            yield from statements(first)
            yield from statements(body)
        case Switch(_, body):
            yield from statements(body)
        case Try(body, catches, _, final, _):
            for block in (body, *catches, final):
                yield from statements(block)


def calls(function: Function, to: Collection[str] | None = None) -> tuple[Expression, ...]:
    """Every direct call in ``function``, or those ``to`` the functions of these names."""
    if to is None:
        return function.calls
    if not any(name in to for name in function.called):
        return ()
    return tuple(call for call in function.calls if call.text in to)


_SUMS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "|": operator.or_}


def constant(expression: Expression) -> int | None:
    """The number that an expression is, enumerations, sizes and sums included; None if only a run tells."""
    match expression:
        case Expression(kind="number" | "sizeof", text=text) if text.removeprefix("-").isdigit():
            return int(text)
        case Expression(kind="constant", type=value) if value.removeprefix("-").isdigit():
            return int(value)
        case Expression(kind="binary", text=word, parts=(left, right)) if word in _SUMS:
            first, second = constant(left), constant(right)
            return None if first is None or second is None else _SUMS[word](first, second)
    return None


# Lists and back

Packed = list["str | int | Packed"]


def pack_expression(e: Expression) -> Packed:
    """As a list for JSON."""
    packed: Packed = [_KINDS.index(e.kind), e.text, e.type, e.line, e.column]
    packed += [pack_expression(part) for part in e.parts]
    return packed


def _expression(packed: Sequence[object]) -> Expression:
    kind, text, kind_of, line, column, *parts = packed
    return Expression(
        _KINDS[_int(kind)],
        str(text),
        str(kind_of),
        _int(line),
        _int(column),
        tuple(_expression(_list(part)) for part in parts),
    )


def pack_statement(s: Statement) -> Packed:
    """As a list for JSON: a letter, then what the class holds."""
    match s:
        case Block(inner):
            return ["b", *(pack_statement(part) for part in inner)]
        case Do(expression):
            return ["d", pack_expression(expression)]
        case If(condition, then, otherwise, line):
            return ["i", pack_expression(condition), pack_statement(then), pack_statement(otherwise), line]
        case Loop(first, condition, step, body, at_least_once):
            return [
                "l",
                pack_statement(first),
                pack_expression(condition),
                pack_expression(step),
                pack_statement(body),
                int(at_least_once),
            ]
        case Switch(head, body):
            return ["s", pack_expression(head), pack_statement(body)]
        case Jump(word, label, value, line):
            return ["j", word, label, pack_expression(value), line]
        case Label(name, is_default):
            return ["n", name, int(is_default)]
        case Try(body, catches, catches_all, final, line):
            return [
                "t",
                pack_statement(body),
                [pack_statement(c) for c in catches],
                int(catches_all),
                pack_statement(final),
                line,
            ]


def _statement(packed: Sequence[object]) -> Statement:
    letter, *rest = packed
    match letter:
        case "b":
            return Block(tuple(_statement(_list(part)) for part in rest))
        case "d":
            return Do(_expression(_list(rest[0])))
        case "i":
            then, otherwise = _statement(_list(rest[1])), _statement(_list(rest[2]))
            return If(_expression(_list(rest[0])), then, otherwise, _int(rest[3]))
        case "l":
            return Loop(
                _block(rest[0]),
                _expression(_list(rest[1])),
                _expression(_list(rest[2])),
                _statement(_list(rest[3])),
                bool(rest[4]),
            )
        case "s":
            return Switch(_expression(_list(rest[0])), _block(rest[1]))
        case "j":
            return Jump(str(rest[0]), str(rest[1]), _expression(_list(rest[2])), _int(rest[3]))
        case "n":
            return Label(str(rest[0]), bool(rest[1]))
        case "t":
            catches = tuple(_block(c) for c in _list(rest[1]))
            return Try(_block(rest[0]), catches, bool(rest[2]), _block(rest[3]), _int(rest[4]))
    raise ValueError(f"no statement begins with {letter!r}")


def pack_function(f: Function) -> Packed:
    """As a list for JSON."""
    return [
        f.name,
        f.path,
        f.line,
        f.end,
        f.returns,
        [_pack_variable(v) for v in f.parameters],
        [_pack_variable(v) for v in f.variables],
        [sorted(f.names.called), sorted(f.names.mentioned), sorted(f.names.constants), list(f.names.tries)],
        f.text,
    ]


def pack_body(body: Block) -> str:
    """As JSON, for ``Function.text``."""
    return json.dumps(pack_statement(body), separators=(",", ":"))


def function(packed: Sequence[object]) -> Function:
    """The inverse of ``pack_function``.

    Raises:
        ValueError, TypeError, IndexError: it is not one.
    """
    name, path, line, end, returns, parameters, variables, names, text = packed
    called, mentioned, constants, tries = map(_list, _list(names))
    return Function(
        str(name),
        str(path),
        _int(line),
        _int(end),
        str(returns),
        tuple(_variable(_list(v)) for v in _list(parameters)),
        tuple(_variable(_list(v)) for v in _list(variables)),
        Names(
            frozenset(map(str, called)),
            frozenset(map(str, mentioned)),
            frozenset(map(str, constants)),
            tuple(map(_int, tries)),
        ),
        str(text),
    )


def _pack_variable(v: Variable) -> Packed:
    return [v.name, v.type, v.size, int(v.is_static), v.line]


def _variable(packed: Sequence[object]) -> Variable:
    name, kind, size, is_static, line = packed
    return Variable(str(name), str(kind), _int(size), bool(is_static), _int(line))


def _block(packed: object) -> Block:
    block = _statement(_list(packed))
    if not isinstance(block, Block):
        raise TypeError("a block belongs here")
    return block


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError("a list belongs here")
    return value


def _int(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError("a number belongs here")
    return value


def pack_unit(unit: Unit) -> dict[str, object]:
    """As values for JSON."""
    return {
        "path": unit.path,
        "functions": [pack_function(f) for f in unit.functions],
        "globals": [
            [g.name, g.path, g.line, g.type, [list(f) for f in g.fields], list(g.functions)]
            for g in unit.globals
        ],
        "errors": [list(e) for e in unit.errors],
        "read": list(unit.read),
    }


def read_unit(packed: object) -> Unit:
    """The inverse of ``pack_unit``.

    Raises:
        ValueError, TypeError, KeyError, IndexError: it is not one.
    """
    if not isinstance(packed, dict):
        raise TypeError("an object belongs here")
    return Unit(
        str(packed["path"]),
        tuple(function(_list(f)) for f in _list(packed["functions"])),
        tuple(_global(_list(g)) for g in _list(packed["globals"])),
        tuple((str(p), _int(n), str(m)) for p, n, m in map(_list, _list(packed["errors"]))),
        tuple(str(path) for path in _list(packed["read"])),
    )


def _global(packed: Sequence[object]) -> Global:
    name, path, line, kind, fields, functions = packed
    return Global(
        str(name),
        str(path),
        _int(line),
        str(kind),
        tuple((str(n), _int(at)) for n, at in map(_list, _list(fields))),
        tuple(str(f) for f in _list(functions)),
    )
