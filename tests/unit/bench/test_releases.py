"""The comparisons about releases run; what they measure is not judged here."""

import math
from collections.abc import Iterable
from pathlib import Path

import pytest

from bench.evidence import log, verification
from bench.figures import Measured, NotMeasured, Result
from bench.signing import MODULE, signing


def ratios(results: Iterable[Result]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for result in results:
        assert isinstance(result, Measured)
        found[result.subject] = [figure.ratio for figure in result.figures]
    return found


def test_the_log_is_measured(tmp_path: Path) -> None:
    found = ratios(log(tmp_path, runs=1, entries=50))
    assert [subject.split(",")[0] for subject in found] == [
        "proof made", "proof verified", "1000 entries appended"
    ]  # fmt: skip
    assert all(math.isfinite(ratio) and ratio > 0 for values in found.values() for ratio in values)


@pytest.mark.component("jq")
@pytest.mark.component("openssl")
def test_the_verifiers_accept_what_they_are_measured_with(tmp_path: Path) -> None:
    found = ratios(verification(tmp_path, runs=1))
    assert [subject.split(",")[0] for subject in found] == ["bundle.verify", "verify_bundle.py"]


@pytest.mark.component("softhsm")
def test_signing_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pkcs11

    monkeypatch.setenv("SOFTHSM2_CONF", "")  # restored afterwards
    found = ratios([signing(tmp_path, runs=1, digests=20)])
    pkcs11.unload(str(MODULE))
    assert list(found) == ["20 digests, SoftHSM"]


def test_without_a_module_nothing_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.signing.MODULE", tmp_path / "missing.so")
    assert isinstance(signing(tmp_path, runs=1, digests=20), NotMeasured)
