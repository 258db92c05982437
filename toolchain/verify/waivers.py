"""Waivers: a finding that its owner accepted stays visible, but does not block."""

import dataclasses
import datetime
from collections.abc import Iterable, Iterator, Sequence

from toolchain.app import MANIFEST, Waiver
from toolchain.verify.model import Candidate, Finding, Location, Problem, Severity, rule

MIN_WORDS = 4
"""Words that a reason has at least; fewer say nothing to the person who reads it next year."""


@rule(
    "waiver",
    Severity.ERROR,
    reason="A waiver that names no reason, no real rule or nothing to waive hides what it should show.",
    source="rule catalogue: waivers carry rule, reason, author and expiry",
    fix="correct or remove the [[waivers]] entry",
)
def waiver(_candidate: Candidate) -> Iterable[Problem]:
    """Applied by ``apply``, after all others: it needs their findings."""
    return ()


def apply(
    findings: Sequence[Finding],
    waivers: Sequence[Waiver],
    *,
    known: frozenset[str],
    applied: frozenset[str],
    today: datetime.date,
) -> Iterator[Finding]:
    """``findings``, each with the waiver that covers it, and what is wrong with the waivers themselves.

    ``known`` are all rules that exist, ``applied`` those of the policy: a waiver for another policy's rule
    is neither used nor unused.
    """
    valid: dict[str, Waiver] = {}
    for entry in waivers:
        if problem := _problem(entry, known=known, today=today, twice=entry.rule in valid):
            yield waiver.finding(problem)
        else:
            valid[entry.rule] = entry
    used = set()
    for finding in findings:
        entry_used = valid.get(finding.rule)
        if entry_used:
            used.add(finding.rule)
        yield dataclasses.replace(finding, waiver=entry_used)
    for name in valid.keys() & applied - used:
        message = f"the waiver for {name} waives nothing"
        yield waiver.finding(Problem(message, Location(MANIFEST), Severity.WARNING, "remove the entry"))


def _problem(entry: Waiver, *, known: frozenset[str], today: datetime.date, twice: bool) -> Problem | None:
    place = Location(MANIFEST)
    if entry.rule == waiver.id or entry.rule not in known:
        return Problem(f"a waiver names the rule {entry.rule!r}, which does not exist", place)
    if len(entry.reason.split()) < MIN_WORDS:
        return Problem(f"the waiver for {entry.rule} gives no reason of {MIN_WORDS} words or more", place)
    if entry.expires < today:
        fix = "fix what the rule reports, or decide again and set a new date"
        return Problem(f"the waiver for {entry.rule} expired on {entry.expires}", place, fix=fix)
    if twice:
        return Problem(f"{entry.rule} is waived twice", place)
    return None
