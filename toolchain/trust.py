"""Whom we trust: device issuers, release keys, development keys. They never mix.

Pinned issuers are data (``trust/*.toml``, public keys with their source); what a user adds, and the
virtual device's own issuer, lie in the user's data folder.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toolchain.errors import ConfigError, SigningError
from toolchain.keys import PublicKey
from toolchain.toml import parse_toml

_FOLDER = Path(__file__).parent / "trust"

IssuerKind = Literal["production", "virtual", "custom"]
"""production: a maker of devices; virtual: the virtual device's; custom: added by the user."""


@dataclass(frozen=True)
class Issuer:
    """Who signs device certificates (loader protocol §5.1, message 5)."""

    name: str
    key: PublicKey
    kind: IssuerKind


def read_issuer(path: Path) -> Issuer:
    """An issuer from its TOML file: ``name``, ``kind``, ``point`` (hex, 65 bytes), ``source``.

    Raises:
        ConfigError: not such a file.
    """
    try:
        table = parse_toml(path.read_text("utf-8"))
        name, kind, point = table["name"], table["kind"], table["point"]
        key = PublicKey(bytes.fromhex(point))
    except (OSError, KeyError, TypeError, ValueError) as e:
        raise ConfigError(f"not an issuer file: {e}", where=str(path)) from e
    except SigningError as e:
        raise ConfigError(e.message, where=str(path)) from e
    if kind not in ("production", "virtual", "custom") or not isinstance(name, str):
        raise ConfigError("an issuer is production, virtual or custom, and has a name", where=str(path))
    return Issuer(name, key, kind)


def pinned_issuers(folder: Path = _FOLDER) -> tuple[Issuer, ...]:
    """The device issuers that ship with the product."""
    return tuple(read_issuer(path) for path in sorted(folder.glob("*.toml")))


def find_issuer(issuers: Iterable[Issuer], key: PublicKey) -> Issuer | None:
    """The issuer with that key, or None."""
    return next((issuer for issuer in issuers if issuer.key == key), None)
