"""Figures that matrices of faults leave, printed below the tests' own report.

A test calls ``record_property(FIGURE, "title | column | column")``; rows of one title make a table.
"""

from collections.abc import Iterator

import pytest

FIGURE = "figure"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    tables: dict[str, list[list[str]]] = {}
    for row in sorted(_rows(terminalreporter)):
        title, *cells = (cell.strip() for cell in row.split("|"))
        tables.setdefault(title, []).append(cells)
    for title, rows in tables.items():
        terminalreporter.write_sep("-", title)
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for cells in rows:
            line = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
            terminalreporter.write_line(line.rstrip())


def _rows(terminalreporter: pytest.TerminalReporter) -> Iterator[str]:
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport) and report.when == "call":
                yield from (str(value) for name, value in report.user_properties if name == FIGURE)
