"""What the documentation tells people to type exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tasks

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
