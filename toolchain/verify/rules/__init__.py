"""The rules, one module per topic. A new rule is a function there and a name in ``policies.toml``."""

from toolchain.verify.model import Rule
from toolchain.verify.rules import build, derivation, image, makefile, memory, metadata, permissions
from toolchain.verify.waivers import waiver

_TOPICS = (build, makefile, permissions, derivation, metadata, memory, image)

RULES: tuple[Rule, ...] = (
    *(value for topic in _TOPICS for value in vars(topic).values() if isinstance(value, Rule)),
    waiver,
)
"""Every rule, topic by topic in the order of the text."""
