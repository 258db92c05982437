import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolchain.errors import ImageError
from toolchain.verify.c.functions import brackets, calls, functions, split
from toolchain.verify.c.lexer import MAX_SOURCE, read_source


def texts(code: str) -> list[str]:
    return [token.text for token in read_source(code).tokens]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("a->b++ <<= 0x1Fu;", ["a", "->", "b", "++", "<<=", "0x1Fu", ";"]),
        ("1.5e+3f .5 1'0", None),
        ('"a\\"b" L"x" u8"y"', ['"a\\"b"', 'L"x"', 'u8"y"']),
        ("'\\'' 'a'", ["'\\''", "'a'"]),
        ("a /* b // c */ d // e \\\n f\ng", ["a", "d", "g"]),
        ("a\\\nb", ["a", "b"]),
        ("#define A \\\n  b\nc", ["c"]),
        ("a # b", ["a", "#", "b"]),
        ("\ufeffint", ["int"]),
        ("a...b", ["a", "...", "b"]),
        ("\u00e4", ["\u00e4"]),
        ("", []),
    ],
)
def test_tokens(code: str, expected: list[str] | None) -> None:
    if expected is None:
        with pytest.raises(ImageError, match="no end"):
            texts(code)
    else:
        assert texts(code) == expected


def test_places_count_from_one() -> None:
    places = [(t.text, t.line, t.column) for t in read_source("a\n  b /*\n*/ c\n").tokens]
    assert places == [("a", 1, 1), ("b", 2, 3), ("c", 3, 4)]


def test_directives() -> None:
    source = read_source(
        '#include <os.h>\n# include "a b.h" // c\n#define F(x) \\\n g(x)\n#\n#error don\'t\n#endif'
    )
    assert [(d.name, d.line) for d in source.directives] == [
        ("include", 1),
        ("include", 2),
        ("define", 3),
        ("", 5),
        ("error", 6),
        ("endif", 7),
    ]
    assert [d.included for d in source.directives[:3]] == ["os.h", "a b.h", ""]
    assert [t.text for t in source.directives[2].tokens] == ["F", "(", "x", ")", "g", "(", "x", ")"]
    assert source.comments[0].text == "// c"


@pytest.mark.parametrize("code", ['"open', "'open", '"a\nb"', "/* open", "x = 'a\n"])
def test_what_has_no_end_is_an_error(code: str) -> None:
    with pytest.raises(ImageError, match="no end") as caught:
        read_source(code)
    assert caught.value.where == "1"


def test_a_long_file_is_an_error() -> None:
    with pytest.raises(ImageError, match="more than"):
        read_source(" " * (MAX_SOURCE + 1))


@given(st.text("ab(){}[];,\"'/*#\\\n .=0", max_size=200))
def test_text_at_random_is_read_or_refused_and_never_crashes(code: str) -> None:
    with contextlib.suppress(ImageError):
        for function in functions(read_source(code)):
            assert all(call.name.kind == "name" for call in calls(function.body))


@pytest.mark.parametrize("deep", ["(" * 200_000, "{" * 200_000, "f(" * 100_000, "#if\n" * 50_000])
def test_deep_nesting_is_bounded(deep: str) -> None:
    if deep.startswith("#"):
        assert functions(read_source(deep)) == ()
    else:
        with pytest.raises(ImageError, match="bracket"):
            functions(read_source(deep))


CODE = """
static const struct s table[] = { { 1, f }, { 2, g } };
int declared(void);
typedef int (*callback_t)(int);
__attribute__((noinline)) static bool first(const uint8_t *a, size_t n) {
    return second(a, n) && third((int (*)(void)) a);
}
UX_STEP_CB(step, nn, first(NULL, 0), { "a", "b" });
enum e { A, B };
extern "C" {
}
#ifdef __cplusplus
extern "C" {
#endif
void
last()
{
    if (x) { y(); } else z();
    return w();
}
#ifdef __cplusplus
}
#endif
"""


def test_functions_and_their_calls() -> None:
    found = functions(read_source(CODE))
    assert [(f.name, f.line) for f in found if f.name in ("first", "last")] == [("first", 5), ("last", 16)]
    first, last = (next(f for f in found if f.name == name) for name in ("first", "last"))
    assert [t.text for t in first.parameters[-2:]] == ["size_t", "n"]
    assert [call.name.text for call in calls(first.body)] == ["second", "third"]
    assert [call.name.text for call in calls(last.body)] == ["y", "z", "w"]
    assert "declared" not in [f.name for f in found]


def test_arguments_are_split_at_their_own_commas() -> None:
    tokens = read_source("f(a, g(b, c), {d, e}[1])").tokens
    (call, inner) = calls(tokens)
    assert [len(argument) for argument in call.arguments] == [1, 6, 8]
    assert inner.name.text == "g"
    assert list(split(())) == []
    assert brackets(tokens)[1] == len(tokens) - 1
