"""Protocols of several commands: what one leaves for the next, and what the host only says."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from toolchain.verify.c.approval import DISPATCHERS, SIGNS, calls_of, reaching
from toolchain.verify.c.flow import variable_of
from toolchain.verify.c.tree import Expression, Function, If, Loop, Switch, calls, expressions, statements
from toolchain.verify.code import Code, read_code
from toolchain.verify.data import key_outputs
from toolchain.verify.model import Candidate, Location, Problem, Severity, rule

_MAX_HANDLERS = 200
"""An instruction is a byte; whoever has more handlers has other problems."""

_MAX_DISPATCH = 3
"""Calls between the dispatcher and the function that tells commands apart."""

_STATE = re.compile(
    r"(?:.*_)?(?:state|step|stage|phase|status|mode|type|kind|session|ready|valid|active|pending|started"
    r"|done|initiali[sz]ed|received|parsed|approved)(?:_.*)?",
    re.IGNORECASE,
)
_COMPARISONS = frozenset({"<", ">", "<=", ">=", "==", "!="})
_SYSTEM = re.compile(r"G_(?:io|ux|nbgl)_\w+|G_ux\w*|N_\w+")
"""Buffers of the system, and what lies in flash: no command leaves them for the next."""

_BUFFER = "G_io_apdu_buffer"
_AMOUNT = re.compile(
    r"(?:.*_)?(?:fees?|amounts?|balances?|totals?)(?:_.*)?|\w*[a-z](?:Fee|Amount|Balance|Total)s?",
    re.IGNORECASE,
)
_HASHES = re.compile(r"(?:\w*_)?(?:hash|sha\d+|sha3|keccak|blake2b|ripemd\d*)(?:_\w+)?")


@rule(
    "src-state-machine",
    Severity.ADVICE,
    reason="Who may send commands in any order may use a key at a step that the protocol does not have.",
    source="security requirements, Do not allow the host to freely manipulate key-pairs: a state machine",
    fix="keep the protocol's step in a variable, compare it first, and reset it on every error",
)
def src_state_machine(candidate: Candidate) -> Iterator[Problem]:
    """Handlers that use a key and what another command left, and never ask which step comes next."""
    code = read_code(candidate)
    dispatchers, handlers = _handlers(code)
    secret = frozenset(key_outputs()) | {name for name in calls_of(code.functions) if SIGNS.fullmatch(name)}
    keyed = reaching(code.by_name, secret)
    if len(handlers) < 2 or any(_asks(f) for f in dispatchers) or keyed.isdisjoint(handlers):
        return
    behind = {name: _closure(code.by_name, name) for name in handlers}
    written = {name: _union(functions, written=True) for name, functions in behind.items()}
    for name in handlers:
        if name not in keyed or any(_asks(f) for f in behind[name]):
            continue
        read = _union(behind[name], written=False) - written[name]
        left = ((p, other) for p in sorted(read) for other in handlers if p in written[other])
        for place, other in left:
            function = code.by_name[name]
            message = f"{name} uses a key and {place}, which {other} left, without asking for the state"
            yield Problem(message, Location(function.path, function.line))
            break


@rule(
    "src-untrusted-amounts",
    Severity.ADVICE,
    reason="A fee that the host says beside the transaction is what the user sees, not what the user pays.",
    source="security requirements, Be Wary of Untrusted Input",
    fix="take the amount from what is hashed and signed, or compute it from authenticated inputs",
)
def src_untrusted_amounts(candidate: Candidate) -> Iterator[Problem]:
    """Amounts and fees read from a command of which nothing is hashed."""
    code = read_code(candidate)
    _, handlers = _handlers(code)
    hashes = frozenset(name for name in calls_of(code.functions) if _HASHES.fullmatch(name))
    hashing = reaching(code.by_name, hashes) | hashes
    signed = {f.name for name in handlers if name in hashing for f in _closure(code.by_name, name)}
    for function in code.functions:
        if function.name in signed or function.name in hashing:
            continue
        sources = {p.name for p in function.parameters if "command_t" in p.type}
        if function.name in handlers:
            sources |= {p.name for p in function.parameters if "buffer_t" in p.type}
        if not sources and f'"{_BUFFER}"' not in function.text:
            continue
        for line, what in _amounts(function, sources):
            yield Problem(f"{what} is what the host says", Location(function.path, line))


def _handlers(code: Code) -> tuple[tuple[Function, ...], tuple[str, ...]]:
    """Functions that tell commands apart, and the names of those that they call for each command."""
    passed: dict[str, Function] = {}
    found: dict[str, None] = {}
    pending = [code.by_name[name] for name in sorted(DISPATCHERS & code.by_name.keys())]
    for _ in range(_MAX_DISPATCH):
        following: dict[str, Function] = {}
        for function in pending:
            passed[function.name] = function
            told = [name for name in _told_apart(function, code) if name in code.by_name]
            found |= dict.fromkeys(told)
            if not told:
                following |= {n: code.by_name[n] for n in sorted(function.called) if n in code.by_name}
        pending = [f for name, f in following.items() if name not in passed]
    return tuple(passed.values()), tuple(n for n in found if n not in passed)[:_MAX_HANDLERS]


def _told_apart(function: Function, code: Code) -> Iterator[str]:
    """What a function calls in a switch, or through a table."""
    for statement in statements(function.body):
        if isinstance(statement, Switch):
            yield from (e.text for whole in expressions(statement.body) for e in _called(whole))
    for whole in expressions(function.body):
        for part in whole.walk():
            if part.kind == "indirect" and part.parts:
                named = [e.text for e in part.parts[0].walk() if e.kind == "global"]
                yield from (f for name in named if name in code.tables for f in code.tables[name].functions)


def _called(whole: Expression) -> Iterator[Expression]:
    return (part for part in whole.walk() if part.kind == "call")


def _closure(functions: Mapping[str, Function], root: str) -> tuple[Function, ...]:
    """``root`` and all that it calls, directly or not."""
    found = {root: None}
    pending = [root]
    while pending:
        for name in functions[pending.pop()].called:
            if name in functions and name not in found:
                found[name] = None
                pending.append(name)
    return tuple(functions[name] for name in found)


def _union(functions: Sequence[Function], *, written: bool) -> frozenset[str]:
    return frozenset(place for function in functions for place in _places(function, written=written))


def _places(function: Function, *, written: bool) -> Iterator[str]:
    """Fields of variables of files, as ``G_context.path``, that a function writes, or reads."""
    for whole in expressions(function.body):
        targets: set[int] = set()
        for part in whole.walk():
            if part.kind == "assign" and part.text == "=":
                targets.add(id(part.parts[0]))
            elif part.kind == "call":
                targets |= {id(a) for a in part.parts if _is_address(a)}
        yield from _seen(whole, targets, written=written)


def _is_address(argument: Expression) -> bool:
    """Whether a callee can write there: an address, or an array."""
    return (argument.kind == "unary" and argument.text == "&") or argument.type.endswith("]")


def _seen(whole: Expression, targets: Collection[int], *, written: bool) -> Iterator[str]:
    """The outermost places in an expression, those in ``targets`` or the others."""
    pending = [(whole, id(whole) in targets)]
    while pending:
        part, target = pending.pop()
        place = _place(part)
        if place and target == written:
            yield place
        inner = part.parts[1:] if place and part.kind == "index" else () if place else part.parts
        pending += [(p, id(p) in targets or (target and part.kind != "assign")) for p in inner]


def _place(expression: Expression) -> str:
    """``G_context.path`` of ``&G_context.path[i].x``; empty for what is no variable of a file."""
    field = ""
    while expression.parts and expression.kind in ("member", "pointee", "index", "unary"):
        if expression.kind in ("member", "pointee"):
            field = expression.text
        expression = expression.parts[0]
    if expression.kind != "global" or _SYSTEM.fullmatch(expression.text) or "const" in expression.type:
        return ""
    return f"{expression.text}.{field}" if field else expression.text


def _asks(function: Function) -> bool:
    """Whether a function decides by a variable of a file that is named like a state."""
    for statement in statements(function.body):
        head: tuple[Expression, ...] = ()
        if isinstance(statement, If | Loop):
            head = (statement.condition,)
        elif isinstance(statement, Switch):
            head = (statement.head,)
        if any(_names_state(whole) for whole in head):
            return True
    compared = (p for whole in expressions(function.body) for p in whole.walk() if p.text in _COMPARISONS)
    return any(_names_state(part) for part in compared if part.kind == "binary")


def _names_state(whole: Expression) -> bool:
    return any(
        part.kind in ("global", "member", "pointee")
        and _STATE.fullmatch(part.text)
        and (part.kind == "global" or _place(part))
        for part in whole.walk()
    )


def _amounts(function: Function, sources: Collection[str]) -> Iterator[tuple[int, str]]:
    """Amounts that get something of a command: line, and which."""
    for whole in expressions(function.body):
        for part in whole.walk():
            if part.kind == "assign" and _is_amount(part.parts[0]) and _comes(part.parts[1], sources):
                yield part.line, variable_of(part.parts[0])
    for call in calls(function):
        for argument in call.parts:
            others = [other for other in call.parts if other is not argument]
            if _is_address(argument) and _is_amount(argument) and any(_comes(o, sources) for o in others):
                yield call.line, variable_of(argument)


def _is_amount(target: Expression) -> bool:
    name = variable_of(target).replace("->", ".").rpartition(".")[2]
    return bool(_AMOUNT.fullmatch(name))


def _comes(value: Expression, sources: Collection[str]) -> bool:
    return any(
        (part.kind == "global" and part.text == _BUFFER) or (part.kind == "name" and part.text in sources)
        for part in value.walk()
    )
