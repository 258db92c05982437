"""How long it takes until a task can begin."""

import sys
from pathlib import Path

from bench.figures import US, Measured, Sample, Target, compare, interleave
from bench.process import INV, environment, measure

_INTERPRETER = "python -c pass"


def startup(folder: Path, runs: int) -> Measured:
    """``./inv --list`` beside an interpreter that does nothing."""
    home = environment(folder)

    def run(*command: str) -> Sample:
        return measure(command, folder=folder, environment=home, log=folder / "startup.log")

    series = interleave(
        {US: lambda: run(INV, "--list"), _INTERPRETER: lambda: run(sys.executable, "-c", "pass")}, runs
    )
    figures = (
        compare(series, "wall", _INTERPRETER, Target(0.4, "median")),
        compare(series, "cpu", _INTERPRETER),
    )
    return Measured("startup", "./inv --list", figures, series)
