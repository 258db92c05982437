"""Policies: which rules apply, and which severities block. The data lies in ``policies.toml``."""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolchain.errors import ConfigError
from toolchain.verify.model import Rule, Severity
from toolchain.verify.rules import RULES

_FILE = Path(__file__).parent / "policies.toml"
_KEYS = {"title", "blocks", "rules", "extends", "release_key", "approvals"}


@dataclass(frozen=True)
class Policy:
    """A named set of rules. ``rules`` keeps the order in which they run.

    ``release_key`` says that a development key may not sign what passed, ``approvals`` that nobody signs
    before enough people approved it (docs/release.md).
    """

    name: str
    title: str
    blocks: frozenset[Severity]
    rules: tuple[Rule, ...]
    release_key: bool = False
    approvals: bool = False

    def __post_init__(self) -> None:
        """Refuse a policy that could not refuse anything.

        Raises:
            ConfigError: no rules, or no severity that blocks.
        """
        if not self.rules or not self.blocks:
            raise ConfigError(f"policy {self.name} checks nothing: it needs rules and a severity that blocks")


def read_policies(text: str, *, where: str) -> Mapping[str, Policy]:
    """Policies from TOML: per name ``title``, ``blocks``, ``rules``, and perhaps more.

    Raises:
        ConfigError: unknown rules, severities or keys, an empty policy, ``extends`` of a later one.
    """
    known = {rule.id: rule for rule in RULES}
    policies: dict[str, Policy] = {}
    try:
        tables: dict[str, dict[str, Any]] = tomllib.loads(text)
        for name, table in tables.items():
            base = policies[table["extends"]] if "extends" in table else None
            policies[name] = Policy(
                name=name,
                title=table["title"],
                blocks=frozenset(Severity[severity.upper()] for severity in table["blocks"]),
                rules=(base.rules if base else ()) + tuple(known[rule] for rule in table["rules"]),
                release_key=_truth(table.get("release_key", base.release_key if base else False)),
                approvals=_truth(table.get("approvals", base.approvals if base else False)),
            )
            if unknown := table.keys() - _KEYS:
                raise ConfigError(f"policy {name} has unknown keys: {', '.join(unknown)}", where=where)
    except (tomllib.TOMLDecodeError, TypeError, AttributeError) as e:
        raise ConfigError(f"not a policy file: {e}", where=where) from e
    except KeyError as e:
        raise ConfigError(f"a policy names {e}, which does not exist", where=where) from e
    return policies


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("release_key and approvals are true or false")
    return value


@functools.cache
def policies() -> Mapping[str, Policy]:
    """The policies of the product, by name."""
    return read_policies(_FILE.read_text("utf-8"), where=_FILE.name)


def get_policy(name: str) -> Policy:
    """The policy of that name.

    Raises:
        ConfigError: no such policy.
    """
    try:
        return policies()[name]
    except KeyError:
        known = ", ".join(policies())
        raise ConfigError(f"no policy is called {name!r}", hint=f"choose one of: {known}") from None
