import dataclasses
import io

from rich.console import Console

from tests.unit.verify.report.samples import ADVICE, ALL, ERROR, TRACED, subject
from toolchain.verify import Finding, Location
from toolchain.verify.report import Subject
from toolchain.verify.report.terminal import caret, summary, to_terminal


def shown(*subjects: Subject) -> list[str]:
    console = Console(file=io.StringIO(), width=100, no_color=True)
    console.print(to_terminal(subjects))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_findings_stand_rule_by_rule_with_their_line_and_the_way_there() -> None:
    assert shown(subject(*ALL)) == [
        "sample: 2 errors, 1 warning, 1 advice, 1 waived, 1 in the baseline",
        "flags-known",
        "  error  Makefile:16  the app asks for 0x8",
        "  error  Makefile:16  the app asks for 0x10  in the baseline",
        "  advice  [red]x[/red] <b>&</b>",
        "  → remove it",
        "  → [/]",
        "static-analyzer-clean",
        "  error  src/main.c:9:12  null pointer [core.NullDereference]",
        "     9 │ return *p;",
        "       │        ^",
        "       src/main.c:7:3: 'p' is null",
        "       src/main.c:9:12: null pointer",
        "  → handle it",
        "build-no-warnings",
        "  warning  sdk: src/a b.c:3:7  unused x",
        "  → use it",
        "elf-host-paths",
        "  error  the image holds '/opt/x'  waived until 2026-11-20: a path that everybody has",
        "  → map paths",
        "",
    ]


def test_what_several_targets_share_is_shown_once() -> None:
    lines = shown(subject(ERROR, ADVICE), subject(ERROR, target="nanox"), subject(app="clean"))
    assert lines == [
        "sample: 1 error, 1 advice",
        "flags-known",
        "  error  Makefile:16  the app asks for 0x8",
        "  advice  [red]x[/red] <b>&</b>  (nanosp)",
        "  → remove it",
        "  → [/]",
        "",
    ]


def test_a_caret_stands_below_its_column_or_nowhere() -> None:
    def marked(excerpt: str, column: int) -> tuple[str, str]:
        place = Location("a.c", 1, column)
        return caret(dataclasses.replace(TRACED, excerpt=excerpt, location=place))

    assert marked("  f(x);", 3) == ("f(x);", "^")
    assert marked("  f(x);", 5) == ("f(x);", "  ^")
    assert marked("  f(x);", 0) == ("f(x);", "")
    assert marked("  f(x);", 1) == ("f(x);", "")
    assert marked("  f(x);", 99) == ("f(x);", "")


def test_counts() -> None:
    found: tuple[Finding, ...] = (ERROR, ERROR)
    assert summary(found) == "2 errors"
    assert summary(()) == "no findings"
    assert shown(subject()) == []
