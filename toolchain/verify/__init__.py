"""Candidate → VerifiedImage, or VerificationError with every finding.

A rule is a function in ``rules/<topic>.py`` and a name in ``policies.toml``. Only ``verify`` makes a
VerifiedImage, and only that can be signed.
"""

import datetime
from collections.abc import Collection

from toolchain.errors import VerificationError
from toolchain.image import VerifiedImage, seal
from toolchain.verify.model import Candidate, Finding, Location, Rule, Severity
from toolchain.verify.policy import Policy, get_policy, policies
from toolchain.verify.rules import RULES
from toolchain.verify.waivers import apply, waiver

__all__ = [
    "RULES",
    "Candidate",
    "Finding",
    "Location",
    "Policy",
    "Rule",
    "Severity",
    "blocking",
    "check",
    "get_policy",
    "policies",
    "verify",
]


def check(
    candidate: Candidate, policy: Policy, today: datetime.date, *, only: Collection[str] = ()
) -> tuple[Finding, ...]:
    """Every finding under ``policy``, worst first, waived ones included; the order is stable.

    ``today`` decides which waivers have expired. ``only`` names the rules to run, none is all of them; what
    passes a few rules is still not verified.
    """
    rules = [rule for rule in policy.rules if not only or rule.id in only]
    findings = [finding for rule in rules for finding in rule.check(candidate)]
    judged = apply(
        findings,
        candidate.app.manifest.waivers,
        known=frozenset(rule.id for rule in RULES),
        applied=frozenset(rule.id for rule in rules) - {waiver.id},
        today=today,
    )
    return tuple(sorted(set(judged), key=_order))


def _order(finding: Finding) -> tuple[object, ...]:
    place = finding.location or Location("")
    return (finding.severity, finding.rule, place.root, place.path, place.line, place.column, finding.message)


def blocking(findings: tuple[Finding, ...], policy: Policy) -> tuple[Finding, ...]:
    """Those findings that ``policy`` does not let pass."""
    return tuple(f for f in findings if f.severity in policy.blocks and f.waiver is None)


def verify(
    candidate: Candidate, policy: Policy, *, today: datetime.date
) -> tuple[VerifiedImage, tuple[Finding, ...]]:
    """Check ``candidate``; the image, sealed, and what was found without blocking.

    Raises:
        VerificationError: at least one finding blocks; it carries all of them.
    """
    findings = check(candidate, policy, today)
    if stopped := blocking(findings, policy):
        count = f"{len(stopped)} finding" + "s" * (len(stopped) > 1)
        raise VerificationError(
            f"{candidate.app.name} for {candidate.target.title}: {count} under policy {policy.name}",
            findings=findings,
            hint="each finding names its fix; a waiver in ledger_app.toml needs a reason and an expiry date",
        )
    waived = {f.rule: f.waiver for f in findings if f.waiver}
    notes = tuple(f"{name}: {w.reason} (until {w.expires})" for name, w in sorted(waived.items()))
    return seal(candidate.image, policy.name, notes), findings
