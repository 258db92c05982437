"""Which keys are still in memory on which way out of a function.

A forward data flow over statements: the state is the set of variables that may hold key material, each with
the branches taken since. It is joined where ways meet; loops are walked twice, which is enough because sets
of a function only grow. What a failing call did not make is not there on the branch that its failure takes.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from toolchain.verify.c.tree import (
    Block,
    Do,
    Expression,
    Function,
    If,
    Jump,
    Label,
    Loop,
    Statement,
    Switch,
    Try,
    calls,
)

_SUCCESS_VALUES = frozenset({0, 0x9000})
_SUCCESS_NAME = re.compile(r"(?:\w*_)?(?:ok|success)", re.IGNORECASE)
_LEAVES = frozenset({"os_longjmp", "longjmp", "os_sched_exit"})
_TRUTHS = frozenset({"_Bool", "bool"})
_MAX_TRAIL = 8


@dataclass(frozen=True)
class Knowledge:
    """What calls do.

    ``makes`` and ``wipes`` map a function to the number of the argument, from 0, that gets a key or loses
    it. ``throws`` may not come back.
    """

    makes: Mapping[str, int]
    wipes: Mapping[str, int]
    throws: frozenset[str]


@dataclass(frozen=True)
class Key:
    """A variable with key material, and the call that made it."""

    variable: str
    made: Expression


Trail = tuple[tuple[int, str], ...]
"""Line and what happens there: the branches that a key survived."""


@dataclass(frozen=True)
class Leak:
    """A way out on which ``key`` is not wiped: how it leaves, on which line, and the branches before it."""

    key: Key
    way: str
    line: int
    trail: Trail = field(compare=False, default=())


State = Mapping[Key, Trail]
_NOTHING: State = {}


def leaks(function: Function, knowledge: Knowledge) -> tuple[Leak, ...]:
    """Every way out of ``function`` on which one of its own variables still holds a key.

    What a pointer of the function points to belongs to someone else.
    """
    own = frozenset(v.name for v in function.variables if not v.is_static and not v.type.endswith("*"))
    return _leaks(function, knowledge, own)


def _leaks(function: Function, knowledge: Knowledge, watched: frozenset[str]) -> tuple[Leak, ...]:
    walk = Walk(knowledge, watched)
    end = walk.run(function.body, _NOTHING)
    if end is not None:
        walk.leave(end, "at the end", function.end)
    unique = {(leak.key, leak.way, leak.line): leak for leak in reversed(walk.found)}
    return tuple(sorted(unique.values(), key=lambda leak: (leak.line, leak.key.variable)))


def effort(statement: Statement) -> int:
    """How many statements a walk over ``statement`` visits: those in a loop twice, in n loops 2**n times."""
    match statement:
        case Block(inner):
            return 1 + sum(map(effort, inner))
        case If(_, then, otherwise, _):
            return 1 + effort(then) + effort(otherwise)
        case Loop(first, _, _, body, _):
            return 1 + effort(first) + 2 * effort(body)
        case Switch(_, body):
            return 1 + effort(body)
        case Try(body, catches, _, final, _):
            return 1 + effort(body) + sum(map(effort, catches)) + 2 * effort(final)
        case _:
            return 1


def with_own_functions(functions: Iterable[Function], knowledge: Knowledge) -> Knowledge:
    """``knowledge`` and what the app's functions do to what their parameters point to.

    A function that returns with a key in its parameter passes the duty to its callers, through any number
    of calls; one that only wipes its parameter is as good as explicit_bzero.
    """
    makes, wipes = dict(knowledge.makes), dict(knowledge.wipes)
    known = dataclasses.replace(knowledge, makes=makes, wipes=wipes)
    relevant = [f for f in functions if f.name not in makes and f.name not in wipes and f.parameters]
    callers: dict[str, list[int]] = {}
    for number, function in enumerate(relevant):
        for name in function.called:
            callers.setdefault(name, []).append(number)
    changed = {*makes, *wipes}
    while changed:
        # Only a callee that is new makes a difference: a long chain of calls costs no more than a short one.
        found_makes: dict[str, int] = {}
        found_wipes: dict[str, int] = {}
        for number in sorted({n for name in changed for n in callers.get(name, ())}):
            function = relevant[number]
            if function.name in makes or function.name in wipes:
                continue
            parameters = function.parameter_names
            if not function.called.isdisjoint(makes):
                for leak in _leaks(function, known, frozenset(parameters)):
                    found_makes[function.name] = parameters.index(base(leak.key.variable))
            elif not function.called.isdisjoint(wipes):
                found_wipes |= _wiped_parameter(function, wipes)
        makes |= found_makes
        wipes |= found_wipes
        changed = {*found_makes, *found_wipes}
    return known


def _wiped_parameter(function: Function, wipes: Mapping[str, int]) -> dict[str, int]:
    parameters = function.parameter_names
    for call in calls(function, wipes):
        variable = base(argument(call, wipes[call.text]))
        if variable in parameters:
            return {function.name: parameters.index(variable)}
    return {}


def variable_of(expression: Expression) -> str:
    """``(uint8_t *) &key.d[0]`` → ``key.d``; empty for what is no variable."""
    match expression.kind:
        case "name" | "global":
            return expression.text
        case "member" | "pointee":
            inner = variable_of(expression.parts[0])
            sign = "." if expression.kind == "member" else "->"
            return f"{inner}{sign}{expression.text}" if inner else ""
        case "index":
            return variable_of(expression.parts[0])
        case "unary" if expression.text in ("&", "*"):
            return variable_of(expression.parts[0])
        case "binary" if expression.text in ("+", "-"):
            return variable_of(expression.parts[0])
    return ""


def base(variable: str) -> str:
    """``a->b.c`` → ``a``."""
    return variable.partition("->")[0].partition(".")[0]


def argument(call: Expression, index: int) -> str:
    """The variable that is an argument of ``call``; empty if there is none."""
    return variable_of(call.parts[index]) if index < len(call.parts) else ""


@dataclass
class Walk:
    """One run over a function. A state of None is a place that is not reached."""

    knowledge: Knowledge
    watched: frozenset[str]
    found: list[Leak] = field(default_factory=list)
    labels: dict[str, State] = field(default_factory=dict)
    breaks: list[list[State]] = field(default_factory=list)
    rounds: list[list[State]] = field(default_factory=list)
    tries: list[list[State]] = field(default_factory=list)
    errors: dict[str, frozenset[Key]] = field(default_factory=dict)

    def leave(self, state: State, way: str, line: int) -> None:
        """The function ends here."""
        self.found += [Leak(key, way, line, trail) for key, trail in state.items()]

    def run(self, statement: Statement, state: State | None) -> State | None:
        """The state behind ``statement``. What is not reached is walked, too, for the labels in it."""
        match statement:
            case Block(inner):
                for part in inner:
                    state = self.run(part, state)
                return state
            case Do(expression):
                return self.evaluate(expression, state)
            case Label(name):
                return join(state, self.labels.get(name) if name else None)
            case If(condition, then, otherwise, line):
                yes, no = self.branch(condition, state)
                then_state = self.run(then, _on(yes, line, "the condition holds"))
                return join(then_state, self.run(otherwise, _on(no, line, "the condition does not hold")))
            case Loop():
                return self._loop(statement, state)
            case Switch(head, body):
                return self._switch(head, body, state)
            case Try():
                return self._try(statement, state)
            case Jump():
                self._jump(statement, state)
                return None

    def _loop(self, loop: Loop, state: State | None) -> State | None:
        state = self.run(loop.first, state)
        behind: State | None = None
        for _ in range(2):
            inside, failed = self.branch(loop.condition, state)
            endless = not loop.at_least_once and _is_true(loop.condition)
            self.breaks.append([])
            self.rounds.append([])
            ended = self.run(loop.body, state if loop.at_least_once else inside)
            ended = join(ended, *self.rounds.pop())
            if loop.at_least_once:
                again, left = self.branch(loop.condition, ended)
                ended = None if _is_false(loop.condition) else again
                behind = join(behind, left, *self.breaks.pop())
            else:
                ended = self.evaluate(loop.step, ended)
                behind = join(behind, None if endless else join(failed, ended), *self.breaks.pop())
            if ended is None:
                break
            state = join(state, ended)
        return behind

    def _switch(self, head: Expression, body: Block, state: State | None) -> State | None:
        state = self.evaluate(head, state)
        self.breaks.append([])
        current: State | None = None
        has_default = False
        for statement in body.statements:
            if isinstance(statement, Label) and not statement.name:
                has_default |= statement.is_default
                current = join(current, state)
            current = self.run(statement, current)
        return join(current, *self.breaks.pop(), None if has_default else state)

    def _jump(self, jump: Jump, state: State | None) -> None:
        after = self.evaluate(jump.value, state)
        if after is None:
            return
        match jump.word:
            case "return":
                self.leave(after, "by return", jump.line)
            case "goto":
                # Labels lie further down; one further up was walked already and adds nothing new.
                before = self.labels.get(jump.label)
                self.labels[jump.label] = join(before, _on(after, jump.line, f"goto {jump.label}")) or {}
            case "break" if self.breaks:
                self.breaks[-1].append(after)
            case "continue" if self.rounds:
                self.rounds[-1].append(after)

    def _try(self, block: Try, state: State | None) -> State | None:
        self.tries.append([])
        state = self.run(block.body, state)
        thrown = join(*self.tries.pop())
        escapes = None if block.catches_all else thrown
        state = join(state, *(self.run(clause, thrown) for clause in block.catches))
        state, escapes = self.run(block.final, state), self.run(block.final, escapes)
        if escapes:
            self._throw(escapes, block.line)
        return state

    def _throw(self, state: State, line: int) -> None:
        if self.tries:
            self.tries[-1].append(_on(state, line, "an exception") or {})
        else:
            self.leave(state, "by an exception", line)

    def evaluate(self, expression: Expression, state: State | None) -> State | None:
        """The state behind all calls of an expression; None if one of them does not come back."""
        if state is None:
            return None
        for part in expression.walk():
            if part.kind == "call":
                if part.text in _LEAVES:
                    self._throw(state, part.line)
                    return None
                if part.text in self.knowledge.throws:
                    self._throw(state, part.line)
                state = self.call(part, state)
            elif part.kind == "assign":
                target, value = part.parts
                made = {id(e) for e in value.walk()}
                self.errors[variable_of(target)] = frozenset(key for key in state if id(key.made) in made)
        return state

    def call(self, call: Expression, state: State) -> State:
        """The state behind one call."""
        name = call.text
        if name in self.knowledge.wipes:
            wiped = argument(call, self.knowledge.wipes[name])
            return {key: trail for key, trail in state.items() if not _covers(wiped, key.variable)}
        if name in self.knowledge.makes:
            variable = argument(call, self.knowledge.makes[name])
            if base(variable) in self.watched and all(key.variable != variable for key in state):
                return {**state, Key(variable, call): ()}
        return state

    def branch(self, condition: Expression, state: State | None) -> tuple[State | None, State | None]:
        """The states where ``condition`` holds and where it does not."""
        if condition.kind == "unary" and condition.text == "!":
            yes, no = self.branch(condition.parts[0], state)
            return no, yes
        if condition.kind == "binary" and condition.text in ("&&", "||"):
            left, right = condition.parts
            yes, no = self.branch(left, state)
            if condition.text == "&&":
                both, second = self.branch(right, yes)
                return both, join(no, second)
            second, neither = self.branch(right, no)
            return join(yes, second), neither
        return self._leaf(condition, state)

    def _leaf(self, condition: Expression, state: State | None) -> tuple[State | None, State | None]:
        after = self.evaluate(condition, state)
        if after is None:
            return None, None
        parts = list(condition.walk())
        here = {id(part) for part in parts}
        made = {key for key in after if id(key.made) in here}
        for part in parts:
            if part.kind in ("name", "global", "member", "pointee"):
                made |= self.errors.get(variable_of(part), frozenset())
        if not made:
            return after, after
        failed = {key: trail for key, trail in after.items() if key not in made}
        return (after, failed) if _holds_on_success(condition) else (failed, after)


def _holds_on_success(condition: Expression) -> bool:
    """Whether the condition is true when the call in it went well."""
    if condition.kind == "binary" and condition.text in ("==", "!="):
        left, right = condition.parts
        if left.kind in ("number", "constant"):
            left, right = right, left
        return (condition.text == "==") == _means_success(right, of=left)
    if condition.kind == "binary":
        return False
    value = condition.parts[0] if condition.kind == "assign" else condition
    return value.type in _TRUTHS


def _means_success(value: Expression, *, of: Expression) -> bool:
    if value.kind == "constant":
        return bool(_SUCCESS_NAME.fullmatch(value.text))
    number = int(value.text) if value.kind == "number" else -1
    target = of.parts[0] if of.kind == "assign" else of
    return number != 0 if target.type in _TRUTHS else number in _SUCCESS_VALUES


def _is_true(condition: Expression) -> bool:
    nothing = condition.kind == "other" and not condition.parts
    return nothing or (condition.kind == "number" and condition.text != "0")


def _is_false(condition: Expression) -> bool:
    return condition.kind == "number" and condition.text == "0"


def _on(state: State | None, line: int, what: str) -> State | None:
    """``state``, and that a branch was taken there."""
    if not state:
        return state
    return {key: (*trail, (line, what))[-_MAX_TRAIL:] for key, trail in state.items()}


def join(*states: State | None) -> State | None:
    """Where ways meet; None if none of them gets there."""
    reached = [state for state in states if state is not None]
    if not reached:
        return None
    together: dict[Key, Trail] = {}
    for state in reversed(reached):
        together.update(state)
    return together


def _covers(wiped: str, variable: str) -> bool:
    return bool(wiped) and (variable == wiped or variable.startswith((f"{wiped}.", f"{wiped}->")))
