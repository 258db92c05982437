"""Keys: made, used, wiped, and never stored, sent or used without being asked."""

import dataclasses
import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from toolchain.verify.c.approval import unasked
from toolchain.verify.c.flow import Knowledge, Leak, leaks, variable_of, with_own_functions
from toolchain.verify.c.functions import Call, Function, calls, split
from toolchain.verify.c.lexer import Directive
from toolchain.verify.c.statements import expressions, statements
from toolchain.verify.code import CFile, Code, read_code
from toolchain.verify.data import key_outputs, throwing_calls
from toolchain.verify.model import Candidate, Problem, Severity, rule

_WIPES = {"explicit_bzero": 0, "explicit_memset": 0, "mbedtls_platform_zeroize": 0, "OPENSSL_cleanse": 0}
_EXITS = {"CX_CHECK": "end", "CX_CHECK_IGNORE_INT_OVERFLOW": "end"}
"""SDK v25.13.0, lib_cxng/include: these run ``goto end`` on an error."""

_MAY_BE_DROPPED = frozenset({"memset", "bzero", "os_memset"})
_STORES = {"nvm_write": 1, "app_storage_write": 0}
_SENDS = re.compile(r"io_send_\w+|io_exchange\w*")
_COPIES = {"memcpy": 1, "memmove": 1, "os_memmove": 1, "os_memcpy": 1, "strlcpy": 1}
_OUTGOING = re.compile(r"G_io_\w*buffer|G_io_tx\w*")
_SIGNS = re.compile(r"cx_(?:ecdsa|eddsa|ecschnorr)_sign\w*|bip32_derive_\w*sign\w*|cx_rsa_sign\w*")
_SHOWS = re.compile(
    r"nbgl_useCase\w+|nbgl_layoutGet|nbgl_pageDraw\w+|ux_flow_init|UX_DISPLAY|ux_menulist_init\w*"
)
_ROOTS = frozenset(
    {"app_main", "main", "coin_main", "sample_main", "apdu_dispatcher", "handleApdu", "handle_apdu"}
    | {"dispatch_apdu", "apdu_dispatch", "app_dispatch"}
)
_DERIVES = re.compile(r"os_derive_\w+|os_perso_derive_\w+|bip32_derive_\w+|sys_hdkey_derive")
_MUST_CHECK = re.compile(r"cx_(?!rng_)\w+_no_throw|os_derive_\w+_no_throw|bip32_derive_\w+")


@dataclass(frozen=True, eq=False)
class _Crypto:
    """The app's functions by name, each with its file, and what calls do to keys."""

    functions: Mapping[str, Function]
    files: Mapping[str, CFile]
    knowledge: Knowledge
    derives: frozenset[str]


def _crypto(candidate: Candidate) -> _Crypto:
    return _learn(read_code(candidate))


@functools.lru_cache(maxsize=4)
def _learn(code: Code) -> _Crypto:
    functions = {f.name: f for file in code.files for f in file.functions}
    files = {f.name: file for file in code.files for f in file.functions}
    exits, wipes = dict(_EXITS), dict(_WIPES)
    for file in code.files:
        for directive in file.source.directives:
            if directive.name == "define" and len(directive.tokens) > 2 and directive.tokens[1].text == "(":
                _learn_macro(directive, exits, wipes)
    known = Knowledge(key_outputs(), wipes, frozenset(throwing_calls()), exits, frozenset())
    seeds = {name: index for name, index in key_outputs().items() if _DERIVES.fullmatch(name)}
    from_seed = with_own_functions(functions, dataclasses.replace(known, makes=seeds))
    return _Crypto(functions, files, with_own_functions(functions, known), frozenset(from_seed.makes))


def _learn_macro(directive: Directive, exits: dict[str, str], wipes: dict[str, int]) -> None:
    """A macro that leaves its function, or that wipes one of its parameters."""
    name, tokens = directive.tokens[0].text, directive.tokens[2:]
    end = next((n for n, token in enumerate(tokens) if token.text == ")"), len(tokens))
    parameters = [part[-1].text for part in split(tokens[:end])]
    body = tokens[end + 1 :]
    for index, token in enumerate(body):
        behind = body[index + 1 :]
        if token.text == "return":
            exits.setdefault(name, "")
        elif token.text == "goto" and behind:
            exits.setdefault(name, behind[0].text)
        elif token.text in _WIPES:
            wiped = [parameters.index(t.text) for t in behind if t.text in parameters]
            if wiped:
                wipes.setdefault(name, wiped[0])


def _leaks(candidate: Candidate) -> Iterator[tuple[CFile, Function, Leak, bool]]:
    """Each leak, with whether anything in the function wipes that variable."""
    crypto = _crypto(candidate)
    for name, function in crypto.functions.items():
        for leak in leaks(function, crypto.knowledge):
            wiped = any(
                _wipes(call, leak.key.variable, crypto.knowledge.wipes) for call in calls(function.body)
            )
            yield crypto.files[name], function, leak, wiped


def _wipes(call: Call, variable: str, wipes: Mapping[str, int]) -> bool:
    index = wipes.get(call.name.text)
    return (
        index is not None and index < len(call.arguments) and variable_of(call.arguments[index]) == variable
    )


def _severity(file: CFile) -> Severity | None:
    return Severity.WARNING if file.vendored else None


@rule(
    "src-key-wiped",
    Severity.ERROR,
    reason="A key that stays on the stack is found by whoever can read it later.",
    source="security requirements, Private Key Management",
    fix="call explicit_bzero on the whole variable before the function returns",
)
def src_key_wiped(candidate: Candidate) -> Iterator[Problem]:
    """Variables that get key material and are wiped nowhere in their function."""
    for file, function, leak, wiped in _leaks(candidate):
        if wiped:
            continue
        memset = any(
            call.name.text in _MAY_BE_DROPPED
            and call.arguments
            and variable_of(call.arguments[0]) == leak.key.variable
            for call in calls(function.body)
        )
        how = "cleared by memset only, which the compiler may drop" if memset else "never wiped"
        place = file.at(leak.key.made.line, leak.key.made.column)
        yield Problem(f"{leak.key.variable} in {function.name} is {how}", place, _severity(file))


@rule(
    "src-key-wiped-all-paths",
    Severity.ERROR,
    reason="The way out on an error is the one that an attacker takes.",
    source="security requirements, Private Key Management: clear in FINALLY",
    fix="leave through one label in front of explicit_bzero, or wipe before this exit as well",
)
def src_key_wiped_all_paths(candidate: Candidate) -> Iterator[Problem]:
    """Ways out of a function on which a key that it wipes elsewhere is not wiped."""
    for file, function, leak, wiped in _leaks(candidate):
        if wiped:
            yield Problem(
                f"{function.name} leaves {leak.way} with a key in {leak.key.variable}, "
                f"made by {leak.key.made.text}",
                file.at(leak.line),
                _severity(file),
            )


@rule(
    "src-error-checked",
    Severity.ERROR,
    reason="A key or signature that a failed call did not make is used as if it had.",
    source="security requirements, Avoid Exceptions for Cryptographic Code; SDK headers, WARN_UNUSED_RESULT",
    fix="check the result, for example with CX_CHECK",
)
def src_error_checked(candidate: Candidate) -> Iterator[Problem]:
    """Calls of cryptographic functions whose result nobody takes, or that is cast to void."""
    crypto = _crypto(candidate)
    for name, function in crypto.functions.items():
        for expression in expressions(statements(function.body)):
            tokens = expression.tokens
            cast = [t.text for t in tokens[:3]] == ["(", "void", ")"]
            called = tokens[3:4] if cast else tokens[:1]
            if called and _MUST_CHECK.fullmatch(called[0].text) and called[0].text not in crypto.functions:
                file = crypto.files[name]
                place = file.at(called[0].line, called[0].column)
                yield Problem(f"the result of {called[0].text} is thrown away", place, _severity(file))


def _secrets(crypto: _Crypto, function: Function) -> frozenset[str]:
    """Variables of a function that a call derives from the seed, or makes out of such a variable."""
    found: set[str] = set()
    for call in calls(function.body):
        index = crypto.knowledge.makes.get(call.name.text)
        if index is None or index >= len(call.arguments):
            continue
        others = [variable_of(a) for n, a in enumerate(call.arguments) if n != index]
        if call.name.text in crypto.derives or any(_is_secret(other, frozenset(found)) for other in others):
            found.add(variable_of(call.arguments[index]))
    return frozenset(found - {""})


def _is_secret(argument: str, secrets: frozenset[str]) -> bool:
    return any(argument == s or argument.startswith((f"{s}.", f"{s}->")) for s in secrets)


@rule(
    "src-no-secret-nvram",
    Severity.ERROR,
    reason="What is stored outlives the session; the seed makes it again whenever it is needed.",
    source="security requirements, Never store or export secrets derived from seed",
    fix="derive the key when it is needed, and wipe it",
)
def src_no_secret_nvram(candidate: Candidate) -> Iterator[Problem]:
    """Key material that is written to flash in the function that made it."""
    crypto = _crypto(candidate)
    for name, function in crypto.functions.items():
        secrets = _secrets(crypto, function)
        for call in calls(function.body) if secrets else ():
            index = _STORES.get(call.name.text)
            if index is not None and index < len(call.arguments):
                stored = variable_of(call.arguments[index])
                if _is_secret(stored, secrets):
                    file = crypto.files[name]
                    place = file.at(call.name.line, call.name.column)
                    yield Problem(f"{function.name} stores the key in {stored}", place)


@rule(
    "src-no-secret-export",
    Severity.ERROR,
    reason="A key that leaves the device protects nothing.",
    source="security requirements, Never store or export secrets derived from seed",
    fix="send signatures and public keys only",
)
def src_no_secret_export(candidate: Candidate) -> Iterator[Problem]:
    """Key material that is copied to the outgoing buffer, or sent, in the function that made it."""
    crypto = _crypto(candidate)
    for name, function in crypto.functions.items():
        secrets = _secrets(crypto, function)
        for call in calls(function.body) if secrets else ():
            for sent in _sent(call):
                if _is_secret(sent, secrets):
                    file = crypto.files[name]
                    place = file.at(call.name.line, call.name.column)
                    yield Problem(f"{function.name} sends the key in {sent}", place)


def _sent(call: Call) -> Iterator[str]:
    """Variables that a call sends or puts into the outgoing buffer."""
    if _SENDS.fullmatch(call.name.text):
        yield from (variable_of(argument) for argument in call.arguments)
    source = _COPIES.get(call.name.text)
    if source is not None and source < len(call.arguments):
        target = variable_of(call.arguments[0])
        if _OUTGOING.match(target):
            yield variable_of(call.arguments[source])


@rule(
    "src-user-approval",
    Severity.WARNING,
    reason="A device that signs without asking signs whatever malware sends.",
    source="security requirements, Signing/disclosing keys without user approval",
    fix="sign in the callback of the review, after the user agreed",
)
def src_user_approval(candidate: Candidate) -> Iterator[Problem]:
    """Signatures that the dispatcher reaches by calls alone, without a screen on the way."""
    crypto = _crypto(candidate)
    called = {call.name.text for f in crypto.functions.values() for call in calls(f.body)}
    shows = frozenset(name for name in called if _SHOWS.fullmatch(name))
    signs = frozenset(name for name in called if _SIGNS.fullmatch(name)) - crypto.functions.keys()
    for hit in unasked(crypto.functions, _ROOTS, shows, signs):
        place = crypto.files[hit.function].at(hit.sign.line, hit.sign.column)
        yield Problem(f"{hit.sign.text} is reached without a question: {' → '.join(hit.way)}", place)
