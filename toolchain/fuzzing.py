"""Runs the fuzzers, as many at once as there are processors, and says what they found.

Those of the toolchain's own parsers are Python (``fuzz/``), those of the apps and the shim C (``fuzz/`` in
their folders, and ``sdk-shim/host/fuzz_commands.c`` over every app). Each has a corpus by its name.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from toolchain import dist
from toolchain.build.workplace import plain_link, plain_root
from toolchain.errors import BuildError, ConfigError

_INPUTS = re.compile(r"number_of_executed_units: *(\d+)")
_GRACE = 300
"""Seconds beyond the time that was asked for, to start and to finish."""
_COMPILER = "clang"
_HOST_MAKEFILE = "sdk-shim/host/Makefile"


@dataclass(frozen=True)
class Fuzzer:
    """One parser. ``folder`` is the app's or the shim's if it is C, None if it is Python."""

    name: str
    corpus: Path
    folder: Path | None


@dataclass(frozen=True)
class Fuzzed:
    """One parser: how many inputs it was given, and the file that crashed it (empty: none did)."""

    name: str
    inputs: int
    crash: str
    log: Path


def fuzzers(project: Path) -> tuple[Fuzzer, ...]:
    """All that there are; those in C are called after their folder, too (``notary-message``)."""
    own = [Fuzzer(corpus.name, corpus, None) for corpus in _folders(project / "fuzz" / "corpus")]
    sources = [project / "sdk-shim", *_folders(project / "apps")]
    foreign = [
        Fuzzer(f"{folder.name}-{corpus.name}", corpus, folder)
        for folder in sources
        for corpus in _folders(folder / "fuzz" / "corpus")
    ]
    return (*own, *foreign)


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.iterdir() if path.is_dir()) if parent.is_dir() else []


def choose(names: Sequence[str], project: Path) -> tuple[Fuzzer, ...]:
    """Those of ``names`` that there are, all if none is named.

    Raises:
        ConfigError: no such parser; or no compiler for those in C.
    """
    known = {fuzzer.name: fuzzer for fuzzer in fuzzers(project)}
    for name in names:
        if name not in known:
            raise ConfigError(f"nothing to fuzz is called {name!r}", hint=f"choose from: {', '.join(known)}")
    chosen = tuple(known[name] for name in names or known)
    if any(fuzzer.folder for fuzzer in chosen) and not shutil.which(_COMPILER):
        python = " ".join(f"--only {name}" for name, fuzzer in known.items() if not fuzzer.folder)
        raise ConfigError(
            "there is no clang for the fuzzers of apps and shim",
            hint=f"apt-get install clang libclang-rt-14-dev, or leave them out: {python}",
        )
    return chosen


def compile_fuzzer(fuzzer: Fuzzer, build: Path, project: Path) -> Path:
    """The program of a fuzzer in C, made in the folder ``build``.

    Raises:
        BuildError: it does not compile.
    """
    program = build / "fuzz" / f"fuzz_{fuzzer.corpus.name}"
    made = subprocess.run(
        host_make(project, fuzzer.folder or project, build, f"fuzz/{program.name}"),
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode:
        log = build / "log"
        dist.write(log, made.stderr)
        raise BuildError(f"the fuzzer {fuzzer.name} does not compile", log=str(log), where=str(fuzzer.folder))
    return program


def host_make(project: Path, folder: Path, build: Path, target: str, *variables: str) -> list[str]:
    """The call of make that builds ``target`` of ``folder`` for this machine, into ``build``.

    Where make cannot bear the name of a folder (blanks), it is told a link to it.
    """
    links = plain_root(project / ".work") / "links"
    build.mkdir(parents=True, exist_ok=True)
    home, build = plain_link(project, links), plain_link(build, links)
    inside = folder.is_relative_to(project)
    folder = home / folder.relative_to(project) if inside else plain_link(folder, links)
    command = ["make", "--silent", "-f", str(home / _HOST_MAKEFILE), f"FOLDER={folder}"]
    return [*command, f"BUILD={build}", *variables, f"{build}/{target}" if "/" in target else target]


def run(
    chosen: Sequence[Fuzzer], seconds: int, python: Path, project: Path, progress: Callable[[int, int], None]
) -> tuple[Fuzzed, ...]:
    """Fuzz each for that long; what is found stays in ``.work``.

    Raises:
        ConfigError: less than a second.
        BuildError: one in C does not compile.
    """
    if seconds < 1:
        raise ConfigError(f"fuzzing for {seconds} seconds finds nothing", hint="60 are usual")
    work = project / ".work" / "fuzz"
    programs = {fuzzer.name: _command(fuzzer, python, work, project) for fuzzer in chosen}

    def one(fuzzer: Fuzzer) -> Fuzzed:
        return run_one(fuzzer, programs[fuzzer.name], seconds, work, project)

    found = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        results = pool.map(one, chosen)
        for done, result in enumerate(results, start=1):
            found.append(result)
            progress(done, len(chosen))
    return tuple(found)


def _command(fuzzer: Fuzzer, python: Path, work: Path, project: Path) -> list[str]:
    """One after the other: those of one app are made in one folder."""
    if fuzzer.folder is None:
        return [str(python), "-m", "fuzz", fuzzer.name]
    return [str(compile_fuzzer(fuzzer, work / "host" / fuzzer.folder.name, project))]


def run_one(fuzzer: Fuzzer, command: Sequence[str], seconds: int, work: Path, project: Path) -> Fuzzed:
    """Fuzz for that long with ``command``; corpus, crashes and log go below ``work``."""
    folder = work / fuzzer.name
    grown, crashes = folder / "corpus", folder / "crashes"
    for needed in (grown, crashes):
        needed.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    before = set(crashes.iterdir())
    limits = [f"-max_total_time={seconds}", "-max_len=8192", "-timeout=30", "-rss_limit_mb=2048"]
    options = [*limits, "-print_final_stats=1", f"-artifact_prefix={crashes}/"]
    with log.open("wb") as output:
        try:
            status = subprocess.run(
                [*command, *options, str(grown), str(fuzzer.corpus)],
                cwd=project,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=seconds + _GRACE,
            ).returncode
        except subprocess.TimeoutExpired:  # a parser that loops is found by libFuzzer long before
            status = -1
    counted = _INPUTS.search(log.read_text("utf-8", "replace"))
    new = sorted(set(crashes.iterdir()) - before)
    crash = str(new[0]) if new else ""
    if status and not crash:
        crash = str(log)
    return Fuzzed(fuzzer.name, int(counted[1]) if counted else 0, crash, log)
