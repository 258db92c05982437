"""The bare make with sdk-shim beside the bare make with an official SDK: time, and what comes out."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bench.builds import Bare, Subject
from bench.figures import US, Measured, NotMeasured, Result, Sample, Target, compare, interleave
from bench.process import PROJECT, MissingError
from toolchain import pipeline
from toolchain.build.workplace import Workplace
from toolchain.errors import ConfigError
from toolchain.formats.elf import read_elf

OFFICIAL = "official SDK"
_STARTED = re.compile(r"\b(?:clone3?|v?fork)\(.*= [1-9]|(?:clone3?|v?fork) resumed.*= [1-9]")
"""A line of strace that says that a process was started."""


def clean_builds(subject: Subject, folder: Path, runs: int) -> Result:
    """From nothing but the sources: at most a quarter of the time, three quarters of the flash."""
    return _compare("shim", subject, folder, runs, clean=True)


def idle_builds(subject: Subject, folder: Path, runs: int) -> Result:
    """With nothing to do: below 20 ms, and one process (counted where strace is installed)."""
    return _compare("shim-noop", subject, folder, runs, clean=False)


def _compare(comparison: str, subject: Subject, folder: Path, runs: int, *, clean: bool) -> Result:
    try:
        makes = {
            US: _bare(replace(subject, sdk=""), folder / "shim"),
            OFFICIAL: _bare(subject, folder / "official"),
        }
    except (ConfigError, MissingError) as e:
        return NotMeasured(comparison, subject.name, e.message, e.hint)

    def run(bare: Bare) -> Callable[[], Sample]:
        def once() -> Sample:
            if clean:
                bare.clean()
            return bare.make()

        return once

    timed = interleave({name: run(bare) for name, bare in makes.items()}, runs)
    fixed = {name: {"flash": _flash(bare)} if clean else _count(bare) for name, bare in makes.items()}
    series = {name: [{**sample, **fixed[name]} for sample in samples] for name, samples in timed.items()}
    wanted: dict[str, Target | None] = {"wall": Target(0.25), "cpu": None, "flash": Target(0.75)}
    if not clean:
        wanted = {"wall": Target(0.02, of="median", strict=True)}
        wanted |= {name: Target(1, of="median") for name in fixed[US]}
    figures = tuple(compare(series, name, OFFICIAL, target) for name, target in wanted.items())
    return Measured(comparison, subject.name, figures, series)


def _bare(subject: Subject, folder: Path) -> Bare:
    work = pipeline.Workspace.of(PROJECT, str(folder / "dist"))
    (job,) = pipeline.jobs([subject.app], subject.targets, subject.sdk, "", work)
    return Bare(Workplace.find(job, work.work), folder)


def _flash(bare: Bare) -> float:
    (elf,) = bare.here.glob("build/*/bin/app.elf")
    return read_elf(elf.read_bytes(), where=str(elf))[0].span


def _count(bare: Bare) -> Sample:
    """How many processes a make is, itself included."""
    if shutil.which("strace") is None:
        return {}
    trace = bare.here / "strace.txt"
    bare.make("strace", "-f", "-qq", "-e", "trace=clone,clone3,fork,vfork", "-o", str(trace))
    lines = trace.read_text("utf-8", "replace").splitlines()
    return {"processes": 1 + sum(1 for line in lines if _STARTED.search(line))}
