import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolchain.build.commands import Call, CompileCommand
from toolchain.build.diagnostics import Folders, first_error, parse_call, parse_make
from toolchain.diagnostic import Diagnostic

FOLDERS = Folders(
    source="/w/src",
    build_directory=".",
    sdk=("/w/link", "/opt/sdk"),
    submodules=("lib/crypto",),
    others={"/w/tools/bin": "<toolchain>", "/usr/lib/arm-none-eabi": "<newlib>"},
)


def compiled(
    messages: str, file: str = "/w/src/src/main.c", directory: str = "/w/src"
) -> tuple[Diagnostic, ...]:
    return parse_call(Call(CompileCommand(directory, file, "main.o", ("clang",)), messages), FOLDERS)


def linked(messages: str) -> tuple[Diagnostic, ...]:
    return parse_call(Call(CompileCommand("/w/src", "", "app.elf", ("clang",)), messages), FOLDERS)


CLANG = """\
In file included from /w/src/src/main.c:1:
/w/src/src/crypto.h:12:9: warning: unused variable 'x' [-Wunused-variable]
   12 |     int x;
      |         ^
/w/src/src/main.c:3:5: note: declared here
/w/src/src/main.c:9:1: error: call to undeclared function 'f' [-Werror,-Wimplicit-function-declaration]
2 warnings generated.
"""


def test_what_clang_says() -> None:
    first, second, third = compiled(CLANG)
    assert first == Diagnostic(
        "src/crypto.h", 12, 9, "warning", "unused variable 'x'", "-Wunused-variable", "app"
    )
    assert (second.level, second.flag) == ("note", "")
    assert third.level == "error"
    assert third.flag == "-Werror,-Wimplicit-function-declaration"
    assert first_error((first, second, third)) == third


@pytest.mark.parametrize(
    ("path", "relative", "origin"),
    [
        ("src/a.c", "src/a.c", "app"),
        ("/w/src/src/a.c", "src/a.c", "app"),
        ("src/../inc/a.h", "inc/a.h", "app"),
        ("/opt/sdk/src/os.c", "src/os.c", "sdk"),
        ("/w/link/src/os.c", "src/os.c", "sdk"),
        ("lib/crypto/a.c", "lib/crypto/a.c", "vendored"),
        ("lib/crypto2/a.c", "lib/crypto2/a.c", "app"),
        ("deps/nanopb/pb.c", "deps/nanopb/pb.c", "vendored"),
        ("src/third_party/a.c", "src/third_party/a.c", "vendored"),
        ("src/vendor.c", "src/vendor.c", "app"),
        ("/usr/lib/arm-none-eabi/include/string.h", "<newlib>/include/string.h", "sdk"),
    ],
)
def test_whose_file_it_is(path: str, relative: str, origin: str) -> None:
    (found,) = compiled(f"{path}:1:2: warning: x [-Wy]\n")
    assert (found.path, found.origin) == (relative, origin)


def test_a_message_about_no_line_is_about_the_file_that_was_compiled() -> None:
    text = "clang: warning: argument unused: '-B /w/tools/bin' [-Wunused-command-line-argument]\n"
    text += "<inline asm>:1:2: error: unknown directive\nfatal error: too many errors emitted, stopping now\n"
    first, second = compiled(text)
    assert (first.path, first.line) == ("src/main.c", 0)
    assert first.message == "argument unused: '-B <toolchain>'"
    assert (second.path, second.level, second.message) == ("src/main.c", "error", "unknown directive")


def test_assembler() -> None:
    (found,) = compiled("src/x.S: Assembler messages:\nsrc/x.S:3: Error: bad instruction `foo'\n", "src/x.S")
    assert (found.path, found.line, found.level) == ("src/x.S", 3, "error")


@pytest.mark.parametrize(
    ("text", "level", "message"),
    [
        (
            "ld.lld: error: undefined symbol: f\n>>> referenced by main.c\n",
            "error",
            "undefined symbol: f",
        ),
        ("ld.lld: warning: /w/src/a.o: odd\n", "warning", "a.o: odd"),
        ("/usr/bin/arm-none-eabi-ld: error: x\n", "error", "x"),
        (
            "/w/src/main.c:(.text+0x4): undefined reference to `g'\n",
            "error",
            "main.c: undefined reference to `g'",
        ),
        ("clang: error: linker command failed with exit code 1\n", "error", None),
    ],
)
def test_what_linkers_say(text: str, level: str, message: str | None) -> None:
    (found,) = linked(text)
    assert (found.tool, found.path, found.level) == ("linker", "", level)
    if message:
        assert found.message == message


def test_what_make_says() -> None:
    lines = [
        "Makefile:7: warning: overriding recipe for target 'x'\n",
        "/opt/sdk/Makefile.rules:3: warning: ignoring old recipe for target 'x'\n",
        "src/main.c:7: warning: of a compiler\n",
        "make: warning: Clock skew detected.\n",
        "Makefile:9: *** not ready.  Stop.\n",
        "make[1]: *** [Makefile:3: all] Error 2\n",
        "[CC] build/x.o\n",
    ]
    found = parse_make(lines, FOLDERS)
    assert [(d.path, d.line, d.level, d.origin) for d in found] == [
        ("Makefile", 7, "warning", "app"),
        ("Makefile.rules", 3, "warning", "sdk"),
        ("Makefile", 9, "error", "app"),
        ("", 0, "error", "app"),
    ]
    assert [d.message for d in found][2:] == ["not ready.", "[Makefile:3: all] Error 2"]


def test_the_compilers_error_comes_first() -> None:
    errors = [*parse_make(["make: *** [Makefile:3: all] Error 2\n"], FOLDERS), *compiled(CLANG)]
    found = first_error(errors)
    assert found is not None
    assert found.tool == "compiler"
    assert first_error([]) is None


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    for found in (*compiled(text), *linked(text), *parse_make(text.splitlines(), FOLDERS)):
        assert "/w/src/" not in found.message
