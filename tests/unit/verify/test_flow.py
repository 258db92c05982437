"""Statements, and ways out of functions on which a key is still there."""

import pytest

from toolchain.errors import ImageError
from toolchain.verify.c.flow import Knowledge, leaks, variable_of, with_own_functions
from toolchain.verify.c.functions import Function, functions
from toolchain.verify.c.lexer import read_source
from toolchain.verify.c.statements import (
    MAX_DEPTH,
    Block,
    Expression,
    If,
    Jump,
    Label,
    Loop,
    Named,
    Switch,
    expressions,
    statements,
)

KNOWN = Knowledge(
    makes={"make": 0},
    wipes={"wipe": 0},
    throws=frozenset({"may_throw"}),
    exits={"CHECK": "end"},
    returns_bool=frozenset(),
)


def function(code: str) -> Function:
    (found,) = functions(read_source(code))
    return found


def body(code: str) -> Block:
    return statements(function(f"void f(void) {{ {code} }}").body)


def ways(code: str, knowledge: Knowledge = KNOWN) -> list[tuple[str, str, int]]:
    """Variable, way and line of each leak; ``code`` begins in line 2."""
    found = leaks(function(f"int f(int n) {{\n{code}\n}}"), knowledge)
    return [(leak.key.variable, leak.way, leak.line) for leak in found]


def test_every_kind_of_statement() -> None:
    kinds = [
        type(s)
        for s in body(
            "int a = b ? c : d; { ; x(); } if (a) b(); else c(); do y(); while (a); for (;;) break; "
            "while (a) {}"
            "switch (a) { case B ? 1 : 2: default: z(); } goto out; TRY { t(); } out: return a;"
        ).statements
    ]
    assert kinds == [Expression, Block, If, Loop, Loop, Loop, Switch, Jump, Named, Label, Jump]


def test_parts_of_statements() -> None:
    (chosen,) = body("if (a(1)) b(); else if (c) d(); else e();").statements
    assert isinstance(chosen, If)
    assert [t.text for t in chosen.condition] == ["a", "(", "1", ")"]
    assert isinstance(chosen.otherwise, If)
    (loop,) = body("do { x(); } while (n--);").statements
    assert isinstance(loop, Loop)
    assert loop.at_least_once
    assert [t.text for t in loop.head] == ["n", "--"]
    (choice,) = body("switch (a) { case 1: break; default: b(); }").statements
    assert isinstance(choice, Switch)
    assert isinstance(choice.body, Block)
    assert [s.is_default for s in choice.body.statements if isinstance(s, Label)] == [False, True]


@pytest.mark.parametrize(
    "code", ["if (a)", "do x(); ", "else", "x", "case", "return", "goto", "if (a) x(); else"]
)
def test_what_is_cut_short_is_still_read(code: str) -> None:
    assert isinstance(body(code), Block)


def test_declarations_are_expressions_and_no_blocks() -> None:
    kinds = [
        type(s) for s in body("struct s { int a; } v; const uint8_t t[] = {1, 2}; enum { A } e;").statements
    ]
    assert kinds == [Expression] * 3


def test_expressions_are_found_at_every_level() -> None:
    code = (
        "a(); if (x) { b(); } else c(); while (x) d(); switch (x) { case 1: e(); } TRY { g(); } return h();"
    )
    assert [e.tokens[0].text for e in expressions(body(code))] == list("abcdeg")


def test_statements_nested_too_deep_are_an_error() -> None:
    with pytest.raises(ImageError, match="too deep"):
        body("if (a) " * (MAX_DEPTH + 1) + "b();")
    with pytest.raises(ImageError, match="too deep"):
        body("{" * (MAX_DEPTH + 1) + "}" * (MAX_DEPTH + 1))


@pytest.mark.parametrize(
    ("argument", "variable"),
    [
        ("key", "key"),
        ("&key", "key"),
        ("(uint8_t *) &key.d", "key.d"),
        ("(key)", "key"),
        ("((unsigned char *) (key))", "key"),
        ("key + 32", "key"),
        ("&key[0]", "key"),
        ("ctx->key", "ctx->key"),
        ("NULL", "NULL"),
        ("32", ""),
        ("f(key)", ""),
        ("*key", ""),
    ],
)
def test_variables_in_arguments(argument: str, variable: str) -> None:
    assert variable_of(read_source(argument).tokens) == variable


@pytest.mark.parametrize(
    "code",
    [
        "uint8_t k[4]; make(k); wipe(k); return 0;",
        "uint8_t a[4], k[4]; make(k); wipe(k);",
        "key_t k; make(&k.d); wipe(&k);",
        "uint8_t k[4]; do { make(k); wipe(k); } while (n--); return 0;",
        "uint8_t k[4]; for (i = 0; i < n; i++) { make(k); if (i) { wipe(k); continue; } wipe(k); }",
        "uint8_t k[4]; make(k); switch (n) { case 1: case 2: x(); break; default: y(); } wipe(k); return 0;",
        "uint8_t k[4]; int e = make(k); if (e != 0) { return e; } wipe(k); return 0;",
        "uint8_t k[4]; if (make(k) == CX_OK) { wipe(k); } return 0;",
        "uint8_t k[4]; CHECK(make(k)); CHECK(x(k)); end: wipe(k); return 0;",
        "uint8_t k[4]; if (make(k)) goto out; x(); wipe(k); out: return 0;",
        "static uint8_t k[4]; make(k); return 0;",
        "ctx_t *c = x(); make(&c->k); return 0;",
        "make(G.k); return 0;",
        "uint8_t k[4]; return 0; make(k);",
        "key_t k; BEGIN_TRY { TRY { make(k); may_throw(); } CATCH_ALL { } FINALLY { wipe(k); } } END_TRY;",
        "key_t k; BEGIN_TRY { TRY { make(k); THROW(1); } CATCH_OTHER(e) { wipe(k); } } END_TRY; return 0;",
    ],
)
def test_ways_that_are_clean(code: str) -> None:
    assert ways(code) == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("uint8_t k[4];\nmake(k);", [("k", "at the end", 3)]),
        ("uint8_t k[4];\nmake(k);\nreturn 0;", [("k", "by return", 4)]),
        ("uint8_t *a, k[4];\nmake(k);\nreturn 0;", [("k", "by return", 4)]),
        ("uint8_t k[4]; make(k);\nmay_throw();\nwipe(k);", [("k", "by an exception", 3)]),
        ("uint8_t k[4]; make(k);\nos_sched_exit(0);", [("k", "by an exception", 3)]),
        (
            "uint8_t k[4];\nwhile (n) { make(k);\nif (n == 2) break;\nwipe(k); }\nreturn 0;",
            [("k", "by return", 6)],
        ),
        ("uint8_t k[4];\ndo { make(k);\n} while (n--);\nreturn 0;", [("k", "by return", 5)]),
        (
            "uint8_t k[4]; make(k);\nswitch (n) { case 1: wipe(k); break; }\nreturn 0;",
            [("k", "by return", 4)],
        ),
        ("uint8_t k[4]; make(k);\nCHECK(x());\nwipe(k); return 0;\nend:\nreturn 1;", [("k", "by return", 6)]),
        (
            "uint8_t k[4]; make(k);\nif (n) goto out;\nwipe(k); return 0;\nif (n) { out: x(); }\nreturn 1;",
            [("k", "by return", 6)],
        ),
        (
            "uint8_t k[4];\nBEGIN_TRY { TRY { make(k);\nTHROW(1); }\nFINALLY { x(); } } END_TRY;",
            [("k", "by an exception", 5)],
        ),
        ("uint8_t k[4]; make(k);\nMACRO(n) { wipe(k); }\nreturn 0;", [("k", "by return", 4)]),
        ("uint8_t a[4], b[4]; make(a); make(b);\nwipe(b);\nreturn 0;", [("a", "by return", 4)]),
        ("key_t k, o; make(&k.d);\nwipe(&o);\nreturn 0;", [("k.d", "by return", 4)]),
    ],
)
def test_ways_that_leave_a_key(code: str, expected: list[tuple[str, str, int]]) -> None:
    assert ways(code) == expected


OWN = """
static int outer(uint8_t *out) { return inner(out, 1); }
static int inner(uint8_t *out, int n) { return make(out); }
static void forget(size_t n, uint8_t *what) { wipe(what); }
static int both(uint8_t *out) { int e = make(out); wipe(out); return e; }
static bool try_it(key_t *k) { return make(&k->d) == 0; }
"""


def test_functions_pass_on_what_they_do_to_their_parameters() -> None:
    own = {f.name: f for f in functions(read_source(OWN))}
    known = with_own_functions(own, KNOWN)
    assert known.makes == {"make": 0, "inner": 0, "outer": 0, "try_it": 0}
    assert known.wipes == {"wipe": 0, "forget": 1}
    assert known.returns_bool == {"try_it"}
    assert ways("uint8_t k[4];\nif (!try_it(k)) return 1;\nreturn 0;", known) == [("k", "by return", 4)]
    assert ways("uint8_t k[4]; outer(k); forget(4, k); return 0;", known) == []
