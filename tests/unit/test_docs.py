"""What the documentation tells people to type exists."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tasks
from tests.documented import types

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
CALL = re.compile(r"\./inv ([a-z][a-z.-]*[a-z])")
CORE = {"help"}
"""Calls that the program itself answers."""


def calls(page: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(page.read_text().splitlines(), start=1):
        for call in CALL.finditer(line):
            yield number, call[1]


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_task_that_a_page_names_exists(page: Path) -> None:
    names = set(tasks.namespace.task_names)
    known = {*names, *(alias for aliases in tasks.namespace.task_names.values() for alias in aliases)} | CORE
    assert [(number, name) for number, name in calls(page) if name not in known] == []


def test_the_pages_name_tasks() -> None:
    assert {"bundle.verify", "approve", "load"} <= {name for page in PAGES for _, name in calls(page)}


def printed_types() -> set[str]:
    """The first argument of every ``out.result(...)``."""
    found = set()
    for path in (*(ROOT / "toolchain").glob("*.py"), *ROOT.glob("tasks*.py"), *(ROOT / "bench").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                first = node.args[0] if node.func.attr == "result" and node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value:
                    found.add(first.value)
    return found


def test_every_type_of_json_line_is_documented_and_the_other_way_round() -> None:
    assert printed_types() == set(types())
    assert all(types().values())


def test_every_task_speaks_json_and_explains_its_options() -> None:
    for name in tasks.namespace.task_names:
        task = tasks.namespace[name]
        arguments = {argument.name: argument.help for argument in task.get_arguments()}
        assert "json" in arguments, name
        assert all(arguments.values()), (name, arguments)


NAMED_TEST = re.compile(r"`([a-z_/]+\.py)::(test_\w+)`")


def test_every_test_that_a_page_names_exists() -> None:
    named = [(page.name, *match) for page in PAGES for match in NAMED_TEST.findall(page.read_text())]
    assert len(named) > 60
    missing = []
    for page, file, test in named:
        path = ROOT / "tests" / file
        if not path.exists() or not re.search(rf"^def {test}\(", path.read_text(), re.MULTILINE):
            missing.append((page, file, test))
    assert missing == []


@pytest.mark.parametrize(("letter", "count"), [("A", 20), ("B", 23), ("C", 15)])
def test_every_pitfall_has_a_test(letter: str, count: int) -> None:
    page = (ROOT / "docs" / "pitfalls.md").read_text()
    rows = dict(re.findall(rf"^\| {letter}(\d+) \|(.*)$", page, re.MULTILINE))
    assert list(rows) == [str(number) for number in range(1, count + 1)]
    assert all(NAMED_TEST.search(row) for row in rows.values())
