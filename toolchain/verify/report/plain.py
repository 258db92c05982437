"""Findings as plain values, for scripts; the keys are documented in docs/json.md."""

import json
from collections.abc import Sequence

from toolchain.verify.model import Finding, Location
from toolchain.verify.policy import Policy
from toolchain.verify.report import Subject

SCHEMA = 1
"""Raised by a change that breaks a reader."""


def fields(finding: Finding) -> dict[str, object]:
    """One finding."""
    return {
        "rule": finding.rule,
        "severity": str(finding.severity),
        "message": finding.message,
        **_place(finding.location),
        "fix": finding.fix,
        "fingerprint": finding.fingerprint,
        "excerpt": finding.excerpt or None,
        "trace": [{"message": step.message, **_place(step.location)} for step in finding.trace],
        "waived": finding.waiver.reason if finding.waiver else None,
        "waived_until": finding.waiver.expires.isoformat() if finding.waiver else None,
        "known": finding.known,
    }


def _place(place: Location | None) -> dict[str, object]:
    if place is None:
        return dict.fromkeys(("root", "path", "line", "column"))
    return {
        "root": place.root,
        "path": place.path,
        "line": place.line or None,
        "column": place.column or None,
    }


def to_json(subjects: Sequence[Subject], policy: Policy, version: str) -> str:
    """A whole report."""
    report = {
        "schema": SCHEMA,
        "tool": f"nano-toolchain {version}",
        "policy": policy.name,
        "subjects": [
            {
                "app": subject.app,
                "target": subject.target,
                "error": subject.error or None,
                "findings": [fields(finding) for finding in subject.findings],
            }
            for subject in subjects
        ],
    }
    return json.dumps(report, indent=2, ensure_ascii=False) + "\n"
