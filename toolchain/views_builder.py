"""How results about builders and reproduction look. Only ``tasks_builder.py`` imports this module."""

import re
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from toolchain.build.image import Builder, Change
from toolchain.build.reproduce import Rebuilt, Report, Trial
from toolchain.console import Output
from toolchain.pipeline import Outcome

_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]+")
"""A row of a table has no room for a whole one; ``--json`` tells it."""


def image(out: Output, builder: Builder) -> None:
    """The builder image, made or found."""
    fields = {
        "image": builder.name,
        "digest": builder.image.identity,
        "architecture": builder.image.architecture,
        "size": builder.image.size,
        "made": builder.made,
    }
    done = "made" if builder.made else "already there"
    text = f"{builder.name}, {builder.image.size / 1e6:.0f} MB, {builder.image.identity}: {done}"
    out.result("builder", fields, Text(text))


def changes(out: Output, found: Sequence[Change]) -> None:
    """What an update changed in the lock."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("changed", "from", "to"):
        table.add_column(column)
    for change in found:
        out.result("change", {"name": change.name, "from": change.old, "to": change.new})
        table.add_row(change.name, change.old or "-", change.new or "-")
    out.show(table if found else Text("builder.lock is up to date"))


def _verdict(trial: Trial) -> Text:
    if trial.skipped:
        return Text(f"not tried: {trial.skipped}", "dim")
    return Text(str(trial.difference), "bold red") if trial.difference else Text("same", "green")


def _trial_fields(trial: Trial) -> dict[str, object]:
    fields: dict[str, object] = {"variation": trial.name, "same": trial.difference is None}
    if trial.skipped:
        return {"variation": trial.name, "same": None, "skipped": trial.skipped}
    if found := trial.difference:
        fields |= {"section": found.section, "symbol": found.symbol, "address": found.address}
        fields |= {"cause": found.cause, "loaded": found.loaded, "texts": list(found.texts)}
    return fields


def reproduced(out: Output, outcomes: Sequence[Outcome[Report]]) -> None:
    """Every variation of every job; then the first failure or difference."""
    for outcome in outcomes:
        names = {"app": outcome.app, "target": outcome.target.name}
        report = outcome.value
        if report is None:
            continue
        for trial in report.trials:
            out.result("trial", names | _trial_fields(trial))
        fields: dict[str, object] = {
            "reproducible": report.reproducible,
            "elf": report.elf,
            "hex": report.hex,
        }
        fields |= {"strays": list(report.strays), "checkout": report.checkout is None}
        out.result("reproduced", names | fields)
        out.show(_table(outcome, report))
    for outcome in outcomes:
        outcome.get().require()


def _table(outcome: Outcome[Report], report: Report) -> Table:
    title = f"\n{outcome.app} for {outcome.target.title}, HEX sha256 {report.hex}"
    table = Table(title=title, title_justify="left", box=None, show_header=False, pad_edge=False)
    for trial in report.trials:
        table.add_row("another " + _DIGEST.sub(r"\1…", trial.name), _verdict(trial))
    if report.checkout:
        written = ", ".join(report.strays) or "nothing"
        note = f"{report.checkout}; make wrote among the sources: {written}"
        table.add_row("make by hand, twice", Text(note, "yellow"))
    return table


def rebuilt(out: Output, found: Rebuilt) -> None:
    """Yes or no."""
    fields = {
        "app": found.manifest.app,
        "version": found.manifest.version,
        "target": found.manifest.target,
        "digest": found.manifest.image.digest,
        "same": not found.differences,
        "differences": list(found.differences),
    }
    text = (
        f"yes: this source gives {found.manifest.app} {found.manifest.version}, {found.manifest.image.digest}"
    )
    out.result("rebuilt", fields, None if found.differences else Text(text, "green"))
    found.require()
