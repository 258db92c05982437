"""Findings for code-scanning views: SARIF 2.1.0 (OASIS, 2020, errata 01 of 2023)."""

import json
from collections import Counter
from collections.abc import Sequence
from urllib.parse import quote

from toolchain.verify.model import Finding, Location, Rule, Severity
from toolchain.verify.policy import Policy
from toolchain.verify.report import Subject

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.ADVICE: "note"}
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def to_sarif(subjects: Sequence[Subject], policy: Policy, version: str) -> str:
    """A log with a run for each subject; ``policy`` says which rules ran."""
    rules = [_rule(rule) for rule in policy.rules]
    index = {rule.id: number for number, rule in enumerate(policy.rules)}
    driver: dict[str, object] = {"name": "nano-toolchain", "semanticVersion": version, "rules": rules}
    runs = [_run(subject, policy, driver, index) for subject in subjects]
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": runs}, indent=2) + "\n"


def _run(
    subject: Subject, policy: Policy, driver: dict[str, object], index: dict[str, int]
) -> dict[str, object]:
    seen: Counter[str] = Counter()
    results = []
    for finding in subject.findings:
        seen[finding.fingerprint] += 1
        results.append(_result(finding, index[finding.rule], seen[finding.fingerprint]))
    invocation: dict[str, object] = {"executionSuccessful": not subject.error}
    if subject.error:
        invocation["toolExecutionNotifications"] = [{"level": "error", "message": {"text": subject.error}}]
    return {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"nano-toolchain/{subject.app}/{subject.target}/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation],
        "properties": {"policy": policy.name},
        "results": results,
    }


def _rule(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.reason},
        "fullDescription": {"text": f"{rule.reason} Source: {rule.source}."},
        "help": {"text": f"To fix it: {rule.fix}."},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(finding: Finding, rule_index: int, occurrence: int) -> dict[str, object]:
    result: dict[str, object] = {
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.message}. To fix it: {finding.fix}."},
        "partialFingerprints": {"finding/v1": f"{finding.fingerprint}:{occurrence}"},
    }
    if finding.location:
        result["locations"] = [{"physicalLocation": _place(finding.location, finding.excerpt)}]
    if finding.trace:
        steps = [
            {"location": {"physicalLocation": _place(step.location), "message": {"text": step.message}}}
            for step in finding.trace
        ]
        result["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    if finding.waiver:
        reason = f"{finding.waiver.reason} (until {finding.waiver.expires})"
        result["suppressions"] = [{"kind": "external", "justification": reason}]
    elif finding.known:
        result["suppressions"] = [{"kind": "external", "justification": "listed in the baseline"}]
    return result


def _place(location: Location, excerpt: str = "") -> dict[str, object]:
    """Paths of the app are relative to the repository, as code-scanning views want them."""
    artifact: dict[str, object] = {"uri": quote(location.path)}
    if location.root != "app":
        artifact["uriBaseId"] = location.root.upper()
    place: dict[str, object] = {"artifactLocation": artifact}
    if location.line:
        region: dict[str, object] = {"startLine": location.line}
        if location.column:
            region["startColumn"] = location.column
        if excerpt:
            region["snippet"] = {"text": excerpt}
        place["region"] = region
    return place
