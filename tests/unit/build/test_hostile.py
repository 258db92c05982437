"""Apps that mean harm: each build ends, with an error that says why, and writes in its own folder alone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from toolchain.build import host, process, sources
from toolchain.build.diagnostics import Folders, parse_make
from toolchain.build.host import build, describe
from toolchain.build.workplace import Job
from toolchain.errors import BuildError, ConfigError, ToolchainError

JobMaker = Callable[..., Job]

GOOD = "BIN_DIR=bin\nAPPNAME=a\nAPPVERSION=1\nbin/app.elf: src/main.c ; @mkdir -p bin; cp $< $@\n"
GARBAGE = "$(info $(shell head -c 100000 /dev/urandom | tr -d '\\0'))\n"


def contents(folder: Path) -> dict[str, bytes | str]:
    """Every file and link below ``folder``, but for the work folder and what the tests compile with."""
    found: dict[str, bytes | str] = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if name.startswith("work") or path.is_dir():
            continue
        found[name] = str(path.readlink()) if path.is_symlink() else path.read_bytes()
    return found


def refused(make: Callable[[], object], folder: Path) -> ToolchainError:
    """The error that ``make`` ends with; outside of the work folder nothing has changed by then."""
    before = contents(folder)
    with pytest.raises(ToolchainError) as caught:
        make()
    assert contents(folder) == before
    return caught.value


def test_garbage_among_the_variables_changes_none(job: JobMaker, app: Path, tmp_path: Path) -> None:
    lies = "$(info APPNAME = evil)$(warning \033[2J)$(info Makefile:1: *** evil.  Stop.)\n"
    (app / "Makefile").write_text(GARBAGE + lies + GOOD + GARBAGE)
    variables = describe(job(), root=tmp_path / "work")
    assert (variables["APPNAME"], variables["APPVERSION"]) == ("a", "1")
    assert build(job(), root=tmp_path / "work").app.name == "a"


def test_garbage_behind_a_failure(job: JobMaker, app: Path, tmp_path: Path) -> None:
    (app / "Makefile").write_text(f"BIN_DIR=bin\nbin/app.elf: ; @:\n{GARBAGE}\n$(shell kill -9 $$PPID)\n")
    error = refused(lambda: build(job(), root=tmp_path / "work"), tmp_path)
    assert isinstance(error, BuildError)
    assert "make failed" in error.message
    assert len(error.message) < 500


@pytest.mark.parametrize(
    "makefile",
    [
        "BIN_DIR=bin\nX := $(shell sleep 1000)\n",
        "BIN_DIR=bin\nloop:: ; @sleep 1000\nMakefile: loop ; @:\n",
        "BIN_DIR=bin\nbin/app.elf: ; @yes\n",
        "BIN_DIR=bin\nbin/app.elf: ; @while :; do $(MAKE) --version; done\n",
    ],
    ids=["while it is read", "remade for ever", "a flood", "make after make"],
)
def test_a_makefile_without_an_end(
    makefile: str, job: JobMaker, app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "LOG_LIMIT", 1 << 16)
    (app / "Makefile").write_text(makefile)
    error = refused(lambda: build(job(), root=tmp_path / "work", timeout=0.7), tmp_path)
    assert "did not end within 0.7 seconds" in error.message


def test_variables_that_are_never_told(job: JobMaker, app: Path, tmp_path: Path) -> None:
    (app / "Makefile").write_text("X := $(shell sleep 1000)\n")
    error = refused(lambda: describe(job(), root=tmp_path / "work", timeout=0.5), tmp_path)
    assert "did not end" in error.message


def test_a_value_without_an_end(
    job: JobMaker, app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "_VALUE_LIMIT", 1 << 16)
    (app / "Makefile").write_text(GOOD + "CFLAGS := $(shell head -c 100000 /dev/zero | tr '\\0' x)\n")
    error = refused(lambda: build(job(), root=tmp_path / "work"), tmp_path)
    assert "larger than 65536 bytes" in error.message
    assert error.where.endswith("CFLAGS")


def test_a_record_that_no_compiler_left(job: JobMaker, app: Path, tmp_path: Path) -> None:
    (app / "Makefile").write_text(GOOD + "X := $(shell head -c 5000000 /dev/zero >$$TOOLCHAIN_COMMANDS/1)\n")
    error = refused(lambda: build(job(), root=tmp_path / "work"), tmp_path)
    assert "larger than" in error.message


def test_memory_and_files_of_what_make_starts_are_bounded(
    job: JobMaker, app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "MEMORY", 200 << 20)
    monkeypatch.setattr(process, "FILE", 1 << 20)
    for recipe in ("head -c 1000000000 /dev/zero | tail -n 1 | wc -c", "head -c 2000000 /dev/zero >$@"):
        (app / "Makefile").write_text(
            f"SHELL=/bin/bash -o pipefail\nBIN_DIR=bin\nbin/app.elf: ; @mkdir -p bin; {recipe}\n"
        )
        error = refused(lambda: build(job(), root=tmp_path / "work"), tmp_path)
        assert "Error" in error.message


@pytest.mark.parametrize("limit", ["MAX_FILE", "MAX_TREE"])
def test_an_app_without_an_end(
    limit: str, job: JobMaker, app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, limit, 10_000)
    with (app / "src" / "zeros.bin").open("wb") as file:
        file.truncate(10_001)
    error = refused(lambda: build(job(), root=tmp_path / "work"), tmp_path)
    assert isinstance(error, ConfigError)
    assert "too large" in error.message
    assert error.where.endswith("zeros.bin")


def test_a_hole_of_a_terabyte_is_not_read(job: JobMaker, app: Path, tmp_path: Path) -> None:
    with (app / "src" / "hole.c").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ConfigError, match=r"src/hole\.c is too large"):
        build(job(), root=tmp_path / "work")


def test_links_that_a_recipe_plants_are_not_written_through(job: JobMaker, app: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    for name in ("bin", "build"):
        plant = (
            f"@mkdir -p bin; cp $< $@; rm -rf src/main.c {name}/x; mkdir -p {name}; ln -s {victim} {name}/x; "
        )
        swap = f"ln -s {victim} src/main.c"
        (app / "Makefile").write_text(
            f"BIN_DIR=bin\nAPPNAME=a\nAPPVERSION=1\nbin/app.elf: src/main.c ; {plant}{swap}\n"
        )
        build(job(), root=tmp_path / "work")
        (app / "src" / "main.c").write_text(f"int changed_{name};\n")
        (app / name).mkdir()
        (app / name / "x").write_text("mine")
        build(job(), root=tmp_path / "work")
        assert victim.read_text() == "untouched"


def test_lines_of_any_length_are_read_in_time_that_grows_with_them() -> None:
    folders = Folders("/w/src", ".", ("/sdk",), (), {})
    for piece in ("makefile", "a/", "a.mk", "*** ", "1:", " "):
        line = piece * 1_000_000
        assert parse_make([line, line + ":1: warning: x\n", f"{line} *** x"], folders) == ()
