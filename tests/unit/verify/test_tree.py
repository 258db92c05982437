"""What the compiler saw: statements, expressions, exceptions told apart again, and lists for the cache."""

import dataclasses
import json
from pathlib import Path

import pytest

from tests.unit.verify.candidates import unit
from toolchain.errors import ImageError
from toolchain.verify.c.tree import (
    Block,
    Do,
    If,
    Jump,
    Label,
    Loop,
    Statement,
    Switch,
    Try,
    Unit,
    calls,
    expressions,
    pack_unit,
    read_unit,
    statements,
)


def body(folder: Path, code: str) -> tuple[Statement, ...]:
    read = unit(folder, f"int f(int q) {{\n{code}\n}}")
    assert not read.errors
    return read.functions[0].body.statements


def test_every_kind_of_statement(tmp_path: Path) -> None:
    code = (
        "int v = a ? b : c; { ; g(); } if (q) g(); else h(); do y(); while (q); for (;;) break; "
        "while (q) { continue; } switch (q) { case 1: default: g(); } if (q) goto out; "
        "BEGIN_TRY { TRY { t(); } CATCH_ALL { } FINALLY { } } END_TRY; out: return a;"
    )
    kinds = [type(s) for s in body(tmp_path, code)]
    assert kinds == [Do, Block, If, Loop, Loop, Loop, Switch, If, Try, Label, Jump]


def test_parts_of_a_for(tmp_path: Path) -> None:
    for code, parts in {
        "for (int j = 0; j < q; j++) g();": (1, "<", "++"),
        "for (q = 0; q < 3; q++) g();": (1, "<", "++"),
        "for (; q; q--) g();": (0, "q", "--"),
        "for (q = 1; q;) g();": (1, "q", ""),
        "for (;;) g();": (0, "", ""),
    }.items():
        (loop,) = body(tmp_path, code)
        assert isinstance(loop, Loop)
        assert (len(loop.first.statements), loop.condition.text, loop.step.text) == parts


def test_exceptions_are_told_apart_again(tmp_path: Path) -> None:
    (block,) = body(
        tmp_path,
        "BEGIN_TRY { TRY { t(); THROW(3); } CATCH(1) { g(); } CATCH_OTHER(e) { h(e); } "
        "FINALLY { y(); } }\nEND_TRY;",
    )
    assert isinstance(block, Try)
    named = [
        [e.text for e in expressions(b) if e.kind == "call"]
        for b in (block.body, *block.catches, block.final)
    ]
    assert named[0][-2:] == ["t", "os_longjmp"]
    assert named[1][-1] == "g"
    assert named[2][-1] == "h"
    assert named[3][-1] == "y"
    assert block.catches_all
    (block,) = body(tmp_path, "BEGIN_TRY { TRY { t(); } CATCH(1) { g(); } FINALLY { y(); } } END_TRY;")
    assert isinstance(block, Try)
    assert not block.catches_all


def test_macros_are_expanded_at_their_place(tmp_path: Path) -> None:
    read = unit(tmp_path, "#define TWICE(x) g(x); h(x)\nint f(void) {\n  TWICE(y());\n  return 0;\n}")
    assert [(c.text, c.line) for c in calls(read.functions[0])] == [("y", 3), ("g", 3), ("y", 3), ("h", 3)]


def test_what_is_not_compiled_is_not_there(tmp_path: Path) -> None:
    read = unit(tmp_path, "#if 0\nint f(void) { return g(); }\n#else\nint h2(void) { return 1; }\n#endif\n")
    assert [f.name for f in read.functions] == ["h2"]


def test_types_globals_and_callbacks(tmp_path: Path) -> None:
    read = unit(
        tmp_path,
        "struct s { int secret; int (*fn)(void); };\nstatic int cb(void) { return 0; }\n"
        "const struct s N_table[2] = {{1, cb}};\n"
        "int f(uint8_t k[4], ctx_t *q) { uint8_t z[9]; return g(z, cb) + N_table[0].fn(); }",
    )
    (table,) = read.globals
    assert (table.name, [name for name, _ in table.fields], table.functions) == (
        "N_table",
        ["secret", "fn"],
        ("cb",),
    )
    f = read.functions[1]
    assert [(v.name, v.type, v.size) for v in (*f.parameters, *f.variables)] == [
        ("k", "unsigned char[4]", 4),
        ("q", "ctx_t *", 4),
        ("z", "unsigned char[9]", 9),
    ]
    assert f.names.mentioned == {"cb"}
    assert [e.parts[0].text for x in expressions(f.body) for e in x.walk() if e.kind == "indirect"] == ["fn"]


def test_errors_have_their_place(tmp_path: Path) -> None:
    read = unit(tmp_path, '#include "gone.h"\n')
    assert read.errors == (("a.c", 1, "'gone.h' file not found"),)
    assert unit(tmp_path, "int f(void) { return 1\n}\n").errors[0][:2] == ("a.c", 1)


@pytest.mark.parametrize("depth", [200, 2000])
def test_deep_nesting_is_an_error_or_read(depth: int, tmp_path: Path) -> None:
    read = unit(tmp_path, "int f(int q) {\n" + "if (q) " * depth + "g();\nreturn 0; }")
    assert bool(read.errors) == (depth > 200)


def test_lists_and_back(tmp_path: Path) -> None:
    code = (
        "static int cb(void) { return 0; }\nint (*table[])(void) = {cb};\n"
        "int f(int q) { for (int j = 0; j < q; j++) if (j) g(j); do { q--; } while (q); "
        "switch (q) { case 1: break; }"
        " BEGIN_TRY { TRY { t(); } CATCH(1) { } FINALLY { } } END_TRY; out: return sizeof(q); goto out; }"
    )
    read = unit(tmp_path, code)
    packed = json.loads(json.dumps(pack_unit(read)))
    again = read_unit(packed)
    assert json.loads(json.dumps(pack_unit(again))) == packed
    assert [f.called for f in again.functions] == [f.called for f in read.functions]
    kinds = [type(s) for s in statements(again.functions[1].body)]
    assert {Loop, If, Switch, Try, Label, Jump} <= set(kinds)


def test_a_body_is_read_only_when_it_is_asked_for(tmp_path: Path) -> None:
    read = unit(
        tmp_path, "enum e { ONE };\nint f(int q) { BEGIN_TRY { TRY { t(ONE); } CATCH(1) { } } END_TRY; }"
    )
    f = dataclasses.replace(read.functions[0], text="[[")
    assert "t" in f.called
    assert f.names.constants == {"ONE"}
    assert f.names.tries == (2,)
    assert calls(f, {"u": 0}) == ()
    with pytest.raises(ImageError, match="f is damaged") as caught:
        calls(f, {"t"})
    assert caught.value.where == "a.c:2"


@pytest.mark.parametrize("text", ["", "{}", "1", '["x"]', '["b", 1]', '["d"]', '["j"]', "[" * 10_000])
def test_what_is_no_body(text: str, tmp_path: Path) -> None:
    (f,) = unit(tmp_path, "void f(void) { }").functions
    with pytest.raises(ImageError, match="damaged"):
        _ = dataclasses.replace(f, text=text).body


@pytest.mark.parametrize("packed", [None, [], {}, {"path": 1, "functions": 3}])
def test_what_is_no_unit(packed: object) -> None:
    with pytest.raises((TypeError, KeyError, ValueError)):
        read_unit(packed)


def test_an_empty_unit() -> None:
    assert read_unit(pack_unit(Unit("a.c", (), (), (), ()))) == Unit("a.c", (), (), (), ())
