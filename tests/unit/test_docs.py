"""What the documentation tells people to type exists."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tasks
from tests.documented import types
from tests.namespace import task_copies
from tests.unit.load.samples import sample_image
from toolchain.formats.apdu_script import write_script
from toolchain.keys import PrivateKey
from toolchain.load.plan import Delete, plan_load
from toolchain.served import virtual_device
from toolchain.target import get_target

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
    copies = task_copies()
    for name in copies.task_names:
        task = copies[name]
        arguments = {argument.name: argument.help for argument in task.get_arguments()}
        assert "json" in arguments, name
        assert all(arguments.values()), (name, arguments)


def test_the_example_in_python(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is called with a virtual device, and does what it says."""
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "load.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(block, "docs/load.md", "exec"), names)  # noqa: S102 - our own page
    tail = b"\x01\x06Sample\x02\x051.0.0"
    image = sample_image(1000, tail=tail)
    script = tmp_path / "app.apdu"
    script.write_text(write_script(plan_load(image, signature=None, delete=Delete.FIRST).script_apdus()))
    owner = PrivateKey.generate()
    with virtual_device(get_target("nanosp")) as served:
        names["use"](served.uri, script, owner)
        state = served.device.state
    assert capsys.readouterr().out == "[2]\n"
    assert [app.full_hash for app in state.apps] == [image.digest()]
    assert [pack.data for pack in state.packs] == [b"texts"]
    (kept,) = state.endorsements
    assert owner.public_key.verifies_message(kept.owner_signature, b"\xfe" + kept.key.point)


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


def test_every_option_has_a_name_that_can_be_typed() -> None:
    copies = task_copies()
    names = {
        name
        for task in copies.task_names
        for argument in copies[task].get_arguments()
        for name in argument.names
    }
    assert {name for name in names if not re.fullmatch(r"[a-z][a-z0-9_-]*", name)} == set()
