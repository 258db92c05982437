"""Sources: nothing silenced, nothing hidden, nothing unbounded."""

import itertools
import re
from collections.abc import Iterator

from toolchain.verify.c.functions import calls
from toolchain.verify.c.lexer import Comment, Directive, Token
from toolchain.verify.code import CFile, c_files, read_code
from toolchain.verify.data import throwing_calls
from toolchain.verify.makefile import lines
from toolchain.verify.model import Candidate, Problem, Severity, rule

_UNBOUNDED = frozenset(
    {"strcpy", "strcat", "stpcpy", "sprintf", "vsprintf", "gets", "strtok", "alloca"}
    | {"scanf", "sscanf", "fscanf", "vscanf", "vsscanf", "wcscpy", "wcscat", "atoi", "atol"}
)
_UNTERMINATED = frozenset({"strncpy", "strncat"})
_SILENCES = re.compile(r"(?:GCC|clang)\s+(?:diagnostic\s+ignored|system_header)")
_WORD = re.compile(r"[A-Za-z]{2,}")
_MIN_WORDS = 4

_PARSER = re.compile(r"pars|deserial|decod|format|print|serial|rlp|cbor|json|borsh", re.IGNORECASE)
_PARSES = re.compile(r"(?:^|_)(?:pars|deserial|decod|format|serial)(?:e|er|ize|izer)?(?:_|$)", re.IGNORECASE)
_DEVICE_API = re.compile(r"(?:io|ux|nbgl|cx|os|bip32|crypto)_\w+")
_SDK_HEADERS = frozenset(
    {"os.h", "cx.h", "os_io_seproxyhal.h", "os_io.h", "os_io_usb.h", "ux.h", "os_print.h", "os_seed.h"}
)
_EXCEPTIONS = frozenset(
    {"THROW", "THROW_L", "TRY", "TRY_L", "BEGIN_TRY", "BEGIN_TRY_L", "CATCH", "CATCH_L", "CATCH_OTHER"}
    | {"CATCH_OTHER_L", "CATCH_ALL", "CATCH_ALL_L", "FINALLY", "FINALLY_L", "CLOSE_TRY", "os_longjmp"}
)


def _milder(file: CFile) -> Severity | None:
    return Severity.WARNING if file.vendored else None


@rule(
    "src-parsed",
    Severity.ERROR,
    reason="What cannot be read cannot be checked.",
    source="this product: a file that no rule saw is a finding, never silence",
    fix="correct the file, or move what is no C out of it",
)
def src_parsed(candidate: Candidate) -> Iterator[Problem]:
    """Every C file of the app could be split into functions."""
    for unread in read_code(candidate).unread:
        yield Problem(f"the file cannot be read: {unread.reason}", unread.location)
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
    """Pragmas that silence the compiler; a reason in a comment beside one makes it a warning."""
    for file in c_files(candidate):
        for directive in file.source.directives:
            if directive.name == "pragma" and _SILENCES.match(directive.text):
                excused = file.vendored or _has_reason(file, directive.line)
                severity = Severity.WARNING if excused else None
                yield Problem(f"#pragma {directive.text:.80}", file.at(directive.line), severity)
        for operator, text in _pragma_operators(file):
            if _SILENCES.search(text):
                place = file.at(operator.line, operator.column)
                yield Problem(f"_Pragma({text:.80})", place, _milder(file))


def _pragma_operators(file: CFile) -> Iterator[tuple[Token, str]]:
    tokens = list(file.source.every_token())
    for index, token in enumerate(tokens):
        if token.text == "_Pragma":
            yield token, " ".join(t.text for t in tokens[index + 2 : index + 8] if t.kind == "string")


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
        for token in file.source.every_token():
            if token.text in ("__clang_analyzer__", "__CODEQL__", "__COVERITY__"):
                place = file.at(token.line, token.column)
                yield Problem(f"code depends on {token.text}", place, _milder(file))
            elif token.text == "suppress" and token.kind == "name":
                yield Problem("a finding is suppressed in the source", file.at(token.line), Severity.WARNING)
    for line in lines(candidate):
        if re.search(r"\bRUN_SCAN\b", line.code):
            yield Problem("the makefile depends on RUN_SCAN", line.location)


def _called(file: CFile) -> Iterator[Token]:
    """Names that a function's body, or a macro's, calls."""
    for function in file.functions:
        for call in calls(function.body):
            yield call.name
    for directive in file.source.directives:
        if directive.name == "define":
            yield from _in_macro(directive)


def _in_macro(directive: Directive) -> Iterator[Token]:
    body = directive.tokens[1:]
    for name, mark in itertools.pairwise(body):
        if name.kind == "name" and mark.text == "(":
            yield name


@rule(
    "src-unsafe-string",
    Severity.ERROR,
    reason="A string function without a bound writes where a host tells it to.",
    source="security requirements, Static Code Analysis: unsafe string functions",
    fix="use strlcpy, snprintf with sizeof, or memcpy behind a check of the length",
)
def src_unsafe_string(candidate: Candidate) -> Iterator[Problem]:
    """Calls of functions without a bound; those that may not terminate the string are advice."""
    for file in c_files(candidate):
        own = {function.name for function in file.functions}
        for name in _called(file):
            if name.text in _UNBOUNDED - own:
                yield Problem(f"{name.text} has no bound", file.at(name.line, name.column), _milder(file))
            elif name.text in _UNTERMINATED - own:
                place = file.at(name.line, name.column)
                yield Problem(f"{name.text} may leave the string without its end", place, Severity.ADVICE)


@rule(
    "src-no-throw-crypto",
    Severity.ERROR,
    reason="An exception in the middle of cryptography skips the code that wipes the key.",
    source="security requirements, Avoid Exceptions for Cryptographic Code",
    fix="call the function that returns an error, and check what it returns",
)
def src_no_throw_crypto(candidate: Candidate) -> Iterator[Problem]:
    """Calls of functions that throw although there is one that does not."""
    for file in c_files(candidate):
        own = {function.name for function in file.functions}
        for name in _called(file):
            if name.text in own:
                continue
            if instead := throwing_calls().get(name.text):
                place = file.at(name.line, name.column)
                yield Problem(
                    f"{name.text} throws", place, _milder(file), f"call {instead}, and check its result"
                )


def _is_parser(file: CFile) -> bool:
    """A file that is called like a parser or printer, and does neither input, output nor cryptography."""
    name = file.path.rsplit("/", 1)[-1]
    return bool(_PARSER.search(name)) and not any(
        _DEVICE_API.fullmatch(call.name.text) for f in file.functions for call in calls(f.body)
    )


@rule(
    "src-parser-portable",
    Severity.WARNING,
    reason="A parser that compiles on the PC can be tested and fuzzed there.",
    source="security requirements, Good Practices for Transaction Handling: no SDK headers in parsers",
    fix="include only portable headers; pass what the parser needs as arguments",
)
def src_parser_portable(candidate: Candidate) -> Iterator[Problem]:
    """Headers of the device in files that parse or print."""
    for file in c_files(candidate):
        if file.vendored or not _is_parser(file):
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
    """Exceptions of the SDK in files that are called like parsers or printers, and in such functions."""
    for file in c_files(candidate):
        named = _PARSER.search(file.path.rsplit("/", 1)[-1])
        for function in file.functions:
            if not named and not _PARSES.search(function.name):
                continue
            for token in function.body:
                if token.kind == "name" and token.text in _EXCEPTIONS:
                    place = file.at(token.line, token.column)
                    yield Problem(f"{function.name} uses {token.text}", place, _milder(file))
