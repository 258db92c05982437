"""How sizes look. Only ``tasks_app.py`` imports this module."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from toolchain.artefacts import Built
from toolchain.console import Output
from toolchain.emulator import Display, Screen
from toolchain.errors import ConfigError
from toolchain.pipeline import Outcome
from toolchain.size import Size, changes, in_flash
from toolchain.stack import StackUse
from toolchain.target import Target


def sizes(
    out: Output,
    outcomes: Sequence[Outcome[Built]],
    symbols: int,
    previous: Mapping[tuple[str, str], Size],
) -> None:
    """One row a build; largest symbols, deepest calls, what changed; then the first failure."""
    table = Table("app", "target", box=None, header_style="bold", pad_edge=False)
    for name in ("code", "data", "flash", "RAM", "stack", "stack used", "flash before"):
        table.add_column(name, justify="right")
    details: list[RenderableType] = []
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
            "stack_used": size.stack_used.total,
        }
        if before:
            fields["flash_before"] = before.flash
            fields["stack_before"] = before.stack
            fields["stack_used_before"] = before.stack_used.total
            if before.placed:
                fields["changes"] = [[c.name, c.before, c.after] for c in changes(before, size)]
        if symbols:
            fields["symbols"] = [[p.name, p.size] for p in size.placed[:symbols]]
            fields |= _deepest_fields(size.stack_used, symbols)
        out.result("size", fields)
        figures = [size.code, size.data, size.flash, size.ram, size.stack, size.stack_used.total]
        table.add_row(
            outcome.app, outcome.target.name, *map(str, figures), str(before.flash) if before else "-"
        )
        title = f"\n{outcome.app} for {outcome.target.title}"
        if symbols:
            details.append(_largest(size, outcome, symbols, title))
            details += _deepest(size, symbols, title)
        if before and before.placed:
            details.append(_changed(before, size, title))
    out.show(Group(table, _EXPLANATION, *details))
    for outcome in outcomes:
        outcome.get()


_EXPLANATION = Text(
    "\nstack used: the deepest chain of calls in the machine code. One call through a pointer is followed, "
    "into the deepest function whose address the app takes. What the operating system takes of the app's "
    "stack is not in it.",
    style="dim",
)


def _deepest_fields(use: StackUse, count: int) -> Mapping[str, object]:
    return {
        "stack_chain": [[u.name, u.size, u.by_pointer] for u in use.chain],
        "frames": [[u.name, u.size] for u in use.frames[:count]],
        "stack_recursive": use.recursive,
        "stack_pointing": use.pointing,
        "stack_open": use.open,
    }


def _deepest(size: Size, count: int, title: str) -> list[RenderableType]:
    """The deepest chain of calls, the largest frames, and why it may be deeper."""
    use = size.stack_used
    chain = _columns("deepest calls", f"{title}: {use.total} of {size.stack} bytes of stack")
    for step in use.chain:
        chain.add_row(f"{step.name} (through a pointer)" if step.by_pointer else step.name, str(step.size))
    frames = _columns("largest frames", title)
    for frame in use.frames[:count]:
        frames.add_row(frame.name, str(frame.size))
    reasons = {
        "recursion, counted once": use.recursive,
        "calls through a second pointer, not followed": use.pointing,
        "frames of a size known only at run time": use.open,
    }
    notes = [Text(f"{reason}: {', '.join(names)}") for reason, names in reasons.items() if names]
    return [chain, frames, *notes]


def _columns(name: str, title: str) -> Table:
    table = Table(name, title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    table.add_column("bytes", justify="right")
    return table


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


def screen(out: Output, texts: Screen) -> None:
    """What the device shows now."""
    if texts:
        out.result("screen", {"texts": list(texts)})
        out.show(Text("\n".join(f"  {text}" for text in texts) + "\n"))


def display(name: str) -> Display:
    """The display of that name.

    Raises:
        ConfigError: no such display.
    """
    found: Display | None = next((known for known in get_args(Display) if known == name), None)
    if found is None:
        raise ConfigError(f"no display is called {name!r}", hint=f"choose {' or '.join(get_args(Display))}")
    return found
