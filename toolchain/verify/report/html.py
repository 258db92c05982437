"""Findings as one page that needs nothing else: no script, no picture, no request."""

import functools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import jinja2

from toolchain.verify.model import Finding, Severity
from toolchain.verify.policy import Policy
from toolchain.verify.report import Subject
from toolchain.verify.report.terminal import caret, groups, summary

_PAGE = Path(__file__).with_name("page.html")


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.from_string(_PAGE.read_text("utf-8"))


def to_html(subjects: Sequence[Subject], policy: Policy, version: str) -> str:
    """The page: a table of the subjects, then each app's findings, rule by rule."""
    rules = {rule.id: rule for rule in policy.rules}
    return _template().render(
        policy=policy,
        version=version,
        rules=rules,
        rows=[_row(subject, policy) for subject in subjects],
        apps=groups(subjects),
        caret=caret,
    )


def _row(subject: Subject, policy: Policy) -> dict[str, object]:
    stopped = any(_blocks(finding, policy) for finding in subject.findings)
    counts = Counter(finding.severity for finding in subject.findings if not finding.accepted)
    return {
        "subject": subject,
        "verdict": "not built" if subject.error else "refused" if stopped else "passed",
        "counts": {str(severity): counts[severity] for severity in Severity},
        "accepted": sum(finding.accepted for finding in subject.findings),
        "summary": summary(subject.findings),
    }


def _blocks(finding: Finding, policy: Policy) -> bool:
    return finding.severity in policy.blocks and not finding.accepted
