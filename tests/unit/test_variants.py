"""Which variants of an app are built, and where what they make lies."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.verify.candidates import good
from toolchain.artefacts import Built, Summary
from toolchain.build.result import BuildResult
from toolchain.build.sdk import Sdk
from toolchain.build.workplace import Job
from toolchain.diagnostic import Diagnostic
from toolchain.errors import BuildError
from toolchain.variants import MAX_VARIANTS, results, trial, variant, variant_jobs

SDK = Sdk(Path("/sdk"), "ledger-secure-sdk", "secure", "v26.5.1", 26, "")
WARNING = Diagnostic("src/main.c", 12, 5, "warning", "unused function 'f'", "-Wunused-function", "app")


def built(folder: Path, values: str, *, chosen: str = "", parameter: str = "COIN") -> Built:
    """A build whose makefile lists these variants, and chose one."""
    variables = {"VARIANT_PARAM": parameter, "VARIANT_VALUES": values, "TOOLCHAIN_VARIANT": chosen}
    candidate = good(folder, variables=variables)
    result = BuildResult(
        app=candidate.app,
        target=candidate.target,
        elf=b"",
        map=b"",
        log=folder / "build.log",
        diagnostics=(WARNING,),
        provenance=candidate.provenance,
        commands=(),
        sources=folder,
        duration=0.0,
        reused=False,
        fingerprint="",
    )
    job = Job(candidate.app.manifest, candidate.target, SDK.path)
    return Built(job, result, folder, Summary("1.2.3", 0, 0))


def names(made: Built) -> list[str]:
    return [variant(job) for job in variant_jobs(made)]


@pytest.mark.parametrize(
    ("values", "chosen", "others"),
    [
        ("xrp", "", []),
        ("xrp", "something else", []),
        ("a b c", "b", ["a", "c"]),
        ("a b c", "", ["a", "b", "c"]),
        ("a b c", "d", ["a", "b", "c"]),
        ('"a" b a', "a", ["b"]),
        ("", "", []),
        ("a ../b c/d -e .f", "a", []),
        (f"a {'x' * 65} b", "a", ["b"]),
    ],
)
def test_all_but_the_makefiles_own_choice(
    values: str, chosen: str, others: list[str], tmp_path: Path
) -> None:
    assert names(built(tmp_path, values, chosen=chosen)) == others


def test_a_list_without_an_end_is_cut(tmp_path: Path) -> None:
    values = " ".join(f"v{n}" for n in range(10 * MAX_VARIANTS))
    assert len(names(built(tmp_path, values))) == MAX_VARIANTS


@pytest.mark.parametrize("parameter", ["", "BOLOS_SDK", "MAKEFLAGS", "A B", "$(shell x)"])
def test_a_parameter_that_is_none_has_no_variants(parameter: str, tmp_path: Path) -> None:
    assert names(built(tmp_path, "a b", parameter=parameter)) == []


def test_each_variant_is_asked_for_by_name_and_has_a_folder(tmp_path: Path) -> None:
    made = built(tmp_path, "a b", chosen="a")
    (job,) = variant_jobs(made)
    assert job == replace(made.job, variables=(("COIN", "b"),))
    assert results(Path("dist"), made.job) == Path("dist", tmp_path.name, "nanosp")
    assert results(Path("dist"), job) == Path("dist", tmp_path.name, "nanosp", "variants", "b")


def test_a_trial_tells_what_became_of_it(tmp_path: Path) -> None:
    made = built(tmp_path, "a")
    failed = trial(made.job, SDK, BuildError("no such header", where="src/a.c:3"), tmp_path)
    assert (failed.sdk, failed.error) == ("ledger-secure-sdk v26.5.1", "src/a.c:3: no such header")
    assert trial(made.job, SDK, made.result, tmp_path).diagnostics == (WARNING,)
