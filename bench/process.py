"""Runs a program and says what it took."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.figures import Sample
from toolchain.errors import ToolchainError

PROJECT = Path(__file__).resolve().parents[1]
INV = str(PROJECT / "inv")

_PROBE = Path(__file__).with_name("probe.py")


class BenchError(ToolchainError):
    """A program that is measured has failed, so there is nothing to compare."""


class MissingError(ToolchainError):
    """What is to be measured is not installed; the hint says how to."""


def environment(home: Path, **more: str) -> dict[str, str]:
    """The same small environment for every contender."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", **more}


def measure(command: Sequence[str], *, folder: Path, environment: Mapping[str, str], log: Path) -> Sample:
    """Wall and CPU time and peak memory of ``command``, with its output in ``log``.

    Raises:
        BenchError: its exit status is not 0.
    """
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(_PROBE), str(log), *command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        said = log.read_text("utf-8", "replace").strip() if log.is_file() else ""
        raise BenchError(
            f"{command[0]} failed with status {done.returncode}: {said[-2000:]}",
            hint=f"what was run: {' '.join(command)}",
        )
    sample: dict[str, float] = json.loads(done.stdout)
    return sample
