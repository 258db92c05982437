"""Runs the fuzzer's targets (``fuzz/``), two at a time on two processors, and says what they found."""

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import ConfigError

_INPUTS = re.compile(r"number_of_executed_units: *(\d+)")
_GRACE = 120
"""Seconds beyond the time that was asked for, to start and to finish."""


@dataclass(frozen=True)
class Fuzzed:
    """One parser: how many inputs it was given, and the file that crashed it (empty: none did)."""

    name: str
    inputs: int
    crash: str
    log: Path


def choose(names: Sequence[str], project: Path) -> tuple[str, ...]:
    """Those of ``names`` that there are, all if none is named.

    Raises:
        ConfigError: no such parser.
    """
    known = sorted(path.name for path in (project / "fuzz" / "corpus").iterdir() if path.is_dir())
    for name in names:
        if name not in known:
            raise ConfigError(f"nothing to fuzz is called {name!r}", hint=f"choose from: {', '.join(known)}")
    return tuple(names or known)


def run(
    names: Sequence[str], seconds: int, python: Path, project: Path, progress: Callable[[int, int], None]
) -> tuple[Fuzzed, ...]:
    """Fuzz each for that long, as many at once as there are processors; what is found stays in ``.work``."""
    found = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        results = pool.map(lambda name: _run(name, seconds, python, project), names)
        for done, result in enumerate(results, start=1):
            found.append(result)
            progress(done, len(names))
    return tuple(found)


def _run(name: str, seconds: int, python: Path, project: Path) -> Fuzzed:
    folder = project / ".work" / "fuzz" / name
    grown, crashes = folder / "corpus", folder / "crashes"
    for needed in (grown, crashes):
        needed.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    before = set(crashes.iterdir())
    limits = [f"-max_total_time={seconds}", "-max_len=8192", "-timeout=10", "-rss_limit_mb=2048"]
    command = [
        *(str(python), "-m", "fuzz", name, *limits, "-print_final_stats=1", f"-artifact_prefix={crashes}/"),
        *(str(grown), str(project / "fuzz" / "corpus" / name)),
    ]
    with log.open("wb") as output:
        done = subprocess.run(
            command,
            cwd=project,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=seconds + _GRACE,
        )
    counted = _INPUTS.search(log.read_text("utf-8", "replace"))
    new = sorted(set(crashes.iterdir()) - before)
    crash = str(new[0]) if new else ""
    if done.returncode and not crash:
        crash = str(log)
    return Fuzzed(name, int(counted[1]) if counted else 0, crash, log)
