"""Ways from an app's entry to a signature on which nothing was shown.

The same walk over statements as for keys: on entry the state holds one mark, "nobody was asked"; a call that
shows something takes it away; a signature with the mark in the state is a finding. Callbacks of the user
interface are no calls, so what they reach was asked for.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from toolchain.verify.c.flow import Key, Knowledge, State, Walk
from toolchain.verify.c.functions import Call, Function, calls
from toolchain.verify.c.lexer import Token
from toolchain.verify.c.statements import Tokens, statements

_BLANK = Knowledge({}, {}, frozenset(), {}, frozenset())


@dataclass(frozen=True)
class Unasked:
    """A signature that nobody was asked for: where, and through which functions it is reached."""

    function: str
    sign: Token
    way: tuple[str, ...]


def unasked(
    functions: Mapping[str, Function], roots: frozenset[str], shows: frozenset[str], signs: frozenset[str]
) -> tuple[Unasked, ...]:
    """Every signature reached from ``roots`` by calls alone, without a call of ``shows`` in front of it.

    Raises:
        ImageError: a body cannot be split into statements.
    """
    showing = _reaching(functions, shows)
    callbacks = frozenset(functions) & {name for f in functions.values() for name in _mentioned(f)}
    ways: dict[str, tuple[str, ...]] = {name: (name,) for name in sorted(roots & functions.keys())}
    pending = list(ways)
    found: list[Unasked] = []
    while pending:
        name = pending.pop()
        walk = _Asking(
            _BLANK,
            frozenset(),
            functions=frozenset(functions),
            shows=showing | shows,
            signs=signs,
            callbacks=callbacks,
        )
        function = functions[name]
        start = Key("", Token("mark", "", function.line, 0))
        walk.run(statements(function.body), frozenset({start}))
        found += [Unasked(name, token, ways[name]) for token in walk.signatures]
        for callee in walk.called:
            if callee not in ways:
                ways[callee] = (*ways[name], callee)
                pending.append(callee)
    return tuple(sorted(set(found), key=lambda u: (u.function, u.sign.line, u.sign.column)))


def _mentioned(function: Function) -> Iterator[str]:
    """Names that are not called where they stand: what is passed on as a callback is among them."""
    for token, behind in itertools.pairwise(function.body):
        if token.kind == "name" and behind.text != "(":
            yield token.text


def _reaching(functions: Mapping[str, Function], targets: frozenset[str]) -> frozenset[str]:
    """Functions that call one of ``targets``, or a function that does."""
    called = {name: {call.name.text for call in calls(f.body)} for name, f in functions.items()}
    reached: set[str] = set()
    while more := {n for n, names in called.items() if n not in reached and names & (targets | reached)}:
        reached |= more
    return frozenset(reached)


@dataclass
class _Asking(Walk):
    """The walk with other meanings of calls and conditions."""

    functions: frozenset[str] = frozenset()
    shows: frozenset[str] = frozenset()
    signs: frozenset[str] = frozenset()
    callbacks: frozenset[str] = frozenset()
    signatures: list[Token] = field(default_factory=list)
    called: list[str] = field(default_factory=list)

    def _call(self, call: Call, state: State) -> State:
        name = call.name.text
        if name in self.callbacks and ["false"] in [
            [t.text for t in argument] for argument in call.arguments
        ]:
            return state  # the user's "no", answered by the app itself
        if state and name in self.signs:
            self.signatures.append(call.name)
        if name in self.shows:
            # What it calls before it shows something is walked as well.
            self.called += [name] * (bool(state) and name in self.functions)
            return frozenset()
        if state and name in self.functions:
            self.called.append(name)
        return state

    def _branches(self, condition: Tokens, state: State | None) -> tuple[State | None, State | None]:
        after = self._expression(condition, state)
        if after is not None and any("swap" in token.text.lower() for token in condition):
            return frozenset(), after
        return after, after
