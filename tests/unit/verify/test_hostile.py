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
