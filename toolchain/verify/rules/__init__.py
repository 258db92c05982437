"""The rules, one module per topic. A new rule is a function there and a name in ``policies.toml``."""

from collections.abc import Mapping
from types import ModuleType

from toolchain.verify import waivers
from toolchain.verify.model import Rule
from toolchain.verify.rules import (
    build,
    commands,
    crypto,
    derivation,
    icons,
    image,
    link,
    makefile,
    memory,
    metadata,
    permissions,
    project,
    protocol,
    registration,
    sdk,
    source,
)

_TOPICS = (
    build,
    makefile,
    permissions,
    derivation,
    registration,
    metadata,
    memory,
    image,
    link,
    sdk,
    icons,
    project,
    source,
    commands,
    protocol,
    crypto,
    waivers,
)


def _rules(topic: ModuleType) -> tuple[Rule, ...]:
    return tuple(value for value in vars(topic).values() if isinstance(value, Rule))


def topics() -> Mapping[str, tuple[Rule, ...]]:
    """The rules of each topic, by the first line of its module."""
    return {(topic.__doc__ or "").partition("\n")[0].rstrip("."): _rules(topic) for topic in _TOPICS}


RULES: tuple[Rule, ...] = tuple(rule for topic in _TOPICS for rule in _rules(topic))
"""Every rule, topic by topic in the order of the text."""
