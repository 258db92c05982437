"""Which SDK a folder holds, read from the folder itself, with or without git."""

import contextlib
import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toolchain import dist
from toolchain.build.git import git
from toolchain.errors import ConfigError
from toolchain.target import Target

Family = Literal["shim", "secure", "nanos"]
"""shim: ours; secure: ledger-secure-sdk; nanos: nanos-secure-sdk, the last one for Nano S."""

_FAMILIES: dict[str, Family] = {
    "sdk-shim": "shim",
    "ledger-secure-sdk": "secure",
    "nanos-secure-sdk": "nanos",
}
_NAME = re.compile(r'^SDK_NAME\s*:?=\s*"?([\w.-]+)"?\s*$', re.MULTILINE)
_LEVEL = re.compile(r"^API_LEVEL\s*[:?]?=\s*(\d+)\s*$", re.MULTILINE)
FLAGS = "Makefile.defines"
"""The shim takes its compiler flags from the file of this name in the folder above."""

_SKIPPED = (".git", "__pycache__")
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

    def supports(self, target: Target) -> bool:
        """Whether apps for ``target`` can be built with it."""
        if self.family == "nanos":
            return target.sdk_name == "nanos"
        return (self.path / "target" / target.sdk_name).is_dir()


def find_sdk(path: Path, cache: Path) -> Sdk:
    """The SDK in ``path``; what was found out is kept in ``cache`` while no file of it changes.

    Raises:
        ConfigError: no such folder, or no SDK in it.
    """
    path = Path(os.path.realpath(path))
    kept = cache / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:12]}.json"
    stamp = _stamp(path)
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
        table = json.loads(kept.read_bytes())
        if table.pop("stamp") == stamp:
            return Sdk(**table | {"path": path})
    sdk = read_sdk(path)
    dist.write(kept, json.dumps(dataclasses.asdict(sdk) | {"path": str(path), "stamp": stamp}))
    return sdk


def _stamp(folder: Path) -> str:
    """A digest over names, sizes and times of everything in ``folder``, and of what git says it is."""
    digest = hashlib.sha256()
    pending = [str(folder)]
    while pending:
        try:
            entries = sorted(os.scandir(pending.pop()), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _SKIPPED:
                    pending.append(entry.path)
                continue
            s = entry.stat(follow_symlinks=False)
            digest.update(f"{entry.path}\0{s.st_mode} {s.st_size} {s.st_mtime_ns} {s.st_ctime_ns}\0".encode())
    for name in (".git/HEAD", ".git/packed-refs", ".git/refs/tags", f"../{FLAGS}"):
        with contextlib.suppress(OSError):
            digest.update(f"{name} {(folder / name).stat().st_mtime_ns}".encode())
    return digest.hexdigest()


def read_sdk(path: Path) -> Sdk:
    """The SDK in ``path``.

    Raises:
        ConfigError: no such folder, or no SDK in it.
    """
    path = Path(os.path.realpath(path))
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
    commit = git(path, "rev-parse", "HEAD") if (path / ".git").exists() else ""
    tag = git(path, "describe", "--tags", "--exact-match") if commit else ""
    version = tag or (stated[1] if stated else "")
    if commit and not git(path, "status", "--porcelain", "--untracked-files=normal"):
        source = f"commit {commit}"
    else:
        source = f"tree sha256:{tree_digest(path)}"
    if family == "shim":
        source += f" flags sha256:{hashlib.sha256(_text(path.parent / FLAGS).encode()).hexdigest()}"
    identity = " ".join(part for part in (name, version, source) if part)
    return Sdk(path, name, family, version, int(level[1]) if level else None, identity)


def tree_digest(folder: Path) -> str:
    """``files_digest`` of all files below ``folder``, without ``.git``."""
    return files_digest({path.relative_to(folder): path for path in _files(folder)})


def files_digest(files: Mapping[Path, Path]) -> str:
    """SHA-256 over names, executable bits and bytes of ``files``, by name, in the order that they have."""
    digest = hashlib.sha256()
    for name, path in files.items():
        data = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        kind = b"l" if path.is_symlink() else b"x" if os.access(path, os.X_OK) else b"f"
        for part in (kind, os.fsencode(name), data):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
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
