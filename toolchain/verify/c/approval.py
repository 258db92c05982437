"""Ways from an app's entry to a signature on which nothing was shown.

The same walk over statements as for keys: on entry the state holds one mark, "nobody was asked"; a call that
shows something takes it away; a signature with the mark in the state is a finding. Callbacks of the user
interface are no calls, so what they reach was asked for. A call through a table of handlers reaches all that
the table holds.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from toolchain.verify.c.flow import Key, Knowledge, State, Walk
from toolchain.verify.c.tree import NOTHING, Expression, Function, Global

DISPATCHERS = frozenset(
    {"apdu_dispatcher", "handleApdu", "handle_apdu", "dispatch_apdu", "apdu_dispatch", "app_dispatch"}
)
"""What public apps call the function that gets each command."""

SIGNS = re.compile(
    r"cx_(?:ecdsa|eddsa|ecschnorr)_sign\w*|bip32_derive_(?:with_seed_)?(?:ecdsa|eddsa)_sign\w*|cx_rsa_sign\w*"
)
"""Functions of the SDK that sign."""

MAX_WAY = 40
"""Calls that are told of the way to a signature."""

_BLANK = Knowledge({}, {}, frozenset())
_MARK = Key("", NOTHING)
_APPROVED = re.compile(r"(?:\w*_)?(?:approved|confirmed|accepted|agreed)", re.IGNORECASE)
"""States in which the user has been asked, and said yes."""


@dataclass(frozen=True)
class Unasked:
    """A signature that nobody was asked for: the call, and the functions through which it is reached.

    ``function`` is the one that signs. Each step of ``way`` is a function and the line where it goes on: the
    last MAX_WAY of them.
    """

    function: Function
    sign: Expression
    way: tuple[tuple[Function, int], ...]


def unasked(
    functions: Mapping[str, Function],
    tables: Mapping[str, Global],
    roots: Iterable[str],
    shows: frozenset[str],
    signs: frozenset[str],
) -> tuple[Unasked, ...]:
    """Every signature reached from ``roots`` by calls alone, without a call of ``shows`` in front of it."""
    showing = reaching(functions, shows)
    handlers = {name for table in tables.values() for name in table.functions}
    names = frozenset(functions)
    callbacks = names & {name for f in functions.values() for name in f.names.mentioned}
    # Only who called first is kept of a way: chains of calls may be long.
    callers: dict[str, tuple[Function, int] | None] = dict.fromkeys(sorted({*roots} & names))
    pending = list(callers)
    found: dict[tuple[str, int, int], Unasked] = {}
    while pending:
        function = functions[pending.pop()]
        walk = _Asking(
            _BLANK,
            frozenset(),
            functions=names,
            tables=tables,
            shows=showing | shows,
            signs=signs,
            callbacks=callbacks | handlers,
        )
        walk.run(function.body, {_MARK: ()})
        for sign in walk.signatures:
            unasked_one = Unasked(function, sign, _way(callers, function.name))
            found.setdefault((function.path, sign.line, sign.column), unasked_one)
        for callee, line in walk.called:
            if callee not in callers:
                callers[callee] = (function, line)
                pending.append(callee)
    return tuple(found[place] for place in sorted(found))


def _way(callers: Mapping[str, tuple[Function, int] | None], name: str) -> tuple[tuple[Function, int], ...]:
    way: list[tuple[Function, int]] = []
    while (step := callers[name]) and len(way) < MAX_WAY:
        way.append(step)
        name = step[0].name
    return tuple(reversed(way))


def reaching(functions: Mapping[str, Function], targets: frozenset[str]) -> frozenset[str]:
    """Functions that call one of ``targets``, or a function that does."""
    callers: dict[str, list[str]] = {}
    for name, function in functions.items():
        for callee in function.called:
            callers.setdefault(callee, []).append(name)
    reached: set[str] = set()
    pending = list(targets)
    while pending:
        new = {name for name in callers.get(pending.pop(), ()) if name not in reached}
        reached |= new
        pending += new
    return frozenset(reached)


def reachable(functions: Mapping[str, Function], roots: Iterable[str]) -> Mapping[str, str]:
    """Functions that ``roots`` reach by calls, each with the root that it was found from first."""
    found = {n: n for n in sorted({*roots} & functions.keys())}
    pending = list(found)
    while pending:
        name = pending.pop()
        for callee in sorted(functions[name].called):
            if callee in functions and callee not in found:
                found[callee] = found[name]
                pending.append(callee)
    return found


@dataclass
class _Asking(Walk):
    """The walk with other meanings of calls and conditions."""

    functions: frozenset[str] = frozenset()
    tables: Mapping[str, Global] = field(default_factory=dict)
    shows: frozenset[str] = frozenset()
    signs: frozenset[str] = frozenset()
    callbacks: frozenset[str] = frozenset()
    signatures: list[Expression] = field(default_factory=list)
    called: list[tuple[str, int]] = field(default_factory=list)

    def evaluate(self, expression: Expression, state: State | None) -> State | None:
        """Calls through tables as well."""
        after = super().evaluate(expression, state)
        for part in expression.walk() if state else ():
            if part.kind == "indirect" and part.parts:
                named = [e.text for e in part.parts[0].walk() if e.kind == "global"]
                for name in named:
                    table = self.tables.get(name)
                    self.called += [(f, part.line) for f in (table.functions if table else ())]
        return after

    def call(self, call: Expression, state: State) -> State:
        """A question takes the mark away, a signature with it is noted."""
        name = call.text
        if name in self.callbacks and any(p.kind == "number" and p.text == "0" for p in call.parts):
            return state  # the user's "no", answered by the app itself
        if state and name in self.signs:
            self.signatures.append(call)
        if name in self.shows:
            # What it calls before it shows something is walked as well.
            self.called += [(name, call.line)] * (bool(state) and name in self.functions)
            return {}
        if state and name in self.functions:
            self.called.append((name, call.line))
        return state

    def branch(self, condition: Expression, state: State | None) -> tuple[State | None, State | None]:
        """Within a swap, the Exchange app has asked; in a state that is called approved, the app has."""
        if any("swap" in part.text.lower() for part in condition.walk()):
            after = self.evaluate(condition, state)
            negated = condition.kind == "unary" and condition.text == "!"
            if after is None:
                return None, None
            return (after, {}) if negated else ({}, after)
        if (agreed := _asks_for_approval(condition)) is None:
            return super().branch(condition, state)
        after = self.evaluate(condition, state)
        if after is None:
            return None, None
        return ({}, after) if agreed else (after, {})


def _asks_for_approval(condition: Expression) -> bool | None:
    """True if a condition holds only after the user agreed, False if only before; None for others."""
    if condition.kind == "binary" and condition.text in ("==", "!="):
        if any(part.kind == "constant" and _APPROVED.fullmatch(part.text) for part in condition.parts):
            return condition.text == "=="
    elif condition.kind in ("name", "global", "member", "pointee") and _APPROVED.fullmatch(condition.text):
        return True
    return None


def calls_of(functions: Iterable[Function]) -> frozenset[str]:
    """Names of everything that is called."""
    return frozenset(name for function in functions for name in function.called)
