"""Curves and derivation paths: what the device itself enforces, read from the parameter block."""

import re
from collections.abc import Iterator

from toolchain.formats.install_params import (
    ALL_CURVES,
    ANY_INDEX,
    CURVES,
    HARDENED,
    DerivationPath,
    InstallParams,
    path_to_text,
)
from toolchain.verify.c.tree import Expression, constant, expressions
from toolchain.verify.code import read_code
from toolchain.verify.makefile import defines, find
from toolchain.verify.model import Candidate, Location, Problem, Severity, rule

_LATER_CURVES = {"bls12377g1": 26, "jubjub": 26}
"""API level from which the device knows the curve (SDK v26.5.1, install_params.py)."""

COIN_PURPOSES = (44, 48, 49, 84, 86, 1852, 43)
"""Purposes (BIP-43) whose second level is a coin type (BIP-44, 48, 49, 84, 86; CIP-1852; NIP-06)."""

_BLS_KEYS = (12381, 3600)
"""EIP-2334: BLS12-381 paths are not hardened."""

_CONSTANTS = {
    "secp256k1": ("CX_CURVE_SECP256K1", "CX_CURVE_256K1"),
    "secp256r1": ("CX_CURVE_SECP256R1", "CX_CURVE_256R1", "CX_CURVE_NISTP256"),
    "ed25519": ("CX_CURVE_Ed25519",),
    "bls12381g1": ("CX_CURVE_BLS12_381_G1",),
}
"""What the SDK calls the curves (lcx_ecfp.h, v25.13.0)."""

_HARDENED_NUMBER = re.compile(r'"(?:2[1-9]|[34]\d)\d{8}"')
"""2^31 and more, in what the parser keeps of a function."""

_PATH_VARIABLE = "PATH_APP_LOAD_PARAMS"
_CURVE_VARIABLE = "CURVE_APP_LOAD_PARAMS"


@rule(
    "curve-declared",
    Severity.ERROR,
    reason="Without a curve the app may derive keys on every curve.",
    source="security requirements, Restrict Apps to Coin-Specific BIP32 Prefix: lock on curves",
    fix="set CURVE_APP_LOAD_PARAMS to the curves that the app uses",
)
def curve_declared(candidate: Candidate) -> Iterator[Problem]:
    """The curve mask of the parameter block: neither all nor none."""
    params = candidate.install_params
    if params and params.curves in (0, ALL_CURVES):
        many = "every curve" if params.curves else "no curve"
        yield Problem(f"the app is locked to {many}", find(candidate, _CURVE_VARIABLE))


@rule(
    "curve-known",
    Severity.ERROR,
    reason="Some SDKs drop the whole parameter block when they do not know a curve, and build on.",
    source="SDK v25.13.0 and v26.5.1, install_params.py",
    fix=f"use one of: {', '.join(CURVES)}",
)
def curve_known(candidate: Candidate) -> Iterator[Problem]:
    """The curves that the makefile names, against those that the SDK knows."""
    level = candidate.image.api_level or 0
    for name in candidate.app.permissions.curves:
        if name not in CURVES:
            yield Problem(f"no curve is called {name!r}", find(candidate, name))
        elif level < _LATER_CURVES.get(name, 0):
            yield Problem(
                f"the curve {name} needs API level {_LATER_CURVES[name]}, the app has {level}",
                find(candidate, name),
            )


def _unrestricted(params: InstallParams) -> bool:
    return () in params.paths or not (params.paths or params.paths_slip21)


def _place(candidate: Candidate, path: DerivationPath) -> Location:
    place = find(candidate, path_to_text(path))
    return place if place.line else find(candidate, _PATH_VARIABLE)


@rule(
    "path-declared",
    Severity.ERROR,
    reason="An app that may derive every key can give away those of all other apps.",
    source="security requirements, Restrict Apps to Coin-Specific BIP32 Prefix",
    fix="set PATH_APP_LOAD_PARAMS to the app's own subtree, for example \"44'/535348'\"",
)
def path_declared(candidate: Candidate) -> Iterator[Problem]:
    """At least one path in the parameter block, and none that allows everything."""
    params = candidate.install_params
    if params and _unrestricted(params):
        beside = " (a SLIP-21 path alone leaves BIP-32 open)" if params.paths_slip21 else ""
        yield Problem(f"the app may derive every key{beside}", find(candidate, _PATH_VARIABLE))


@rule(
    "path-not-too-broad",
    Severity.ERROR,
    reason="A purpose without a coin type covers the keys of many coins.",
    source="security requirements, Restrict Apps to Coin-Specific BIP32 Prefix; BIP-43, BIP-44",
    fix="name the coin type, for example 44'/60' instead of 44'",
)
def path_not_too_broad(candidate: Candidate) -> Iterator[Problem]:
    """Each path: deep enough, and its coin type is one coin."""
    params = candidate.install_params
    for path in params.paths if params else ():
        if not path:
            continue  # path-declared reports it
        if path[0] == ANY_INDEX:
            if len(path) < 2 or path[1] == ANY_INDEX:
                yield Problem(f"{path_to_text(path)} covers every coin", _place(candidate, path))
            continue
        if path[0] & ~HARDENED not in COIN_PURPOSES:
            continue
        if len(path) < 2:
            yield Problem(f"{path_to_text(path)} covers every coin of that purpose", _place(candidate, path))
        elif path[1] == ANY_INDEX:
            yield Problem(f"{path_to_text(path)} leaves the coin type open", _place(candidate, path))


@rule(
    "path-hardened",
    Severity.ERROR,
    reason="From one leaked key below a level that is not hardened, the level itself can be computed.",
    source="BIP-32, Security; BIP-44: purpose and coin type are hardened",
    fix="write the first two levels with ' behind the number",
)
def path_hardened(candidate: Candidate) -> Iterator[Problem]:
    """The first two levels of each path are hardened."""
    params = candidate.install_params
    for path in params.paths if params else ():
        levels = [word for word in path[:2] if word != ANY_INDEX]
        if path[:2] != _BLS_KEYS and not all(word & HARDENED for word in levels):
            yield Problem(f"{path_to_text(path)} is not hardened", _place(candidate, path))


@rule(
    "path-eth-chainid",
    Severity.ERROR,
    reason="What an app signs under 44'/60' for chain 0 or 1 is valid on Ethereum too.",
    source="security requirements, Restrict Apps to Coin-Specific BIP32 Prefix: chain id with 44'/60'",
    fix="define CHAIN_ID as the chain's own number, or use the chain's own coin type",
)
def path_eth_chainid(candidate: Candidate) -> Iterator[Problem]:
    """Apps under 44'/60' that are not Ethereum itself and not its plugins."""
    params = candidate.install_params
    if not params or not any(path[:2] == (44 | HARDENED, 60 | HARDENED) for path in params.paths):
        return
    if params.name == "Ethereum" or any(d.name == "Ethereum" for d in params.dependencies):
        return
    macros = defines(candidate)
    given = [name for name in ("CHAIN_ID", "CHAINID", "APP_CHAIN_ID") if name in macros]
    place = find(candidate, given[0] if given else _PATH_VARIABLE)
    if not given:
        yield Problem("the app derives under 44'/60' and defines no chain id", place)
    elif _number(macros[given[0]]) in (None, 0, 1):
        yield Problem(f"the app derives under 44'/60' with {given[0]}={macros[given[0]]}", place)


def _number(text: str) -> int | None:
    try:
        return int(text.strip("()").rstrip("uUlL"), 0)
    except ValueError:
        return None


@rule(
    "load-params-extra",
    Severity.WARNING,
    reason="Dependencies and raw parameters reach the device, and no review of paths and flags sees them.",
    source="SDK v25.13.0, Makefile.app_params: TLVRAW, DEP, NOCRC",
    fix="remove it, or waive this rule with the reason",
)
def load_params_extra(candidate: Candidate) -> Iterator[Problem]:
    """Raw TLVs, dependencies, SLIP-21 paths, and a load without checksums."""
    params = candidate.install_params
    for tag, value in params.extra if params else ():
        yield Problem(
            f"the parameter block has the raw tag {tag:02x} = {value.hex()[:40]}",
            find(candidate, "TLVRAW_APP_LOAD_PARAMS"),
            Severity.ERROR,
        )
    for dependency in params.dependencies if params else ():
        yield Problem(f"the app depends on {dependency.name!r}", find(candidate, "DEP_APP_LOAD_PARAMS"))
    for label in params.paths_slip21 if params else ():
        yield Problem(
            f"the app derives under the SLIP-21 path {label!r}",
            find(candidate, "PATH_SLIP21_APP_LOAD_PARAMS"),
        )
    if candidate.app.variables.get("ENABLE_NOCRC_APP_LOAD_PARAMS", "").strip() == "1":
        yield Problem(
            "the load's checksums are switched off",
            find(candidate, "ENABLE_NOCRC_APP_LOAD_PARAMS"),
            Severity.ERROR,
        )


@rule(
    "curve-minimal",
    Severity.ADVICE,
    reason="A curve that the app does not use is a way to keys that it does not need.",
    source="security requirements, App Permissions: the least that the app needs",
    fix="remove the curve from CURVE_APP_LOAD_PARAMS, unless a library of the app uses it",
)
def curve_minimal(candidate: Candidate) -> Iterator[Problem]:
    """Declared curves whose constant the code never names, where it names another's."""
    known = {constant for constants in _CONSTANTS.values() for constant in constants}
    used = {
        name
        for function in read_code(candidate).functions
        for name in function.names.constants
        if name in known
    }
    for curve in candidate.app.permissions.curves if used else ():
        if curve in _CONSTANTS and used.isdisjoint(_CONSTANTS[curve]):
            yield Problem(f"the code never names {curve}", find(candidate, _CURVE_VARIABLE))


@rule(
    "path-used-in-code",
    Severity.ADVICE,
    reason="A check for another coin's path is left from the app that this one was copied from.",
    source="security requirements, Restrict the use of secrets by apps",
    fix="compare with the coin type that PATH_APP_LOAD_PARAMS declares",
)
def path_used_in_code(candidate: Candidate) -> Iterator[Problem]:
    """Coin types that the code compares the second level of a path with are declared ones."""
    params = candidate.install_params
    paths = params.paths if params else ()
    coins = {path[1] for path in paths if len(path) > 1}
    if not coins or ANY_INDEX in coins or any(len(path) < 2 for path in paths):
        return
    declared = ", ".join(path_to_text(path) for path in paths)
    for function in read_code(candidate).functions:
        if not _HARDENED_NUMBER.search(function.text):
            continue
        line = function.line
        for part in (part for whole in expressions(function.body) for part in whole.walk()):
            line = part.line or line
            coin = _compared(part)
            if coin is not None and coin >= HARDENED and coin not in coins:
                message = f"a path is compared with coin type {coin - HARDENED}', the app has {declared}"
                yield Problem(message, Location(function.path, line))


def _compared(part: Expression) -> int | None:
    """What the second element of an array is compared with; None if it is not, or with no constant."""
    if part.kind != "binary" or part.text not in ("==", "!="):
        return None
    for element, number in (part.parts, part.parts[::-1]):
        if element.kind == "index" and constant(element.parts[1]) == 1:
            return constant(number)
    return None
