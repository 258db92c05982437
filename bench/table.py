"""Results as a table for people and as JSON for programs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from rich.table import Table

from bench.figures import Figure, Measured, NotMeasured, Result, Target, Unit

SCHEMA = 1
HEAD = ("comparison", "of", "what", "ours", "peer", "theirs", "ratio", "target", "")


def rows(results: Sequence[Result]) -> Iterator[tuple[str, ...]]:
    """A row for each figure, in the columns of ``HEAD``; one for what was not measured."""
    for result in results:
        if isinstance(result, NotMeasured):
            yield (result.comparison, result.subject, result.reason, *[""] * 5, "not measured")
            continue
        for figure in result.figures:
            yield (
                result.comparison,
                result.subject,
                figure.quantity,
                amount(figure.ours, figure.unit),
                figure.peer,
                amount(figure.theirs, figure.unit),
                f"{figure.ratio:.3f}",
                _target(figure.target, figure.unit),
                {True: "met", False: "MISSED", None: ""}[figure.met],
            )


def amount(value: float, unit: Unit) -> str:
    """A value with its unit, three digits or more."""
    if unit == "s":
        return f"{value:.3f} s"
    if unit == "bytes":
        return f"{value / 1e6:.1f} MB" if value >= 1e5 else f"{value / 1e3:.1f} KB"
    return f"{value:g}"


def _target(target: Target | None, unit: Unit) -> str:
    if target is None:
        return ""
    sign = "<" if target.strict else "≤"
    return f"{sign} {f'{target.limit:g}' if target.of == 'ratio' else amount(target.limit, unit)}"


def table(results: Sequence[Result]) -> Table:
    """All rows, and below them what to install for the comparisons that did not take place."""
    fixes = dict.fromkeys(f"{r.reason}: {r.fix}" for r in results if isinstance(r, NotMeasured))
    shown = Table(caption="\n".join(fixes) or None, caption_justify="left")
    for name in HEAD:
        shown.add_column(name, justify="right" if name in ("ours", "theirs", "ratio") else "left")
    for row in rows(results):
        shown.add_row(*row)
    return shown


def to_json(results: Sequence[Result], machine: Mapping[str, object]) -> dict[str, object]:
    """Everything: the machine, each figure, and every sample that it was made of."""
    return {"schema": SCHEMA, "machine": machine, "results": [to_fields(result) for result in results]}


def to_fields(result: Result) -> dict[str, object]:
    """One comparison: its figures and samples, or why there are none."""
    if isinstance(result, Measured):
        return {
            "comparison": result.comparison,
            "subject": result.subject,
            "measured": True,
            "figures": [_figure(figure) for figure in result.figures],
            "samples": result.series,
        }
    return {"measured": False, **asdict(result)}


def _figure(figure: Figure) -> dict[str, object]:
    return {**asdict(figure), "unit": figure.unit, "ratio": figure.ratio, "met": figure.met}
