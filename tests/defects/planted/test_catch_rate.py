"""How many planted defects are found by name, or stop the build: a number, for each sample app."""

import datetime
import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.defects.planted.mutants import OTHERS, PEERS, Mutant
from tests.defects.planted.sample import Sample, boilerplate, notary, restore
from tests.system.inv import PROJECT
from toolchain.app import AppManifest
from toolchain.build.analyzer import analyze
from toolchain.build.host import build
from toolchain.build.workplace import Job
from toolchain.errors import ToolchainError
from toolchain.formats.elf import read_elf
from toolchain.target import get_target
from toolchain.verify import Candidate, Finding, Severity, blocking, check, get_policy
from toolchain.verify.baseline import Baseline, read_baseline, write_baseline

TARGET = get_target("nanosp")
STORE = get_policy("store")
TODAY = datetime.date(2026, 11, 20)
WANTED = 0.95

KNOWN = {
    "boilerplate": {"mk-not-boilerplate", "repo-clean"},
    "notary": {"repo-clean"},
}
"""What the clean apps break: a copy lies in no repository, one app is called like the vendor's template."""


def verify(app: Path, work: Path, *, analyzed: bool) -> tuple[Finding, ...]:
    """Build and check with every rule; the analyzer, which takes longest, only if it is asked for."""
    job = Job(AppManifest.read(app), TARGET, PROJECT / "sdk-shim")
    result = build(job, root=work)
    image, elf = read_elf(result.elf, flags=result.app.permissions.flags, where="app.elf")
    candidate = Candidate(
        app=result.app,
        target=TARGET,
        image=image,
        elf=elf,
        diagnostics=result.diagnostics,
        provenance=result.provenance,
        sources=result.sources,
        commands=result.commands,
        analyzer=functools.partial(analyze, job, result, root=work) if analyzed else tuple,
    )
    return check(candidate, STORE, TODAY)


@dataclass(frozen=True)
class Caught:
    """What happened to a mutant: the rules that stop it, or the message of a build that failed."""

    mutant: Mutant
    rules: frozenset[str]
    stopped: str

    @property
    def good(self) -> bool:
        """Whether it was caught by one of the rules that it is about."""
        return bool(self.mutant.rules & self.rules) or (self.mutant.stops and bool(self.stopped))

    def __str__(self) -> str:
        how = self.stopped or ", ".join(sorted(self.rules)) or "nothing"
        return f"{'caught' if self.good else 'MISSED'}  {self.mutant.name:22} {how[:110]}"


def try_out(mutant: Mutant, sample: Sample, work: Path, clean: Baseline) -> Caught:
    """Plant a defect, look at it, and take it out again."""
    mutant.plant(sample)
    try:
        analyzed = "static-analyzer-clean" in mutant.rules
        found = blocking(clean.mark(verify(sample.folder, work, analyzed=analyzed)), STORE)
        return Caught(mutant, frozenset(finding.rule for finding in found), "")
    except ToolchainError as e:
        return Caught(mutant, frozenset(), str(e))
    finally:
        restore(sample)


@pytest.mark.parametrize(
    ("make", "mutants"), [(boilerplate, (*PEERS, *OTHERS)), (notary, PEERS)], ids=["boilerplate", "notary"]
)
def test_planted_defects_are_found(
    make: Callable[[Path], Sample], mutants: tuple[Mutant, ...], tmp_path: Path
) -> None:
    sample, work = make(tmp_path), tmp_path / "work"
    found = verify(sample.folder, work, analyzed=True)
    assert {f.rule for f in found if f.severity != Severity.ADVICE} == KNOWN[sample.folder.name]
    clean = read_baseline(write_baseline([found]), where="clean")

    caught = [try_out(mutant, sample, work, clean) for mutant in mutants]
    rate = sum(one.good for one in caught) / len(caught)
    table = "\n".join(map(str, caught))
    sys.stdout.write(f"\n{sample.folder.name}: {rate:.1%} of {len(caught)} planted defects\n{table}\n")
    assert all(one.good for one in caught if one.mutant in PEERS), table
    assert rate >= WANTED, table


def test_the_mutants_have_names_of_their_own_and_are_those_of_the_comparison() -> None:
    names = [mutant.name for mutant in (*PEERS, *OTHERS)]
    assert len(set(names)) == len(names)
    assert len(PEERS) == 35 + 1
