"""Builds beside the bare make: the same sources, SDK, compiler and make variables."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figures import US, Measured, NotMeasured, Result, Sample, Series, Target, compare, interleave
from bench.process import INV, PROJECT, MissingError, environment, measure
from toolchain import pipeline
from toolchain.build.makefile import AT_ONCE
from toolchain.build.sources import OUTPUTS
from toolchain.build.toolchains import COMMANDS, Compiler, compilers
from toolchain.build.workplace import Workplace
from toolchain.errors import ConfigError

MAKE = "make -j"
"""The peer, as people type it: as many compilers at once as there are files."""

_ONE_EACH = f"make -j{os.cpu_count()}"
"""The same with as many as there are processors, which is what our build does; to compare."""


@dataclass(frozen=True)
class Subject:
    """What is built. Without ``sdk`` it is the project's own; several targets are one call of ours."""

    name: str
    app: str
    sdk: str
    targets: tuple[str, ...]


def builds(subject: Subject, folder: Path, runs: int) -> Result:
    """From nothing but the sources to the app. At most 1.05 times the bare make."""
    return _compare("build", subject, folder, runs, Target(1.05))


def edits(subject: Subject, folder: Path, runs: int) -> Result:
    """A build after one source changed. With an official SDK no slower than the bare make."""
    return _compare("edit", subject, folder, runs, Target(1) if subject.sdk else None)


def noops(subject: Subject, folder: Path, runs: int) -> Result:
    """A build with nothing to do. With an official SDK at most half of make's own."""
    return _compare("noop", subject, folder, runs, Target(0.5) if subject.sdk else None)


def _compare(comparison: str, subject: Subject, folder: Path, runs: int, target: Target | None) -> Result:
    try:
        series = _series(comparison, subject, folder, runs)
    except (ConfigError, MissingError) as e:
        return NotMeasured(comparison, subject.name, e.message, e.hint)
    figures = (
        compare(series, "wall", MAKE, target),
        compare(series, "cpu", MAKE),
        compare(series, "wall", _ONE_EACH),
    )
    return Measured(comparison, subject.name, figures, series)


def _series(comparison: str, subject: Subject, folder: Path, runs: int) -> Series:
    clean = comparison == "build"
    if shutil.which("make") is None:
        raise MissingError("make is not installed", hint="apt-get install make")
    work = pipeline.Workspace.of(PROJECT, str(folder / "dist"))
    app = copied(subject.app, folder) if comparison == "edit" else subject.app
    jobs = pipeline.jobs([app], subject.targets, subject.sdk, "", work)
    bares = [Bare(Workplace.find(job, work.work), folder / job.target.name) for job in jobs]
    ours = [
        INV,
        "build",
        "--builder",
        "host",
        "--app",
        str(jobs[0].manifest.directory),
        "--dist",
        str(work.dist),
    ]
    ours += [word for target in subject.targets for word in ("--target", target)]
    ours += ["--sdk", subject.sdk] if subject.sdk else []
    ours += ["--clean"] if clean else []
    home = environment(folder)

    def run_ours() -> Sample:
        if comparison == "edit":
            change(jobs[0].manifest.directory)
        return measure(ours, folder=folder, environment=home, log=folder / "ours.log")

    def run_make(processes: str) -> Sample:
        if clean:
            for bare in bares:
                bare.clean()
        if comparison == "edit":
            for bare in bares:
                change(bare.here)
        return in_turn([bare.make(processes=processes) for bare in bares])

    peers = {MAKE: lambda: run_make("-j"), _ONE_EACH: lambda: run_make(f"-j{os.cpu_count()}")}
    return interleave({US: run_ours, **peers}, runs)


def copied(app: str, folder: Path) -> str:
    """A copy of an app that may be changed, with the times of now, as a new checkout."""
    (manifest,) = pipeline.apps([app], PROJECT)
    return str(
        shutil.copytree(manifest.directory, folder / "copied", symlinks=True, copy_function=shutil.copy)
    )


def change(folder: Path) -> None:
    """Change one source of the app in ``folder``: a comment, so what comes out stays the same."""
    source = min((folder / "src").rglob("*.c"))
    with source.open("a") as file:
        file.write("// changed\n")


def in_turn(samples: Sequence[Sample]) -> Sample:
    """What several processes took, one after the other."""
    total = {name: sum(sample[name] for sample in samples) for name in samples[0]}
    return total | {"memory": max(sample["memory"] for sample in samples)}


class Bare:
    """Make in a copy of the app, as a person would type it who knows what our build tells make."""

    def __init__(self, place: Workplace, folder: Path) -> None:
        folder.mkdir()
        app = place.job.manifest
        copy = folder / "bare"
        shutil.copytree(
            app.directory, copy, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*OUTPUTS)
        )
        if not (copy / ".git").exists():
            # The official makefiles ask git where the app begins; without an answer they compile none of it.
            subprocess.run(["git", "init", "--quiet", str(copy)], check=True)
        ours, tools = str(place.tools.toolchain.bin), str(_tools(place, folder))
        # The second makefile and the lists are what our build adds.
        command = [word for word in place.command(Path()) if word not in AT_ONCE]
        at = command.index("-f", command.index("-f") + 1)
        del command[at : at + 2]
        self._command = [word.replace(ours, tools) for word in command]
        # The wheel has no objcopy for the HEX that an SDK's default goal makes beside the app.
        self._command += ["bin/app.elf"] if _compiler(place).kind == "wheel" else []
        self._environment = {
            name: value.replace(ours, tools).replace(str(place.folder), str(folder))
            for name, value in place.environment(0).items()
            if name != COMMANDS
        }
        Path(self._environment["HOME"]).mkdir(exist_ok=True)
        self.here = copy / app.build_directory
        self._log = folder / "make.log"

    def clean(self) -> None:
        """Remove what make writes, faster than ``make clean``."""
        for name in OUTPUTS:
            shutil.rmtree(self.here / name, ignore_errors=True)

    def make(self, *around: str, processes: str = "-j") -> Sample:
        """Build all that the makefile builds, or that the compiler can; under another program, if any."""
        command = [*around, *self._command, processes]
        return measure(command, folder=self.here, environment=self._environment, log=self._log)


def _compiler(place: Workplace) -> Compiler:
    (compiler,) = (c for c in compilers() if c.name == place.tools.toolchain.name)
    return compiler


def _tools(place: Workplace, folder: Path) -> Path:
    """The compiler under the names that make files call, without our scripts around it where it has them.

    The wheel's compiler is one program and does not work without; it keeps them, but they record nothing.
    """
    compiler = _compiler(place)
    if not compiler.programs:
        return place.tools.toolchain.bin
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    for name, program in compiler.programs.items():
        found = shutil.which(program)
        if found and not (tools / name).is_symlink():
            (tools / name).symlink_to(found)
    return tools
