"""Parsing in processes: what kills one is a finding, what did not change is not parsed again."""

import os
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


BOMB = "typedef int t0(int);\n" + "".join(
    f"typedef t{n - 1} *t{n}(t{n - 1} *, t{n - 1} *);\n" for n in range(1, 40)
)
"""The last type's name, written out, has 2 to the power of 40 words."""

DOUBLED = "#define M0 f(1);\n" + "".join(f"#define M{n} M{n - 1} M{n - 1}\n" for n in range(1, 22))

HOSTILE = {
    "took more than 10 s": f"int f(int);\n{DOUBLED}int g(void) {{ M21 return 0; }}\n",
    "may use 300 MiB": f"{BOMB}int g(t39 *a) {{ return a != 0; }}\n",
    "told more than 1 MiB": f"int f(int);\n{DOUBLED}int g(void) {{ M15 return 0; }}\n",
    "too many loops of g are nested": f"int g(int q) {{ {'while (q--) ' * 20} g(q); return 0; }}\n",
}


@pytest.mark.parametrize("problem", HOSTILE)
def test_what_costs_the_parser_too_much_is_an_error_and_the_rest_is_parsed(
    problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.c").write_text(HOSTILE[problem])
    (tmp_path / "b.c").write_text("int b1(void) { return 0; }\n")
    monkeypatch.setattr(units, "TIME_LIMIT", 10.0 if "10 s" in problem else 60.0)
    monkeypatch.setattr(units, "MEMORY", (300 if "300" in problem else 1024) << 20)
    monkeypatch.setattr(units, "MAX_ANSWER", (1 if "1 MiB" in problem else 32) << 20)
    monkeypatch.setattr(units, "_WORKERS", 1)
    bad, plain = read(tmp_path, tmp_path / "kept", "a.c", "b.c")
    assert [problem in message for _, _, message in bad.errors] == [True]
    assert bad.errors[0][0] == "a.c"
    assert bad.functions == ()
    assert [f.name for f in plain.functions] == ["b1"]


def test_all_files_of_an_app_together_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.c", "b.c"):
        (tmp_path / name).write_text(f"int {name[0]}1(void) {{ return 0; }}\n")
    monkeypatch.setattr(units, "TOTAL_LIMIT", -1.0)
    found = read(tmp_path, tmp_path / "kept", "a.c", "b.c")
    assert [(u.path, "together" in u.errors[0][2]) for u in found] == [("a.c", True), ("b.c", True)]
    monkeypatch.setattr(units, "TOTAL_LIMIT", 60.0)
    assert all(not u.errors for u in read(tmp_path, tmp_path / "kept", "a.c", "b.c"))


def test_what_was_not_used_for_longest_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, names = tmp_path / "kept", ("a.c", "b.c", "c.c")
    for name in names:
        (tmp_path / name).write_text(f"int {name[0]}1(void) {{ return 0; }}\n")
    read(tmp_path, kept, "a.c")
    (oldest,) = kept.iterdir()
    read(tmp_path, kept, "b.c")
    for age, path in enumerate([path for path in kept.iterdir() if path != oldest] + [oldest]):
        os.utime(path, (1000 - age, 1000 - age))
    read(tmp_path, kept, "a.c")  # used again: now b.c is the oldest
    monkeypatch.setattr(units, "MAX_KEPT", 2 * oldest.stat().st_size + 100)
    read(tmp_path, kept, "c.c")
    assert len(list(kept.iterdir())) == 2
    assert oldest.exists()
    monkeypatch.setattr(units, "MAX_KEPT", 0)
    read(tmp_path, kept, "b.c")
    assert not list(kept.iterdir())


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
