"""What comes out of a cache is what a clean build gives, warnings included."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.engine import WORK
from tests.system.inv import PROJECT, inv
from toolchain.app import AppManifest
from toolchain.build.container import Container
from toolchain.build.host import build
from toolchain.build.result import BuildResult
from toolchain.build.workplace import HOST, Job, Machine, plain_root
from toolchain.target import get_target

pytestmark = pytest.mark.component("ccache")

WARNING = "unused variable 'nobody'"


def sample(folder: Path) -> Path:
    """A copy of the sample app that the compiler has something to say about."""
    app = folder / "app"
    shutil.copytree(PROJECT / "apps/boilerplate", app, ignore=shutil.ignore_patterns("build", "bin", "tests"))
    (app / "src" / "warned.c").write_text("void warned(void) {\n    int nobody;\n}\n")
    return app


def clean(app: Path, cache: Path | None, machine: Machine = HOST, **variables: str) -> BuildResult:
    job = Job(
        AppManifest.read(app),
        get_target("nanosp"),
        PROJECT / "sdk-shim",
        variables=tuple(variables.items()),
        machine=machine,
    )
    return build(job, root=WORK, clean=True, cache=cache)


def counted(cache: Path, what: str) -> int:
    """A figure of ccache's own statistics."""
    (objects,) = cache.glob("*/objects")
    done = subprocess.run(
        ["ccache", "--print-stats"],
        env=os.environ | {"CCACHE_DIR": str(objects), "CCACHE_CONFIGPATH": os.devnull},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(dict(line.split("\t") for line in done.stdout.splitlines())[what])


def hits(cache: Path) -> int:
    return counted(cache, "direct_cache_hit") + counted(cache, "preprocessed_cache_hit")


def forget_finished(cache: Path) -> None:
    """Leave ccache's objects alone."""
    archives = list(cache.rglob("*.zip"))
    assert archives
    for path in archives:
        path.unlink()


def assert_cached_builds_are_the_same(app: Path, cache: Path, machine: Machine) -> None:
    plain = clean(app, None, machine)
    assert not cache.exists()
    first, second = clean(app, cache, machine), clean(app, cache, machine)
    compiled = sum(1 for command in plain.commands if command.file.endswith(".c"))
    assert compiled > 20
    missed = counted(cache, "cache_miss")
    assert missed >= compiled
    assert (hits(cache), first.reused, second.reused) == (0, False, True)
    forget_finished(cache)
    third = clean(app, cache, machine)
    assert (hits(cache), third.reused) == (missed, False)
    for result in (first, second, third):
        assert (result.elf, result.map) == (plain.elf, plain.map)
        assert [d.message for d in result.diagnostics] == [WARNING]
        assert sorted(result.commands, key=str) == sorted(plain.commands, key=str)
        assert result.provenance == plain.provenance

    source = app / "src" / "warned.c"
    source.write_text(source.read_text().replace("nobody", "somebody"))
    fourth = clean(app, cache, machine)
    assert counted(cache, "cache_miss") == missed + 1
    assert fourth.diagnostics[0].message == "unused variable 'somebody'"


def test_a_cached_build_is_a_clean_one(tmp_path: Path) -> None:
    assert_cached_builds_are_the_same(sample(tmp_path), tmp_path / "cache", HOST)


@pytest.mark.component("docker")
@pytest.mark.component("mmdebstrap")
@pytest.mark.usefixtures("builder")
def test_a_cached_build_in_the_container_is_a_clean_one(tmp_path: Path) -> None:
    assert_cached_builds_are_the_same(sample(tmp_path), tmp_path / "cache", Container.find("", WORK))


def objects(result: BuildResult) -> dict[str, bytes]:
    """What the linker gets: debugging sections that it strips too."""
    return {path.name: path.read_bytes() for path in result.sources.rglob("*.o")}


def move_by_a_column(app: Path) -> None:
    source = app / "src" / "warned.c"
    source.write_text(source.read_text().replace("seen = found", "/* not a token */ seen = found"))


def move_by_a_column_in_a_header(app: Path) -> None:
    header = app / "src" / "core" / "found.h"
    header.write_text(header.read_text().replace("return", "/* not a token */ return"))


def shadow_a_header(app: Path) -> None:
    (app / "src" / "found.h").write_text("static inline int found(int i) { return i + 2; }\n")


def make_a_header(app: Path) -> None:
    with (app / "Makefile").open("a") as file:
        file.write("\n$(shell echo 'static inline int found(int i) { return i + 3; }' >src/found.h)\n")


def change_what_is_embedded(app: Path) -> None:
    (app / "src" / "core" / "blob.h").write_text("other bytes")


@pytest.mark.parametrize(
    "change",
    [move_by_a_column, move_by_a_column_in_a_header, shadow_a_header, make_a_header, change_what_is_embedded],
)
def test_what_a_preprocessor_or_a_list_of_headers_does_not_show(
    change: Callable[[Path], None], tmp_path: Path
) -> None:
    app, cache = sample(tmp_path), tmp_path / "cache"
    (app / "src" / "core" / "found.h").write_text("static inline int found(int i) { return i + 1; }\n")
    (app / "src" / "core" / "blob.h").write_text("some bytes")
    source = app / "src" / "warned.c"
    source.write_text(
        '#include "found.h"\n'
        '__asm__(".section .rodata.blob\\n.incbin \\"src/core/blob.h\\"\\n.text");\n'
        + source.read_text()
        + "extern volatile int seen;\nvolatile int seen;\n"
        + "__attribute__((used, retain)) void see(void);\nvoid see(void) {\n    seen = found(seen);\n}\n"
    )
    before = objects(clean(app, cache, DEBUG="1"))
    change(app)
    plain = objects(clean(app, None, DEBUG="1"))
    assert plain != before
    assert objects(clean(app, cache, DEBUG="1")) == plain


@pytest.mark.component("docker")
@pytest.mark.component("mmdebstrap")
@pytest.mark.usefixtures("builder")
def test_a_makefile_in_the_container_reaches_its_own_objects_alone(tmp_path: Path) -> None:
    app, cache = sample(tmp_path), tmp_path / "cache"
    clean(app, cache, Container.find("", WORK))
    (objects,) = cache.glob("*/objects")
    (archive,) = cache.rglob("*.zip")
    for folder in (cache, objects.parent, archive.parent, objects):
        with (app / "Makefile").open("a") as file:
            file.write(f"\n$(shell touch {folder}/evil; rm -f {archive})\n")
    clean(app, cache, Container.find("", WORK))
    assert [path.parent for path in cache.rglob("evil")] == [objects]
    assert archive.exists()


def test_the_task_fills_the_cache_that_it_is_given(tmp_path: Path) -> None:
    app, cache = sample(tmp_path), tmp_path / "cache"
    where = ("--app", app, "--target", "nanosp", "--builder", "host", "--dist", tmp_path / "dist", "--json")
    build_ = ("build", *where, "--clean", "--cache", cache)
    first = inv(*build_)
    assert first.code == 0, first.err
    assert counted(cache, "cache_miss") > 20
    verified = inv("verify", *where)
    for copy in (plain_root(WORK) / "builds").glob("app-*"):
        if os.fsdecode((copy / "app").read_bytes()) == str(app):
            shutil.rmtree(copy)
    second = inv(*build_)
    cached = [json.loads(run.out.splitlines()[0])["cached"] for run in (first, second)]
    assert cached == [False, True]
    # What is verified beside the ELF (sources, what make made of them, commands) came back too.
    again = inv("verify", *where)
    assert (again.code, again.out) == (verified.code, verified.out)


def test_a_release_has_no_cache(tmp_path: Path) -> None:
    run = inv("release", "--app", "boilerplate", "--target", "nanosp", "--cache", tmp_path)
    assert run.code == 2
    assert "--cache" in run.err


def test_a_cache_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    where = ("--app", "boilerplate", "--target", "nanosp", "--builder", "host", "--dist", tmp_path / "dist")
    run = inv("build", *where, "--clean", "--cache", tmp_path / "file")
    assert run.code == 3
    assert "cannot keep a cache here: Not a directory" in run.err
    assert str(tmp_path / "file") in run.err
    assert "Traceback" not in run.err
