"""Every rule has a candidate that it refuses, at the right place, and a close neighbour that it lets pass."""

from pathlib import Path

import pytest

from tests.defects.verify import (
    build,
    commands,
    crypto,
    derivation,
    icons,
    image,
    link,
    makefile,
    memory,
    metadata,
    permissions,
    project,
    protocol,
    registration,
    sdk,
    source,
    waivers,
)
from tests.defects.verify.case import Case
from tests.unit.verify.candidates import findings
from toolchain.verify import RULES

TOPICS = (
    build,
    makefile,
    permissions,
    derivation,
    metadata,
    memory,
    image,
    link,
    sdk,
    icons,
    project,
    registration,
    source,
    commands,
    protocol,
    crypto,
    waivers,
)
CASES = tuple(case for topic in TOPICS for case in topic.CASES)
SEVERITIES = {rule.id: rule.severity for rule in RULES}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: Case, tmp_path: Path) -> None:
    found = findings(case.make(tmp_path), case.rule)
    if case.at is None:
        assert not found
        return
    expected = SEVERITIES[case.rule] if case.severity is None else case.severity
    assert (case.at, expected) in [(str(f.location or ""), f.severity) for f in found]
    assert all(f.message and f.fix for f in found)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_has_one_that_fails_and_one_that_passes(rule: object) -> None:
    name = getattr(rule, "id", "")
    outcomes = {case.at is not None for case in CASES if case.rule == name}
    assert outcomes == {True, False}


def test_cases_have_names_of_their_own() -> None:
    assert len({str(case) for case in CASES}) == len(CASES)
