"""Ways out of functions on which a key is still there."""

from pathlib import Path

import pytest

from tests.unit.verify.candidates import unit
from toolchain.verify.c.flow import Knowledge, leaks, variable_of, with_own_functions
from toolchain.verify.c.tree import Function, calls

KNOWN = Knowledge(makes={"make": 0}, wipes={"wipe": 0}, throws=frozenset({"may_throw"}))


def functions(folder: Path, code: str) -> tuple[Function, ...]:
    read = unit(folder, code)
    assert not read.errors
    return read.functions


def ways(folder: Path, code: str, knowledge: Knowledge = KNOWN) -> list[tuple[str, str, int]]:
    """Variable, way and line of each leak; ``code`` begins in line 2."""
    (function,) = functions(folder, f"int f(int n) {{\n{code}\n}}")
    return [(leak.key.variable, leak.way, leak.line) for leak in leaks(function, knowledge)]


@pytest.mark.parametrize(
    ("argument", "variable"),
    [
        ("raw", "raw"),
        ("&aes", "aes"),
        ("(uint8_t *) &aes.k", "aes.k"),
        ("((unsigned char *) (raw))", "raw"),
        ("raw + 32", "raw"),
        ("&raw[0]", "raw"),
        ("q->d", "q->d"),
        ("32", ""),
        ("make(raw)", ""),
        ("*p", "p"),
    ],
)
def test_variables_in_arguments(argument: str, variable: str, tmp_path: Path) -> None:
    (function,) = functions(tmp_path, f"int f(key_t *q) {{ return g({argument}); }}")
    (call,) = [call for call in calls(function) if call.text == "g"]
    assert variable_of(call.parts[0]) == variable


@pytest.mark.parametrize(
    "code",
    [
        "uint8_t k[4]; make(k); wipe(k); return 0;",
        "uint8_t a[4], k[4]; make(k); wipe(k);",
        "key_t k; make(k.d); wipe(&k);",
        "uint8_t k[4]; do { make(k); wipe(k); } while (n--); return 0;",
        "uint8_t k[4]; for (i = 0; i < n; i++) { make(k); if (i) { wipe(k); continue; } wipe(k); }",
        "uint8_t k[4]; make(k); switch (n) { case 1: case 2: g(); break; default: y(); } wipe(k); return 0;",
        "uint8_t k[4]; int e = make(k); if (e != 0) { return e; } wipe(k); return 0;",
        "uint8_t k[4]; if (make(k) == CX_OK) { wipe(k); } return 0;",
        "uint8_t k[4]; CHECK(make(k)); CHECK(g(k)); end: wipe(k); return 0;",
        "uint8_t k[4]; if (make(k)) goto out; g(); wipe(k); out: return 0;",
        "static uint8_t k[4]; make(k); return 0;",
        "ctx_t *c = (ctx_t *) g(); make(&c->k); return 0;",
        "make(G.k); return 0;",
        "uint8_t k[4]; return 0; make(k);",
        "key_t k; BEGIN_TRY { TRY { make(k); may_throw(); } CATCH_ALL { } FINALLY { wipe(k); } } END_TRY;",
        "key_t k; BEGIN_TRY { TRY { make(k); THROW(1); } CATCH_ALL { wipe(k); } FINALLY { } } END_TRY;",
    ],
)
def test_ways_that_are_clean(code: str, tmp_path: Path) -> None:
    assert ways(tmp_path, code) == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("uint8_t k[4];\nmake(k);", [("k", "at the end", 4)]),
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
        ("uint8_t k[4]; make(k);\nCHECK(g());\nwipe(k); return 0;\nend:\nreturn 1;", [("k", "by return", 6)]),
        (
            "uint8_t k[4]; make(k);\nif (n) goto out;\nwipe(k); return 0;\nif (n) { out: g(); }\nreturn 1;",
            [("k", "by return", 6)],
        ),
        (
            "uint8_t k[4];\nBEGIN_TRY { TRY { make(k);\nTHROW(1); }\nFINALLY { g(); } } END_TRY;",
            [("k", "by an exception", 3)],
        ),
        ("uint8_t k[4]; make(k);\nUNLESS(n) { wipe(k); }\nreturn 0;", [("k", "by return", 4)]),
        ("uint8_t a[4], b[4]; make(a); make(b);\nwipe(b);\nreturn 0;", [("a", "by return", 4)]),
        ("key_t k, o; make(k.d);\nwipe(&o);\nreturn 0;", [("k.d", "by return", 4)]),
    ],
)
def test_ways_that_leave_a_key(code: str, expected: list[tuple[str, str, int]], tmp_path: Path) -> None:
    assert ways(tmp_path, code) == expected


OWN = """
static int inner(uint8_t *out, int n) { return make(out); }
static int outer(uint8_t *out) { return inner(out, 1); }
static void forget(size_t n, uint8_t *what) { wipe(what); }
static int both(uint8_t *out) { int e = make(out); wipe(out); return e; }
static bool try_it(key_t *k) { return make(&k->d) == 0; }
"""


def test_functions_pass_on_what_they_do_to_their_parameters(tmp_path: Path) -> None:
    own = functions(tmp_path, OWN)
    known = with_own_functions(own, KNOWN)
    assert known.makes == {"make": 0, "inner": 0, "outer": 0, "try_it": 0}
    assert known.wipes == {"wipe": 0, "forget": 1}
    uses = "uint8_t k[4]; key_t q;"
    code = f"int f(void) {{ {uses}\nif (!try_it(&q)) return 1;\nreturn 0; }}"
    *_, f = functions(tmp_path, OWN + code)
    assert [(leak.key.variable, leak.line - OWN.count("\n")) for leak in leaks(f, known)] == [("q", 3)]
    *_, f = functions(tmp_path, OWN + "int f(void) { uint8_t k[4]; outer(k); forget(4, k); return 0; }")
    assert leaks(f, known) == ()


def test_a_leak_tells_the_branches_that_lead_there(tmp_path: Path) -> None:
    code = "int f(int n) { uint8_t k[4];\nmake(k);\nif (n) {\nreturn 1; }\nwipe(k); return 0; }"
    (leak,) = leaks(functions(tmp_path, code)[0], KNOWN)
    assert leak.trail == ((3, "the condition holds"),)
