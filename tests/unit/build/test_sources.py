import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.build.conftest import commit, git
from toolchain.build.sources import OUTPUTS, Sources, Stamps, clone_history, sync
from toolchain.errors import ConfigError

MANIFEST = "ledger_app.toml"
KEPT = frozenset({".git", *OUTPUTS})


def read(folder: Path) -> Sources:
    return Sources.read(folder, Path(), MANIFEST)


@pytest.fixture
def repository(app: Path) -> Path:
    (app / ".gitignore").write_text("build/\n*.gif\n")
    commit(app)
    return app


def test_a_repository_holds_what_git_knows_or_does_not_ignore(repository: Path) -> None:
    for name in ("build/x.o", "glyphs/home.gif", "src/new.c"):
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_text("x")
    (repository / "src" / "other.c").unlink()
    sources = read(repository)
    assert set(sources.files) == {".gitignore", "Makefile", MANIFEST, "src/main.c", "src/new.c"}
    assert sources.commit == git(repository, "rev-parse", "HEAD")
    assert sources.dirty
    assert sources.repository


def test_a_clean_repository(repository: Path) -> None:
    sources = read(repository)
    assert not sources.dirty
    assert sources.epoch == int(git(repository, "show", "-s", "--format=%ct"))


def test_submodules_belong_to_it(repository: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "code.c").write_text("int library;\n")
    commit(library)
    git(repository, "submodule", "--quiet", "add", str(library), "lib/one")
    commit(repository)
    (repository / "lib" / "one" / "more.c").write_text("x")
    sources = read(repository)
    assert sources.submodules == ("lib/one",)
    assert {"lib/one/code.c", "lib/one/more.c"} <= set(sources.files)
    assert "lib/one/.git" not in sources.files
    assert sources.dirty


def test_a_part_of_a_larger_repository(app: Path, tmp_path: Path) -> None:
    (tmp_path / "beside.c").write_text("x")
    commit(tmp_path)
    sources = read(app)
    assert set(sources.files) == {"Makefile", MANIFEST, "src/main.c", "src/other.c"}
    assert sources.commit
    assert not sources.repository
    (tmp_path / "beside.c").write_text("y")
    assert not read(app).dirty
    (app / "Makefile").write_text("y")
    assert read(app).dirty


def test_a_folder_that_a_repository_ignores(app: Path, tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("app/\n")
    commit(tmp_path)
    assert read(app).commit == ""
    assert "src/main.c" in read(app).files


def test_outside_of_a_repository(app: Path) -> None:
    for name in ("build/x.o", "bin/app.elf", ".venv/lib.py", "src/__pycache__/x", "src/build/kept.c"):
        (app / name).parent.mkdir(exist_ok=True, parents=True)
        (app / name).write_text("x")
    (app / "link").symlink_to("src")
    sources = read(app)
    assert set(sources.files) == {
        "Makefile",
        MANIFEST,
        "link",
        "src/main.c",
        "src/other.c",
        "src/build/kept.c",
    }
    assert (sources.commit, sources.dirty, sources.epoch) == ("", False, 0)


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "src/../../outside"])
def test_links_that_leave_are_refused(app: Path, target: str) -> None:
    (app / "link.c").symlink_to(target)
    with pytest.raises(ConfigError, match=r"link\.c -> "):
        read(app)


def test_links_in_a_circle_are_links(app: Path) -> None:
    (app / "one").symlink_to("two")
    (app / "two").symlink_to("one")
    assert {"one", "two"} <= set(read(app).files)


def test_pipes_are_refused(app: Path) -> None:
    os.mkfifo(app / "src" / "pipe.c")
    with pytest.raises(ConfigError, match="neither a file nor a link"):
        read(app)


def content(folder: Path) -> dict[str, tuple[str, bytes | str]]:
    found: dict[str, tuple[str, bytes | str]] = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()))
        elif path.is_file():
            found[name] = ("program" if os.access(path, os.X_OK) else "file", path.read_bytes())
        else:
            found[name] = ("folder", "")
    return found


# Few names, so that a file becomes a folder or a link, and back.
NAMES = st.sampled_from(["a", "b", "a/b", "a/c", "b/a/c", "c"])
TREES = st.dictionaries(NAMES, st.sampled_from(["one", "two", "run", "-> c"]), max_size=5)


def plant(folder: Path, tree: dict[str, str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, text in tree.items():
        path = folder / name
        if any(parent in tree for parent in map(str, Path(name).parents)):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            continue
        if text.startswith("-> "):
            path.symlink_to(os.path.relpath(folder / text[3:], path.parent))
        else:
            path.write_text(text)
            path.chmod(0o755 if text == "run" else 0o644)


@settings(deadline=None)
@given(st.lists(TREES, min_size=2, max_size=4))
def test_a_copy_that_is_kept_equals_a_new_one(
    tmp_path_factory: pytest.TempPathFactory, trees: list[dict[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("sync")
    copy = folder / "copy"
    copy.mkdir()
    stamps: Stamps = {}
    for tree in trees:
        plant(folder / "source", tree)
        stamps = sync(read(folder / "source"), copy, stamps, KEPT)
        assert content(copy) == content(folder / "source")


def test_times_change_only_where_bytes_do(app: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    stamps = sync(read(app), copy, {}, KEPT)
    before = {name: (copy / name).stat().st_mtime_ns for name in stamps}
    (app / "src" / "main.c").write_text("int changed;\n")
    os.utime(app / "src" / "other.c")
    sync(read(app), copy, stamps, KEPT)
    after = {name: (copy / name).stat().st_mtime_ns for name in stamps}
    assert {name for name in after if after[name] != before[name]} == {"src/main.c"}


def test_what_make_did_to_the_copy_is_undone_but_outputs_stay(app: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    stamps = sync(read(app), copy, {}, KEPT)
    (copy / "src" / "main.c").write_text("generated\n")
    (copy / "src" / "new.c").write_text("generated\n")
    (copy / "made").mkdir()
    (copy / "build").mkdir()
    (copy / "build" / "main.o").write_text("object")
    sync(read(app), copy, stamps, KEPT)
    assert (copy / "src" / "main.c").read_text() == "int main;\n"
    assert not (copy / "src" / "new.c").exists()
    assert not (copy / "made").exists()
    assert (copy / "build" / "main.o").read_text() == "object"
    sync(read(app), copy, stamps, frozenset())
    assert not (copy / "build").exists()


def test_the_copy_answers_git_as_the_app_does(repository: Path, tmp_path: Path) -> None:
    git(repository, "tag", "v1.2.3")
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "more")
    copy = tmp_path / "copy"
    copy.mkdir()
    sources = read(repository)
    sync(sources, copy, {}, KEPT)
    clone_history(sources, copy)
    for question in (["describe", "--tags", "--dirty"], ["rev-parse", "HEAD"], ["status", "--porcelain"]):
        assert git(copy, *question) == git(repository, *question)
    assert git(copy, "rev-parse", "--show-toplevel") == str(copy)
    (copy / "Makefile").write_text("changed")
    assert git(copy, "describe", "--tags", "--dirty").endswith("-dirty")
    assert git(repository, "status", "--porcelain") == ""


def test_without_a_repository_the_copy_is_its_own_root(app: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    clone_history(read(app), copy)
    assert git(copy, "rev-parse", "--show-toplevel") == str(copy)
