"""Files without an end, wherever a rule reads one: a finding, in memory that does not grow with them."""

import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest

from tests.defects.verify.icons import png
from tests.unit.verify.candidates import TODAY, compiled, gif, good
from toolchain.verify import check, get_policy
from toolchain.verify.c import units
from toolchain.verify.icons import Icon, read_icon

SIZE = 50_000_000

parse_all = units.parse_all


@pytest.mark.parametrize(
    ("path", "rule", "start"),
    [
        ("src/a.c", "src-parsed", b"int x1;\n"),
        ("src/a.h", "src-parsed", b"int x1;\n"),
        ("Makefile", "src-parsed", b"# Makefile\n"),
        ("conf/a.mk", "src-parsed", b"# Makefile\n"),
        ("icons/sample_14px.gif", "icon-exists", gif()),
        ("README.md", "readme", b"# Sample\n"),
        ("CHANGELOG.md", "changelog-version", b"# Changelog\n"),
        (".github/workflows/checks.yml", "codeql-workflow", b"steps:\n"),
        ("tests/functional/test_sign.py", "functional-tests", b"def test_a():\n    pass\n"),
    ],
)
def test_fifty_megabytes(path: str, rule: str, start: bytes, tmp_path: Path) -> None:
    policy = get_policy("store")
    before = {f.rule for f in check(good(tmp_path / "before"), policy, TODAY)}
    candidate = good(tmp_path / "app", files={path: start})
    (tmp_path / "app" / path).write_bytes(start * (SIZE // len(start)))
    tracemalloc.start()
    try:
        found = {f.rule for f in check(candidate, policy, TODAY)}
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found - before == {rule}
    assert peak < SIZE // 2


def test_a_header_of_fifty_megabytes_costs_the_parser_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.h").write_text("".join(f"int f{n}(int);\n" for n in range(SIZE // 16)))
    (tmp_path / "a.c").write_text('#include "a.h"\nint a(void) { return f1(2); }\n')
    monkeypatch.setattr(units, "parse_all", parse_all)
    monkeypatch.setattr(units, "TIME_LIMIT", 2.0)
    (unit,) = units.read_units(tmp_path, [compiled(tmp_path, "a.c")], None)
    assert [f.name for f in unit.functions] == ["a"] or "took more than 2 s" in unit.errors[0][2]


def test_icons_are_never_unpacked() -> None:
    bomb = zlib.compress(bytes(SIZE), 9)
    data = png(1, 1, extra=struct.pack(">I", len(bomb)) + b"IDAT" + bomb + bytes(4))
    tracemalloc.start()
    try:
        assert read_icon(data) == Icon("png", 1, 1, False, 1)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert read_icon(gif(0xFFFF, 0xFFFF)) == Icon("gif", 0xFFFF, 0xFFFF, False, 1)


KEY = "cx_ecfp_private_key_t *key"
MANY = 1500
SHAPES = {
    "a chain that hands on a key": (
        f"int f0({KEY}) {{ return bip32_derive_init_privkey_256(1, path, 5, key, 0); }}\n",
        f"int f{{n}}({KEY}) {{{{ return f{{before}}(key); }}}}\n",
    ),
    "a chain that signs": (
        "int f0() { return 0; }\n",
        "int f{n}() {{ cx_ecdsa_sign_no_throw(0, 0); return f{before}(); }}\n",
    ),
    "a chain of parsers": ("int f0(void);\n", "int parse_{n}(void) {{ return parse_{before}(); }}\n"),
    "a ring": (
        "int f0(int depth) { return depth < 3 ? f9(depth + 1) : 0; }\n",
        "int f{n}(int depth) {{ return depth < 3 ? f{before}(depth + 1) : 0; }}\n",
    ),
    "functions that call themselves": ("int f0(void);\n", "int f{n}(int q) {{ return f{n}(q) + 1; }}\n"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_calls_each_other_a_thousand_times_is_followed_to_an_end(shape: str, tmp_path: Path) -> None:
    """Nothing grows with the cube of a chain's length, neither time nor memory."""
    first, more = SHAPES[shape]
    text = first + "".join(more.format(n=n, before=n - 1) for n in range(1, MANY))
    root = f"int apdu_dispatch(void) {{ return f{MANY - 1}(0) + parse_{MANY - 1}(); }}\n"
    candidate = good(tmp_path, files={"src/a.c": "int bip32_derive_init_privkey_256();\n" + text + root})
    found = check(candidate, get_policy("store"), TODAY)
    assert not [f for f in found if f.rule == "src-parsed" and "read" in f.message]


def test_loops_in_loops_do_not_double_the_time(tmp_path: Path) -> None:
    loops = "while (q--) " * 16
    candidate = good(tmp_path, files={"src/a.c": f"int f(int q) {{ {loops} q++; return q; }}\n"})
    assert not [f for f in check(candidate, get_policy("store"), TODAY) if f.rule == "src-parsed"]
