"""What others know of the app: coin types and the vendor's database."""

import re
from collections.abc import Iterator

from toolchain.errors import ConfigError
from toolchain.formats.install_params import (
    ANY_INDEX,
    HARDENED,
    DerivationPath,
    curve_mask,
    curve_names,
    path_to_text,
)
from toolchain.verify.data import coin, flag_names
from toolchain.verify.database import Entry
from toolchain.verify.makefile import find, variants
from toolchain.verify.model import Candidate, Problem, Severity, rule
from toolchain.verify.rules.derivation import COIN_PURPOSES

_TESTNET = 1
_FAMILIES = frozenset({0, _TESTNET, 60, 354, 434})
"""Coin types that many apps share: forks of Bitcoin, test networks, chains of Ethereum, Polkadot, Kusama."""


_COMMON = frozenset(
    {"chain", "network", "coin", "token", "protocol", "test", "testnet", "xl", "the", "legacy"}
)
_MIN_PREFIX = 4


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.lower())) - _COMMON


def _alike(name: str, symbol: str, title: str) -> bool:
    """Whether an app or variant of that name may be for the coin: the same symbol, or a word in common."""
    words_of_name = _words(name) | {_plain(name)}
    known = _words(title) | {_plain(title), _plain(symbol)} - {""}
    return any(
        mine == other or (min(len(mine), len(other)) >= _MIN_PREFIX and mine.startswith(other[:_MIN_PREFIX]))
        for mine in words_of_name
        for other in known
    )


def _is_granted(candidate: Candidate, path: DerivationPath) -> bool:
    """Whether the vendor registered the path for this app."""
    entry = _entry(candidate)
    return entry is not None and path in entry.paths


def _coin_type(path: DerivationPath) -> int | None:
    """The coin type of a path whose purpose has one."""
    if len(path) < 2 or path[0] & ~HARDENED not in COIN_PURPOSES or path[1] == ANY_INDEX:
        return None
    return path[1] & ~HARDENED


@rule(
    "path-slip44-registered",
    Severity.ERROR,
    reason="Under another coin's type the app can derive that coin's keys.",
    source="security requirements, Restrict Apps to Coin-Specific BIP32 Prefix; SLIP-0044",
    fix="use the app's own coin type, or register one in SLIP-0044",
)
def path_slip44_registered(candidate: Candidate) -> Iterator[Problem]:
    """The coin type of each path is registered, for a coin that is called like the app or a variant."""
    params = candidate.install_params
    for path in params.paths if params else ():
        number = _coin_type(path)
        if number is None or number in _FAMILIES:
            continue
        place = find(candidate, path_to_text(path))
        granted = Severity.ADVICE if _is_granted(candidate, path) else None
        registered = coin(number)
        if registered is None:
            yield Problem(f"coin type {number} is not registered", place, granted or Severity.WARNING)
            continue
        names = (candidate.app.name, *variants(candidate.app.variables))
        if any(registered) and not any(_alike(name, *registered) for name in names):
            owner = " ".join(registered).strip()
            yield Problem(f"coin type {number} is registered for {owner}", place, granted)


def _entry(candidate: Candidate) -> Entry | None:
    """The entry of the variant that was built."""
    database = candidate.database or {}
    entries = [database[variant] for variant in variants(candidate.app.variables) if variant in database]
    if candidate.variant in database:
        return database[candidate.variant]
    named = [entry for entry in entries if entry.name == candidate.app.name]
    return next(iter(named or entries), None)


@rule(
    "elf-vs-database",
    Severity.ERROR,
    reason="An app whose parameters are not registered is not signed.",
    source="security requirements, App Permissions: Ledger app database",
    fix="register the parameters in the app database, or build what is registered",
)
def elf_vs_database(candidate: Candidate) -> Iterator[Problem]:
    """Name, flags, curves and paths of the image, against the entry of its variant."""
    place = find(candidate, "VARIANT_VALUES")
    if candidate.database is None:
        yield Problem("not checked: no app database was given", severity=Severity.ADVICE)
        return
    for variant in variants(candidate.app.variables):
        if variant not in candidate.database:
            yield Problem(f"the variant {variant} is not registered", place)
    entry, params = _entry(candidate), candidate.install_params
    if entry is None or params is None:
        return
    if entry.name != candidate.app.name:
        yield Problem(f"{entry.variant} is registered as {entry.name!r}", find(candidate, "APPNAME"))
    target = candidate.target.sdk_name
    if entry.flags.get(target) != candidate.image.flags:
        said = flag_names(entry.flags[target]) if target in entry.flags else f"nothing for {target}"
        yield Problem(
            f"flags: registered is {said}, the image has {flag_names(candidate.image.flags)}", place
        )
    try:
        mask = curve_mask(entry.curves)
    except ConfigError as e:
        yield Problem(f"the entry of {entry.variant} is malformed: {e.message}", place)
        return
    if mask | (8 if entry.paths_slip21 else 0) != params.curves:
        yield Problem(
            f"curves: registered is {' '.join(entry.curves) or 'none'}, "
            f"the image has {' '.join(curve_names(params.curves)) or 'all'}",
            find(candidate, "CURVE_APP_LOAD_PARAMS"),
        )
    if set(entry.paths) - {()} != set(params.paths) - {()}:
        said, shipped = (
            " ".join(sorted(path_to_text(p) for p in paths if p)) or "any"
            for paths in (entry.paths, params.paths)
        )
        yield Problem(
            f"paths: registered is {said}, the image has {shipped}", find(candidate, "PATH_APP_LOAD_PARAMS")
        )
    if set(entry.paths_slip21) != set(params.paths_slip21):
        yield Problem(
            f"SLIP-21 paths: registered is {' '.join(entry.paths_slip21) or 'none'}, "
            f"the image has {' '.join(params.paths_slip21) or 'none'}",
            find(candidate, "PATH_SLIP21_APP_LOAD_PARAMS"),
        )


@rule(
    "path-no-conflict",
    Severity.ERROR,
    reason="Two apps with one subtree can derive each other's keys.",
    source="security requirements, Restrict Apps to Coin-Specific BIP32 Prefix: no conflict with other apps",
    fix="use a subtree of the app's own",
)
def path_no_conflict(candidate: Candidate) -> Iterator[Problem]:
    """No other app of the database has the path, or one above or below it, unless it was granted to both."""
    params = candidate.install_params
    own = set(variants(candidate.app.variables))
    name = _plain(candidate.app.name)
    for path in params.paths if params else ():
        if _coin_type(path) in _FAMILIES | {None} or _is_granted(candidate, path):
            continue
        others = [
            entry.name
            for entry in (candidate.database or {}).values()
            if entry.variant not in own
            and not _is_related(name, _plain(entry.name))
            and any(_coin_type(other) is not None and _overlap(path, other) for other in entry.paths)
        ]
        if others:
            yield Problem(
                f"{path_to_text(path)} is also that of {', '.join(sorted(set(others))[:3])}",
                find(candidate, path_to_text(path)),
            )


def _is_related(name: str, other: str) -> bool:
    """Acala and Acala XL are one app's variants."""
    return name.startswith(other) or other.startswith(name)


def _overlap(path: DerivationPath, other: DerivationPath) -> bool:
    size = min(len(path), len(other))
    return path[:size] == other[:size]
