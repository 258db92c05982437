import hashlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.build.conftest import MAKEFILE, commit, git
from toolchain.app import AppManifest
from toolchain.build.host import build, build_all, describe
from toolchain.build.result import BuildResult
from toolchain.build.workplace import Job
from toolchain.errors import BuildError, ConfigError
from toolchain.target import get_target

JobMaker = Callable[..., Job]


def tree(folder: Path) -> dict[str, bytes]:
    files = (p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def test_a_build_gives_the_elf_and_what_make_said(job: JobMaker, tmp_path: Path) -> None:
    result = build(job(), root=tmp_path / "work")

    assert result.elf == b"int main;\nint other;\n"
    assert (result.app.name, result.app.version) == ("Sample", "1.2.3")
    assert result.app.permissions.paths == ("44'/1'", "45'")
    assert not result.diagnostics
    assert not result.reused
    assert {c.file for c in result.commands} == {"src/main.c", "src/other.c", ""}
    assert "clang -c  -o build/nanos2/obj/main.o src/main.c" in result.log.read_text()


def test_neither_the_app_nor_the_sdk_is_written_to(
    job: JobMaker, app: Path, sdk: Path, tmp_path: Path
) -> None:
    before = tree(app), tree(sdk)
    build(job(), root=tmp_path / "work")
    assert (tree(app), tree(sdk)) == before


def test_without_a_change_nothing_runs(job: JobMaker, tmp_path: Path) -> None:
    first = build(job(), root=tmp_path / "work")
    said: list[str] = []
    again = build(job(), root=tmp_path / "work", show=said.append)

    assert again.reused
    assert not said
    assert (again.elf, again.commands, again.provenance) == (first.elf, first.commands, first.provenance)
    assert again.app == first.app


def test_a_clean_build_runs_all_again(job: JobMaker, tmp_path: Path) -> None:
    build(job(), root=tmp_path / "work")
    said: list[str] = []
    result = build(job(), root=tmp_path / "work", clean=True, show=said.append)
    assert not result.reused
    assert sum(" -c " in line for line in said) == 2


def test_only_what_changed_is_compiled(job: JobMaker, app: Path, tmp_path: Path) -> None:
    build(job(), root=tmp_path / "work")
    (app / "src" / "main.c").write_text("int changed;\n")
    said: list[str] = []
    result = build(job(), root=tmp_path / "work", show=said.append)

    assert result.elf == b"int changed;\nint other;\n"
    assert [line.split()[-1] for line in said if " -c " in line] == ["src/main.c"]
    assert {c.file for c in result.commands} == {"src/main.c", "src/other.c", ""}


def touch_all(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and ".git" not in path.parts:
            path.write_bytes(path.read_bytes())
            os.utime(path)


def test_copies_of_apps_that_are_no_more_go(job: JobMaker, app: Path, sdk: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(app, tmp_path / "other"))
    build(Job(AppManifest.read(other), get_target("nanosp"), sdk), root=tmp_path / "work")
    build(job(), root=tmp_path / "work")
    assert len(list((tmp_path / "work" / "builds").iterdir())) == 2
    shutil.rmtree(other)
    build(job(DEBUG="1"), root=tmp_path / "work")
    (left,) = (tmp_path / "work" / "builds").iterdir()
    assert left.name.startswith("app-")
    assert build(job(), root=tmp_path / "work").reused


def test_other_times_and_the_same_bytes_are_no_change(job: JobMaker, app: Path, tmp_path: Path) -> None:
    commit(app)
    first = build(job(), root=tmp_path / "work")
    touch_all(app)
    said: list[str] = []
    again = build(job(), root=tmp_path / "work", show=said.append)
    assert again.reused
    assert not said
    assert (again.elf, again.commands, again.provenance) == (first.elf, first.commands, first.provenance)
    assert build(job(), root=tmp_path / "work").fingerprint == again.fingerprint != first.fingerprint

    touch_all(app)
    (app / "src" / "main.c").write_text("int changed;\n")
    result = build(job(), root=tmp_path / "work", show=said.append)
    assert [line.split()[-1] for line in said if " -c " in line] == ["src/main.c"]
    assert result.elf == b"int changed;\nint other;\n"


def test_a_checkout_that_went_and_came_back(job: JobMaker, app: Path, tmp_path: Path) -> None:
    commit(app)
    first = build(job(), root=tmp_path / "work")
    git(app, "switch", "--quiet", "--create", "other")
    (app / "src" / "main.c").write_text("int changed;\n")
    (app / "flags.mk").write_text("")
    commit(app)
    git(app, "switch", "--quiet", "-")
    again = build(job(), root=tmp_path / "work")
    assert again.reused
    assert again.provenance == first.provenance
    git(app, "switch", "--quiet", "other")
    assert build(job(), root=tmp_path / "work").elf == b"int changed;\nint other;\n"
    git(app, "switch", "--quiet", "-")
    assert build(job(), root=tmp_path / "work").elf == first.elf


def test_a_work_folder_is_of_use_to_another_checkout(job: JobMaker, app: Path, tmp_path: Path) -> None:
    """As between two runs of a CI: packed and unpacked, beside a new clone in a folder of the same name."""
    commit(app)
    first = build(job(), root=tmp_path / "work")
    subprocess.run(["tar", "--format=posix", "-cf", "work.tar", "work"], cwd=tmp_path, check=True)
    shutil.rmtree(tmp_path / "work")
    app.rename(tmp_path / "origin")
    git(tmp_path, "clone", "--quiet", "origin", "app")
    subprocess.run(["tar", "-xf", "work.tar"], cwd=tmp_path, check=True)
    again = build(job(), root=tmp_path / "work")
    assert again.reused
    assert (again.elf, again.commands, again.provenance) == (first.elf, first.commands, first.provenance)


def test_bytes_that_changed_behind_an_old_time_are_a_change(job: JobMaker, app: Path, tmp_path: Path) -> None:
    build(job(), root=tmp_path / "work")
    source = app / "src" / "main.c"
    before = source.stat()
    source.write_text("int niam;\n")
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert build(job(), root=tmp_path / "work").elf == b"int niam;\nint other;\n"


def test_a_failure_is_not_forgotten_with_other_times(job: JobMaker, app: Path, tmp_path: Path) -> None:
    (app / "src" / "main.c").write_text("ERROR\n")
    for _ in range(2):
        with pytest.raises(BuildError, match="no such thing"):
            build(job(), root=tmp_path / "work")
        touch_all(app)


@pytest.mark.parametrize("name", ["src/main.h", "icon.gif", "table.inc"])
def test_what_make_may_not_notice_rebuilds_all(name: str, job: JobMaker, app: Path, tmp_path: Path) -> None:
    """This makefile has no lists of headers; no makefile has lists of what its scripts read."""
    (app / name).write_text("one\n")
    build(job(), root=tmp_path / "work")
    (app / name).write_text("two\n")
    said: list[str] = []
    build(job(), root=tmp_path / "work", show=said.append)
    assert sum(" -c " in line for line in said) == 2


def test_lists_of_headers_are_no_other_makefiles(job: JobMaker, app: Path, tmp_path: Path) -> None:
    """A second run reads what compilers wrote in the first; the app is the same, and one run is enough."""
    lists = "\t@echo $@: src/main.h >$(@:.o=.d)\n-include $(wildcard build/*/obj/*.d)\n"
    (app / "Makefile").write_text(MAKEFILE.replace("-c ", "-c -MMD ") + lists)
    (app / "src" / "main.h").write_text("one\n")
    first = build(job(), root=tmp_path / "work")
    for name, expected in {"main.c": 1, "main.h": 2}.items():
        (app / "src" / name).write_text("two\n")
        said: list[str] = []
        result = build(job(), root=tmp_path / "work", show=said.append)
        assert sum(" -c " in line for line in said) == expected
        assert result.app.variables == first.app.variables


def test_a_source_that_is_gone_is_gone_from_the_image(job: JobMaker, app: Path, tmp_path: Path) -> None:
    build(job(), root=tmp_path / "work")
    (app / "src" / "other.c").unlink()
    result = build(job(), root=tmp_path / "work")
    assert result.elf == b"int main;\n"
    assert {c.file for c in result.commands} == {"src/main.c", ""}


@pytest.mark.parametrize("name", ["Makefile", "flags.mk"])
def test_changed_flags_reach_every_object(name: str, job: JobMaker, app: Path, tmp_path: Path) -> None:
    (app / "flags.mk").write_text("")
    (app / "Makefile").write_text(f"include flags.mk\n{MAKEFILE}")
    build(job(), root=tmp_path / "work")
    text = (app / name).read_text()
    (app / name).write_text(f"DEFINES += NEW\n{text}")
    assert build(job(), root=tmp_path / "work").elf == b"int main;\n-DNEWint other;\n-DNEW"


def test_flags_that_come_from_git_reach_every_object(job: JobMaker, app: Path, tmp_path: Path) -> None:
    (app / "Makefile").write_text(f"DEFINES += AT=$(shell git describe --always --dirty)\n{MAKEFILE}")
    commit(app)
    first = git(app, "rev-parse", "--short", "HEAD")
    assert build(job(), root=tmp_path / "work").elf.count(f"-DAT={first}".encode()) == 2
    git(app, "commit", "--quiet", "--allow-empty", "--message", "another")
    second = git(app, "rev-parse", "--short", "HEAD")
    assert build(job(), root=tmp_path / "work").elf.count(f"-DAT={second}".encode()) == 2


def test_another_sdk_or_other_flags_above_it_rebuild_all(job: JobMaker, sdk: Path, tmp_path: Path) -> None:
    build(job(), root=tmp_path / "work")
    for path in (sdk / "Makefile.target", sdk.parent / "Makefile.defines"):
        path.write_text(path.read_text() + "# another comment\n")
        said: list[str] = []
        build(job(), root=tmp_path / "work", show=said.append)
        assert sum(" -c " in line for line in said) == 2


def test_what_make_writes_among_the_sources_does_not_stay(job: JobMaker, app: Path, tmp_path: Path) -> None:
    """Official make files draw a home icon into glyphs/, and find it there the next time."""
    rule = "$(BIN_DIR)/app.elf: ; @ls glyphs/* 2>/dev/null >$@ || :\n"
    text = "include $(BOLOS_SDK)/Makefile.target\nAPPNAME=a\nAPPVERSION=1\nBIN_DIR := bin\n" + rule
    text += "$(shell mkdir -p glyphs bin; ls glyphs >listing; touch glyphs/home.gif src/main.c)\n"
    (app / "Makefile").write_text(text.replace(rule, "$(BIN_DIR)/app.elf: ; @wc -l <listing >$@\n"))
    first = build(job(), root=tmp_path / "work")
    (app / "src" / "main.c").write_text("int changed;\n")
    second = build(job(), root=tmp_path / "work")
    assert first.elf.strip() == second.elf.strip() == b"0"


def test_warnings_of_objects_that_are_not_compiled_again_stay(
    job: JobMaker, app: Path, tmp_path: Path
) -> None:
    (app / "src" / "main.c").write_text("one\nWARN\n")
    for text in ("int a;", "int b;"):
        (app / "src" / "other.c").write_text(text)
        (said,) = build(job(), root=tmp_path / "work").diagnostics
        assert (said.path, said.line, said.level, said.flag) == ("src/main.c", 2, "warning", "-Wtest")
        assert said.origin == "app"
    assert build(job(), root=tmp_path / "work").diagnostics == (said,)
    (app / "src" / "main.c").write_text("one\n")
    assert not build(job(), root=tmp_path / "work").diagnostics


def test_warnings_of_recipes_that_do_not_run_again_stay(job: JobMaker, app: Path, tmp_path: Path) -> None:
    script = "\t@mkdir -p build; echo 'icons.mk:3: warning: too dark' >&2; touch $@\n"
    (app / "Makefile").write_text(f"{MAKEFILE}$(OBJECTS): | build/icons\nbuild/icons: icons.txt\n{script}")
    (app / "icons.txt").write_text("one\ntwo\nthree\n")
    (said,) = build(job(), root=tmp_path / "work").diagnostics
    assert (said.path, said.line, said.level) == ("icons.mk", 3, "warning")
    for text in ("int a;\n", "ERROR\n", "int b;\n"):
        (app / "src" / "main.c").write_text(text)
        if text == "ERROR\n":
            with pytest.raises(BuildError, match="no such thing"):
                build(job(), root=tmp_path / "work")
        else:
            assert build(job(), root=tmp_path / "work").diagnostics == (said,)
    (app / "Makefile").write_text(MAKEFILE)
    assert not build(job(), root=tmp_path / "work").diagnostics


def test_an_error_names_file_and_line(job: JobMaker, app: Path, tmp_path: Path) -> None:
    (app / "src" / "main.c").write_text("one\ntwo\nERROR\n")
    with pytest.raises(BuildError) as caught:
        build(job(), root=tmp_path / "work")
    assert str(caught.value) == "src/main.c:3: no such thing"
    assert "no such thing" in Path(caught.value.log).read_text()
    (app / "src" / "main.c").write_text("fixed\n")
    assert build(job(), root=tmp_path / "work").elf == b"fixed\nint other;\n"


@pytest.mark.parametrize(
    ("makefile", "message"),
    [
        ("$(error the app is not ready)\n", "Makefile:1: the app is not ready"),
        ("all:\n    spaces\n", "Makefile:2: missing separator"),
        ("BIN_DIR=bin\nall: ;\n", "No rule to make target 'bin/app.elf'"),
        ("BIN_DIR=bin\nbin/app.elf: ; @echo why; exit 3\n", "Error 3"),
        ("BIN_DIR=bin\nbin/app.elf: ; @:\n", "there is no app.elf"),
        ("BIN_DIR=/etc\n/etc/app.elf: ; @:\n", "there is no app.elf"),
        ("BIN_DIR=bin\nbin/app.elf: ; mkdir -p bin; ln -s /etc/passwd $@\n", "there is no app.elf"),
    ],
)
def test_a_makefile_that_fails(makefile: str, message: str, job: JobMaker, app: Path, tmp_path: Path) -> None:
    (app / "Makefile").write_text(makefile)
    with pytest.raises(BuildError, match=message.replace("(", r"\(")):
        build(job(), root=tmp_path / "work")


def test_no_makefile(job: JobMaker, app: Path, tmp_path: Path) -> None:
    (app / "Makefile").unlink()
    with pytest.raises(ConfigError, match="no Makefile"):
        build(job(), root=tmp_path / "work")


@pytest.mark.parametrize("program", ["make", "git"])
def test_make_and_git_are_needed(
    program: str, job: JobMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "only"
    tools.mkdir()
    for name in {"make", "git", "bash"} - {program}:
        (tools / name).symlink_to(f"/usr/bin/{name}")
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(ConfigError, match=f"{program} is not installed"):
        build(job(), root=tmp_path / "work")


def test_a_make_that_hangs_is_ended_and_its_children_too(job: JobMaker, app: Path, tmp_path: Path) -> None:
    (app / "Makefile").write_text("BIN_DIR=bin\nbin/app.elf: ; @sleep 1000 & echo $$! >pid; wait\n")
    with pytest.raises(BuildError, match=r"within 3\.5 seconds"):
        build(job(), root=tmp_path / "work", timeout=3.5)
    (pid,) = (path.read_text().strip() for path in (tmp_path / "work").rglob("pid"))
    for _ in range(1000):
        state = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, check=False).stdout
        if state[:1] in (b"", b"Z"):
            return
    pytest.fail("it still runs")


def test_after_a_run_that_was_cut_off_all_is_built_again(job: JobMaker, app: Path, tmp_path: Path) -> None:
    build(job(), root=tmp_path / "work")
    # The object is newer than its source, and half of it is missing.
    (cut,) = (tmp_path / "work").rglob("main.o")
    cut.write_text("int m")
    (app / "Makefile").write_text(MAKEFILE + "$(BIN_DIR)/app.elf: hang\nhang: ; @sleep 1000\n")
    with pytest.raises(BuildError):
        build(job(), root=tmp_path / "work", timeout=0.3)
    (app / "Makefile").write_text(MAKEFILE)
    assert build(job(), root=tmp_path / "work").elf == b"int main;\nint other;\n"


def test_make_sees_a_small_environment(
    job: JobMaker, app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CFLAGS", "-DEVIL")
    monkeypatch.setenv("MAKEFLAGS", "--dry-run")
    monkeypatch.setenv("SIGNING_PASSPHRASE", "secret")
    (app / "Makefile").write_text(
        "BIN_DIR=bin\nAPPNAME=a\nAPPVERSION=1\nbin/app.elf: ; mkdir -p bin; env >$@\n"
    )
    commit(app)
    result = build(job(), root=tmp_path / "work")
    lines = dict(line.split("=", 1) for line in result.elf.decode().splitlines())
    assert not lines.keys() & {"CFLAGS", "SIGNING_PASSPHRASE", "USER", "LANG"}
    assert (lines["LC_ALL"], lines["TZ"]) == ("C", "UTC")
    assert lines["SOURCE_DATE_EPOCH"] == git(app, "show", "-s", "--format=%ct")
    assert Path(lines["HOME"]).is_relative_to(tmp_path / "work")

    # Provenance states all of it, by names that are the same on other machines.
    stated = result.provenance.environment
    by_make = {
        "MAKEFLAGS",
        "MAKELEVEL",
        "MFLAGS",
        "MAKE_TERMOUT",
        "MAKE_TERMERR",
        "MAKEOVERRIDES",
        "PWD",
        "_",
    }
    on_the_command_line = {word.partition("=")[0] for word in result.provenance.command}
    assert stated.keys() - {"umask"} == lines.keys() - by_make - on_the_command_line
    assert {name: stated[name] for name in ("HOME", "GIT_CONFIG_VALUE_0", "PYTHONHASHSEED", "umask")} == {
        "HOME": "<work>/home",
        "GIT_CONFIG_VALUE_0": "<sdk>",
        "PYTHONHASHSEED": "0",
        "umask": "022",
    }
    assert stated["PATH"].startswith("<toolchain>/bin:")
    assert set(stated["PATH"].split(":")[1:]) <= {"/usr/bin", "/bin", "/usr/local/bin", "<programs>"}


def test_provenance_names_the_commit_and_no_folder_of_this_machine(
    job: JobMaker, app: Path, tmp_path: Path
) -> None:
    commit(app)
    provenance = build(job(COIN="BOL"), root=tmp_path / "work").provenance
    assert provenance.commit == git(app, "rev-parse", "HEAD")
    assert not provenance.dirty
    assert provenance.source_date_epoch == int(git(app, "show", "-s", "--format=%ct"))
    assert provenance.compiler == "a compiler for tests"
    assert provenance.sdk.startswith("sdk-shim 0.1 tree sha256:")
    assert provenance.command[:4] == ("make", "-f", "Makefile", "-f")
    assert {"BOLOS_SDK=<sdk>", "TARGET=nanos2", "CLANGPATH=<toolchain>/bin/", "COIN=BOL"} <= {
        *provenance.command
    }
    assert str(tmp_path) not in repr(provenance)


def test_a_changed_tree_is_dirty(job: JobMaker, app: Path, tmp_path: Path) -> None:
    commit(app)
    (app / "src" / "new.c").write_text("int fresh;\n")
    result = build(job(), root=tmp_path / "work")
    assert result.provenance.dirty
    assert b"int fresh;" in result.elf


VALUES = [
    "plain",
    "a=b=c",
    "$HOME `id` $(id)",
    "'single' \"double\"",
    "#hash",
    "back\\slash; && | >file",
    "übergroß",
    "two\nlines",
]


@pytest.mark.parametrize("value", VALUES)
def test_values_come_out_of_make_as_they_are(value: str, job: JobMaker, app: Path, tmp_path: Path) -> None:
    escaped = value.replace("$", "$$").replace("#", "\\#") if "\n" not in value else value
    define = f"define DEFINES\n{escaped}\nendef\n" if "\n" in value else f"DEFINES = {escaped}\n"
    (app / "Makefile").write_text("BIN_DIR=bin\nAPPNAME=a\nAPPVERSION=1\n" + define)
    assert describe(job(), root=tmp_path / "work")["DEFINES"] == value


def test_describe_compiles_nothing(job: JobMaker, tmp_path: Path) -> None:
    variables = describe(job(COIN="BOL"), root=tmp_path / "work")
    assert variables["PATH_APP_LOAD_PARAMS"] == '"44\'/1\'" "45\'"'
    assert "ICONNAME" not in variables
    assert not list((tmp_path / "work").rglob("*.o"))


def test_a_makefile_cannot_tell_who_asks(job: JobMaker, app: Path, tmp_path: Path) -> None:
    """Goals are those of a plain make: none. What is built and what is said come from one run."""
    text = 'ifneq ($(MAKECMDGOALS),)\nPATH_APP_LOAD_PARAMS = "a lie"\nendif\n'
    (app / "Makefile").write_text(MAKEFILE + text)
    assert build(job(), root=tmp_path / "work").app.permissions.paths == ("44'/1'", "45'")


@pytest.mark.parametrize(
    "pair", [("BOLOS_SDK", "x"), ("TARGET", "x"), ("a b", "x"), ("A", "x\ny"), ("", "x"), ("-f", "x")]
)
def test_variables_that_make_must_not_get(pair: tuple[str, str], job: JobMaker) -> None:
    with pytest.raises(ConfigError, match="not a variable"):
        job(**{pair[0]: pair[1]})


def test_variables_have_copies_of_their_own(job: JobMaker, tmp_path: Path) -> None:
    plain = build(job(), root=tmp_path / "work")
    other = build(job(DEFINES="X"), root=tmp_path / "work")
    assert plain.sources != other.sources
    assert b"-DX" in other.elf
    assert build(job(), root=tmp_path / "work").reused


def test_paths_with_blanks(app: Path, sdk: Path, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    (tmp_path / "Makefile.defines").rename(folder / "Makefile.defines")
    moved = Job(
        AppManifest.read(app.rename(folder / "my app")), get_target("nanosp"), sdk.rename(folder / "my sdk")
    )
    result = build(moved, root=folder / "work")
    assert result.elf == b"int main;\nint other;\n"
    assert result.provenance.command[4].endswith("extra.mk")
    assert not any(" " in word for word in result.provenance.command)
    assert build(moved, root=folder / "work").reused


@pytest.mark.parametrize("root", ["/proc/nowhere", "/dev/null/work"])
def test_a_work_folder_that_cannot_be_written(root: str, job: JobMaker) -> None:
    with pytest.raises(BuildError) as caught:
        build(job(), root=Path(root))
    assert root in str(caught.value)


def test_two_at_once_wait_for_each_other(job: JobMaker, tmp_path: Path) -> None:
    results: list[BuildResult] = []
    threads = [
        threading.Thread(target=lambda: results.append(build(job(), root=tmp_path / "work"))) for _ in "123"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result.reused for result in results) == [False, True, True]
    assert {result.elf for result in results} == {b"int main;\nint other;\n"}


def test_many_jobs_side_by_side(job: JobMaker, app: Path, tmp_path: Path) -> None:
    jobs = [job(DEFINES=f"N{n}") for n in range(5)]
    said: set[Job] = set()
    done: list[Job] = []
    results = build_all(jobs, root=tmp_path / "work", cpus=3, show=lambda j, _: said.add(j), done=done.append)
    for n, result in enumerate(results):
        assert isinstance(result, BuildResult)
        assert result.elf.count(f"-DN{n}".encode()) == 2
        assert "jobserver unavailable" not in result.log.read_text()
    assert said == set(done) == set(jobs)


def test_one_that_fails_leaves_the_others(job: JobMaker, app: Path, tmp_path: Path) -> None:
    (app / "Makefile").write_text(MAKEFILE + "ifdef BAD\n$(error bad)\nendif\n")
    good, bad = build_all([job(), job(BAD="1")], root=tmp_path / "work")
    assert isinstance(good, BuildResult)
    assert isinstance(bad, BuildError)
    assert "bad" in str(bad)


def test_a_target_that_the_sdk_does_not_have(job: JobMaker, tmp_path: Path) -> None:
    other = Job(job().manifest, get_target("stax"), job().sdk)
    with pytest.raises(ConfigError, match="no target stax"):
        build(other, root=tmp_path / "work")


def test_an_elf_that_was_changed_is_made_again(job: JobMaker, tmp_path: Path) -> None:
    result = build(job(), root=tmp_path / "work")
    (result.sources / "build" / "nanos2" / "bin" / "app.elf").write_text("something else")
    again = build(job(), root=tmp_path / "work")
    assert not again.reused
    assert again.elf == result.elf


def test_a_damaged_memory_is_forgotten(job: JobMaker, tmp_path: Path) -> None:
    build(job(), root=tmp_path / "work")
    (state,) = (tmp_path / "work").rglob("state.json")
    state.write_text(json.dumps({"fingerprint": 1}))
    result = build(job(), root=tmp_path / "work")
    assert not result.reused
    assert hashlib.sha256(result.elf).hexdigest() == hashlib.sha256(b"int main;\nint other;\n").hexdigest()
