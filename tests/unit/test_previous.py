"""What a build is compared with: a folder of results, a report, a revision."""

import subprocess
from pathlib import Path

import pytest

from tests.unit.formats.elf_builder import ElfBuilder
from toolchain.app import AppManifest
from toolchain.build.workplace import Job
from toolchain.errors import ConfigError
from toolchain.formats.elf import read_elf
from toolchain.pipeline import Workspace
from toolchain.previous import _export, sizes
from toolchain.size import Change, Size, changes
from toolchain.stack import StackUse
from toolchain.target import get_target

MANIFEST = '[app]\nbuild_directory = "./"\nsdk = "C"\ndevices = ["nanos+"]\n'


def ignore(_done: int, _total: int) -> None:
    pass


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """An app with an SDK beside it, in one repository with a tag; both changed since."""
    app, sdk = tmp_path / "repo" / "apps" / "one", tmp_path / "repo" / "sdk"
    for folder in (app, sdk):
        folder.mkdir(parents=True)
    (app / "ledger_app.toml").write_text(MANIFEST)
    (app / "main.c").write_text("before")
    (sdk / "Makefile.target").write_text("before")
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    for words in (("init", "-q"), ("add", "."), (*identity, "commit", "-qm", "one"), ("tag", "v1")):
        subprocess.run(["git", "-C", str(tmp_path / "repo"), *words], check=True)
    (app / "main.c").write_text("after")
    (sdk / "Makefile.target").write_text("after")
    return Job(AppManifest.read(app), get_target("nanosp"), sdk)


def work(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "repo", tmp_path / "dist", tmp_path / "work")


def test_a_folder_of_results(job: Job, tmp_path: Path) -> None:
    elf = ElfBuilder().build()
    folder = tmp_path / "dist" / "one" / "nanosp"
    folder.mkdir(parents=True)
    (folder / "app.elf").write_bytes(elf)
    found = sizes(str(tmp_path / "dist"), [job], work(tmp_path), ignore)
    assert found == {("one", "nanosp"): Size.of(*read_elf(elf))}
    assert sizes(str(folder), [job], work(tmp_path), ignore) == {}


def test_a_report(job: Job, tmp_path: Path) -> None:
    file = tmp_path / "sizes.json"
    head = '{"type":"size","app":"one","target":"nanosp","code":100,"data":20,"flash":125,"ram":7,"stack":9'
    file.write_text(head + ',"symbols":[["main",60]]}\n')
    before = sizes(str(file), [job], work(tmp_path), ignore)["one", "nanosp"]
    assert (before.flash, before.params, before.stack) == (125, 5, 9)
    assert changes(before, Size(1, 2, 3, 4, 5, StackUse(), ())) == (Change("main", 60, 0),)
    file.write_text(head + "}\n")
    assert sizes(str(file), [job], work(tmp_path), ignore)["one", "nanosp"].placed == ()


@pytest.mark.parametrize("text", ["nothing", "{}", '{"app":1}', '["size"]', "\xff"])
def test_another_file(job: Job, tmp_path: Path, text: str) -> None:
    file = tmp_path / "sizes.json"
    file.write_text(text, "latin-1")
    with pytest.raises(ConfigError, match="not what size writes"):
        sizes(str(file), [job], work(tmp_path), ignore)


def test_a_revision_is_exported_with_the_sdk_beside_it(job: Job, tmp_path: Path) -> None:
    for _ in range(2):
        earlier = _export(job, "v1", work(tmp_path))
        assert earlier is not None
        assert (earlier.manifest.directory / "main.c").read_text() == "before"
        assert (earlier.sdk / "Makefile.target").read_text() == "before"
    assert not [p for p in (tmp_path / "work" / "previous").iterdir() if p.suffix]


def test_an_sdk_of_its_own_stays(job: Job, tmp_path: Path) -> None:
    elsewhere = Job(job.manifest, job.target, tmp_path)
    earlier = _export(elsewhere, "v1", work(tmp_path))
    assert earlier is not None
    assert earlier.sdk == tmp_path


def test_an_app_that_was_not_there(job: Job, tmp_path: Path) -> None:
    new = tmp_path / "repo" / "apps" / "two"
    new.mkdir()
    (new / "ledger_app.toml").write_text(MANIFEST)
    assert _export(Job(AppManifest.read(new), job.target, job.sdk), "v1", work(tmp_path)) is None


def test_no_such_thing(job: Job, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="neither a folder, a file nor a revision"):
        sizes("v9", [job], work(tmp_path), ignore)
