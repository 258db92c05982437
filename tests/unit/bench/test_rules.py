"""The app that the rules are measured with is one that they accept; what they take is not judged here."""

import math
import re
from pathlib import Path

from bench.builds import Subject
from bench.figures import Measured
from bench.process import PROJECT
from bench.rules import rules, write_app

SAMPLE = PROJECT / "apps" / "boilerplate"


def test_sources_are_repeated_under_other_names(tmp_path: Path) -> None:
    lines = write_app(SAMPLE, tmp_path / "app", 30)
    sources = [path.read_text() for path in (tmp_path / "app" / "src").rglob("*.c")]
    assert len(sources) == 30
    assert lines == sum(text.count("\n") for text in sources)
    defined = re.findall(r"^(?!static)\w[\w *]*?(\w+)\([^;]*?\)\n\{", "\n".join(sources), re.MULTILINE)
    assert len(defined) == len(set(defined)) > 30


def test_the_rules_are_measured_with_an_app_that_passes_them(tmp_path: Path) -> None:
    subject = Subject("boilerplate", "boilerplate", "", ("nanosp",))
    found = list(rules(subject, tmp_path, runs=1, files=22))
    assert [result.comparison for result in found] == ["verify", "reverify"]
    for result in found:
        assert isinstance(result, Measured)
        assert ", 22 files, " in result.subject
        assert all(math.isfinite(figure.ratio) and figure.ratio > 0 for figure in result.figures)
