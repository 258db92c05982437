"""An app: what ``ledger_app.toml`` declares and what its makefile asks for.

The makefile's answers arrive as variables that make itself printed (``build`` does that); nothing here
reads a makefile.
"""

import datetime
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import ConfigError

MANIFEST = "ledger_app.toml"


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
    tables: Mapping[str, object]

    @classmethod
    def read(cls, directory: Path) -> "AppManifest":
        """Read and check ``directory/ledger_app.toml``.

        Raises:
            ConfigError: missing, not TOML, unknown or missing keys, wrong types.
        """
        raise NotImplementedError


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
    variables: Mapping[str, str]

    @classmethod
    def read(cls, manifest: AppManifest, variables: Mapping[str, str]) -> "App":
        """Interpret the variables that make printed.

        Raises:
            ConfigError: no name or version, flags that are not a number.
        """
        raise NotImplementedError
