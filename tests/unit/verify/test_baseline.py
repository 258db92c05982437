import dataclasses
import json

import pytest

from tests.unit.verify.report.samples import ADVICE, ERROR, TRACED, WAIVED, WARNING
from toolchain.errors import ConfigError
from toolchain.verify import Location, blocking, get_policy
from toolchain.verify.baseline import Baseline, read_baseline, write_baseline

STORE = get_policy("store")


def baseline(*subjects: tuple[object, ...]) -> Baseline:
    return read_baseline(write_baseline(subjects), where="baseline.json")  # type: ignore[arg-type] # findings


def test_what_is_listed_does_not_block_and_stays_visible() -> None:
    marked = baseline((ERROR, WARNING)).mark((ERROR, TRACED, WARNING))
    assert [finding.known for finding in marked] == [True, False, True]
    assert blocking(marked, STORE) == (TRACED,)


def test_one_more_of_the_same_is_new() -> None:
    marked = baseline((ERROR,)).mark((ERROR, ERROR))
    assert [finding.known for finding in marked] == [True, False]


def test_a_listed_finding_may_move_but_its_line_may_not_change() -> None:
    moved = dataclasses.replace(TRACED, location=Location("src/main.c", 99, 3), excerpt="\t return   *p;")
    changed = dataclasses.replace(TRACED, excerpt="    return *q;")
    known = baseline((TRACED,))
    assert known.mark((moved,))[0].known
    assert not known.mark((changed,))[0].known


def test_targets_share_a_list() -> None:
    known = baseline((ERROR, ERROR), (ERROR, WARNING))
    assert sorted(known.counts.values()) == [1, 2]
    assert known.gone([(ERROR,), (ERROR, ERROR, WARNING)]) == 0
    assert known.gone([(ERROR,), ()]) == 2


def test_advice_and_waived_findings_need_no_list() -> None:
    assert baseline((ADVICE, WAIVED)).counts == {}


def test_the_file_is_for_people_too_and_the_same_every_time() -> None:
    text = write_baseline([(TRACED, ERROR)])
    assert text == write_baseline([(ERROR, TRACED), (ERROR,)])
    assert json.loads(text)["findings"][0] == {
        "rule": "flags-known",
        "path": "Makefile",
        "message": "the app asks for 0x8",
        "fingerprint": ERROR.fingerprint,
        "count": 1,
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"schema": 2, "findings": []}',
        '{"schema": 1, "findings": [{"fingerprint": "a"}]}',
        '{"schema": 1, "findings": [{"fingerprint": "a", "count": "many"}]}',
    ],
)
def test_a_malformed_file_is_refused(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_baseline(text, where="baseline.json")
    assert caught.value.where == "baseline.json"
