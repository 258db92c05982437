"""Finished builds that come back from a cache folder, and archives that must not."""

import io
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.build.conftest import commit, git
from toolchain.build import cache as caches
from toolchain.build.cache import Slot
from toolchain.build.host import build
from toolchain.build.result import BuildResult
from toolchain.build.workplace import Job
from toolchain.errors import BuildError, ConfigError

JobMaker = Callable[..., Job]


@pytest.fixture(autouse=True)
def no_ccache(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ccache does is seen with real compilers (tests/system/test_cache.py)."""
    monkeypatch.setattr(Slot, "environment", lambda _: {})


@pytest.fixture
def again(job: JobMaker, tmp_path: Path) -> Callable[..., BuildResult]:
    """A build on another machine: nothing is left but the cache."""

    def run(**variables: str) -> BuildResult:
        shutil.rmtree(tmp_path / "work", ignore_errors=True)
        return build(job(**variables), root=tmp_path / "work", cache=tmp_path / "cache")

    return run


def archives(folder: Path) -> list[Path]:
    return sorted((folder / "cache").rglob("*.zip"))


def left(result: BuildResult) -> dict[str, bytes]:
    """All in the private copy but git's own files."""
    files = (p for p in result.sources.rglob("*") if p.is_file() and ".git" not in p.parts)
    return {str(p.relative_to(result.sources)): p.read_bytes() for p in files}


def test_a_finished_build_comes_back_whole(
    again: Callable[..., BuildResult], app: Path, tmp_path: Path
) -> None:
    (app / "src" / "main.c").write_text("int main; // WARN\n")
    commit(app)
    first = again()
    files, log = left(first), first.log.read_text()
    second = again()
    assert (first.reused, second.reused) == (False, True)
    assert left(second) == files
    assert second.log.read_text() == log
    assert len(second.diagnostics) == 1
    for name in ("app", "elf", "map", "diagnostics", "provenance", "commands", "duration"):
        assert getattr(second, name) == getattr(first, name)


def test_clean_takes_it_too_and_edits_go_on_from_it(job: JobMaker, app: Path, tmp_path: Path) -> None:
    build(job(), root=tmp_path / "work", cache=tmp_path / "cache")
    said: list[str] = []
    taken = build(job(), root=tmp_path / "work", clean=True, cache=tmp_path / "cache", show=said.append)
    assert taken.reused
    assert not said
    (app / "src" / "main.c").write_text("int changed;\n")
    result = build(job(), root=tmp_path / "work", show=said.append)
    assert [line.split()[-1] for line in said if " -c " in line] == ["src/main.c"]
    assert result.elf == b"int changed;\nint other;\n"


@pytest.mark.parametrize("name", ["src/main.c", "icon.gif", "Makefile"])
def test_other_sources_have_another_slot(
    name: str, again: Callable[..., BuildResult], app: Path, tmp_path: Path
) -> None:
    again()
    with (app / name).open("a") as file:
        file.write("\n")
    assert not again().reused
    assert len(archives(tmp_path)) == 2
    assert again().reused


def test_what_make_could_see_beside_the_sources_has_another_slot(
    again: Callable[..., BuildResult], app: Path, sdk: Path, tmp_path: Path
) -> None:
    def assert_new() -> None:
        assert not again().reused
        assert again().reused

    commit(app)
    assert_new()
    git(app, "tag", "v1")
    assert_new()
    git(app, "switch", "--quiet", "--create", "other")
    assert_new()
    git(app, "commit", "--quiet", "--allow-empty", "--message", "nothing")
    assert_new()
    (app / "src" / "main.c").chmod(0o755)
    commit(app)
    assert_new()
    (app / "link").symlink_to("src/main.c")
    commit(app)
    assert_new()
    (sdk / "Makefile.defines").write_text("X := 1\n")
    assert_new()
    commit(sdk)
    assert_new()
    git(sdk, "commit", "--quiet", "--allow-empty", "--message", "nothing")
    assert_new()
    (sdk / "Makefile.defines").write_text("X := 2\n")
    assert_new()
    git(sdk, "commit", "--quiet", "--allow-empty", "--message", "the same files, changed as before")
    assert_new()
    assert not again(DEBUG="1").reused
    program = tmp_path / "tools" / "bin" / "python3"
    for text in ("#!/bin/sh\n", "#!/bin/sh\n# another one\n"):
        program.write_text(text)
        program.chmod(0o755)
        assert_new()


def test_uncommitted_changes_are_not_kept(
    again: Callable[..., BuildResult], app: Path, tmp_path: Path
) -> None:
    commit(app)
    (app / "src" / "main.c").write_text("int changed;\n")
    assert not again().reused
    assert not again().reused
    assert not archives(tmp_path)


def test_what_was_not_built_from_nothing_is_not_kept(job: JobMaker, app: Path, tmp_path: Path) -> None:
    build(job(), root=tmp_path / "work")
    (app / "src" / "main.c").write_text("int changed;\n")
    assert not build(job(), root=tmp_path / "work", cache=tmp_path / "cache").reused
    assert not archives(tmp_path)


def test_a_failed_build_is_not_kept(again: Callable[..., BuildResult], app: Path, tmp_path: Path) -> None:
    (app / "src" / "main.c").write_text("ERROR\n")
    with pytest.raises(BuildError):
        again()
    assert not archives(tmp_path)


def test_make_that_leaves_more_than_files_is_not_kept(
    again: Callable[..., BuildResult], app: Path, tmp_path: Path
) -> None:
    with (app / "Makefile").open("a") as file:
        file.write("\n$(BIN_DIR)/app.elf: build/link\nbuild/link: ; @ln -s /etc build/link\n")
    again()
    assert not archives(tmp_path)


def test_more_than_the_limit_is_not_kept(
    again: Callable[..., BuildResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again()
    monkeypatch.setattr(caches, "_LIMIT", 100)
    assert not again().reused
    monkeypatch.undo()
    (archive,) = archives(tmp_path)
    archive.unlink()
    monkeypatch.setattr(Slot, "environment", lambda _: {})
    monkeypatch.setattr(caches, "_LIMIT", 20)
    again()
    assert not archives(tmp_path)


def test_the_last_used_ones_stay(
    again: Callable[..., BuildResult], app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caches, "_KEPT", 2)
    source = app / "src" / "main.c"

    def run(number: int) -> bool:
        source.write_text(f"int number_{number};\n")
        return again().reused

    assert [run(1), run(2), run(1), run(3)] == [False, False, True, False]
    assert len(archives(tmp_path)) == 2
    assert [run(3), run(1), run(2)] == [True, True, False]


def test_a_damaged_archive_is_made_again(again: Callable[..., BuildResult], tmp_path: Path) -> None:
    first = again()
    files = left(first)
    (archive,) = archives(tmp_path)
    whole = archive.read_bytes()
    for damaged in (
        b"",
        b"no archive",
        whole[:-10],
        whole[: len(whole) // 2],
        *(bytes([*whole[:at], whole[at] ^ 0x55, *whole[at + 1 :]]) for at in range(0, len(whole), 31)),
    ):
        archive.write_bytes(damaged)
        result = again()
        assert left(result) == files
        assert set(result.commands) == set(first.commands)
        assert result.provenance == first.provenance


def repacked(archive: Path, members: dict[str, bytes]) -> None:
    """``archive`` with other members beside its own, or instead of them."""
    packed = io.BytesIO()
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(packed, "w") as new:
        for name in old.namelist():
            new.writestr(name, members.pop(name, old.read(name)))
        for name, data in members.items():
            new.writestr(name, data)
    archive.write_bytes(packed.getvalue())


@pytest.mark.parametrize(
    "name",
    [
        "evil",
        "../evil",
        "src/../../../../evil",
        "/evil",
        "src",
        "src/.git/hooks/evil",
        "src/Makefile",
        "src/src/main.c/evil",
        "src/away/evil",
        "lock",
        "extra.mk",
    ],
)
def test_an_archive_writes_nothing_but_what_make_made(
    name: str, again: Callable[..., BuildResult], app: Path, tmp_path: Path
) -> None:
    # A link inside of the app, by its absolute name: in the copy it leads out of it.
    (app / "inside").mkdir()
    (app / "inside" / "file").write_text("")
    (app / "away").symlink_to(app / "inside")
    first = again()
    files = left(first)
    (archive,) = archives(tmp_path)
    repacked(archive, {name: b"evil"})
    result = again()
    assert not result.reused
    assert left(result) == files
    found = subprocess.run(
        ["grep", "-rlx", "evil", str(tmp_path / "work"), str(app)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not found.stdout
    assert not Path("/evil").exists()
    assert again().reused


@pytest.mark.parametrize("state", [b"", b"{}", b"[]", b'{"stamps": {}, "steps": {}}', b"\xff"])
def test_an_archive_with_another_state(
    state: bytes, again: Callable[..., BuildResult], tmp_path: Path
) -> None:
    again()
    (archive,) = archives(tmp_path)
    repacked(archive, {"state.json": state})
    assert not again().reused


def test_an_archive_of_no_build(again: Callable[..., BuildResult], tmp_path: Path) -> None:
    again()
    (archive,) = archives(tmp_path)
    with zipfile.ZipFile(archive) as packed:
        state = json.loads(packed.read("state.json"))
    repacked(archive, {"state.json": json.dumps(state | {"provenance": None}).encode()})
    assert not again().reused
    archive.write_bytes(b"")
    os.truncate(archive, caches._LIMIT + 1)
    assert not again().reused


def test_an_archive_with_another_elf(again: Callable[..., BuildResult], tmp_path: Path) -> None:
    first = again()
    (archive,) = archives(tmp_path)
    repacked(archive, {"src/build/nanos2/bin/app.elf": b"another"})
    result = again()
    assert not result.reused
    assert result.elf == first.elf


def test_a_cache_that_cannot_be_written(job: JobMaker, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(BuildError, match="cannot write") as caught:
        build(job(), root=tmp_path / "work", cache=tmp_path / "cache")
    assert str(tmp_path / "cache") in caught.value.where
    assert build(job(), root=tmp_path / "work").reused


def test_a_cache_is_no_part_of_the_app(job: JobMaker, app: Path, tmp_path: Path) -> None:
    def run(cache: Path) -> BuildResult:
        return build(job(), root=tmp_path / "work", clean=True, cache=cache)

    (tmp_path / "link").symlink_to(app)
    for folder in (app, app / "cache", tmp_path / "link" / "new" / "cache"):
        with pytest.raises(ConfigError, match="among the app's sources"):
            run(folder)
    commit(app)
    with pytest.raises(ConfigError, match="among the app's sources"):
        run(app / "cache")
    (app / ".gitignore").write_text("/cache/\n")
    commit(app)
    assert not run(app / "cache").reused
    result = run(app / "cache")
    assert result.reused
    assert not result.provenance.dirty
