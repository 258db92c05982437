"""Parsing in processes: what kills one is a finding, what did not change is not parsed again."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.verify.candidates import compiled
from toolchain.verify.c import units
from toolchain.verify.c.tree import Unit

parse_all = units.parse_all


@pytest.fixture(autouse=True)
def _in_processes(monkeypatch: pytest.MonkeyPatch, _in_this_process: None) -> None:
    monkeypatch.setattr(units, "parse_all", parse_all)


def read(folder: Path, kept: Path | None, *names: str) -> tuple[Unit, ...]:
    return units.read_units(folder, [compiled(folder, name) for name in names], kept)


def test_every_command_has_its_unit_in_order(tmp_path: Path) -> None:
    names = [f"{letter}.c" for letter in "cabd"]
    for name in names:
        (tmp_path / name).write_text(f"int {name[0]}1(void) {{ return 0; }}\n")
    found = read(tmp_path, None, *names)
    assert [(u.path, u.functions[0].name) for u in found] == [(n, f"{n[0]}1") for n in names]


def test_what_did_not_change_is_not_parsed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.h").write_text("#define VALUE 1\n")
    (tmp_path / "a.c").write_text('#include "a.h"\nint f1(void) { return VALUE; }\n')
    kept = tmp_path / "kept"
    (first,) = read(tmp_path, kept, "a.c")
    parsed: list[int] = []

    def counted(root: str, jobs: Sequence[units._Job]) -> list[Unit]:
        parsed.append(len(jobs))
        return parse_all(root, jobs)

    monkeypatch.setattr(units, "parse_all", counted)
    (again,) = read(tmp_path, kept, "a.c")
    assert (again.path, again.read, parsed) == (first.path, first.read, [0])
    (tmp_path / "a.h").write_text("#define VALUE 2\n")
    read(tmp_path, kept, "a.c")
    assert parsed == [0, 1]
    for entry in kept.iterdir():
        entry.write_text("{}")
    read(tmp_path, kept, "a.c")
    assert parsed == [0, 1, 1]


def test_a_source_that_changed_is_parsed_again(tmp_path: Path) -> None:
    kept, source = tmp_path / "kept", tmp_path / "a.c"
    for name in ("old", "new"):
        source.write_text(f"int {name}(void) {{ return 0; }}\n")
        (unit,) = read(tmp_path, kept, "a.c")
        assert [f.name for f in unit.functions] == [name]


def test_a_new_header_that_hides_another_is_seen(tmp_path: Path) -> None:
    before, after, kept = tmp_path / "before", tmp_path / "after", tmp_path / "kept"
    before.mkdir()
    after.mkdir()
    (after / "name.h").write_text("static int old(void) { return 0; }\n")
    (tmp_path / "a.c").write_text("#include <name.h>\n")
    command = compiled(tmp_path, "a.c")
    command = replace(command, arguments=(*command.arguments, f"-I{before}", f"-I{after}"))
    (first,) = units.read_units(tmp_path, [command], kept)
    (before / "name.h").write_text("static int new(void) { return 0; }\n")
    (second,) = units.read_units(tmp_path, [command], kept)
    assert [f.name for unit in (first, second) for f in unit.functions] == ["old", "new"]


def test_what_outlasts_the_parser_is_an_error_and_the_rest_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.h").write_text('#include "a.h"\n#include "a.h"\n')  # 2 to the power of the include depth
    (tmp_path / "a.c").write_text('#include "a.h"\n')
    (tmp_path / "b.c").write_text("int b1(void) { return 0; }\n")
    monkeypatch.setattr(units, "TIME_LIMIT", 3.0)
    monkeypatch.setattr(units, "_WORKERS", 1)
    slow, plain = read(tmp_path, None, "a.c", "b.c")
    assert "broke off" in slow.errors[0][2] or "include" in slow.errors[0][2]
    assert [f.name for f in plain.functions] == ["b1"]


def test_headers_of_the_compiler_that_compiled(tmp_path: Path) -> None:
    fake = tmp_path / "cc"
    fake.write_text(f"#!/bin/sh\necho {tmp_path}\n")
    fake.chmod(0o755)
    assert Path(units.resources(str(fake)), "include", "stdbool.h").is_file()  # not where it says: zig's
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "stdbool.h").touch()
    units.resources.cache_clear()
    assert units.resources(str(fake)) == str(tmp_path)


def test_what_kills_the_parser_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("int f(int q) {\n" + "if (q) " * 100_000 + "return 1;\nreturn 0; }")
    (unit,) = read(tmp_path, None, "a.c")
    assert unit.errors
    assert unit.functions == ()
