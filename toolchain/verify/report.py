"""Findings as a person, a script or a code-scanning view reads them. Pure: nothing is printed or written.

SARIF is version 2.1.0 (OASIS, 2020).
"""

from collections.abc import Iterable, Sequence
from urllib.parse import quote

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from toolchain.verify.model import Finding, Location, Rule, Severity

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.ADVICE: "cyan"}
_SARIF_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.ADVICE: "note"}
_SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def to_terminal(findings: Sequence[Finding]) -> RenderableType:
    """Findings grouped by rule, in their order, and a line that counts them."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.rule, []).append(finding)
    parts: list[RenderableType] = [_group(rule, members) for rule, members in groups.items()]
    return Group(*parts, Text(summary(findings)))


def _group(rule: str, findings: Sequence[Finding]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        text = Text(finding.message)
        if finding.waiver:
            text.append(f"  waived until {finding.waiver.expires}: {finding.waiver.reason}", "dim")
        table.add_row(
            Text(f"  {finding.severity}", "dim" if finding.waiver else _STYLES[finding.severity]),
            Text(str(finding.location or "")),
            text,
        )
    fixes = dict.fromkeys(finding.fix for finding in findings)
    return Group(Text(rule, "bold"), table, *(Text(f"  → {fix}", "dim") for fix in fixes))


def summary(findings: Iterable[Finding]) -> str:
    """``2 errors, 1 warning, 1 waived``; ``no findings``."""
    found = list(findings)
    counts = [(str(s), sum(f.severity == s and not f.waiver for f in found)) for s in Severity]
    parts = [f"{n} {word}{'s' * (n > 1 and word != 'advice')}" for word, n in counts if n]
    waived = sum(f.waiver is not None for f in found)
    return ", ".join(parts + [f"{waived} waived"] * bool(waived)) or "no findings"


def to_json(finding: Finding) -> dict[str, object]:
    """One finding as plain values; the keys are documented in docs/verify.md."""
    place = finding.location
    return {
        "rule": finding.rule,
        "severity": str(finding.severity),
        "message": finding.message,
        "root": place.root if place else None,
        "path": place.path if place else None,
        "line": place.line or None if place else None,
        "column": place.column or None if place else None,
        "fix": finding.fix,
        "fingerprint": finding.fingerprint,
        "waived": finding.waiver.reason if finding.waiver else None,
        "waived_until": finding.waiver.expires.isoformat() if finding.waiver else None,
    }


def to_sarif(findings: Sequence[Finding], rules: Sequence[Rule], *, version: str) -> dict[str, object]:
    """A SARIF log of one run. ``rules`` are those that ran, ``version`` is this product's."""
    index = {rule.id: n for n, rule in enumerate(rules)}
    return {
        "$schema": _SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "nano-toolchain",
                        "semanticVersion": version,
                        "rules": [_sarif_rule(rule) for rule in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_sarif_result(finding, index[finding.rule]) for finding in findings],
            }
        ],
    }


def _sarif_rule(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.reason},
        "fullDescription": {"text": f"{rule.reason} Source: {rule.source}."},
        "help": {"text": f"To fix it: {rule.fix}."},
        "defaultConfiguration": {"level": _SARIF_LEVELS[rule.severity]},
    }


def _sarif_result(finding: Finding, rule_index: int) -> dict[str, object]:
    result: dict[str, object] = {
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "level": _SARIF_LEVELS[finding.severity],
        "message": {"text": f"{finding.message}. To fix it: {finding.fix}."},
        "partialFingerprints": {"finding/v1": finding.fingerprint},
    }
    if finding.location:
        result["locations"] = [{"physicalLocation": _sarif_place(finding.location)}]
    if finding.waiver:
        result["suppressions"] = [
            {
                "kind": "external",
                "justification": f"{finding.waiver.reason} (until {finding.waiver.expires})",
            }
        ]
    return result


def _sarif_place(location: Location) -> dict[str, object]:
    """Paths of the app are relative to the repository, as code-scanning views want them."""
    artifact: dict[str, object] = {"uri": quote(location.path)}
    if location.root != "app":
        artifact["uriBaseId"] = location.root.upper()
    place: dict[str, object] = {"artifactLocation": artifact}
    if location.line:
        column = {"startColumn": location.column} if location.column else {}
        place["region"] = {"startLine": location.line, **column}
    return place
