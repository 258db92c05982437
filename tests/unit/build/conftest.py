"""A tiny app and a tiny SDK in folders of their own, and a compiler that copies instead of compiling."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from toolchain.app import AppManifest
from toolchain.build import toolchains, workplace
from toolchain.build.workplace import Job
from toolchain.target import get_target

COMPILER = """\
while [ $# -gt 0 ]; do
    case $1 in
    -o) output=$2; shift ;;
    -c) compile=1 ;;
    -D*) defines="$defines $1" ;;
    *.c|*.o) inputs="$inputs $1" ;;
    esac
    shift
done
cat $inputs >$output
printf %s "${defines# }" >>$output
[ "$compile" ] || exit 0
grep -n WARN $inputs | while IFS=: read line _; do
    echo "${inputs# }:$line:1: warning: be warned [-Wtest]" >&2
done
if line=$(grep -n ERROR $inputs); then
    echo "${inputs# }:${line%%:*}:7: error: no such thing" >&2
    rm $output
    exit 1
fi
"""

MAKEFILE = """\
include $(BOLOS_SDK)/Makefile.target
APPNAME = "Sample"
APPVERSION = "1.2.3"
CURVE_APP_LOAD_PARAMS = secp256k1
PATH_APP_LOAD_PARAMS = "44'/1'" "45'"
BIN_DIR := build/$(TARGET)/bin
OBJECTS := $(patsubst src/%.c,build/$(TARGET)/obj/%.o,$(wildcard src/*.c))
all: everything
$(BIN_DIR)/app.elf: $(OBJECTS)
\t@mkdir -p $(@D)
\t$(CLANGPATH)clang -o $@ $^
build/$(TARGET)/obj/%.o: src/%.c
\t@mkdir -p $(@D)
\t$(CLANGPATH)clang -c $(addprefix -D,$(DEFINES)) -o $@ $<
"""

MANIFEST = '[app]\nsdk = "C"\nbuild_directory = "."\ndevices = ["nanos+"]\n'


def git(folder: Path, *arguments: str) -> str:
    identity = [
        "-c",
        "user.name=A Tester",
        "-c",
        "user.email=tester@example.org",
        "-c",
        "protocol.file.allow=always",
    ]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(folder: Path) -> None:
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "a test")


def write_files(folder: Path, **files: str) -> None:
    """``src__main_c="…"`` writes src/main.c."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def sdk(tmp_path: Path) -> Path:
    folder = tmp_path / "sdk"
    (folder / "target" / "nanos2").mkdir(parents=True)
    (folder / "Makefile.target").write_text('SDK_NAME := "sdk-shim"\nSDK_VERSION := "0.1"\n')
    (folder / "Makefile.defines").write_text("\n")
    (tmp_path / "Makefile.defines").write_text("FLAGS := -O1\n")
    return folder


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    write_files(folder, Makefile=MAKEFILE, src__main_c="int main;\n", src__other_c="int other;\n")
    (folder / "ledger_app.toml").write_text(MANIFEST)
    return folder


@pytest.fixture(autouse=True)
def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every job gets the compiler that copies, behind the scripts that record."""
    program = tmp_path / "compiler.sh"
    program.write_text(COMPILER)
    folder = tmp_path / "tools" / "bin"
    folder.mkdir(parents=True)
    script = folder / "clang"
    script.write_text(toolchains._script("clang", "/bin/sh", str(program)))
    script.chmod(0o755)
    tools = toolchains.Toolchain("test", folder, None, "a compiler for tests")
    monkeypatch.setattr(workplace, "prepare", lambda *_: tools)


@pytest.fixture
def job(app: Path, sdk: Path) -> Callable[..., Job]:
    def make(**variables: str) -> Job:
        return Job(AppManifest.read(app), get_target("nanosp"), sdk, "", tuple(variables.items()))

    return make
