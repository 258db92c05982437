"""Code, data, variables and stack fit the device."""

import collections
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from toolchain.diagnostic import in_vendor_folder
from toolchain.verify.c.flow import base, variable_of
from toolchain.verify.c.tree import (
    Do,
    Expression,
    Function,
    If,
    Loop,
    Statement,
    Switch,
    constant,
    expressions,
    statements,
)
from toolchain.verify.code import read_code
from toolchain.verify.makefile import find
from toolchain.verify.model import Candidate, Location, Problem, Severity, Step, rule

_ROOMY = 16 * 1024
"""Bytes of RAM from which an app has no reason to run near the smallest stack."""

_FRAME, _SMALL_FRAME = 4096, 1024
"""Bytes of variables that one function may have, and that on devices with little RAM."""

_SHARE = 0.8
"""How much of the stack the variables of one chain of calls may take."""

_MAX_RECURSIVE = 300
"""Functions whose recursion is followed: time grows with their square."""

_OPEN_ARRAY = re.compile(r"\[(?!\d+\])[^\]]+\]")
_COMPARISONS = frozenset({"<", ">", "<=", ">=", "==", "!="})
_BY_TYPE = re.compile(r"pb_(?:common|decode|encode)\.c")
"""nanopb goes as deep as the types of its messages are nested, which are constants of the app."""

_EXITS = frozenset({"os_sched_exit", "os_lib_end", "app_exit", "exit"})
_DEPTH = re.compile(r"depth|level|nest|recurs|rounds?", re.IGNORECASE)


@rule(
    "elf-flash-budget",
    Severity.ERROR,
    reason="An image larger than the flash cannot be loaded; a large one leaves no room for other apps.",
    source="SDK linker scripts, MEMORY; loader protocol §9: pages",
    fix="remove code, or share it with a library app",
)
def elf_flash_budget(candidate: Candidate) -> Iterator[Problem]:
    """Code, data and parameters in whole pages, against the target's flash."""
    image, target = candidate.image, candidate.target
    pages = -(-image.span // target.page_size) * target.page_size
    if image.base < target.flash.origin or image.base + pages > target.flash.end:
        yield Problem(
            f"the image takes {image.base:#x} to {image.base + pages:#x}, "
            f"the flash is {target.flash.origin:#x} to {target.flash.end:#x}"
        )
    elif pages > target.flash.length // 2:
        yield Problem(
            f"the image takes {pages} bytes, more than half of the flash", severity=Severity.WARNING
        )


@rule(
    "elf-ram-budget",
    Severity.ERROR,
    reason="Variables and stack behind the end of the RAM are a fault at start, or someone else's memory.",
    source="SDK linker scripts, MEMORY",
    fix="make buffers smaller, or let them share memory",
)
def elf_ram_budget(candidate: Candidate) -> Iterator[Problem]:
    """Variables and stack, against the target's RAM."""
    elf, target = candidate.elf, candidate.target
    if elf.bss_size + elf.stack_size > target.sram.length:
        yield Problem(
            f"{elf.bss_size} bytes of variables and {elf.stack_size} of stack, "
            f"the RAM has {target.sram.length}"
        )
    for name in ("_bss", "_estack"):
        address = elf.symbols.get(name, target.sram.origin)
        if not target.sram.origin <= address <= target.sram.end:
            yield Problem(f"{name} is {address:#x}, outside of the RAM")


@rule(
    "elf-stack-budget",
    Severity.ERROR,
    reason="A stack that runs over overwrites the app's variables, keys among them.",
    source="SDK linker scripts, STACK_MIN_SIZE; Makefile.rules_generic: APP_STACK_MIN_SIZE",
    fix="make static buffers smaller; never lower APP_STACK_MIN_SIZE",
)
def elf_stack_budget(candidate: Candidate) -> Iterator[Problem]:
    """What is left for the stack: at least the target's minimum, and twice that where RAM is plenty."""
    left, target = candidate.elf.stack_size, candidate.target
    if left < target.stack_minimum:
        yield Problem(
            f"{left} bytes are left for the stack, {target.title} needs {target.stack_minimum}",
            find(candidate, "APP_STACK_MIN_SIZE"),
        )
    elif left < 2 * target.stack_minimum and target.sram.length >= _ROOMY:
        yield Problem(f"only {left} bytes are left for the stack", severity=Severity.WARNING)


@rule(
    "elf-data-empty",
    Severity.ERROR,
    reason="Nothing on the device copies initialised variables to RAM: they would start with garbage.",
    source="SDK linker scripts: .data is asserted to be empty",
    fix="initialise the variable in code, or make it const",
)
def elf_data_empty(candidate: Candidate) -> Iterator[Problem]:
    """No initialised variables."""
    symbols = candidate.elf.symbols
    size = max([s.size for s in candidate.elf.sections if s.name == ".data"], default=0)
    size = max(size, symbols.get("_edata", 0) - symbols.get("_data", 0))
    if size:
        yield Problem(f"{size} bytes of initialised variables")


@rule(
    "src-stack-frames",
    Severity.WARNING,
    reason="The stack has a few thousand bytes, and nothing stops it before it is in the app's variables.",
    source="SDK linker scripts, STACK_MIN_SIZE; SDK v25.13.0, Makefile.defines: -Wvla",
    fix="make large buffers static or share them; bound arrays and recursion by a constant",
)
def src_stack_frames(candidate: Candidate) -> Iterator[Problem]:
    """Large frames, arrays without a constant size, recursion without a limit, chains that fill the stack."""
    code = read_code(candidate)
    known = code.by_name
    functions = [function for function in code.functions if known[function.name] is function]
    limit = _FRAME if candidate.target.sram.length >= _ROOMY else _SMALL_FRAME
    for function in functions:
        size = _locals(function)
        if size > limit:
            message = f"the variables of {function.name} take {size} bytes of stack, {limit} are plenty"
            yield Problem(message, _place(function))
        for variable in function.variables:
            if _OPEN_ARRAY.search(variable.type):
                yield Problem(
                    f"the size of {variable.name} is not a constant", Location(function.path, variable.line)
                )
    order = _callees_first(known)
    told: set[str] = set()
    recursive = [function for function in functions if function.name not in order]
    if len(recursive) > _MAX_RECURSIVE:
        message = f"{len(recursive)} functions lead to themselves, which is more than anybody follows"
        yield Problem(message, _place(recursive[0]))
    among = {f.name for f in recursive}
    live = {f.name: sorted(f.called & among) for f in recursive}
    for function in recursive[:_MAX_RECURSIVE]:
        if function.name in told:
            continue
        way = _way_back(live, function.name)
        around = [known[name] for name in way]
        if way and not any(_is_limited(f) or _exits(f) for f in around) and not _ends(around):
            told |= _around(known, way)
            trace = tuple(Step(f"{name} is called", _place(known[name])) for name in way)
            # A library's recursion follows the app's data structures; the library cannot limit it.
            severity = Severity.ADVICE if in_vendor_folder(function.path) else None
            message = f"{function.name} calls itself without a limit"
            yield Problem(message, _place(function), severity, trace=trace)
    yield from _deep(candidate, known, order)


def _place(function: Function) -> Location:
    return Location(function.path, function.line)


def _locals(function: Function) -> int:
    """Bytes of a function's variables on the stack, as if all were alive at once."""
    return sum(v.size for v in function.variables if not v.is_static)


def _callees_first(known: Mapping[str, Function]) -> dict[str, int]:
    """Functions that lead to no recursion, each behind what it calls → bytes of the deepest chain."""
    waiting = {name: {c for c in f.called if c in known} for name, f in known.items()}
    callers: dict[str, list[str]] = {}
    for name, callees in waiting.items():
        for callee in callees:
            callers.setdefault(callee, []).append(name)
    ready = [name for name, callees in waiting.items() if not callees]
    deepest: dict[str, int] = {}
    while ready:
        name = ready.pop()
        below = [deepest[c] for c in known[name].called if c in deepest]
        deepest[name] = _locals(known[name]) + max(below, default=0)
        for caller in callers.get(name, ()):
            waiting[caller].discard(name)
            if not waiting[caller]:
                ready.append(caller)
    return deepest


def _way_back(calls: Mapping[str, Sequence[str]], start: str) -> tuple[str, ...]:
    """The shortest chain of calls from ``start`` to itself, without its last; empty if there is none."""
    before: dict[str, str] = {}
    pending = collections.deque([start])
    while pending:
        name = pending.popleft()
        for callee in calls[name]:
            if callee == start:
                way = [name]
                while way[-1] != start:
                    way.append(before[way[-1]])
                return tuple(reversed(way))
            if callee not in before:
                before[callee] = name
                pending.append(callee)
    return ()


def _around(known: Mapping[str, Function], way: Sequence[str]) -> set[str]:
    """All functions that call each other with those of ``way``."""
    callers: dict[str, set[str]] = {}
    for name, function in known.items():
        for callee in function.called:
            callers.setdefault(callee, set()).add(name)
    below = _reached({name: function.called & known.keys() for name, function in known.items()}, way)
    return below & _reached(callers, way)


def _reached(edges: Mapping[str, Collection[str]], starts: Iterable[str]) -> set[str]:
    found: set[str] = set()
    pending = list(starts)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += edges.get(name, ())
    return found


def _is_limited(function: Function) -> bool:
    """Whether a function compares something that is called like a depth."""
    return any(
        part.kind == "binary" and part.text in _COMPARISONS and any(_is_depth(e) for e in part.walk())
        for whole in expressions(function.body)
        for part in whole.walk()
    )


def _exits(function: Function) -> bool:
    """Whether the app is over behind the last statement."""
    last = function.body.statements[-1:]
    return bool(last) and isinstance(last[0], Do) and last[0].expression.text in _EXITS


def _ends(way: Sequence[Function]) -> bool:
    """Whether a recursion ends by itself: by its types, or because each call fixes what is branched on."""
    if all(_BY_TYPE.fullmatch(PurePosixPath(function.path).name) for function in way):
        return True
    function = way[0]
    own = [call for call in function.calls if call.text == function.name]
    if way[1:] or not own:
        return False
    tested = _tested(function)
    return _switches(function) or all(_fixes(tested, function, call) for call in own)


def _switches(function: Function) -> bool:
    """Whether it calls itself only behind ``if (x) { x = constant; …``, x being no variable of its own."""
    own = {v.name for v in (*function.parameters, *function.variables) if not v.is_static}
    tested: set[str] = set()
    guarded = 0
    for statement in statements(function.body):
        if not isinstance(statement, If):
            continue
        name = variable_of(statement.condition)
        if name and base(name) not in own and _assigns_then_calls(statement.then, name, function.name):
            tested.add(name)
            guarded += _count(statement.then, function.name)
    return bool(tested) and guarded >= _count(function.body, function.name)


def _assigns_then_calls(branch: Statement, variable: str, name: str) -> bool:
    """Whether ``variable`` gets a constant in front of the first call of ``name``."""
    for whole in expressions(branch):
        for part in whole.walk():
            if part.kind == "call" and part.text == name:
                return False
            if part.kind == "assign" and variable_of(part.parts[0]) == variable:
                return constant(part.parts[1]) is not None
    return False


def _count(statement: Statement, name: str) -> int:
    parts = (part for whole in expressions(statement) for part in whole.walk())
    return sum(part.kind == "call" and part.text == name for part in parts)


def _fixes(tested: Mapping[str, set[int]], function: Function, call: Expression) -> bool:
    """Whether a call of itself passes what no longer takes the branch: another constant, or its own array."""
    arrays = {v.name for v in function.variables if v.type.endswith("]")}
    for name, value in zip(function.parameter_names, call.parts, strict=False):
        number = 1 if value.kind == "name" and value.text in arrays else constant(value)
        if name in tested and number is not None and number not in tested[name]:
            return True
    return False


def _tested(function: Function) -> Mapping[str, set[int]]:
    """What its conditions compare with constants → the constants; of a switch, none are known."""
    found: dict[str, set[int]] = {}
    for statement in statements(function.body):
        if isinstance(statement, Switch) and statement.head.kind == "name":
            found.setdefault(statement.head.text, set())
        for part in statement.condition.walk() if isinstance(statement, If | Loop) else ():
            if part.kind == "binary" and part.text in ("==", "!="):
                for value, other in (part.parts, part.parts[::-1]):
                    if value.kind == "name" and (number := constant(other)) is not None:
                        found.setdefault(value.text, set()).add(number)
    return found


def _is_depth(expression: Expression) -> bool:
    return expression.kind in ("name", "global", "member", "pointee") and bool(_DEPTH.search(expression.text))


def _deep(
    candidate: Candidate, known: Mapping[str, Function], deepest: Mapping[str, int]
) -> Iterator[Problem]:
    """The function from which the calls are deepest, if their variables fill the stack, with the way down."""
    stack = candidate.elf.stack_size
    top = max(deepest, key=lambda name: (deepest[name], name), default="")
    if not top or deepest[top] <= _SHARE * stack:
        return
    way = [top]
    while below := [c for c in known[way[-1]].called if c in deepest]:
        way.append(max(below, key=lambda name: (deepest[name], name)))
    steps = tuple(
        Step(f"{name} has {_locals(known[name])} bytes of variables", _place(known[name]))
        for name in way
        if _locals(known[name])
    )
    message = f"the variables behind {top} take {deepest[top]} of the stack's {stack} bytes"
    yield Problem(message, _place(known[top]), trace=steps)
