"""Builds in the container: beside the bare make of this machine, and beside themselves with warm caches."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bench.builds import MAKE, Bare, Subject, change, copied, in_turn
from bench.figures import US, Measured, NotMeasured, Result, Sample, Target, compare, interleave
from bench.process import INV, PROJECT, environment, measure
from toolchain import pipeline
from toolchain.build import image
from toolchain.build.engine import Command, Engine
from toolchain.build.git import git
from toolchain.build.workplace import Workplace
from toolchain.errors import BuildError, ConfigError

CLEAN = "clean build"
DEBIAN = "mmdebstrap"

_MEMORY = Target(100e6, "median")
_WARM = Target(0.2)
_COMMITTER = "-c", "user.name=bench", "-c", "user.email=bench@example.org"


def containers(subject: Subject, folder: Path, runs: int) -> Iterator[Result]:
    """Clean builds beside make's; builds with nothing to do, and with a warm cache, beside clean ones."""
    try:
        work = pipeline.Workspace.of(PROJECT, str(folder / "dist"))
        engine = Engine.connect()
        ours = _Ours(subject, folder, engine, image.find(engine, work.work))
        jobs = pipeline.jobs([subject.app], subject.targets, subject.sdk, "", work)
        bares = [Bare(Workplace.find(job, work.work), folder / job.target.name) for job in jobs]
    except (ConfigError, BuildError) as e:
        yield NotMeasured("container", subject.name, e.message, e.hint)
        return

    def run_make() -> Sample:
        for bare in bares:
            bare.clean()
        return in_turn([bare.make() for bare in bares])

    series = interleave({US: lambda: ours.run("--clean", starts=True), MAKE: run_make}, runs)
    figures = compare(series, "wall", MAKE, Target(1.15)), compare(series, "memory", MAKE, _MEMORY)
    yield Measured("container", subject.name, figures, series)
    app = Path(copied(subject.app, folder))
    other = replace(ours, subject=replace(subject, app=str(app)))

    def run_checkout() -> Sample:
        shutil.rmtree(app)
        copied(subject.app, folder)
        return other.run()

    def run_changed() -> Sample:
        change(app)
        return other.run(starts=True)

    cached = "--clean", "--cache", str(folder / "cache")

    def run_commit() -> Sample:
        change(app)
        if (app / ".git").exists():
            git(app, *_COMMITTER, "commit", "--quiet", "--all", "--message", "changed")
        return other.run(*cached, starts=True)

    warm: Mapping[str, tuple[Callable[[], Sample], Target | None]] = {
        "nothing to do": (ours.run, _WARM),
        "a new checkout": (run_checkout, _WARM),
        "one source changed": (run_changed, None),
        "clean, a warm cache": (lambda: ours.run(*cached), _WARM),
        "clean, a warm cache, a commit further": (run_commit, None),
    }
    for how, (build, target) in warm.items():
        series = interleave({US: build, CLEAN: lambda: ours.run("--clean", starts=True)}, runs)
        # The clean build leaves a private copy in which there is nothing to do.
        saved = compare(series, "wall", CLEAN, target)
        yield Measured("container", f"{subject.name}, {how}", (saved,), series)


@dataclass(frozen=True)
class _Ours:
    """``./inv build`` in the builder image. What an empty container takes to come and go is left out."""

    subject: Subject
    folder: Path
    engine: Engine
    builder: image.Builder

    def run(self, *options: str, starts: bool = False) -> Sample:
        """``starts``: a container runs."""
        command = [INV, "build", "--builder", "container", "--app", self.subject.app, *options]
        command += [word for target in self.subject.targets for word in ("--target", target)]
        command += ["--sdk", self.subject.sdk] if self.subject.sdk else []
        command += ["--dist", str(self.folder / "dist")]
        start = self._start() if starts else 0.0
        home = environment(self.folder, DOCKER_HOST=self.engine.url)
        sample = measure(command, folder=self.folder, environment=home, log=self.folder / "ours.log")
        return {**sample, "wall": sample["wall"] - start}

    def _start(self) -> float:
        began = time.perf_counter()
        nothing = Command(self.builder.image, "nano-toolchain-bench", ("true",), Path("/"), {}, ())
        self.engine.run(nothing, put=lambda _: None, timeout=60)
        return time.perf_counter() - began


def images(folder: Path, runs: int) -> Iterator[Result]:
    """Making the builder image beside what mmdebstrap alone takes for the same packages."""
    try:
        engine = Engine.connect()
        work = pipeline.Workspace.of(PROJECT).work
        name = image.find(engine, work).name
    except (ConfigError, BuildError) as e:
        yield NotMeasured("image", "builder image", e.message, e.hint)
        return
    bare = image.mmdebstrap(engine.architecture, "", folder / "bare.tar")
    if shutil.which(bare[0]) is None:
        yield NotMeasured(
            "image", "builder image", "mmdebstrap is not installed", "apt-get install mmdebstrap"
        )
        return
    home = environment(folder, DOCKER_HOST=engine.url)

    def run_ours() -> Sample:
        engine.remove_image(name)
        command = [INV, "builder.image", "--base", "packages"]
        sample = measure(command, folder=folder, environment=home, log=folder / "ours.log")
        return {**sample, "size": image.find(engine, work).image.size}

    def run_bare() -> Sample:
        (folder / "bare.tar").unlink(missing_ok=True)
        sample = measure(bare, folder=folder, environment=home, log=folder / "bare.log")
        return {**sample, "size": (folder / "bare.tar").stat().st_size}

    # No run to warm up but the mirror's: each takes minutes.
    series: dict[str, list[Sample]] = {DEBIAN: [], US: []}
    for _ in range(runs):
        series[DEBIAN].append(run_bare())
        series[US].append(run_ours())
    figures = (
        compare(series, "wall", DEBIAN, Target(180, "median")),
        compare(series, "size", DEBIAN, Target(900e6, "median", strict=True)),
    )
    yield Measured("image", f"builder image, {os.cpu_count()} processors", figures, series)
