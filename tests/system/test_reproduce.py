"""Builds that differ, for a reason that was planted: found, and named. The same source: the same bytes."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.system.engine import WORK
from tests.system.inv import PROJECT, inv
from toolchain.app import AppManifest
from toolchain.build.host import build
from toolchain.build.reproduce import VARIATIONS, Difference, Report, reproduce
from toolchain.build.sdk import Sdk
from toolchain.build.workplace import Host, Job, Tools
from toolchain.environment import ensure_environment
from toolchain.errors import BuildError
from toolchain.target import Target, get_target

SHIM = PROJECT / "sdk-shim"
LAST = "include $(BOLOS_SDK)/Makefile.standard_app"
KEPT = "__attribute__((used, retain)) const char"


def sample(folder: Path, lines: str = "", **sources: str) -> Path:
    """A copy of the sample app with more lines in its makefile, and more source files."""
    app = folder / "app"
    shutil.copytree(PROJECT / "apps/boilerplate", app, ignore=shutil.ignore_patterns("build", "bin", "tests"))
    makefile = (app / "Makefile").read_text()
    (app / "Makefile").write_text(makefile.replace(LAST, f"{lines}\n{LAST}"))
    for name, text in sources.items():
        (app / "src" / f"{name}.c").write_text(text)
    return app


def under(app: Path, work: Path, *vary: str) -> Report:
    job = Job(AppManifest.read(app), get_target("nanosp"), SHIM)
    return reproduce(job, root=work, vary=vary)


def only_difference(report: Report) -> Difference:
    (trial,) = report.trials
    assert not trial.skipped
    assert trial.difference
    assert not report.reproducible
    return trial.difference


@pytest.mark.component("faketime")
def test_the_sample_app_is_reproducible_under_every_variation(tmp_path: Path) -> None:
    what = ("--app", "boilerplate", "--target", "nanosp", "--builder", "host")
    run = inv("reproduce", "--json", *what, timeout=900)
    assert run.code == 0, run.err
    trials = run.lines("trial")
    assert [trial["variation"] for trial in trials] == list(VARIATIONS)
    assert [trial for trial in trials if trial["same"] is not True] == []
    done = run.only("reproduced")
    assert (done["reproducible"], done["checkout"], done["strays"]) == (True, True, [])
    built = inv("build", "--json", "--app", "boilerplate", "--target", "nanosp", "--dist", tmp_path)
    assert (done["elf"], done["hex"]) == tuple(_digest(built.only("build")[name]) for name in ("elf", "hex"))


class WithPackages(Host):
    """This machine, where builds need Python packages, as official SDKs do. It counts who makes them."""

    def __init__(self, lock: Path) -> None:
        self.lock = lock
        self.made: set[Path] = set()

    def tools(self, sdk: Sdk, target: Target, compiler: str, root: Path) -> Tools:
        python = ensure_environment(self.lock, root / "environments" / "sdk")
        self.made.add(python.resolve())
        return replace(super().tools(sdk, target, compiler, root), python=python)


@pytest.mark.parametrize("name", ["work", "work with blanks"])
def test_python_packages_are_made_once(name: str, tmp_path: Path) -> None:
    lock = tmp_path / "none.lock"
    lock.write_text("# no package\n")
    machine = WithPackages(lock)
    job = Job(AppManifest.read(PROJECT / "apps/boilerplate"), get_target("nanosp"), SHIM, machine=machine)
    report = reproduce(job, root=tmp_path / name, vary=["folder"])
    assert report.reproducible
    assert len(machine.made) == 1


def _digest(path: str) -> str:
    said = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout
    return said.split()[0]


@pytest.mark.component("faketime")
def test_a_date_in_the_image(tmp_path: Path) -> None:
    app = sample(
        tmp_path,
        'DEFINES += WHEN=\\"$(shell date +%Y-%m-%d)\\"',
        when=f"{KEPT} built_on[] = WHEN;\n",
    )
    found = only_difference(under(app, WORK, "clock"))
    assert (found.section, found.symbol, found.cause, found.loaded) == (".text", "built_on", "date", True)


def test_a_path_in_the_image(tmp_path: Path) -> None:
    app = sample(tmp_path, 'DEFINES += WHERE=\\"$(CURDIR)\\"', where=f"{KEPT} built_in[] = WHERE;\n")
    found = only_difference(under(app, WORK, "folder"))
    assert (found.section, found.cause, found.loaded) == (".text", "path", True)


def test_an_order_that_the_file_system_has(tmp_path: Path) -> None:
    app = sample(
        tmp_path,
        'DEFINES += PARTS=\\"$(subst $(eval ) ,,$(shell ls -U parts))\\"',
        parts=f"{KEPT} all_parts[] = PARTS;\n",
    )
    (app / "parts").mkdir()
    for number in range(24):
        (app / "parts" / f"p{number:02}").touch()
    found = only_difference(under(app, WORK, "file order"))
    assert (found.section, found.symbol, found.cause, found.loaded) == (".text", "all_parts", "order", True)


def test_the_task_names_the_difference(tmp_path: Path) -> None:
    app = sample(tmp_path, 'DEFINES += ZONE=\\"$(shell date +%z)\\"', zone=f"{KEPT} built_at[] = ZONE;\n")
    run = inv("reproduce", "--app", app, "--target", "nanosp", "--builder", "host", "--vary", "time zone")
    assert run.code == 3
    assert "Boilerplate for nanosp: another time zone gives other bytes: .text built_at" in run.err
    assert "('+0000', '+0545')" in run.err
    assert "another time zone  .text built_at" in run.out
    wrong = inv("reproduce", "--app", app, "--target", "nanosp", "--vary", "weather")
    assert wrong.code == 2
    assert "there is no variation 'weather'" in wrong.err
    assert "time zone" in wrong.err


def test_date_macros_do_not_compile(tmp_path: Path) -> None:
    app = sample(tmp_path, macro=f"{KEPT} built_on[] = __DATE__;\n")
    with pytest.raises(BuildError, match="date or time macro") as caught:
        build(Job(AppManifest.read(app), get_target("nanosp"), SHIM), root=WORK)
    assert caught.value.where == "src/macro.c:1"


def test_a_makefile_that_writes_among_its_sources(tmp_path: Path) -> None:
    before = "SEEN := $(words $(wildcard src/more.c))"
    app = sample(tmp_path, f"{before}\n$(shell cp seen src/more.c)\nDEFINES += SEEN=$(SEEN)")
    (app / "seen").write_text(f"{KEPT} seen[] = {{SEEN, 0}};\n")
    report = under(app, WORK, "run of make")
    assert report.strays == ("src/more.c",)
    assert report.checkout
    assert not (app / "src" / "more.c").exists()


def test_one_target_after_another_changes_neither_tree_nor_bytes(tmp_path: Path) -> None:
    app = sample(tmp_path)
    before = _tree(app)
    elves: dict[str, set[bytes]] = {}
    for name in ("nanosp", "nanox", "nanos", "nanosp", "nanox"):
        job = Job(AppManifest.read(app), get_target(name), SHIM)
        for clean in (False, True):
            elves.setdefault(name, set()).add(build(job, root=WORK, clean=clean).elf)
    assert [len(found) for found in elves.values()] == [1, 1, 1]
    assert _tree(app) == before


def _tree(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# From a manifest


def _git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=someone", "-c", "user.email=someone@example.org")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The repository of an app, and the manifest that was published for its first commit."""
    folder = tmp_path_factory.mktemp("published")
    app = sample(folder)
    _git(app, "init", "--quiet")
    _git(app, "add", "--all")
    _git(app, "commit", "--quiet", "--message", "first")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(folder / "user"))
        run = inv("sign", "--app", app, "--target", "nanosp", "--dist", folder / "dist")
    assert run.code == 0, run.err
    source = app / "src" / "main.c"
    source.write_text(source.read_text() + f'{KEPT} later[] = "later";\n')
    _git(app, "commit", "--quiet", "--all", "--message", "second")
    return app, next((folder / "dist").rglob("manifest.json"))


def test_a_published_app_is_rebuilt_from_its_commit(published: tuple[Path, Path]) -> None:
    app, manifest = published
    run = inv("reproduce", "--manifest", manifest, "--app", app)
    assert run.code == 0, run.err
    assert run.out.startswith("yes: this source gives ")
    assert _git(app, "status", "--porcelain") == ""


def test_a_manifest_that_states_less_of_its_environment(published: tuple[Path, Path], tmp_path: Path) -> None:
    app, manifest = published
    table = json.loads(manifest.read_text())
    stated = table["provenance"]["environment"]
    assert stated["SOURCE_DATE_EPOCH"] == _git(app, "show", "-s", "--format=%ct", "HEAD~1")
    # As manifests were before they stated all of it.
    table["provenance"]["environment"] = {"LC_ALL": "C", "TZ": "UTC"}
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(table))
    run = inv("reproduce", "--manifest", path, "--app", app)
    assert run.code == 0, run.err
    # What differs there is no difference of the app, but the first thing to look at where there is one.
    table["provenance"]["environment"] = stated | {"PYTHONHASHSEED": "7", "PATH": "/elsewhere"}
    path.write_text(json.dumps(table))
    assert inv("reproduce", "--manifest", path, "--app", app).code == 0
    table["provenance"]["commit"] = _git(app, "rev-parse", "HEAD")
    path.write_text(json.dumps(table))
    found = inv("reproduce", "--json", "--manifest", path, "--app", app).only("rebuilt")
    assert "PYTHONHASHSEED is 0, the manifest says 7" in found["differences"]
    assert not any("/elsewhere" in difference for difference in found["differences"])


def test_another_app_than_the_published_one(published: tuple[Path, Path], tmp_path: Path) -> None:
    app, manifest = published
    table = json.loads(manifest.read_text())
    table["provenance"]["commit"] = _git(app, "rev-parse", "HEAD")
    other = tmp_path / "manifest.json"
    other.write_text(json.dumps(table))
    run = inv("reproduce", "--json", "--manifest", other, "--app", app)
    assert run.code == 3
    found = run.only("rebuilt")
    assert not found["same"]
    assert found["differences"][0].startswith("digest is ")
    assert run.only("error")["message"].startswith("this source does not give the published app: digest is ")


def test_a_manifest_that_nobody_can_rebuild(published: tuple[Path, Path], tmp_path: Path) -> None:
    app, manifest = published
    table = json.loads(manifest.read_text())
    changes = {
        "dirty": (True, 3, "a tree that no commit describes"),
        "commit": ("1" * 40, 2, "does not have the commit"),
        "sdk": ("another SDK", 2, "was built with another SDK"),
    }
    for name, (value, code, message) in changes.items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(table | {"provenance": table["provenance"] | {name: value}}))
        run = inv("reproduce", "--manifest", path, "--app", app)
        assert (run.code, message in run.err) == (code, True), run.err
