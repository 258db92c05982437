"""The shim's makefiles: what a build with nothing to do starts."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from toolchain.build.workplace import plain_link, plain_root

ROOT = Path(__file__).parents[2]
TOOLS = ("CC=clang-14", "LD=ld.lld-14", "OBJCOPY=llvm-objcopy-14")

pytestmark = [pytest.mark.component("clang-14"), pytest.mark.component("strace")]

_STARTED = re.compile(r"\b(?:execve|clone3?|v?fork)\(")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("make"))


def built(folder: Path, target: str = "nanos2", **environment: str) -> Path:
    """A copy of the sample app, built by make alone."""
    app = folder / "app"
    ignored = shutil.ignore_patterns("build", "bin", "__pycache__", "golden")
    shutil.copytree(ROOT / "apps" / "boilerplate", app, ignore=ignored)
    subprocess.run(make(app, target), check=True, capture_output=True, env={**os.environ, **environment})
    return app


def make(folder: Path, target: str = "nanos2") -> list[str]:
    links = plain_root(ROOT / ".work") / "links"
    shim = plain_link(ROOT, links) / "sdk-shim"
    return ["make", "-C", str(folder), f"TARGET={target}", f"BOLOS_SDK={shim}", *TOOLS]


def started(folder: Path) -> list[str]:
    """The system calls by which make and its children started others, make itself included."""
    trace = folder.parent / "trace"
    calls = "trace=execve,clone,clone3,fork,vfork"
    subprocess.run(
        ["strace", "-f", "-qq", "-e", calls, "-o", str(trace), *make(folder)], check=True, capture_output=True
    )
    return [line for line in trace.read_text("utf-8", "replace").splitlines() if _STARTED.search(line)]


def test_a_make_with_nothing_to_do_is_one_process(app: Path) -> None:
    assert len(started(app)) == 1


def test_what_changed_is_made(app: Path) -> None:
    """So the count above is one of processes."""
    elf = app / "build" / "nanos2" / "bin" / "app.elf"
    before = elf.stat().st_mtime_ns
    (app / "src" / "main.c").touch()
    assert any("clang" in line for line in started(app))
    assert elf.stat().st_mtime_ns > before
    assert len(started(app)) == 1
