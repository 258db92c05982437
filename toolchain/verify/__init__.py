"""Candidate → VerifiedImage, or VerificationError with every finding.

A rule is a function in ``rules/<topic>.py`` and a name in ``policies.toml``. Only ``verify`` makes a
VerifiedImage, and only that can be signed.
"""

import dataclasses
import datetime
import functools
from collections.abc import Callable, Collection

from toolchain.errors import VerificationError
from toolchain.image import VerifiedImage, seal
from toolchain.verify.model import Candidate, Finding, Location, Rule, Severity, Trial, printable
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
    "Trial",
    "blocking",
    "check",
    "get_policy",
    "policies",
    "require",
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
    shown = _excerpts(candidate)
    return tuple(sorted({shown(finding) for finding in judged}, key=_order))


_MAX_EXCERPT = 400
"""Characters of a line that a finding carries."""


def _excerpts(candidate: Candidate) -> Callable[[Finding], Finding]:
    """Gives a finding in the app's sources the text of its line."""

    @functools.cache
    def lines(path: str) -> list[str]:
        return (candidate.tree.read(path) or "").split("\n")

    def shown(finding: Finding) -> Finding:
        place = finding.location
        if place is None or place.root != "app" or not 0 < place.line <= len(lines(place.path)):
            return finding
        text = lines(place.path)[place.line - 1].rstrip().replace("\t", " ")
        return dataclasses.replace(finding, excerpt=printable(text[:_MAX_EXCERPT]))

    return shown


def _order(finding: Finding) -> tuple[object, ...]:
    place = finding.location or Location("")
    return (finding.severity, finding.rule, place.root, place.path, place.line, place.column, finding.message)


def blocking(findings: tuple[Finding, ...], policy: Policy) -> tuple[Finding, ...]:
    """Those findings that ``policy`` does not let pass."""
    return tuple(f for f in findings if f.severity in policy.blocks and not f.accepted)


def require(findings: tuple[Finding, ...], policy: Policy, subject: str) -> None:
    """Refuse ``subject`` if ``policy`` does not let its findings pass.

    Raises:
        VerificationError: at least one finding blocks; it carries all of them.
    """
    if stopped := blocking(findings, policy):
        count = f"{len(stopped)} finding" + "s" * (len(stopped) > 1)
        raise VerificationError(
            f"{subject}: {count} under policy {policy.name}",
            findings=findings,
            hint="each finding names its fix; a waiver in ledger_app.toml needs a reason and an expiry date",
        )


def verify(
    candidate: Candidate, policy: Policy, *, today: datetime.date
) -> tuple[VerifiedImage, tuple[Finding, ...]]:
    """Check ``candidate``; the image, sealed, and what was found without blocking.

    Raises:
        VerificationError: at least one finding blocks; it carries all of them.
    """
    findings = check(candidate, policy, today)
    require(findings, policy, f"{candidate.app.name} for {candidate.target.title}")
    waived = {f.rule: f.waiver for f in findings if f.waiver}
    notes = tuple(f"{name}: {w.reason} (until {w.expires})" for name, w in sorted(waived.items()))
    return seal(candidate.image, policy.name, notes), findings
