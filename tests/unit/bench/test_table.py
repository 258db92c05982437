import io
import json

import pytest
from rich.console import Console

from bench.figures import US, Measured, NotMeasured, Result, Target, Unit, compare
from bench.table import HEAD, amount, rows, table, to_json

SERIES = {
    US: [{"wall": 0.25, "commands": 136, "memory": 48e6}],
    "ledgerctl": [{"wall": 0.5, "commands": 136, "memory": 56e6}],
}
RESULTS: list[Result] = [
    Measured(
        "load",
        "27 KB",
        (
            compare(SERIES, "wall", "ledgerctl", Target(1)),
            compare(SERIES, "commands", "ledgerctl", Target(1, strict=True)),
            compare(SERIES, "memory", "ledgerctl", Target(80e6, "median")),
        ),
        SERIES,
    ),
    NotMeasured("load", "27 KB", "ledgerblue is not installed", "pip install ledgerblue"),
]


def test_rows_say_what_is_met_missed_and_not_measured() -> None:
    wall, commands, memory, missing = rows(RESULTS)
    assert wall == ("load", "27 KB", "wall", "0.250 s", "ledgerctl", "0.500 s", "0.500", "≤ 1", "met")
    assert commands[3:] == ("136", "ledgerctl", "136", "1.000", "< 1", "MISSED")
    assert memory[3:] == ("48.0 MB", "ledgerctl", "56.0 MB", "0.857", "≤ 80.0 MB", "met")
    assert missing == ("load", "27 KB", "ledgerblue is not installed", "", "", "", "", "", "not measured")
    assert {len(row) for row in rows(RESULTS)} == {len(HEAD)}


def test_table_tells_what_to_install() -> None:
    text = io.StringIO()
    Console(file=text, width=160).print(table(RESULTS))
    assert "ledgerblue is not installed: pip install ledgerblue" in text.getvalue()


def test_what_was_not_measured_is_not_a_pass_in_json() -> None:
    document = json.loads(json.dumps(to_json(RESULTS, {"processors": 2})))
    measured, missing = document["results"]
    assert document["machine"] == {"processors": 2}
    assert [figure["met"] for figure in measured["figures"]] == [True, False, True]
    assert measured["figures"][0]["ratio"] == pytest.approx(0.5)
    assert measured["samples"][US] == SERIES[US]
    assert missing["measured"] is False
    assert "figures" not in missing


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.0254, "s", "0.025 s"), (47_800_000, "bytes", "47.8 MB"), (136.0, "commands", "136")],
)
def test_amounts(value: float, unit: Unit, text: str) -> None:
    assert amount(value, unit) == text
