"""Rules by name, in words, and as the page that describes them all, made from the rules themselves."""

import difflib
from collections.abc import Iterator, Mapping

from toolchain.errors import ConfigError
from toolchain.verify.model import Rule
from toolchain.verify.policy import policies
from toolchain.verify.rules import RULES, topics

_HEAD = """\
# Rules

Every rule of `./inv verify`, written from `toolchain/verify/rules/`. [verify.md](verify.md) tells how
policies and waivers work. The severity is the rule's usual one; single findings may be milder or graver.
The policy is the mildest that has the rule.
"""


def to_markdown() -> str:
    """``docs/rules.md``: one table of contents and one section per rule, topic by topic."""
    return "\n".join(_lines())


def get_rule(name: str) -> Rule:
    """The rule of that name.

    Raises:
        ConfigError: no such rule; the hint names those that are spelt alike.
    """
    for rule in RULES:
        if rule.id == name:
            return rule
    alike = difflib.get_close_matches(name, [rule.id for rule in RULES])
    raise ConfigError(
        f"no rule is called {name!r}", hint=f"did you mean {' or '.join(alike)}?" if alike else ""
    )


def explain(rule: Rule) -> str:
    """What a rule checks, why, and what to do about it; plain text."""
    return (
        f"{rule.id}: {rule.severity}, policy {_mildest()[rule.id]}\n\n"
        f"{rule.reason}\n\n"
        f"Checks: {_first_line(rule.function.__doc__ or '')}\n"
        f"Fix: {rule.fix}.\n"
        f"Source: {rule.source}.\n"
    )


def _mildest() -> Mapping[str, str]:
    """Rule → the first policy that has it."""
    since: dict[str, str] = {}
    for policy in policies().values():
        for rule in policy.rules:
            since.setdefault(rule.id, policy.name)
    return since


def _lines() -> Iterator[str]:
    yield _HEAD
    since = _mildest()
    yield "| rule | severity | policy |"
    yield "|---|---|---|"
    for rule in RULES:
        yield f"| [`{rule.id}`](#{rule.id}) | {rule.severity} | {since[rule.id]} |"
    for title, rules in topics().items():
        yield f"\n## {title}"
        for rule in rules:
            yield f"\n### {rule.id}\n"
            yield f"{rule.reason}\n"
            yield f"* Checks: {_first_line(rule.function.__doc__ or '')}"
            yield f"* Fix: {rule.fix}."
            yield f"* Source: {rule.source}."
    yield ""


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
