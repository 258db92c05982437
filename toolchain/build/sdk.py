"""Which SDK a folder holds, read from the folder itself, with or without git."""

import hashlib
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toolchain.errors import ConfigError

Family = Literal["shim", "secure", "nanos"]
"""shim: ours; secure: ledger-secure-sdk; nanos: nanos-secure-sdk, the last one for Nano S."""

_FAMILIES: dict[str, Family] = {
    "sdk-shim": "shim",
    "ledger-secure-sdk": "secure",
    "nanos-secure-sdk": "nanos",
}
_NAME = re.compile(r'^SDK_NAME\s*:?=\s*"?([\w.-]+)"?\s*$', re.MULTILINE)
_LEVEL = re.compile(r"^API_LEVEL\s*[:?]?=\s*(\d+)\s*$", re.MULTILINE)
_VERSION = re.compile(r'^SDK_VERSION\s*:?=\s*"?([\w.+-]+)"?\s*$', re.MULTILINE)


@dataclass(frozen=True)
class Sdk:
    """An SDK checkout.

    ``version`` is the tag (``v25.13.0``) or, where there is no git, empty; the shim writes its own.
    ``level`` is the API level, None for the SDK of Nano S. ``identity`` names the sources exactly:
    a clean checkout by its commit, anything else by a digest over its files.
    """

    path: Path
    name: str
    family: Family
    version: str
    level: int | None
    identity: str


def read_sdk(path: Path) -> Sdk:
    """The SDK in ``path``.

    Raises:
        ConfigError: no such folder, or no SDK in it.
    """
    path = path.resolve()
    target, defines = _text(path / "Makefile.target"), _text(path / "Makefile.defines")
    found = _NAME.search(target)
    name = found[1] if found else ""
    if name not in _FAMILIES:
        raise ConfigError(
            "this is no SDK: its Makefile.target names none that is known",
            hint="give the root of a ledger-secure-sdk or nanos-secure-sdk checkout",
            where=str(path),
        )
    family = _FAMILIES[name]
    level = _LEVEL.search(defines)
    if family == "secure" and not level:
        raise ConfigError("Makefile.defines of this SDK states no API_LEVEL", where=str(path))
    stated = _VERSION.search(target)
    commit = _git(path, "rev-parse", "HEAD") if (path / ".git").exists() else ""
    tag = _git(path, "describe", "--tags", "--exact-match") if commit else ""
    version = tag or (stated[1] if stated else "")
    if commit and not _git(path, "status", "--porcelain", "--untracked-files=normal"):
        source = f"commit {commit}"
    else:
        source = f"tree sha256:{tree_digest(path)}"
    identity = " ".join(part for part in (name, version, source) if part)
    return Sdk(path, name, family, version, int(level[1]) if level else None, identity)


def tree_digest(folder: Path) -> str:
    """SHA-256 over the names, executable bits and bytes of all files below ``folder``, without ``.git``."""
    digest = hashlib.sha256()
    for path in _files(folder):
        data = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        kind = b"l" if path.is_symlink() else b"x" if os.access(path, os.X_OK) else b"f"
        name = os.fsencode(path.relative_to(folder))
        for part in (kind, name, data):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in (".git", "__pycache__"))
        yield from (Path(root, name) for name in sorted(files) if name != ".git")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError as e:
        raise ConfigError(
            f"this is no SDK: {path.name}: {e.strerror}",
            hint="give the root of an SDK checkout with --sdk",
            where=str(path.parent),
        ) from e


def _git(folder: Path, *arguments: str) -> str:
    """Git's answer, or empty if it has none (no git, no tag, someone else's repository)."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
