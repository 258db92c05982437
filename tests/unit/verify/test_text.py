"""C text before the preprocessor: directives, comments and words, each at its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolchain.errors import ImageError
from toolchain.verify.c.text import MAX_DEPTH, MAX_SOURCE, Comment, Word, read_source


def test_directives_and_their_places() -> None:
    source = read_source(
        '#include <os.h> // x\n# include "a b.h"\n#define F(x) \\\n g(x)\n#if A && \\\n  B\nint a;\n'
        "#pragma once\n#else\n#endif\n"
    )
    assert [(d.name, d.line) for d in source.directives] == [
        ("include", 1),
        ("include", 2),
        ("define", 3),
        ("if", 5),
        ("pragma", 8),
    ]
    assert [d.included for d in source.directives[:3]] == ["os.h", "a b.h", ""]
    assert source.directives[2].words == (
        Word("F", 3, 9),
        Word("x", 3, 11),
        Word("g", 4, 2),
        Word("x", 4, 4),
    )
    assert source.comments == (Comment("// x", 1),)


@pytest.mark.parametrize(
    "code",
    [
        "void f(void) { BEGIN_TRY { TRY {\n#pragma GCC system_header\n } FINALLY {} } END_TRY; }",
        "WHAT {\n#pragma GCC system_header\n",
        "int a[] = {\n#pragma GCC system_header\n};",
        "#ifdef A\n#pragma GCC system_header\nvoid f(int a) {\n#else\nvoid f(void) {\n#endif\n}",
    ],
)
def test_directives_in_what_is_no_plain_c(code: str) -> None:
    assert (2, "GCC system_header") in [(d.line, d.text.strip()) for d in read_source(code).directives]


def test_words_that_tools_look_for() -> None:
    code = 'int f(void) {\n  if (__clang_analyzer__) {}\n  _Pragma("GCC diagnostic ignored \\"-Wvla\\"")\n}'
    assert read_source(code).words == (
        Word("__clang_analyzer__", 2, 7),
        Word("_Pragma", 3, 3),
        Word('"GCC diagnostic ignored \\"-Wvla\\""', 3, 11),
    )


@pytest.mark.parametrize(
    "code", ["// #pragma once", "/*\n#pragma once\n*/", 'char *a = "\\n\\\n#pragma once";']
)
def test_what_is_no_directive(code: str) -> None:
    assert read_source(code).directives == ()


@pytest.mark.parametrize(
    "code",
    ["x" * (MAX_SOURCE + 1), "(" * (MAX_DEPTH + 1), "{(" * 100_000, "#if A\n" * (MAX_DEPTH + 1)],
    ids=["long", "deep", "deeper", "conditions"],
)
def test_what_takes_too_long_is_refused(code: str) -> None:
    with pytest.raises(ImageError, match=r"more than"):
        read_source(code)


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(['"', "/*", "*/", "#if A\n", "{", ")", "\\\n", "'"])).map("".join)
)
def test_any_text_is_read_or_refused(code: str) -> None:
    lines = code.count("\n") + 1
    source = read_source(code)
    assert all(1 <= word.line <= lines for word in source.words)
    assert all(1 <= directive.line <= lines for directive in source.directives)
    assert all(1 <= comment.line <= lines for comment in source.comments)
