"""How a load onto one or several devices looks. Only ``tasks.py`` imports this module."""

import contextlib
from collections.abc import Iterator, Sequence

from toolchain import views_load
from toolchain.console import Output
from toolchain.fleet import Finished, Job, Progress, Question, Result, Watch, require_all


@contextlib.contextmanager
def watching(out: Output, jobs: Sequence[Job]) -> Iterator[Watch]:
    """One line of progress for each job, questions of devices as notes, each result as it comes."""
    with contextlib.ExitStack() as stack:
        bars = stack.enter_context(out.bars([_label(job) for job in jobs]))

        def watch(news: Progress | Question | Finished) -> None:
            if isinstance(news, Progress):
                bars(news.job, news.done, news.total)
            elif isinstance(news, Question):
                out.note(news.text if len(jobs) == 1 else f"{_label(jobs[news.job])}: {news.text}")
            else:
                _show(out, news.result)

        yield watch


def _label(job: Job) -> str:
    return f"{job.package.image.name} → {job.options.uri}"


def _show(out: Output, result: Result) -> None:
    """One device is done."""
    if result.package is not None and result.loaded is not None:
        views_load.installed(out, result.package, result.loaded)
    elif result.error is not None:
        fields = {
            "device": result.uri,
            "app": result.package.manifest.app if result.package else "",
            "target": result.package.manifest.target if result.package else "",
            "error": type(result.error).__name__,
            "exit_code": result.error.exit_code,
            "message": str(result.error),
            "hint": result.error.hint,
        }
        out.result("not-installed", fields)


def loaded(out: Output, results: Sequence[Result], unassigned: Sequence[Result]) -> None:
    """What became of all devices; results were shown as they came, a summary follows if there are several.

    Raises:
        PartialFailureError: some devices failed.
        ToolchainError: all failed; the first error.
    """
    for result in unassigned:
        _show(out, result)
    everything = (*results, *unassigned)
    if len(everything) > 1:
        failed = [result for result in everything if result.error is not None]
        fields = {
            "devices": len({result.uri for result in everything}),
            "loads": len(everything),
            "failed": len(failed),
        }
        from rich.table import Table
        from rich.text import Text

        table = Table("device", "app", "target", "", box=None, header_style="bold", pad_edge=False)
        for result in everything:
            table.add_row(*map(Text, _row(result)))
        out.result("fleet", fields, table)
    require_all(everything)


def _row(result: Result) -> tuple[str, str, str, str]:
    app, target = "", ""
    if result.package is not None:
        app, target = result.package.manifest.app, result.package.manifest.target
    done = "was already there" if result.loaded and result.loaded.installed.commands == 0 else "installed"
    return result.uri, app, target, done if result.error is None else str(result.error)
