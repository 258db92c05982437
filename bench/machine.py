"""Where figures come from: without that they say nothing."""

import datetime
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

from bench.process import PROJECT
from toolchain import __version__

_PEERS = ("ledgerblue", "ledgerwallet", "ziglang", "cryptography", "invoke")


def describe() -> dict[str, object]:
    """Machine, programs and load, ready for JSON. No names of hosts or users."""
    return {
        "date": datetime.datetime.now(tz=datetime.UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "processors": os.cpu_count(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "make": _first_line("make", "--version"),
        "toolchain": __version__,
        "commit": _first_line("git", "describe", "--always", "--dirty", "--abbrev=40"),
        "packages": {name: _version(name) for name in _PEERS},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _first_line(*command: str) -> str:
    try:
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.partition("\n")[0]
