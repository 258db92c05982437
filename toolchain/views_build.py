"""How builds look. Without rich, and what it needs to start: a build with nothing to do is over sooner."""

from collections.abc import Iterable, Sequence

from toolchain.artefacts import Built
from toolchain.console import Output, aligned
from toolchain.pipeline import Outcome


def built(out: Output, outcomes: Sequence[Outcome[Built]]) -> None:
    """What was compiled; then the first failure, if any."""
    json_builds(out, outcomes)
    rows = [("app", "version", "target", "code", "data", "warnings", "in")]
    for outcome in outcomes:
        app, target = outcome.app, outcome.target.name
        if result := outcome.value:
            has, warnings = result.summary, str(_warnings(result))
            sizes = size_text(has.code), size_text(has.data)
            rows.append((app, has.version, target, *sizes, warnings, str(result.folder)))
        else:
            rows.append((app, "", target, "failed", "", "", ""))
    out.show(aligned(rows, right=(3, 4, 5)))
    raise_first(outcomes)


def json_builds(out: Output, outcomes: Sequence[Outcome[Built]]) -> None:
    """What was compiled, for a program."""
    for outcome in outcomes:
        if built := outcome.value:
            fields = {
                "app": outcome.app,
                "version": built.summary.version,
                "target": outcome.target.name,
                "elf": str(built.folder / "app.elf"),
                "hex": str(built.folder / "app.hex"),
                "log": str(built.folder / "build.log"),
                "cached": built.result.reused,
                "warnings": _warnings(built),
            }
            out.result("build", fields)


def _warnings(built: Built) -> int:
    return sum(d.level == "warning" for d in built.result.diagnostics)


def raise_first(outcomes: Iterable[Outcome[object]]) -> None:
    """All results were shown; the first failure decides the exit code."""
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error


def size_text(size: int) -> str:
    """Bytes, for a person."""
    return f"{size / 1024:.1f} KiB"
