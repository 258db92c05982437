"""Keys: made, used, wiped, and never stored, sent or used without being asked."""

import dataclasses
import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from toolchain.verify.c.approval import DISPATCHERS, SIGNS, calls_of, unasked
from toolchain.verify.c.flow import Knowledge, Leak, argument, leaks, variable_of, with_own_functions
from toolchain.verify.c.tree import (
    Expression,
    Function,
    If,
    Jump,
    Loop,
    Switch,
    calls,
    expressions,
    statements,
)
from toolchain.verify.code import Code, milder, read_code
from toolchain.verify.data import key_outputs, throwing_calls
from toolchain.verify.model import Candidate, Location, Problem, Severity, Step, rule

_WIPES = {"explicit_bzero": 0, "explicit_memset": 0, "mbedtls_platform_zeroize": 0, "OPENSSL_cleanse": 0}
_MAY_BE_DROPPED = frozenset({"memset", "bzero", "os_memset", "__aeabi_memclr", "__builtin_memset"})
_STORES = {"nvm_write": 1, "app_storage_write": 0}
_SENDS = re.compile(r"io_send_\w+|io_exchange\w*")
_COPIES = {"memcpy": 1, "memmove": 1, "os_memmove": 1, "os_memcpy": 1, "strlcpy": 1}
_COMPARES = frozenset({"memcmp", "os_memcmp", "bcmp"})
_OUTGOING = re.compile(r"G_io_\w*buffer|G_io_tx\w*")
_SHOWS = re.compile(
    r"nbgl_useCase\w+|nbgl_layoutGet|nbgl_pageDraw\w+|ux_flow_init|ux_menulist_init\w*|ux_stack_display"
)
_ROOTS = DISPATCHERS | {"app_main", "main", "coin_main", "sample_main"}
_DERIVES = re.compile(r"os_derive_\w+|os_perso_derive_\w+|bip32_derive_\w+|sys_hdkey_derive")
_MUST_CHECK = re.compile(r"cx_(?!rng_)\w+_no_throw|os_derive_\w+_no_throw|bip32_derive_\w+")
_INCOMING = re.compile(r"G_io_apdu_buffer|\w*(?:cdata|apdu|cmd)(?:->|\.)(?:data|ptr|cdata)\b.*")
_SECRET_FIELD = re.compile(
    r"(?:\w*_)?(?:priv(?:ate)?(?:_?keys?)?|secret(?:_?keys?)?|seed|mnemonic|entropy)", re.IGNORECASE
)
_MAC = re.compile(r"(?:.*_)?(?:h?mac|tag|auth\w*|digest_mac)(?:_.*)?", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class _Crypto:
    """The app's code, and what calls do to keys. ``derives`` are those that derive from the seed."""

    code: Code
    knowledge: Knowledge
    derives: frozenset[str]


def _crypto(candidate: Candidate) -> _Crypto:
    return _learn(read_code(candidate))


@functools.lru_cache(maxsize=4)
def _learn(code: Code) -> _Crypto:
    known = Knowledge(key_outputs(), _WIPES, frozenset(throwing_calls()))
    seeds = {name: index for name, index in key_outputs().items() if _DERIVES.fullmatch(name)}
    from_seed = with_own_functions(code.functions, dataclasses.replace(known, makes=seeds))
    return _Crypto(code, with_own_functions(code.functions, known), frozenset(from_seed.makes))


@functools.lru_cache(maxsize=4)
def _leaks(crypto: _Crypto) -> tuple[tuple[Function, Leak, bool], ...]:
    """Each leak, with whether anything in the function wipes that variable."""
    makes, wipes = crypto.knowledge.makes, crypto.knowledge.wipes
    return tuple(
        (function, leak, _is_wiped(leak.key.variable, function, wipes))
        for function in crypto.code.functions
        if not function.called.isdisjoint(makes)
        for leak in leaks(function, crypto.knowledge)
    )


def _is_wiped(variable: str, function: Function, wipes: Mapping[str, int]) -> bool:
    return any(argument(call, wipes[call.text]) == variable for call in calls(function, wipes))


def _at(function: Function, place: Expression) -> Location:
    return Location(function.path, place.line, place.column)


@rule(
    "src-key-wiped",
    Severity.ERROR,
    reason="A key that stays on the stack is found by whoever can read it later.",
    source="security requirements, Private Key Management",
    fix="call explicit_bzero on the whole variable before the function returns",
)
def src_key_wiped(candidate: Candidate) -> Iterator[Problem]:
    """Variables that get key material and are wiped nowhere in their function."""
    for function, leak, wiped in _leaks(_crypto(candidate)):
        if wiped:
            continue
        dropped = calls(function, _MAY_BE_DROPPED)
        memset = any(argument(call, 0) == leak.key.variable for call in dropped)
        how = "cleared by memset only, which the compiler may drop" if memset else "never wiped"
        message = f"{leak.key.variable} in {function.name} is {how}"
        yield Problem(message, _at(function, leak.key.made), milder(function.path))


@rule(
    "src-key-wiped-all-paths",
    Severity.ERROR,
    reason="The way out on an error is the one that an attacker takes.",
    source="security requirements, Private Key Management: clear in FINALLY",
    fix="leave through one label in front of explicit_bzero, or wipe before this exit as well",
)
def src_key_wiped_all_paths(candidate: Candidate) -> Iterator[Problem]:
    """Ways out of a function on which a key that it wipes elsewhere is not wiped."""
    for function, leak, wiped in _leaks(_crypto(candidate)):
        if wiped:
            made = leak.key.made
            yield Problem(
                f"{function.name} leaves {leak.way} with a key in {leak.key.variable}, made by {made.text}",
                Location(function.path, leak.line),
                milder(function.path),
                trace=(
                    Step(f"{made.text} makes the key in {leak.key.variable}", _at(function, made)),
                    *(Step(what, Location(function.path, line)) for line, what in leak.trail),
                    Step(f"{function.name} leaves {leak.way}", Location(function.path, leak.line)),
                ),
            )


@rule(
    "src-sizeof-wipe",
    Severity.WARNING,
    reason="A wipe that covers four bytes of a key leaves the rest.",
    source="security requirements, Private Key Management: always clear the memory",
    fix="pass the size of what is wiped, not that of a pointer to it",
)
def src_sizeof_wipe(candidate: Candidate) -> Iterator[Problem]:
    """Wipes whose length is the size of a pointer, or less than the array that they wipe."""
    for function in read_code(candidate).functions:
        sizes = {v.name: v.size for v in function.variables if v.type.endswith("]")}
        for call in calls(function, _WIPES):
            if len(call.parts) < 2:
                continue
            target, length = call.parts[0], call.parts[-1]
            if length.kind == "sizeof" and length.type.endswith("*") and length.parts:
                message = f"{call.text} wipes only the size of the pointer {variable_of(length.parts[0])}"
                yield Problem(message, _at(function, call), milder(function.path))
            elif length.kind in ("number", "sizeof") and target.kind == "name" and target.text in sizes:
                wiped = int(length.text)
                if wiped < sizes[target.text]:
                    message = f"{call.text} wipes {wiped} of the {sizes[target.text]} bytes of {target.text}"
                    yield Problem(message, _at(function, call), milder(function.path))


@rule(
    "src-error-checked",
    Severity.ERROR,
    reason="A key or signature that a failed call did not make is used as if it had.",
    source="security requirements, Avoid Exceptions for Cryptographic Code; SDK headers, WARN_UNUSED_RESULT",
    fix="check the result, for example with CX_CHECK",
)
def src_error_checked(candidate: Candidate) -> Iterator[Problem]:
    """Calls of cryptographic functions whose result nobody takes, or that is cast to void."""
    code = read_code(candidate)
    asked = {name for name in calls_of(code.functions) if _MUST_CHECK.fullmatch(name)} - code.by_name.keys()
    for function in code.functions:
        for expression in expressions(function.body) if function.called & asked else ():
            called = expression.parts[0] if expression.kind == "void" else expression
            if called.kind == "call" and called.text in asked and not _is_taken(function, called):
                message = f"the result of {called.text} is thrown away"
                yield Problem(message, _at(function, called), milder(function.path))


def _is_taken(function: Function, call: Expression) -> bool:
    """Whether the call is the value of a return or the condition of a branch."""
    return any(
        (isinstance(s, Jump) and s.value is call)
        or (isinstance(s, If | Loop) and s.condition is call)
        or (isinstance(s, Switch) and s.head is call)
        for s in statements(function.body)
    )


def _secrets(crypto: _Crypto, function: Function) -> frozenset[str]:
    """Variables of a function that a call derives from the seed, or makes out of such a variable."""
    makes = crypto.knowledge.makes
    found: set[str] = set()
    for call in calls(function, makes):
        index = makes[call.text]
        if index >= len(call.parts):
            continue
        others = [variable_of(a) for n, a in enumerate(call.parts) if n != index]
        if call.text in crypto.derives or any(_is_secret(other, frozenset(found)) for other in others):
            found.add(variable_of(call.parts[index]))
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
    """Key material that is written to flash in the function that made it, and fields there named like it."""
    crypto = _crypto(candidate)
    for function in crypto.code.functions:
        secrets = _secrets(crypto, function)
        for call in calls(function, _STORES) if secrets else ():
            stored = argument(call, _STORES[call.text])
            if _is_secret(stored, secrets):
                yield Problem(f"{function.name} stores the key in {stored}", _at(function, call))
    for table in crypto.code.tables.values():
        for name, _ in table.fields if table.name.startswith("N_") else ():
            if _SECRET_FIELD.fullmatch(name):
                message = f"{table.name} has a field {name}, which lies in flash"
                yield Problem(message, Location(table.path, table.line), Severity.WARNING)


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
    for function in crypto.code.functions:
        secrets = _secrets(crypto, function)
        for expression in expressions(function.body) if secrets else ():
            for part in expression.walk():
                for sent in _sent(part):
                    if _is_secret(sent, secrets):
                        message = f"{function.name} sends the key in {sent}"
                        yield Problem(message, _at(function, part))


def _sent(expression: Expression) -> Iterator[str]:
    """Variables that a call sends, or that it or an assignment puts into the outgoing buffer."""
    if expression.kind == "assign":
        target, value = expression.parts
        if target.kind == "index" and _OUTGOING.match(variable_of(target)) and value.kind != "call":
            yield variable_of(value)
    elif expression.kind == "call" and _SENDS.fullmatch(expression.text):
        yield from (variable_of(part) for part in expression.parts)
    elif expression.text in _COPIES and _OUTGOING.match(argument(expression, 0)):
        yield argument(expression, _COPIES[expression.text])


@rule(
    "src-user-approval",
    Severity.WARNING,
    reason="A device that signs without asking signs whatever malware sends.",
    source="security requirements, Signing/disclosing keys without user approval",
    fix="sign in the callback of the review, after the user agreed",
)
def src_user_approval(candidate: Candidate) -> Iterator[Problem]:
    """Signatures that the dispatcher reaches by calls alone, without a screen on the way."""
    code = read_code(candidate)
    called = calls_of(code.functions)
    shows = frozenset(name for name in called if _SHOWS.fullmatch(name))
    signs = frozenset(name for name in called if SIGNS.fullmatch(name)) - code.by_name.keys()
    for hit in unasked(code.by_name, code.tables, _ROOTS, shows, signs):
        way = [function.name for function, _ in hit.way] + [hit.function.name]
        yield Problem(
            f"{hit.sign.text} is reached without a question: {' → '.join(way)}",
            _at(hit.function, hit.sign),
            trace=(
                *(Step(f"{f.name} goes on", Location(f.path, line)) for f, line in hit.way),
                Step(f"{hit.sign.text} signs", _at(hit.function, hit.sign)),
            ),
        )


@rule(
    "src-blind-signing",
    Severity.ADVICE,
    reason="What the host sends as a hash may be the hash of any transaction.",
    source="security requirements, Avoid blindly signing data",
    fix="hash on the device what was parsed and shown; put a fixed text in front of messages",
)
def src_blind_signing(candidate: Candidate) -> Iterator[Problem]:
    """Signatures over bytes of the incoming command, as they came."""
    code = read_code(candidate)
    signs = {name for name in calls_of(code.functions) if SIGNS.fullmatch(name)}
    for function in code.functions:
        if function.called.isdisjoint(signs):
            continue
        copied = {
            argument(call, 0)
            for call in calls(function, _COPIES)
            if _INCOMING.fullmatch(argument(call, _COPIES[call.text]))
        }
        for call in calls(function, signs):
            signed = [variable_of(part) for part in call.parts]
            for name in signed:
                if name and (name in copied or _INCOMING.fullmatch(name)):
                    message = f"{function.name} signs what came in {name} as it is"
                    yield Problem(message, _at(function, call))


@rule(
    "src-host-cache-mac",
    Severity.ADVICE,
    reason="A comparison that ends at the first difference tells how many bytes were right.",
    source="security requirements, Properly protect data you wish to cache on the host computer",
    fix="compare authentication codes with os_secure_memcmp",
)
def src_host_cache_mac(candidate: Candidate) -> Iterator[Problem]:
    """Calls of memcmp on what is named like an authentication code."""
    for function in read_code(candidate).functions:
        for call in calls(function, _COMPARES):
            names = [variable_of(part).replace("->", ".").rsplit(".", 1)[-1] for part in call.parts[:2]]
            if any(_MAC.fullmatch(name) for name in names if name):
                message = f"{function.name} compares {' and '.join(names)} with {call.text}"
                yield Problem(message, _at(function, call))
