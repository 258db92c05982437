"""The page that describes every rule, made from the rules themselves."""

from collections.abc import Iterator

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


def _lines() -> Iterator[str]:
    yield _HEAD
    since: dict[str, str] = {}
    for policy in policies().values():
        for rule in policy.rules:
            since.setdefault(rule.id, policy.name)
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
