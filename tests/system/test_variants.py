"""``./inv verify`` over an app with variants, and with a second SDK: each is built and analysed."""

import json
import shutil
from pathlib import Path

import pytest

from tests.system.inv import PROJECT, Run, inv

PLANTED = """
#ifdef PLANTED
int planted(int choice);
int planted(int choice)
{
    const int *value = 0;
    if (choice > 3) {
        value = &choice;
    }
    return *value;
}
#endif
"""
TARGETS = ("nanosp", "nanox")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample app with three variants, the second of which has a defect."""
    folder = tmp_path_factory.mktemp("apps") / "several"
    ignored = shutil.ignore_patterns("build", "__pycache__")
    shutil.copytree(PROJECT / "apps" / "boilerplate", folder, ignore=ignored)
    with (folder / "src" / "core" / "amount.c").open("a") as file:
        file.write(PLANTED)
    text = (folder / "Makefile").read_text()
    text = text.replace("VARIANT_VALUES = boilerplate", "VARIANT_VALUES = one two three")
    choice = "COIN ?= one\nifeq ($(COIN),two)\nDEFINES += PLANTED\nendif\n"
    (folder / "Makefile").write_text(text.replace("VARIANT_PARAM", f"{choice}VARIANT_PARAM", 1))
    return folder


def verify(app: Path, *arguments: str | Path) -> Run:
    targets = [word for name in TARGETS for word in ("--target", name)]
    return inv("verify", "--app", app, *targets, "--json", *arguments)


def found(run: Run, rule: str) -> dict[tuple[str, str], dict[str, object]]:
    """The findings of a rule, by app and target."""
    return {(f["app"], f["target"]): f for f in run.lines("finding") if f["rule"] == rule}


def test_every_variant_is_built_and_analysed_for_every_target(app: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.sarif"
    run = verify(app, "--variants", "--policy", "release", "--dist", tmp_path / "dist", "--report", report)
    assert run.code == 5, run.err
    defects = found(run, "static-analyzer-clean")
    assert set(defects) == {("several (two)", target) for target in TARGETS}
    assert all(len(f["trace"]) > 1 for f in defects.values())  # type: ignore[arg-type] # a list of steps
    for target in TARGETS:
        folder = tmp_path / "dist" / "several" / target
        assert sorted(path.name for path in (folder / "variants").iterdir()) == ["three", "two"]
        record = json.loads((folder / "variants" / "two" / "build.json").read_text())
        assert "COIN=two" in record["provenance"]["command"]
    assert len(json.loads(report.read_text())["runs"]) == 3 * len(TARGETS)


def test_the_way_to_a_defect_is_shown(app: Path) -> None:
    run = inv("verify", "--app", app, "--target", "nanosp", "--variants", "--policy", "release")
    assert "'value' initialized to a null pointer value" in run.out
    assert "Dereference of null pointer" in run.out


def test_the_store_wants_every_variant(app: Path) -> None:
    run = verify(app, "--policy", "store")
    assert run.code == 5
    refused = found(run, "variants-all-built")
    assert set(refused) == {("several", target) for target in TARGETS}
    assert all("the variant two: " in str(f["message"]) for f in refused.values())
    assert {line["app"] for line in run.lines("finding")} == {
        f"several{v}" for v in ("", " (two)", " (three)")
    }


def test_nobody_signs_for_a_variant_that_nobody_built(app: Path) -> None:
    assert not found(verify(app), "variants-all-built")
    assert not verify(app).lines("error")


def test_another_sdk_is_advice(app: Path, tmp_path: Path) -> None:
    shutil.copy(PROJECT / "Makefile.defines", tmp_path)
    newer = Path(shutil.copytree(PROJECT / "sdk-shim", tmp_path / "newer"))
    defines = newer / "Makefile.defines"
    defines.write_text(
        defines.read_text().replace("DEFINES += $(TARGET_NAME)", "DEFINES += PLANTED $(TARGET_NAME)")
    )
    run = verify(app, "--policy", "release", "--also-sdk", newer)
    told = found(run, "sdk-latest-scan")
    assert set(told) == {("several", target) for target in TARGETS}
    assert all("Dereference of null pointer" in str(f["message"]) for f in told.values())
    assert {f["severity"] for f in told.values()} == {"advice"}
    assert not found(run, "static-analyzer-clean")
    source = newer / "src" / "io.c"
    source.write_text(f"{source.read_text()}\n#error not today\n")
    run = verify(app, "--policy", "release", "--also-sdk", newer)
    assert all("does not build with" in str(f["message"]) for f in found(run, "sdk-latest-scan").values())
    assert verify(app, "--also-sdk", tmp_path / "none").code == 2
