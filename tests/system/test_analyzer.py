"""The static analyzer of the real compiler over the sample app, and over copies of it with a bug planted."""

import shutil
from pathlib import Path

import pytest

from tests.system.inv import PROJECT
from toolchain.app import AppManifest
from toolchain.build import analyzer
from toolchain.build.analyzer import analyze
from toolchain.build.host import build
from toolchain.build.result import BuildResult
from toolchain.build.workplace import Job
from toolchain.diagnostic import Defect
from toolchain.errors import BuildError
from toolchain.target import get_target

HEADER = "static inline int planted(const int *value) {\n    return *value;\n}\n"
BUG = """
#include "planted.h"

int planted_bug(int choice);
int planted_bug(int choice) {
    const int *value = 0;
    if (choice > 3) {
        value = &choice;
    }
    return planted(value);
}
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A copy of the sample app that a test may spoil."""
    ignored = shutil.ignore_patterns("build", "bin", "__pycache__")
    return Path(shutil.copytree(PROJECT / "apps" / "boilerplate", tmp_path / "boilerplate", ignore=ignored))


def job(app: Path) -> Job:
    return Job(AppManifest.read(app), get_target("nanosp"), PROJECT / "sdk-shim")


def plant(app: Path) -> None:
    (app / "src" / "core" / "planted.h").write_text(HEADER)
    with (app / "src" / "core" / "amount.c").open("a") as file:
        file.write(BUG)


def run(app: Path, work: Path) -> tuple[Defect, ...]:
    return analyze(job(app), build(job(app), root=work), root=work)


def never(*_: object) -> None:
    pytest.fail("the analyzer ran again")


def test_the_sample_app_is_clean_and_a_second_look_runs_nothing(
    app: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(app, work) == ()
    monkeypatch.setattr(analyzer, "_run", never)
    assert run(app, work) == ()


def test_a_bug_is_found_across_files_with_the_way_that_leads_there(app: Path, work: Path) -> None:
    plant(app)
    first = len((PROJECT / "apps/boilerplate/src/core/amount.c").read_text().splitlines()) + 1
    (defect,) = run(app, work)
    assert (defect.at.path, defect.at.line, defect.at.flag) == (
        "src/core/planted.h",
        2,
        "core.NullDereference",
    )
    assert defect.at.origin == "app"
    ways = [(note.path, note.line) for note in defect.trace]
    assert ways[0] == ("src/core/amount.c", first + 5)
    assert ways[-1] == ("src/core/planted.h", 2)
    assert any("Assuming 'choice' is <= 3" in note.message for note in defect.trace)
    assert str(work) not in repr(defect)


def test_only_what_reads_a_changed_file_is_analysed_again(
    app: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(app)
    assert len(run(app, work)) == 1
    looked: list[str] = []
    real = analyzer._run

    def spy(place: object, todo: list[analyzer._Unit], *rest: object) -> None:
        looked.extend(unit.command.file for unit in todo)
        real(place, todo, *rest)  # type: ignore[arg-type] # as it was called

    monkeypatch.setattr(analyzer, "_run", spy)
    (app / "src" / "core" / "planted.h").write_text(HEADER.replace("*value;", "value ? *value : 0;"))
    assert run(app, work) == ()
    assert looked == ["src/core/amount.c"]


def test_what_cannot_be_analysed_is_said_and_not_kept(app: Path, work: Path) -> None:
    plant(app)
    result: BuildResult = build(job(app), root=work)
    header = result.sources / "src" / "core" / "planted.h"
    header.unlink()
    (defect,) = analyze(job(app), result, root=work)
    assert (defect.at.level, defect.at.path) == ("error", "src/core/amount.c")
    assert "cannot read this file: 'planted.h' file not found" in defect.at.message
    header.write_text(HEADER)
    (defect,) = analyze(job(app), result, root=work)
    assert defect.at.flag == "core.NullDereference"


def test_an_analyzer_that_does_not_start_is_an_error(
    app: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(app)
    result = build(job(app), root=work)
    monkeypatch.setattr(analyzer, "TIMEOUT", 0.0)
    with pytest.raises(BuildError, match="did not end within"):
        analyze(job(app), result, root=work)


def test_what_is_kept_is_not_believed_if_it_is_garbage(app: Path, work: Path) -> None:
    plant(app)
    (defect,) = run(app, work)
    (kept,) = build(job(app), root=work).sources.parent.glob("analysis.json")
    kept.write_text("{garbage")
    assert run(app, work) == (defect,)
