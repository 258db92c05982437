"""The rules, all but the static analyzer, over an app of two hundred files."""

import itertools
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.analysis import FIRST, write_makefile
from bench.builds import Subject
from bench.figures import (
    US,
    Figure,
    Measured,
    NotMeasured,
    Result,
    Sample,
    Series,
    Target,
    compare,
    interleave,
)
from bench.process import INV, PROJECT, environment, measure
from toolchain import pipeline
from toolchain.build.result import BuildResult
from toolchain.errors import ConfigError
from toolchain.verify.policy import get_policy
from toolchain.verify.rules.build import static_analyzer_clean

FILES = 200

_SYNTAX = "clang -fsyntax-only"
_POLICY = "release"
_MEMORY = Target(400e6, of="median", strict=True)
_REPEATED = ("apdu", "core", "handler/sign_transaction.c", "ui/review.c")
"""Sources of the sample app that are long enough to count, and define nothing that others assign."""

_DEFINED = re.compile(r"^((?!static\b)[a-z][\w *]*?\b(\w+)\([^;]*?\))\n\{", re.MULTILINE)
_SCREEN = re.compile(r"\bUX_[A-Z_]+\(\s*(\w+)")


def rules(subject: Subject, folder: Path, runs: int, files: int = FILES) -> Iterator[Result]:
    """Every rule from nothing, beside a compiler that only parses; then once more with nothing changed."""
    app = folder / "app"
    lines = write_app(PROJECT / "apps" / subject.app, app, files)
    name = f"{subject.name}, {files} files, {lines} lines"
    try:
        ours = _Ours(subject, app, folder)
        parser = _Parser(ours.result, folder)
        first = interleave({US: ours.anew, _SYNTAX: parser.run}, runs)
        second = interleave({FIRST: ours.anew, US: ours.again}, runs)
    except ConfigError as e:
        yield NotMeasured("verify", name, e.message, e.hint)
        return
    yield Measured("verify", name, _figures(first, _SYNTAX, 3), first)
    yield Measured("reverify", name, _figures(second, FIRST, 1), second)


def _figures(series: Series, peer: str, seconds: float) -> tuple[Figure, ...]:
    return (
        compare(series, "wall", peer, Target(seconds, of="median", strict=True)),
        compare(series, "cpu", peer),
        compare(series, "memory", peer, _MEMORY),
    )


def write_app(sample: Path, folder: Path, files: int) -> int:
    """The app ``sample`` with its sources repeated, functions under other names, until it has ``files``.

    Returns how many lines they are.
    """
    outputs = shutil.ignore_patterns("build", "bin", "debug", ".git", "golden")
    shutil.copytree(sample, folder, ignore=outputs)
    home = folder / "src"
    sources = sorted(home.rglob("*.c"))
    models = [p for p in sources if p.relative_to(home).as_posix().startswith(_REPEATED)]
    for number, model in enumerate(itertools.islice(itertools.cycle(models), files - len(sources))):
        copy = model.with_name(f"{model.stem}_{number}.c")
        copy.write_text(_renamed(model.read_text("utf-8"), f"_{number}"), "utf-8")
    _commit(folder)
    return sum(path.read_text("utf-8").count("\n") for path in home.rglob("*.c"))


def _commit(folder: Path) -> None:
    """A repository of its own: some rules ask for one."""
    identity = ["-c", "user.name=A Benchmark", "-c", "user.email=bench@example.org"]
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message=all of it"]):
        subprocess.run(["git", *identity, *command], cwd=folder, check=True)


def _renamed(text: str, suffix: str) -> str:
    """``text`` whose functions have other names, and are declared behind its last ``#include``."""
    defined = _DEFINED.findall(text)
    at = text.index("\n", text.rindex("#include"))
    text = "\n".join([text[:at], *(f"{declaration};" for declaration, _ in defined), text[at:]])
    for name in (*(name for _, name in defined), *_SCREEN.findall(text)):
        text = re.sub(rf"\b{name}\b", name + suffix, text)
    return text


class _Ours:
    """The task; its build has nothing to do."""

    def __init__(self, subject: Subject, app: Path, folder: Path) -> None:
        work = pipeline.Workspace.of(PROJECT, str(folder / "dist"))
        (job,) = pipeline.jobs([str(app)], subject.targets[:1], "", "", work)
        (outcome,) = pipeline.build([job], work, clean=False, progress=lambda _done, _all: None)
        self.result = outcome.get().result
        self._command = [INV, "verify", "--app", str(app), "--target", job.target.name]
        self._command += ["--policy", _POLICY, "--dist", str(work.dist), "--builder", "host"]
        for rule in get_policy(_POLICY).rules:
            self._command += ["--only", rule.id] if rule is not static_analyzer_clean else []
        self._kept = work.work / "parsed"
        self._others = frozenset(self._kept.glob("*"))
        self._folder = folder

    def anew(self) -> Sample:
        """With nothing kept from before."""
        for path in frozenset(self._kept.glob("*")) - self._others:
            path.unlink(missing_ok=True)
        return self.again()

    def again(self) -> Sample:
        """With what the run before kept."""
        log = self._folder / "ours.log"
        return measure(self._command, folder=self._folder, environment=environment(self._folder), log=log)


class _Parser:
    """The compiler of the build, which parses the same files with the same arguments and stops there."""

    def __init__(self, result: BuildResult, folder: Path) -> None:
        (compiler,) = {command.arguments[0] for command in result.commands if command.file.endswith(".c")}
        makefile = write_makefile(result, folder)
        self._command = ["make", "-f", str(makefile), f"CC={shlex.quote(compiler)} -fsyntax-only"]
        self._command.append(f"-j{os.cpu_count() or 1}")
        self._folder = folder

    def run(self) -> Sample:
        """Everything anew: it keeps nothing."""
        log = self._folder / "peer.log"
        return measure(self._command, folder=self._folder, environment=environment(self._folder), log=log)
