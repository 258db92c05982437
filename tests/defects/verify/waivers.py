"""Waivers that are wrong themselves."""

import datetime
from pathlib import Path

from tests.defects.verify.case import fails, passes
from tests.unit.verify.candidates import TODAY, good, with_waivers
from toolchain.app import Waiver
from toolchain.verify import Candidate, Severity

REASON = "the vendor knows this app"
MANIFEST = "ledger_app.toml"


def waived(
    folder: Path, rule: str = "flags-known", reason: str = REASON, expires: datetime.date = TODAY
) -> Candidate:
    """A candidate that breaks flags-known, with one waiver."""
    return with_waivers(good(folder, flags=0x8), Waiver(rule, reason, expires))


def unused(folder: Path) -> Candidate:
    return with_waivers(good(folder), Waiver("flags-known", REASON, TODAY))


def twice(folder: Path) -> Candidate:
    waiver = Waiver("flags-known", REASON, TODAY)
    return with_waivers(good(folder, flags=0x8), waiver, waiver)


CASES = (
    fails("waiver", "no such rule", lambda f: waived(f, rule="flags-knwon"), MANIFEST),
    fails("waiver", "itself", lambda f: waived(f, rule="waiver"), MANIFEST),
    fails("waiver", "no reason", lambda f: waived(f, reason="because"), MANIFEST),
    fails("waiver", "expired", lambda f: waived(f, expires=TODAY - datetime.timedelta(1)), MANIFEST),
    fails("waiver", "unused", unused, MANIFEST, Severity.WARNING),
    fails("waiver", "twice", twice, MANIFEST),
    passes("waiver", "on its last day", waived),
)
