"""An app: what ``ledger_app.toml`` declares and what its makefile asks for.

The makefile's answers arrive as variables that make itself printed (``build`` does that); nothing here
reads a makefile.
"""

import datetime
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolchain.errors import ConfigError
from toolchain.toml import parse_toml

MANIFEST = "ledger_app.toml"
_SIZE_LIMIT = 1 << 18

_DEPENDENCIES = {"*": [{"url": str, "ref": str, "use_case?": str}]}
_SCHEMA: dict[str, Any] = {
    "app": {"sdk": str, "build_directory": Path, "devices": [str]},
    "use_cases?": {"*": str},
    "unit_tests?": {"directory?": Path},
    "pytest?": {"*": {"directory": Path, "self_use_case?": str, "dependencies?": _DEPENDENCIES}},
    # Version 1 of the format; most public apps still have it.
    "tests?": {"unit_directory?": Path, "pytest_directory?": Path, "dependencies?": _DEPENDENCIES},
    "waivers?": [{"rule": str, "reason": str, "expires": datetime.date, "author?": str}],
}
"""The keys of the file and the types of their values. ``?`` marks what may be missing, ``*`` any name, a list
holds any number of its one element, a path stays in the app's folder."""

_TYPES: dict[object, str] = {
    str: "a text",
    Path: "a path",
    datetime.date: "a date (2026-12-31)",
    dict: "a table",
    list: "a list",
}
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]{1,8}|0|[1-9][0-9]{0,9}")


@dataclass(frozen=True)
class Waiver:
    """A rule that the app's owner decided to break: ``[[waivers]]`` in ledger_app.toml.

    ``expires`` is the last day on which it counts.
    """

    rule: str
    reason: str
    expires: datetime.date
    author: str = ""


@dataclass(frozen=True)
class AppManifest:
    """``ledger_app.toml``, checked. ``directory`` is the folder that holds it.

    ``devices`` are the names of that file (``nanos+``); ``build_directory`` is relative to the folder.
    """

    directory: Path
    sdk: str
    build_directory: Path
    devices: tuple[str, ...]
    waivers: tuple[Waiver, ...]
    tables: Mapping[str, object] = field(hash=False)

    @classmethod
    def read(cls, directory: Path) -> "AppManifest":
        """Read and check ``directory/ledger_app.toml``.

        Raises:
            ConfigError: missing, not TOML, unknown or missing keys, wrong types.
        """
        directory = Path(os.path.realpath(directory))
        path = directory / MANIFEST
        try:
            with path.open("rb") as file:
                data = file.read(_SIZE_LIMIT + 1)
            if len(data) > _SIZE_LIMIT:
                raise ConfigError(f"larger than {_SIZE_LIMIT} bytes", where=str(path))
            tables = parse_toml(data.decode("utf-8"))
        except FileNotFoundError as e:
            raise ConfigError(
                f"no app here: there is no {MANIFEST}", hint="give the folder of an app", where=str(directory)
            ) from e
        except OSError as e:
            raise ConfigError(f"cannot be read: {e.strerror}", where=str(path)) from e
        except ValueError as e:
            raise ConfigError(f"not TOML: {e}", where=str(path)) from e
        _check(tables, _SCHEMA, "", directory)
        app = tables["app"]
        if app["sdk"].lower() != "c":
            raise ConfigError(f"app.sdk is {app['sdk']!r}: only apps in C are built", where=str(path))
        return cls(
            directory=directory,
            sdk=app["sdk"],
            build_directory=Path(os.path.realpath(directory / app["build_directory"])).relative_to(directory),
            devices=tuple(app["devices"]),
            waivers=tuple(Waiver(**waiver) for waiver in tables.get("waivers", [])),
            tables=tables,
        )


def _check(value: object, schema: object, key: str, folder: Path) -> None:
    """Compare ``value`` at ``key`` with ``schema``.

    Raises:
        ConfigError: naming the key.
    """
    where = f"{folder / MANIFEST}: {key}" if key else str(folder / MANIFEST)
    kind = type(schema) if isinstance(schema, (dict, list)) else schema
    # A TOML date with a time is an instance of date, too; a date is what is asked for.
    if type(value) is not (str if kind is Path else kind):
        raise ConfigError(f"expected {_TYPES[kind]}", where=where)
    if isinstance(value, dict) and isinstance(schema, dict):
        kinds = {name.rstrip("?"): sub for name, sub in schema.items()}
        if missing := [n for n in schema if not n.endswith("?") and n != "*" and n not in value]:
            raise ConfigError(f"missing: {', '.join(missing)}", where=where)
        for name, item in value.items():
            if name not in kinds and "*" not in kinds:
                raise ConfigError(f"unknown key {name!r}; known: {', '.join(kinds)}", where=where)
            _check(item, kinds.get(name, kinds.get("*")), f"{key}.{name}".lstrip("."), folder)
    elif isinstance(value, list) and isinstance(schema, list):
        for number, item in enumerate(value):
            _check(item, schema[0], f"{key}[{number}]", folder)
    elif isinstance(value, str):
        if not value or not value.isprintable():
            raise ConfigError("empty, or not printable", where=where)
        if kind is Path and not Path(os.path.realpath(folder / value)).is_relative_to(folder):
            raise ConfigError(f"{value!r} leaves the app's folder", where=where)


@dataclass(frozen=True)
class Permissions:
    """What the app may do: application flags (loader protocol §9.1), curves, BIP-32 and SLIP-21 paths."""

    flags: int
    curves: tuple[str, ...]
    paths: tuple[str, ...]
    paths_slip21: tuple[str, ...]


@dataclass(frozen=True)
class App:
    """An app as its makefile describes it for one target.

    ``icon`` is relative to the build directory, None if the makefile names none. ``variables`` are the
    make variables that this was read from.
    """

    manifest: AppManifest
    name: str
    version: str
    permissions: Permissions
    icon: Path | None
    variables: Mapping[str, str] = field(hash=False)

    @classmethod
    def read(cls, manifest: AppManifest, variables: Mapping[str, str]) -> "App":
        """Interpret the variables that make printed.

        Raises:
            ConfigError: no name or version, flags that are not a number.
        """
        where = str(manifest.directory / manifest.build_directory)

        def words(name: str) -> tuple[str, ...]:
            """As the shell that the make files hand the value to would split it."""
            try:
                return tuple(shlex.split(variables.get(name, "")))
            except ValueError as e:
                raise ConfigError(f"{name} is not a list of words: {variables[name]}", where=where) from e

        def one(name: str) -> str:
            value = words(name)
            if len(value) != 1 or not value[0]:
                raise ConfigError(f"{name} is not one word: {variables.get(name, '')!r}", where=where)
            return value[0]

        flags = (words("APP_FLAGS_APP_LOAD_PARAMS") or ("0",))[-1]
        if not _NUMBER.fullmatch(flags) or int(flags, 0) >> 32:
            raise ConfigError(f"the application flags are not a number of 32 bits: {flags}", where=where)
        icon = words("ICONNAME")
        return cls(
            manifest=manifest,
            name=one("APPNAME"),
            version=one("APPVERSION"),
            permissions=Permissions(
                flags=int(flags, 0),
                curves=words("CURVE_APP_LOAD_PARAMS"),
                paths=words("PATH_APP_LOAD_PARAMS"),
                paths_slip21=words("PATH_SLIP21_APP_LOAD_PARAMS"),
            ),
            icon=Path(icon[0]) if icon else None,
            variables=dict(variables),
        )
