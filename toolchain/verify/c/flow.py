"""Which keys are still in memory on which way out of a function.

A forward data flow over statements: the state is the set of variables that may hold key material. It is
joined where ways meet; loops are walked twice, which is enough because sets of a function only grow. What a
failing call did not make is not there on the branch that its failure takes.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from toolchain.verify.c.functions import Call, Function, brackets, calls, split
from toolchain.verify.c.lexer import Token
from toolchain.verify.c.statements import (
    Block,
    Expression,
    If,
    Jump,
    Label,
    Loop,
    Named,
    Statement,
    Switch,
    Tokens,
    expressions,
    statements,
)

_SUCCESS = frozenset({"CX_OK", "0", "true", "OK", "SWO_SUCCESS", "parser_ok", "zxerr_ok", "0x9000"})
_LEAVES = frozenset({"THROW", "THROW_L", "os_longjmp", "os_sched_exit"})
_CATCHES_ALL = frozenset({"CATCH_OTHER", "CATCH_ALL"})
_QUALIFIERS = frozenset({"const", "volatile", "register", "struct", "union", "enum", "unsigned", "signed"})


@dataclass(frozen=True)
class Knowledge:
    """What calls do.

    ``makes`` and ``wipes`` map a function to the number of the argument, from 0, that gets a key or loses
    it. ``throws`` may not come back. ``exits`` maps a macro that leaves when the call inside of it fails to
    the label that it goes to, empty for a return. ``returns_bool`` are true when they went well.
    """

    makes: Mapping[str, int]
    wipes: Mapping[str, int]
    throws: frozenset[str]
    exits: Mapping[str, str]
    returns_bool: frozenset[str]


@dataclass(frozen=True)
class Key:
    """A variable with key material, and the call that made it."""

    variable: str
    made: Token


@dataclass(frozen=True)
class Leak:
    """A way out on which ``key`` is not wiped: how it leaves, and on which line."""

    key: Key
    way: str
    line: int


State = frozenset[Key]
_NOTHING: State = frozenset()


def leaks(function: Function, knowledge: Knowledge) -> tuple[Leak, ...]:
    """Every way out of ``function`` on which one of its own variables still holds a key.

    Raises:
        ImageError: the body cannot be split into statements.
    """
    block = statements(function.body)
    found = _leaks(function, block, knowledge, _locals(block))
    return tuple(leak for leak in found if "->" not in leak.key.variable)


def _leaks(
    function: Function, block: Block, knowledge: Knowledge, watched: frozenset[str]
) -> tuple[Leak, ...]:
    walk = Walk(knowledge, watched)
    end = walk.run(block, _NOTHING)
    if end is not None:
        walk.leave(end, "at the end", function.body[-1].line if function.body else function.line)
    return tuple(sorted(set(walk.found), key=lambda leak: (leak.line, leak.key.variable)))


def with_own_functions(functions: Mapping[str, Function], knowledge: Knowledge) -> Knowledge:
    """``knowledge`` and what the app's functions do to what their parameters point to.

    A function that returns with a key in its parameter passes the duty to its callers, through any number
    of calls; one that only wipes its parameter is as good as explicit_bzero.
    """
    typed = {n for n, f in functions.items() if any(t.text in ("bool", "_Bool") for t in f.returns)}
    known = dataclasses.replace(knowledge, returns_bool=knowledge.returns_bool | typed)
    relevant = {
        name: function
        for name, function in functions.items()
        if name not in knowledge.makes and name not in knowledge.wipes and any(function.parameter_names)
    }
    blocks = {name: statements(function.body) for name, function in relevant.items()}
    for _ in range(len(relevant)):
        makes, wipes = dict(known.makes), dict(known.wipes)
        for name, function in relevant.items():
            if name in makes or name in wipes:
                continue
            called = {call.name.text for call in calls(function.body)}
            parameters = function.parameter_names
            if not called.isdisjoint(makes):
                for leak in _leaks(function, blocks[name], known, frozenset(parameters)):
                    makes[name] = parameters.index(_base(leak.key.variable))
            elif not called.isdisjoint(wipes):
                wipes |= _wiped_parameter(function, wipes)
        if len(makes) == len(known.makes) and len(wipes) == len(known.wipes):
            break
        known = dataclasses.replace(known, makes=makes, wipes=wipes)
    return known


def _wiped_parameter(function: Function, wipes: Mapping[str, int]) -> dict[str, int]:
    parameters = function.parameter_names
    for call in calls(function.body):
        if call.name.text in wipes:
            variable = _base(_argument(call, wipes[call.name.text]))
            if variable in parameters:
                return {function.name: parameters.index(variable)}
    return {}


def variable_of(argument: Tokens) -> str:
    """``(uint8_t *) &key.d[0]`` → ``key.d``; empty for what is no variable."""
    tokens = argument
    while tokens and tokens[0].text in ("&", "("):
        if tokens[0].text == "&":
            tokens = tokens[1:]
        else:  # a cast, or parentheses around the whole
            end = brackets(tokens)[0]
            tokens = tokens[end + 1 :] or tokens[1:end]
    kept: list[str] = []
    for token in tokens:
        if token.text in ("[", "+"):
            break
        if token.kind != "name" and token.text not in (".", "->"):
            return ""
        kept.append(token.text)
    return "".join(kept)


def _base(variable: str) -> str:
    return variable.partition("->")[0].partition(".")[0]


def _locals(block: Block) -> frozenset[str]:
    """Variables that the body declares, without static ones."""
    return frozenset(name for expression in expressions(block) for name in _declared(expression.tokens))


def _declared(tokens: Tokens) -> Iterator[str]:
    """``uint8_t a[32], *b = x`` → a, b; nothing for what is no declaration."""
    while tokens and tokens[0].text in _QUALIFIERS:
        tokens = tokens[1:]
    if len(tokens) < 2 or tokens[0].kind != "name" or tokens[0].text == "static":
        return
    if tokens[1].kind != "name" and tokens[1].text != "*":
        return
    for piece in split(tokens[1:]):
        names = [token.text for token in piece if token.text not in (*_QUALIFIERS, "*")]
        if names:
            yield names[0]


@dataclass
class Walk:
    """One run over a function. A state of None is a place that is not reached."""

    knowledge: Knowledge
    watched: frozenset[str]
    found: list[Leak] = field(default_factory=list)
    labels: dict[str, State] = field(default_factory=dict)
    breaks: list[list[State]] = field(default_factory=list)
    tries: list[list[State]] = field(default_factory=list)
    errors: dict[str, State] = field(default_factory=dict)

    def leave(self, state: State, way: str, line: int) -> None:
        """The function ends here."""
        self.found += [Leak(key, way, line) for key in state]

    def run(self, statement: Statement, state: State | None) -> State | None:
        """The state behind ``statement``. What is not reached is walked, too, for the labels in it."""
        match statement:
            case Block(inner):
                for part in inner:
                    state = self.run(part, state)
                return state
            case Label(name):
                return _join(state, self.labels.get(name))
            case Named():
                return self._named(statement, state)
            case If(condition, then, otherwise):
                yes, no = self._branches(condition, state)
                return _join(self.run(then, yes), self.run(otherwise, no) if otherwise else no)
            case Loop():
                return self._loop(statement, state)
            case Switch(head, body):
                return self._switch(head, body, state)
            case Expression(tokens):
                return self._expression(tokens, state)
            case Jump(word, tokens):
                self._jump(word, tokens, state)
                return None

    def _loop(self, loop: Loop, state: State | None) -> State | None:
        once, condition = _for_head(loop.head)
        state = self._expression(once, state)
        behind: State | None = None
        for _ in range(2):
            inside, failed = self._branches(condition, state)
            self.breaks.append([])
            ended = self.run(loop.body, state if loop.at_least_once else inside)
            behind = _join(behind, ended, None if loop.at_least_once else failed, *self.breaks.pop())
            state = _join(state, ended)
        return behind

    def _switch(self, head: Tokens, body: Statement, state: State | None) -> State | None:
        state = self._expression(head, state)
        inner = body.statements if isinstance(body, Block) else (body,)
        self.breaks.append([])
        current: State | None = None
        has_default = False
        for statement in inner:
            if isinstance(statement, Label) and not statement.name:
                has_default |= statement.is_default
                current = _join(current, state)
            current = self.run(statement, current)
        return _join(current, *self.breaks.pop(), None if has_default else state)

    def _jump(self, word: Token, tokens: Tokens, state: State | None) -> None:
        after = self._expression(tokens, state) if word.text == "return" else state
        if after is None:
            return
        if word.text == "return":
            self.leave(after, "by return", word.line)
        elif word.text == "goto" and tokens:
            self._go_to(tokens[0].text, after)
        elif self.breaks:
            self.breaks[-1].append(after)

    def _go_to(self, label: str, state: State) -> None:
        """Labels lie further down; one further up was walked already and adds nothing new."""
        self.labels[label] = self.labels.get(label, _NOTHING) | state

    def _named(self, statement: Named, state: State | None) -> State | None:
        """TRY and its kin; any other macro with a block may or may not run it."""
        name = _without_tag(statement)
        if name == "BEGIN_TRY":
            return self._try(statement.block, state)
        after = self.run(statement.block, state)
        return after if name in ("TRY", "FINALLY") else _join(state, after)

    def _try(self, block: Block, state: State | None) -> State | None:
        """BEGIN_TRY { TRY {…} CATCH(x) {…} FINALLY {…} } END_TRY."""
        parts = [(_without_tag(s), s) for s in block.statements if isinstance(s, Named)]
        catches = [part for name, part in parts if name.startswith("CATCH")]
        self.tries.append([])
        for name, part in parts:
            if name == "TRY":
                state = self.run(part.block, state)
        thrown = _join(*self.tries.pop())
        escapes = None if _CATCHES_ALL & {name for name, _ in parts} else thrown
        state = _join(state, *(self.run(part.block, thrown) for part in catches))
        for name, part in parts:
            if name == "FINALLY":
                state, escapes = self.run(part.block, state), self.run(part.block, escapes)
        if escapes:
            self._throw(escapes, parts[-1][1].name.line)
        return state

    def _throw(self, state: State, line: int) -> None:
        if self.tries:
            self.tries[-1].append(state)
        else:
            self.leave(state, "by an exception", line)

    def _expression(self, tokens: Tokens, state: State | None) -> State | None:
        """The state behind all calls of an expression; None if one of them does not come back."""
        if state is None:
            return None
        for call in sorted(calls(tokens), key=_end):
            name = call.name.text
            if name in self.knowledge.exits:
                # The calls inside ran already: what they made is not there if they failed.
                failed = frozenset(key for key in state if key.made not in tokens)
                if label := self.knowledge.exits[name]:
                    self._go_to(label, failed)
                else:
                    self.leave(failed, f"by {name}", call.name.line)
            elif name in _LEAVES:
                self._throw(state, call.name.line)
                return None
            else:
                if name in self.knowledge.throws:
                    self._throw(state, call.name.line)
                state = self._call(call, state)
        if target := _assigned(tokens):
            self.errors[target] = frozenset(key for key in state if key.made in tokens)
        return state

    def _call(self, call: Call, state: State) -> State:
        name = call.name.text
        if name in self.knowledge.wipes:
            wiped = _argument(call, self.knowledge.wipes[name])
            return frozenset(key for key in state if not _covers(wiped, key.variable))
        if name in self.knowledge.makes:
            variable = _argument(call, self.knowledge.makes[name])
            if _base(variable) in self.watched and all(key.variable != variable for key in state):
                return state | {Key(variable, call.name)}
        return state

    def _branches(self, condition: Tokens, state: State | None) -> tuple[State | None, State | None]:
        """The states where ``condition`` holds and where it does not."""
        after = self._expression(condition, state)
        if after is None:
            return None, None
        made = frozenset(key for key in after if key.made in condition)
        for token in condition:
            made |= self.errors.get(token.text, _NOTHING)
        failed = after - made
        if not made:
            return after, after
        return (after, failed) if self._holds_on_success(condition) else (failed, after)

    def _holds_on_success(self, condition: Tokens) -> bool:
        """Whether the condition is true when the call in it went well."""
        texts = [token.text for token in condition]
        for index, text in enumerate(texts):
            if text in ("==", "!="):
                beside = {*texts[max(0, index - 1) : index], *texts[index + 1 : index + 2]}
                return (text == "==") == bool(beside & _SUCCESS)
            if text in ("<", ">"):
                return False
        if any(text in self.knowledge.returns_bool for text in texts):
            return texts[0] != "!"
        return texts[0] == "!"


def _join(*states: State | None) -> State | None:
    reached = [state for state in states if state is not None]
    return _NOTHING.union(*reached) if reached else None


def _without_tag(statement: Named) -> str:
    """``TRY_L(tag)`` is a ``TRY``."""
    return statement.name.text.removesuffix("_L")


def _end(call: Call) -> tuple[int, int]:
    """Where a call's last argument ends: of nested calls, the inner one runs and ends first."""
    tokens = [call.name, *(token for argument in call.arguments for token in argument)]
    return tokens[-1].line, tokens[-1].column


def _argument(call: Call, index: int) -> str:
    return variable_of(call.arguments[index]) if index < len(call.arguments) else ""


def _covers(wiped: str, variable: str) -> bool:
    return bool(wiped) and (variable == wiped or variable.startswith((f"{wiped}.", f"{wiped}->")))


def _assigned(tokens: Tokens) -> str:
    """``error = f(…)`` → ``error``."""
    for index, token in enumerate(tokens):
        if token.text == "(":
            break
        if token.text == "=" and index:
            return tokens[index - 1].text
    return ""


def _for_head(head: Tokens) -> tuple[Tokens, Tokens]:
    """Of a ``for``, what runs once, and its condition and step; of a ``while`` only the condition."""
    parts = list(split(head, ";"))
    return (parts[0], parts[1]) if len(parts) > 1 else ((), head)
