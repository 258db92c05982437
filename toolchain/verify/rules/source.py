"""Sources: nothing silenced, nothing hidden, nothing unbounded."""

import itertools
import re
from collections.abc import Iterator

from toolchain.verify.c.approval import reachable
from toolchain.verify.c.flow import variable_of
from toolchain.verify.c.text import Comment, Word
from toolchain.verify.c.tree import Expression, Function, calls, constant, expressions
from toolchain.verify.code import CFile, app_commands, c_files, milder, read_code, unread_files
from toolchain.verify.data import throwing_calls
from toolchain.verify.makefile import lines, unread_makefiles
from toolchain.verify.model import Candidate, Location, Problem, Severity, rule

_UNBOUNDED = frozenset(
    {"strcpy", "strcat", "stpcpy", "sprintf", "vsprintf", "gets", "strtok", "alloca"}
    | {"scanf", "sscanf", "fscanf", "vscanf", "vsscanf", "wcscpy", "wcscat", "atoi", "atol"}
)
_HALF_SAFE = {
    "strncpy": "may leave the string without its end",
    "strncat": "is bounded by what it adds, not by the room that there is",
}
_UNSAFE = frozenset(
    f"{builtin}{name}" for builtin in ("", "__builtin_") for name in _UNBOUNDED | _HALF_SAFE.keys()
)
_ENDING = frozenset({"strlcpy", "strlcat", "snprintf"})
_LENGTHS = frozenset({"strlen", "strnlen", "__builtin_strlen"})
_CLEARING = frozenset({"memset", "bzero", "explicit_bzero", "os_memset"})
_COMPARISONS = frozenset({"<", ">", "<=", ">=", "==", "!="})
_CHARACTERS = re.compile(r"(?:const |unsigned |signed )*char ?\[(\d+)\]")
_THROWS = frozenset({"os_longjmp", "longjmp"})
_SILENCES = re.compile(r"(?:GCC|clang)\s+(?:diagnostic\s+ignored|system_header)")
_UNUSED = frozenset({"unused", "__unused__", "maybe_unused"})
_STATIC = re.compile(r"^(?!.*\binline\b).*\bstatic\b")
_WORD = re.compile(r"[A-Za-z]{2,}")
_MIN_WORDS = 4

_PARSER = re.compile(r"pars|decod|format|print(?!able)|seriali[sz]|rlp|cbor|json|borsh", re.IGNORECASE)
_PARSES = re.compile(r"(?:^|_)(?:pars|deserial|decod|format|serial)(?:e|er|ize|izer)?(?:_|$)", re.IGNORECASE)
_DEVICE_API = re.compile(r"(?:io|ux|nbgl|cx|os|bip32|crypto)_\w+")
_SDK_HEADERS = frozenset(
    {"os.h", "cx.h", "os_io_seproxyhal.h", "os_io.h", "os_io_usb.h", "ux.h", "os_print.h", "os_seed.h"}
)


@rule(
    "src-parsed",
    Severity.ERROR,
    reason="What cannot be read cannot be checked.",
    source="this product: a file that no rule saw is a finding, never silence",
    fix="correct the file, or move what is no C out of it",
)
def src_parsed(candidate: Candidate) -> Iterator[Problem]:
    """Every C file that was compiled could be parsed as it was compiled, and every makefile be read."""
    if not any(path.endswith(".c") for path, _ in app_commands(candidate)):
        yield Problem("the build recorded no command that compiled a C file of the app, so none was checked")
    for unread in (*unread_files(candidate), *read_code(candidate).unread):
        yield Problem(f"the file cannot be read: {unread.reason}", unread.location)
    for makefile in unread_makefiles(candidate):
        yield Problem("the makefile is too long to be read", makefile)
    if not candidate.tree.complete:
        yield Problem("the app has more files than are looked at")


@rule(
    "warn-not-disabled-source",
    Severity.ERROR,
    reason="A warning that is switched off in the source is a warning that was there.",
    source="security requirements, Avoid Warnings during compilation: none is disabled on purpose",
    fix="remove the pragma, and change the code that it hides",
)
def warn_not_disabled_source(candidate: Candidate) -> Iterator[Problem]:
    """Pragmas that silence the compiler, a warning if a comment has a reason; definitions marked unused."""
    for file in c_files(candidate):
        for directive in file.source.directives:
            if directive.name == "pragma" and _SILENCES.match(directive.text.strip()):
                excused = file.vendored or _has_reason(file, directive.line)
                severity = Severity.WARNING if excused else None
                yield Problem(f"#pragma {directive.text.strip():.80}", file.at(directive.line), severity)
        for operator, text in _pragma_operators(file):
            if _SILENCES.search(text):
                place = file.at(operator.line, operator.column)
                yield Problem(f"_Pragma({text:.80})", place, milder(file.path))
        for word in _marked_unused(candidate, file) if not file.vendored else ():
            message = "the definition is marked unused, so nobody hears whether it is"
            fix = "remove what nobody uses; compile what only some builds use in those builds"
            yield Problem(message, file.at(word.line, word.column), Severity.ADVICE, fix)


def _marked_unused(candidate: Candidate, file: CFile) -> Iterator[Word]:
    """Marks of a static function or variable; those of parameters say what everybody sees."""
    marks = [word for word in file.source.words if word.text in _UNUSED]
    lines = (candidate.tree.read(file.path) or "").split("\n") if marks else []
    for word in marks:
        line = lines[word.line - 1] if word.line <= len(lines) else ""
        before = line[: word.column - 1]
        opened = before.count("(") - before.count(")")
        if _STATIC.search(line) and opened == (0 if before.endswith("[[") else 2):
            yield word


def _pragma_operators(file: CFile) -> Iterator[tuple[Word, str]]:
    for word, behind in itertools.pairwise(file.source.words):
        if word.text == "_Pragma":
            yield word, behind.text


def _has_reason(file: CFile, line: int) -> bool:
    """Whether a comment on the line, or one that ends right above, has a few words."""
    said = [c for c in file.source.comments if _last_line(c) in (line, line - 1)]
    return any(len(_WORD.findall(comment.text)) >= _MIN_WORDS for comment in said)


def _last_line(comment: Comment) -> int:
    return comment.line + comment.text.count("\n")


@rule(
    "analyzer-not-evaded",
    Severity.ERROR,
    reason="Code that the analyzer does not see is the code that needs it.",
    source="SDK v25.13.0, Makefile.rules_generic: scan-build, RUN_SCAN; Clang: __clang_analyzer__",
    fix="let the analyzer see what is compiled",
)
def analyzer_not_evaded(candidate: Candidate) -> Iterator[Problem]:
    """Sources and makefiles that ask whether they are analysed."""
    for file in c_files(candidate):
        for word in file.source.words:
            if word.text in ("__clang_analyzer__", "__CODEQL__", "__COVERITY__"):
                place = file.at(word.line, word.column)
                yield Problem(f"code depends on {word.text}", place, milder(file.path))
            elif word.text == "analyzer_noreturn":
                place = file.at(word.line, word.column)
                yield Problem("the analyzer is told that a call does not return", place, milder(file.path))
            elif word.text == "suppress":
                yield Problem("a finding is suppressed in the source", file.at(word.line), Severity.WARNING)
    for line in lines(candidate):
        if re.search(r"\bRUN_SCAN\b", line.code):
            yield Problem("the makefile depends on RUN_SCAN", line.location)


@rule(
    "src-unsafe-string",
    Severity.ERROR,
    reason="A string function without a bound writes where a host tells it to.",
    source="security requirements, Static Code Analysis: unsafe string functions",
    fix="use strlcpy, snprintf with sizeof, or memcpy behind a check of the length",
)
def src_unsafe_string(candidate: Candidate) -> Iterator[Problem]:
    """Calls of functions without a bound; those whose bound is not that of the target are advice."""
    code = read_code(candidate)
    unsafe = _UNSAFE - code.by_name.keys()
    for function in code.functions:
        for call in calls(function, unsafe):
            name = call.text.removeprefix("__builtin_")
            place = Location(function.path, call.line, call.column)
            if name in _UNBOUNDED:
                severity = Severity.ADVICE if _fits(call) else milder(function.path)
                yield Problem(f"{name} has no bound", place, severity)
            elif name != "strncpy" or not (_is_whole(call) or _is_ended(function, call)):
                yield Problem(f"{name} {_HALF_SAFE[name]}", place, Severity.ADVICE)


def _is_whole(call: Expression) -> bool:
    """Whether a literal and its end fit into a bound that the compiler knows."""
    if len(call.parts) != 3 or call.parts[1].kind != "string":
        return False
    bound = constant(call.parts[2])
    # The text has its quotes and escapes: it is never shorter than what it stands for.
    return bound is not None and len(call.parts[1].text) - 2 < bound


def _fits(call: Expression) -> bool:
    """Whether strcpy copies a literal into an array that is known to have the room."""
    if call.text.removeprefix("__builtin_") != "strcpy" or len(call.parts) != 2:
        return False
    target, text = call.parts
    size = _array_size(target)
    return text.kind == "string" and size is not None and len(text.text) - 2 < size


def _array_size(expression: Expression) -> int | None:
    """Elements of an array of characters; None for what is none."""
    match = _CHARACTERS.fullmatch(expression.type)
    return int(match[1]) if match else None


def _is_ended(function: Function, call: Expression) -> bool:
    """Whether the function itself sees to the end of what strncpy copied, or to the room."""
    if len(call.parts) != 3:
        return False
    into, source, bound = variable_of(call.parts[0]), variable_of(call.parts[1]), call.parts[2]
    whole = list(expressions(function.body))
    here = next(n for n, e in enumerate(whole) if any(part is call for part in e.walk()))
    before = [part for e in whole[:here] for part in e.walk()]
    behind = [part for e in whole[here + 1 :] for part in e.walk()]
    assigned = [e.parts for e in before if e.kind == "assign"]
    lengths = {variable_of(target) for target, value in assigned if _measures(value, source)} - {""}
    measured = [e for e in before if e.kind == "binary" and e.text in _COMPARISONS]
    size, amount = _array_size(call.parts[1]), constant(bound)
    return (
        any(_puts_end(part, into) for part in behind)
        or any(p.text in _ENDING and p.parts and variable_of(p.parts[0]) == into for p in behind)
        or (size is not None and amount is not None and amount >= size)
        or any(
            _measures(part, source) or variable_of(part) in lengths
            for expression in (bound, *measured)
            for part in expression.walk()
        )
        or (_leaves_one(bound) and any(_clears(part, into) for part in before))
    )


def _measures(expression: Expression, variable: str) -> bool:
    """Whether an expression is the length of the string in a variable."""
    if expression.kind != "call" or expression.text not in _LENGTHS or not expression.parts:
        return False
    return bool(variable) and variable_of(expression.parts[0]) == variable


def _puts_end(expression: Expression, variable: str) -> bool:
    """Whether an expression makes or compares an element of an array 0."""
    if expression.kind != "assign" and not (expression.kind == "binary" and expression.text in _COMPARISONS):
        return False
    target, value = expression.parts
    return target.kind == "index" and variable_of(target) == variable and constant(value) == 0


def _leaves_one(bound: Expression) -> bool:
    return bound.kind == "binary" and bound.text == "-" and bound.parts[0].kind == "sizeof"


def _clears(expression: Expression, variable: str) -> bool:
    """Whether a call fills an array, or the record that it is in, with zeros."""
    if expression.kind != "call" or expression.text not in _CLEARING or not expression.parts:
        return False
    cleared = variable_of(expression.parts[0])
    return bool(cleared) and (variable == cleared or variable.startswith((f"{cleared}.", f"{cleared}->")))


@rule(
    "src-no-throw-crypto",
    Severity.ERROR,
    reason="An exception in the middle of cryptography skips the code that wipes the key.",
    source="security requirements, Avoid Exceptions for Cryptographic Code",
    fix="call the function that returns an error, and check what it returns",
)
def src_no_throw_crypto(candidate: Candidate) -> Iterator[Problem]:
    """Calls of functions that throw although there is one that does not."""
    code = read_code(candidate)
    throwing = throwing_calls().keys() - code.by_name.keys()
    for function in code.functions:
        for call in calls(function, throwing):
            place = Location(function.path, call.line, call.column)
            fix = f"call {throwing_calls()[call.text]}, and check its result"
            yield Problem(f"{call.text} throws", place, milder(function.path), fix)


def _is_device(functions: list[Function]) -> bool:
    """Whether these functions do input, output or cryptography."""
    return any(_DEVICE_API.fullmatch(name) for function in functions for name in function.called)


@rule(
    "src-parser-portable",
    Severity.WARNING,
    reason="A parser that compiles on the PC can be tested and fuzzed there.",
    source="security requirements, Good Practices for Transaction Handling: no SDK headers in parsers",
    fix="include only portable headers; pass what the parser needs as arguments",
)
def src_parser_portable(candidate: Candidate) -> Iterator[Problem]:
    """Headers of the device in files that parse or print."""
    code = read_code(candidate)
    for file in c_files(candidate):
        inside = [f for f in code.functions if f.path == file.path]
        if file.vendored or not _PARSER.search(file.name) or _is_device(inside):
            continue
        for directive in file.source.directives:
            if directive.included in _SDK_HEADERS:
                yield Problem(f"a parser includes {directive.included}", file.at(directive.line))


@rule(
    "src-parser-no-exceptions",
    Severity.ERROR,
    reason="Analyzers and fuzzers do not follow the SDK's exceptions, and people rarely do.",
    source="security requirements, Good Practices: do not throw exceptions in parser code",
    fix="return an error",
)
def src_parser_no_exceptions(candidate: Candidate) -> Iterator[Problem]:
    """Exceptions of the SDK in files and functions that are called like parsers, and in what those call."""
    code = read_code(candidate)
    parsers = [
        function
        for function in code.functions
        if _PARSER.search(function.path.rsplit("/", 1)[-1]) or _PARSES.search(function.name)
    ]
    reached = reachable(code.by_name, [f.name for f in parsers if not _is_device([f])])
    inside = {id(function) for function in parsers}
    for function in code.functions:
        if id(function) not in inside and function.name not in reached:
            continue
        behind = "" if id(function) in inside else f", which {reached[function.name]} reaches,"
        for place, what in _exceptions(function):
            yield Problem(f"{function.name}{behind} uses {what}", place, milder(function.path))


def _exceptions(function: Function) -> Iterator[tuple[Location, str]]:
    """Where a function throws or catches."""
    for line in function.names.tries:
        yield Location(function.path, line), "TRY"
    for call in calls(function, _THROWS):
        yield Location(function.path, call.line, call.column), "THROW"


@rule(
    "src-pic",
    Severity.WARNING,
    reason="A constant holds the address that the linker chose; the app was loaded somewhere else.",
    source="SDK v25.13.0, Makefile.defines: -fropi; os_pic.h",
    fix="call it as ((type) PIC(table[i].function))(…)",
)
def src_pic(candidate: Candidate) -> Iterator[Problem]:
    """Calls through constant tables of functions, whose address did not go through PIC()."""
    code = read_code(candidate)
    tables = {
        name for name, table in code.tables.items() if table.functions and "const" in table.type.split()
    }
    for function in code.functions:
        if not any(f'"{name}"' in function.text for name in tables):
            continue
        found = [e for whole in expressions(function.body) for e in whole.walk()]
        # A pointer into a table is as good as the table.
        holders = {
            e.parts[0].text: table
            for e in found
            if e.kind == "assign" and e.parts[0].kind == "name" and (table := _base(e.parts[1])) in tables
        }
        for call in found:
            base = _base(call.parts[0]) if call.kind == "indirect" and call.parts and not call.text else ""
            table = holders.get(base, base)
            if table in tables:
                place = Location(function.path, call.line, call.column)
                yield Problem(f"an address in {table} is called without PIC()", place, milder(function.path))


def _base(expression: Expression) -> str:
    """The variable from which fields, elements and pointees lead to an expression; empty if none does."""
    while expression.kind in ("member", "pointee", "index", "unary") and expression.parts:
        expression = expression.parts[0]
    return expression.text if expression.kind in ("name", "global") else ""
