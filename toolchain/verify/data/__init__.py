"""Facts that rules look up, each file with its source."""

import functools
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Flag:
    """One bit of the application flags; ``sets`` are the makefile variables that set it."""

    bit: int
    name: str
    sets: tuple[str, ...]


@functools.cache
def _table(name: str) -> Mapping[str, object]:
    return tomllib.loads((_FOLDER / name).read_text("utf-8"))


@functools.cache
def flags() -> tuple[Flag, ...]:
    """Every application flag that has a name."""
    tables: Mapping[str, Mapping[str, object]] = tomllib.loads((_FOLDER / "flags.toml").read_text("utf-8"))
    return tuple(Flag(int(bit, 0), str(t["name"]), _texts(t.get("sets", ()))) for bit, t in tables.items())


@functools.cache
def flag(name: str) -> int:
    """The bit of the flag with that name."""
    return next(f.bit for f in flags() if f.name == name)


def flag_names(mask: int) -> str:
    """``0x240 (GLOBAL_PIN, BOLOS_SETTINGS)``."""
    known = {f.bit: f.name for f in flags()}
    bits = [1 << n for n in range(mask.bit_length()) if mask >> n & 1]
    return f"{mask:#x}" + (f" ({', '.join(known.get(bit, hex(bit)) for bit in bits)})" if bits else "")


@functools.cache
def privileged_calls() -> Mapping[str, str]:
    """System call → name of the flag that allows it."""
    tables: Mapping[str, Mapping[str, object]] = tomllib.loads((_FOLDER / "syscalls.toml").read_text("utf-8"))
    return {call: name for name, table in tables.items() for call in _texts(table["calls"])}


@functools.cache
def os_releases(api_level: int) -> Mapping[str, str]:
    """Target → first operating-system release with that API level; empty if none was ever released."""
    table = _table("api_levels.toml").get(str(api_level), {})
    return {str(k): str(v) for k, v in table.items()} if isinstance(table, dict) else {}


def newest_api_level() -> int:
    """The newest level that a released operating system has."""
    return int(str(_table("api_levels.toml")["newest"]))


@functools.cache
def throwing_calls() -> Mapping[str, str]:
    """Function of the SDK that throws → the one to use instead."""
    table = _table("crypto.toml")
    siblings = {name: f"{name}_no_throw" for name in _texts(table["throwing"])}
    return siblings | {name: str(other) for name, other in _mapping(table["replaced"]).items()}


@functools.cache
def key_outputs() -> Mapping[str, int]:
    """Function of the SDK that makes a key → number of the argument, from 0, that it writes it to."""
    return {name: int(str(index)) for name, index in _mapping(_table("crypto.toml")["key_outputs"]).items()}


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError("a table belongs here")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError("a list of texts belongs here")
    return tuple(str(item) for item in value)


@functools.cache
def _coins() -> Mapping[str, list[str]]:
    table: Mapping[str, Mapping[str, list[str]]] = json.loads((_FOLDER / "slip44.json").read_text("utf-8"))
    return table["coins"]


def coin(number: int) -> tuple[str, str] | None:
    """Symbol and name of a coin type of SLIP-0044, either may be empty; None if it is not registered."""
    row = _coins().get(str(number))
    return (row[0], row[1]) if row else None


@dataclass(frozen=True)
class KnownKey:
    """A key that everybody knows: whose it is, its phrase, and the bytes to look for."""

    name: str
    phrase: str
    pieces: tuple[bytes, ...]


@functools.cache
def known_keys() -> tuple[KnownKey, ...]:
    """Seeds of tests and emulators, and what they derive."""
    tables: Mapping[str, Mapping[str, object]] = tomllib.loads(
        (_FOLDER / "test_keys.toml").read_text("utf-8")
    )
    return tuple(
        KnownKey(name, str(t["phrase"]), tuple(bytes.fromhex(piece) for piece in _texts(t["bytes"])))
        for name, t in tables.items()
    )


@functools.cache
def primitives() -> Mapping[str, bytes]:
    """Constants that only an implementation of a primitive has."""
    return {name: bytes.fromhex(str(value)) for name, value in _table("primitives.toml").items()}
