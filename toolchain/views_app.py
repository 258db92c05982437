"""How sizes look. Only ``tasks_app.py`` imports this module."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from rich.console import Group
from rich.table import Table

from toolchain.artefacts import Built
from toolchain.console import Output
from toolchain.emulator import Display
from toolchain.errors import ConfigError
from toolchain.pipeline import Outcome
from toolchain.size import Size, changes, in_flash
from toolchain.target import Target


def sizes(
    out: Output,
    outcomes: Sequence[Outcome[Built]],
    symbols: int,
    previous: Mapping[tuple[str, str], Size],
) -> None:
    """One row a build, then its largest symbols or what changed; then the first failure."""
    table = Table("app", "target", box=None, header_style="bold", pad_edge=False)
    for name in ("code", "data", "flash", "RAM", "stack left", "flash before"):
        table.add_column(name, justify="right")
    details: list[Table] = []
    for outcome in outcomes:
        if (built := outcome.value) is None:
            continue
        size = Size.of(built.image, built.elf)
        before = previous.get((outcome.app, outcome.target.name))
        fields: dict[str, object] = {
            "app": outcome.app,
            "target": outcome.target.name,
            "code": size.code,
            "data": size.data,
            "flash": size.flash,
            "ram": size.ram,
            "stack": size.stack,
        }
        if before:
            fields["flash_before"] = before.flash
            fields["stack_before"] = before.stack
            if before.placed:
                fields["changes"] = [[c.name, c.before, c.after] for c in changes(before, size)]
        if symbols:
            fields["symbols"] = [[p.name, p.size] for p in size.placed[:symbols]]
        out.result("size", fields)
        figures = [size.code, size.data, size.flash, size.ram, size.stack]
        table.add_row(
            outcome.app, outcome.target.name, *map(str, figures), str(before.flash) if before else "-"
        )
        title = f"\n{outcome.app} for {outcome.target.title}"
        if symbols:
            details.append(_largest(size, outcome, symbols, title))
        if before and before.placed:
            details.append(_changed(before, size, title))
    out.show(Group(table, *details))
    for outcome in outcomes:
        outcome.get()


def _largest(size: Size, outcome: Outcome[Built], count: int, title: str) -> Table:
    table = Table(
        "symbol", "in", title=title, title_justify="left", box=None, header_style="bold", pad_edge=False
    )
    table.add_column("bytes", justify="right")
    for symbol in size.placed[:count]:
        table.add_row(symbol.name, "flash" if in_flash(symbol, outcome.target) else "RAM", str(symbol.size))
    return table


def _changed(before: Size, size: Size, title: str) -> Table:
    table = Table("symbol", title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for name in ("before", "after", "change"):
        table.add_column(name, justify="right")
    for change in changes(before, size):
        difference = change.after - change.before
        table.add_row(change.name, str(change.before), str(change.after), f"{difference:+d}")
    return table


def emulating(out: Output, elf: Path, target: Target, apdu: str, api: str) -> None:
    """What starts now, and where it can be talked to."""
    out.result("emulator", {"elf": str(elf), "target": target.name, "apdu": apdu, "api": api})
    out.note(f"{target.title}: {apdu}, {api}; Ctrl-C ends it")


def display(name: str) -> Display:
    """The display of that name.

    Raises:
        ConfigError: no such display.
    """
    found: Display | None = next((known for known in get_args(Display) if known == name), None)
    if found is None:
        raise ConfigError(f"no display is called {name!r}", hint=f"choose {' or '.join(get_args(Display))}")
    return found
