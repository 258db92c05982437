"""The static analyzer beside scan-build: the same files, commands, checkers and analyzer."""

import os
import shlex
import shutil
from pathlib import Path

from bench.builds import Subject
from bench.figures import US, Measured, NotMeasured, Result, Sample, Series, Target, compare, interleave
from bench.process import INV, PROJECT, MissingError, environment, measure
from toolchain import pipeline
from toolchain.build.result import BuildResult
from toolchain.build.workplace import Job, Workplace
from toolchain.errors import ConfigError
from toolchain.verify.rules.build import static_analyzer_clean

SCAN_BUILD = "scan-build"
CLANG = "clang-14"
FIRST = "first look"
_PROGRAMS = ("scan-build-14", "scan-build")
_INSTALL = "apt-get install clang-tools-14"


def analyses(subject: Subject, folder: Path, runs: int) -> Result:
    """Every source from nothing: at most 1.2 times the CPU of scan-build, which also compiles each."""
    try:
        series = _beside_scan_build(subject, folder, runs)
    except (ConfigError, MissingError) as e:
        return NotMeasured("analysis", subject.name, e.message, e.hint)
    figures = compare(series, "cpu", SCAN_BUILD, Target(1.2)), compare(series, "wall", SCAN_BUILD)
    return Measured("analysis", subject.name, figures, series)


def _beside_scan_build(subject: Subject, folder: Path, runs: int) -> Series:
    scan_build = next((found for name in _PROGRAMS if (found := shutil.which(name))), None)
    if scan_build is None:
        raise MissingError("scan-build is not installed", hint=_INSTALL)
    work, job, result = _built(subject, folder)
    if Workplace.find(job, work.work).tools.toolchain.name != CLANG:
        raise MissingError(
            "scan-build cannot call the compiler of the wheel",
            hint="name an SDK up to API level 25 with --sdk, and an app for it with --app",
        )
    ours, peer = _Ours(subject, job, work, folder), _ScanBuild(scan_build, result, folder)
    return interleave({US: ours.anew, SCAN_BUILD: peer.run}, runs)


def second(subject: Subject, folder: Path, runs: int) -> Result:
    """A second look with nothing changed: below a second, beside the first one."""
    try:
        work, job, _ = _built(subject, folder)
        ours = _Ours(subject, job, work, folder)
        series = interleave({FIRST: ours.anew, US: ours.again}, runs)
    except (ConfigError, MissingError) as e:
        return NotMeasured("reanalysis", subject.name, e.message, e.hint)
    target = Target(1.0, of="median", strict=True)
    figures = compare(series, "wall", FIRST, target), compare(series, "cpu", FIRST)
    return Measured("reanalysis", subject.name, figures, series)


def _built(subject: Subject, folder: Path) -> tuple[pipeline.Workspace, Job, BuildResult]:
    work = pipeline.Workspace.of(PROJECT, str(folder / "dist"))
    (job,) = pipeline.jobs([subject.app], subject.targets[:1], subject.sdk, "", work)
    (outcome,) = pipeline.build([job], work, clean=False, progress=lambda _done, _all: None)
    return work, job, outcome.get().result


class _Ours:
    """The one rule, as a task; its build has nothing to do."""

    def __init__(self, subject: Subject, job: Job, work: pipeline.Workspace, folder: Path) -> None:
        self._command = [INV, "verify", "--app", str(job.manifest.directory), "--target", job.target.name]
        self._command += ["--policy", "release", "--only", static_analyzer_clean.id, "--dist", str(work.dist)]
        self._command += ["--sdk", subject.sdk] if subject.sdk else []
        self._kept = Workplace.find(job, work.work).folder / "analysis.json"
        self._folder = folder

    def anew(self) -> Sample:
        """With nothing kept from before."""
        self._kept.unlink(missing_ok=True)
        return self.again()

    def again(self) -> Sample:
        """With what the run before kept."""
        log = self._folder / "ours.log"
        return measure(self._command, folder=self._folder, environment=environment(self._folder), log=log)


def write_makefile(result: BuildResult, folder: Path) -> Path:
    """A makefile that compiles the C files of the app again by ``$(CC)`` with the arguments of the build."""
    inside = f"{result.sources.resolve()}/"
    rules: list[str] = []
    for command in result.commands:
        source = Path(command.directory, command.file).resolve()
        if command.file.endswith(".c") and str(source).startswith(inside):
            goal = f"{len(rules)}.o"
            words = shlex.join(command.arguments[1:]).replace("$", "$$")
            out = f"-MF /dev/null -o {folder / 'peer' / goal}"
            rules.append(f"{goal}: ; @cd {shlex.quote(command.directory)} && $(CC) {words} {out}")
    makefile = folder / "peer.mk"
    goals = " ".join(f"{number}.o" for number in range(len(rules)))
    makefile.write_text("\n".join([f".PHONY: all {goals}", f"all: {goals}", *rules]) + "\n")
    (folder / "peer").mkdir()
    return makefile


class _ScanBuild:
    """scan-build around a make that compiles the same files with the same arguments."""

    def __init__(self, program: str, result: BuildResult, folder: Path) -> None:
        makefile = write_makefile(result, folder)
        self._command = [program, f"--use-cc={CLANG}", f"--use-analyzer={shutil.which(CLANG)}"]
        self._command += ["-analyze-headers", "-o", str(folder / "found")]
        for checker in ("security", "unix", "valist"):
            self._command += ["-enable-checker", checker]
        self._command += ["make", "-f", str(makefile), f"-j{os.cpu_count() or 1}"]
        self._folder = folder

    def run(self) -> Sample:
        """Everything anew: it keeps nothing."""
        log = self._folder / "peer.log"
        return measure(self._command, folder=self._folder, environment=environment(self._folder), log=log)
