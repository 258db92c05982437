import dataclasses
import platform
import re
import subprocess
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolchain.build import toolchains
from toolchain.build.commands import read_calls
from toolchain.build.sdk import Family, Sdk
from toolchain.build.toolchains import COMMANDS, Compiler, Toolchain, choose, compilers, prepare, with_newlib
from toolchain.errors import ConfigError
from toolchain.target import get_target

TARGET = get_target("nanosp")


def sdk(family: Family, level: int | None = None) -> Sdk:
    return Sdk(Path("/sdk"), "an-sdk", family, f"v{level}", level, "an identity")


@pytest.fixture(autouse=True)
def newlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchains, "newlib_folder", lambda: Path("/newlib"))


@pytest.mark.parametrize(
    ("family", "level", "name"),
    [
        ("shim", None, "zig"),
        ("secure", 26, "zig"),
        ("secure", 27, "zig"),
        ("secure", 25, "clang-14"),
        ("secure", 22, "clang-14"),
        ("nanos", None, "clang-14"),
    ],
)
def test_which_compiler_goes_with_which_sdk(family: Family, level: int | None, name: str) -> None:
    assert choose(sdk(family, level)).name == name
    assert choose(sdk(family, level), name).name == name


@pytest.mark.parametrize(
    ("family", "level", "name"), [("secure", 25, "zig"), ("secure", 26, "clang-14"), ("nanos", None, "zig")]
)
def test_a_pair_that_does_not_fit_says_what_does(family: Family, level: int | None, name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} does not go with an-sdk") as caught:
        choose(sdk(family, level), name)
    assert "it builds with" in caught.value.hint


def test_an_sdk_that_nothing_fits() -> None:
    with pytest.raises(ConfigError, match="no compiler is known"):
        choose(sdk("secure", 12))


def test_a_compiler_that_does_not_exist() -> None:
    with pytest.raises(ConfigError, match="no compiler is called 'gcc'") as caught:
        choose(sdk("shim"), "gcc")
    assert caught.value.hint == "choose one of: zig, clang-14"


def test_newlib_is_missed_before_anything_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchains, "newlib_folder", lambda: None)
    assert choose(sdk("shim")).name == "zig"
    with pytest.raises(ConfigError, match="newlib") as caught:
        choose(sdk("secure", 26))
    assert caught.value.hint == "apt-get install libnewlib-arm-none-eabi"


def installed_newlib(folder: Path, **files: str) -> Path:
    """A newlib as Debian lays it out, behind links."""
    headers, archives = folder / "headers", folder / "newlib" / "thumb" / "v6-m" / "nofp"
    for path, text in {
        headers / "_newlib_version.h": '#define _NEWLIB_VERSION "3.3.0"\n',
        headers / "sys" / "types.h": "typedef int x;\n",
        archives / "libc_nano.a": "objects",
        archives / "nano.specs": "%rename link nano_link\n",
        **{folder / name: text for name, text in files.items()},
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "include").symlink_to("headers")
    (folder / "lib").symlink_to("newlib")
    return folder


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("headers/sys/types.h", True),
        ("headers/sys/more.h", True),
        ("newlib/thumb/v6-m/nofp/libc_nano.a", True),
        ("newlib/thumb/v6-m/nofp/libm.a", True),
        ("headers/c++/12.2.1/vector.h", False),
        ("newlib/thumb/v7-m/nofp/libc_nano.a", False),
        ("newlib/thumb/v6-m/nofp/libstdc++.a", False),
    ],
)
def test_newlib_is_named_by_what_of_it_a_build_may_read(
    name: str, counts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = Toolchain("clang-14", Path("/bin"), None, "clang 14")

    def identity(folder: Path, sdk: Sdk) -> str:
        monkeypatch.setattr(toolchains, "newlib_folder", lambda: folder)
        return with_newlib(tools, sdk, tmp_path / "work").identity

    plain = installed_newlib(tmp_path / "one")
    other = installed_newlib(tmp_path / "two", **{name: "other"})
    stated = identity(plain, sdk("secure", 25))
    assert re.fullmatch(r"clang 14, newlib 3\.3\.0 sha256:[0-9a-f]{64}", stated)
    assert (identity(other, sdk("nanos")) != stated) == counts
    assert identity(plain, sdk("shim")) == "clang 14"


def test_a_newlib_that_changed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools, folder = Toolchain("clang-14", Path("/bin"), None, "clang 14"), installed_newlib(tmp_path / "one")
    monkeypatch.setattr(toolchains, "newlib_folder", lambda: folder)
    found = []
    for text in ("typedef int x;\n", "typedef int y;\n", "typedef int y;\n"):
        header = folder / "headers" / "sys" / "types.h"
        if header.read_text() != text:
            header.write_text(text)
        toolchains._newlib_identity.cache_clear()
        found.append(with_newlib(tools, sdk("nanos"), tmp_path / "work").identity)
    assert found[0] != found[1] == found[2]
    (folder / "headers" / "sys" / "gone.h").symlink_to("nowhere")
    toolchains._newlib_identity.cache_clear()
    with pytest.raises(ConfigError, match="newlib cannot be read"):
        with_newlib(tools, sdk("nanos"), tmp_path / "work")


def test_a_program_that_is_missed_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (compiler,) = (c for c in compilers() if c.name == "clang-14")
    with pytest.raises(ConfigError, match=r"arm-none-eabi-ar, .*clang-14") as caught:
        prepare(compiler, TARGET, tmp_path / "work")
    assert "apt-get install clang-14 lld-14" in caught.value.hint


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (r'version = "[\d.]+"', 'version = "0.0.1"', r"ziglang is .*, not 0\.0\.1"),
        (r'"Linux x86_64" = ".*"', f'"{platform.system()} {platform.machine()}" = "00"', "other bytes"),
    ],
)
def test_another_compiler_than_the_locked_one(
    old: str, new: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "builder.lock"
    lock.write_text(re.sub(old, new, toolchains._LOCK.read_text()))
    monkeypatch.setattr(toolchains, "_LOCK", lock)
    with pytest.raises(ConfigError, match=message):
        prepare(compilers()[0], TARGET, tmp_path / "work")
    assert not list((tmp_path / "work" / "toolchains").glob("zig-*/bin"))


def test_no_wheel(tmp_path: Path) -> None:
    compiler = dataclasses.replace(compilers()[0], package="no_such_package")
    with pytest.raises(ConfigError, match="no_such_package is not installed"):
        prepare(compiler, TARGET, tmp_path / "work")


ECHO = """\
#!/bin/sh
[ "$1" = --version ] && { echo "${0##*/} 1.0"; exit; }
for argument; do printf '<%s>' "$argument"; done
echo said to stderr >&2
exit 7
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compiler:
    folder = tmp_path / "a folder"
    folder.mkdir()
    programs = {name: f"fake-{name}" for name in ("clang", "ld.lld", "arm-none-eabi-gcc", "llvm-ar")}
    for program in programs.values():
        (folder / program).write_text(ECHO)
        (folder / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return Compiler("fake", "system", "", "", programs, "install it", ())


def test_the_identity_names_versions_and_digests(fake: Compiler, tmp_path: Path) -> None:
    identity = prepare(fake, TARGET, tmp_path).identity
    assert [part.split(" sha256:")[0] for part in identity.split(", ")] == [
        "fake-clang 1.0",
        "fake-ld.lld 1.0",
        "fake-arm-none-eabi-gcc 1.0",
    ]
    assert len(identity.split("sha256:")[-1]) == 64


def test_tools_are_made_once(fake: Compiler, tmp_path: Path) -> None:
    first = prepare(fake, TARGET, tmp_path)
    marker = first.bin / "marker"
    marker.touch()
    assert prepare(fake, TARGET, tmp_path) == first
    assert marker.exists()


def test_another_program_gives_other_tools(fake: Compiler, tmp_path: Path) -> None:
    first = prepare(fake, TARGET, tmp_path)
    (tmp_path / "a folder" / "fake-clang").write_text(ECHO + "# another\n")
    second = prepare(fake, TARGET, tmp_path)
    assert first.bin != second.bin
    assert first.identity != second.identity


def test_two_at_once_make_one(fake: Compiler, tmp_path: Path) -> None:
    made: list[Toolchain] = []
    threads = [
        threading.Thread(target=lambda: made.append(prepare(fake, TARGET, tmp_path))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert len(set(made)) == 1


def call(tools: Toolchain, name: str, *arguments: str, calls: Path | None) -> tuple[int, str, str]:
    environment = {"PATH": "/usr/bin:/bin"} | ({COMMANDS: str(calls)} if calls else {})
    done = subprocess.run([tools.bin / name, *arguments], env=environment, capture_output=True, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8), max_size=5))
def test_a_call_is_passed_on_and_written_down(
    fake: Compiler, tmp_path_factory: pytest.TempPathFactory, words: list[str]
) -> None:
    root = tmp_path_factory.mktemp("root")
    calls = root / "calls"
    calls.mkdir()
    tools = prepare(fake, TARGET, root)
    words = ["-c", *words, "-o", "x.o", "x.c"]
    echo = "".join(f"<{word}>" for word in words)
    assert call(tools, "clang", *words, calls=calls) == (7, echo, "")
    (recorded,) = read_calls(calls)
    assert recorded.command.arguments == (str(tools.bin / "clang"), *words)
    assert recorded.messages == "said to stderr\n"
    assert recorded.command.file == "x.c"
    assert recorded.command.directory == str(Path.cwd())


def test_who_asks_a_compiler_gets_its_messages_too(fake: Compiler, tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    answer = call(prepare(fake, TARGET, tmp_path), "clang", "-v", calls=tmp_path / "calls")
    assert answer == (7, "<-v>", "said to stderr\n")


def test_nothing_is_written_down_unasked(fake: Compiler, tmp_path: Path) -> None:
    answer = call(prepare(fake, TARGET, tmp_path), "clang", "-c", calls=None)
    assert answer == (7, "<-c>", "said to stderr\n")


def test_archivers_are_not_compilers(fake: Compiler, tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    call(prepare(fake, TARGET, tmp_path), "llvm-ar", "rc", "-o", "x.a", calls=tmp_path / "calls")
    assert read_calls(tmp_path / "calls") == []


def test_a_call_that_cannot_be_written_down_fails(fake: Compiler, tmp_path: Path) -> None:
    status, out, _ = call(prepare(fake, TARGET, tmp_path), "clang", "-c", calls=tmp_path / "nowhere")
    assert status != 0
    assert not out
