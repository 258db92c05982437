"""The vendor's register of apps: which flags, curves and paths each variant was granted."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from toolchain.errors import ConfigError
from toolchain.formats.install_params import HARDENED, DerivationPath, path_from_text

_KEYS = frozenset({"appName", "appFlags", "curve", "path", "path_slip21"})


@dataclass(frozen=True)
class Entry:
    """What one variant was granted. ``flags`` by the SDK's name of the target (``nanos2``).

    An empty path in ``paths`` means every path.
    """

    variant: str
    name: str
    flags: Mapping[str, int]
    curves: tuple[str, ...]
    paths: tuple[DerivationPath, ...]
    paths_slip21: tuple[str, ...]


Database = Mapping[str, Entry]
"""Variant → entry."""


_LARGE = re.compile(r"(?<![0-9])[0-9]{10}(?=')")


def sdk_path(text: str) -> DerivationPath:
    """A path as the SDK's tool encodes it: a hardened index of 32 bits loses its highest one.

    OpenPGP is registered under 2152157255', which is 4673607'.

    Raises:
        ConfigError: not a path.
    """
    return path_from_text(_LARGE.sub(lambda number: str(int(number[0]) & ~HARDENED), text))


def read_database(text: str, *, where: str) -> Database:
    """Read the register (app-load-params-db.json).

    Raises:
        ConfigError: not JSON, or not such a file.
    """
    try:
        table = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise ConfigError(f"not JSON: {e}", where=where) from e
    if not isinstance(table, dict) or not table:
        raise ConfigError("not a database of apps", where=where)
    return {variant: _entry(variant, entry, f"{where}: {variant}") for variant, entry in table.items()}


def _entry(variant: str, table: object, where: str) -> Entry:
    if not isinstance(table, dict) or not {"appName", "appFlags"} <= table.keys() <= _KEYS:
        raise ConfigError(
            "an entry has appName and appFlags, and perhaps curve, path, path_slip21", where=where
        )
    name, flags = table["appName"], table["appFlags"]
    if not isinstance(name, str) or not isinstance(flags, dict):
        raise ConfigError("appName is a text, appFlags a table", where=where)
    try:
        return Entry(
            variant=variant,
            name=name,
            flags={target: int(value, 16) for target, value in flags.items()},
            curves=_texts(table.get("curve", [])),
            paths=tuple(sdk_path(path) for path in _texts(table.get("path", []))),
            paths_slip21=_texts(table.get("path_slip21", [])),
        )
    except (ValueError, TypeError) as e:
        raise ConfigError(f"malformed entry: {e}", where=where) from e
    except ConfigError as e:
        e.where = where
        raise


def _texts(value: object) -> tuple[str, ...]:
    """A list of texts, or one text; null stands for the empty one."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(item, str | None) for item in value):
        raise TypeError("curves and paths are lists of texts")
    return tuple(item or "" for item in value)
