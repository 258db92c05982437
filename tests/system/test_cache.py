"""ccache: what comes out of it is what a clean build gives, warnings included."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.system.engine import WORK
from tests.system.inv import PROJECT, inv
from toolchain.app import AppManifest
from toolchain.build.container import Container
from toolchain.build.host import build
from toolchain.build.result import BuildResult
from toolchain.build.workplace import HOST, Job, Machine
from toolchain.target import get_target

pytestmark = pytest.mark.component("ccache")

WARNING = "unused variable 'nobody'"


def sample(folder: Path) -> Path:
    """A copy of the sample app that the compiler has something to say about."""
    app = folder / "app"
    shutil.copytree(PROJECT / "apps/boilerplate", app, ignore=shutil.ignore_patterns("build", "bin", "tests"))
    (app / "src" / "warned.c").write_text("void warned(void) {\n    int nobody;\n}\n")
    return app


def clean(app: Path, cache: Path | None, machine: Machine = HOST) -> BuildResult:
    job = Job(AppManifest.read(app), get_target("nanosp"), PROJECT / "sdk-shim", machine=machine)
    return build(job, root=WORK, clean=True, cache=cache)


def counted(cache: Path, what: str) -> int:
    """A figure of the cache's own statistics."""
    done = subprocess.run(
        ["ccache", "--print-stats"],
        env=os.environ | {"CCACHE_DIR": str(cache), "CCACHE_CONFIGPATH": os.devnull},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(dict(line.split("\t") for line in done.stdout.splitlines())[what])


def hits(cache: Path) -> int:
    return counted(cache, "direct_cache_hit") + counted(cache, "preprocessed_cache_hit")


def assert_cached_builds_are_the_same(app: Path, cache: Path, machine: Machine) -> None:
    plain = clean(app, None, machine)
    assert not cache.exists()
    first, second = clean(app, cache, machine), clean(app, cache, machine)
    compiled = sum(1 for command in plain.commands if command.file.endswith(".c"))
    assert compiled > 20
    missed = counted(cache, "cache_miss")
    assert hits(cache) == missed >= compiled
    assert first.elf == second.elf == plain.elf
    assert [d.message for d in second.diagnostics] == [d.message for d in plain.diagnostics] == [WARNING]
    assert second.commands == plain.commands

    source = app / "src" / "warned.c"
    source.write_text(source.read_text().replace("nobody", "somebody"))
    third = clean(app, cache, machine)
    assert counted(cache, "cache_miss") == missed + 1
    assert third.diagnostics[0].message == "unused variable 'somebody'"


def test_a_cached_build_is_a_clean_one(tmp_path: Path) -> None:
    assert_cached_builds_are_the_same(sample(tmp_path), tmp_path / "cache", HOST)


@pytest.mark.component("docker")
@pytest.mark.component("mmdebstrap")
@pytest.mark.usefixtures("builder")
def test_a_cached_build_in_the_container_is_a_clean_one(tmp_path: Path) -> None:
    assert_cached_builds_are_the_same(sample(tmp_path), tmp_path / "cache", Container.find("", WORK))


def test_the_task_fills_the_cache_that_it_is_given(tmp_path: Path) -> None:
    where = ("--app", "boilerplate", "--target", "nanosp", "--dist", tmp_path / "dist")
    run = inv("build", *where, "--clean", "--builder", "host", "--cache", tmp_path / "cache")
    assert run.code == 0, run.err
    assert counted(tmp_path / "cache", "cache_miss") > 20


def test_a_release_has_no_cache(tmp_path: Path) -> None:
    run = inv("release", "--app", "boilerplate", "--target", "nanosp", "--cache", tmp_path)
    assert run.code == 2
    assert "--cache" in run.err
