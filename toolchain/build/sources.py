"""What belongs to an app's sources, and a private copy of it to build in.

Official make files write into the tree that they build, and find what they wrote there the next time. So
make runs in a copy that holds the app's files, make's output folders, and nothing else.
"""

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from toolchain.build.git import git
from toolchain.errors import ConfigError

OUTPUTS = ("build", "bin", "debug")
"""Folders beside the makefile that the SDKs' make files write and ``make clean`` removes."""

Stamp = tuple[int, ...]
"""Mode, size, and times in nanoseconds: while it is the same, a file counts as unchanged."""

Stamps = dict[str, tuple[Stamp, Stamp | None]]
"""Relative path → stamp of the source, stamp of its copy."""


@dataclass(frozen=True)
class Sources:
    """The files of an app: relative path → stamp.

    In a git repository these are the files that git tracks, and those that it does not ignore, submodules
    included; elsewhere all but hidden folders and outputs. ``commit`` is empty outside of a repository,
    ``repository`` says that the app's folder is the root of one. ``dirty`` means that a file differs from
    the commit or is not in it.
    """

    folder: Path
    files: Mapping[str, Stamp]
    commit: str
    dirty: bool
    repository: bool
    submodules: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path, build_directory: Path, manifest: str) -> "Sources":
        """List ``folder``; ``manifest`` is the name of a file that surely belongs to the app.

        Raises:
            ConfigError: a link that leaves the folder, or something that is neither file nor link.
        """
        submodules: list[str] = []
        names = set(_git_files(folder, "", submodules))
        commit, dirty, prefix = "", False, None
        if manifest in names:
            commit = git(folder, "rev-parse", "--verify", "--quiet", "HEAD") or ""
            dirty = bool(git(folder, "status", "--porcelain", "--ignore-submodules=none", "--", "."))
            prefix = git(folder, "rev-parse", "--show-prefix")
        else:
            names, submodules = set(_folder_files(folder, build_directory)), []
        files = {name: stamp for name in sorted(names) if (stamp := _stamp(folder, name))}
        return cls(folder, files, commit, dirty, prefix == "", tuple(sorted(submodules)))

    def epoch(self) -> int:
        """When the commit was made, in seconds since 1970; 0 without one."""
        return int((self.commit and git(self.folder, "show", "-s", "--format=%ct", self.commit)) or 0)


def _git_files(folder: Path, prefix: str, submodules: list[str]) -> Iterator[str]:
    tracked = git(folder, "ls-files", "-z", "--stage") or ""
    others = git(folder, "ls-files", "-z", "--others", "--exclude-standard") or ""
    for entry in filter(None, tracked.split("\0")):
        mode, name = entry.split(" ", 1)[0], entry.split("\t", 1)[1]
        if mode == "160000":
            submodules.append(prefix + name)
            if (folder / name / ".git").exists():
                yield from _git_files(folder / name, f"{prefix}{name}/", submodules)
        else:
            yield prefix + name
    # A repository inside that is no submodule is listed as a folder with a slash behind it.
    for name in filter(None, others.split("\0")):
        if name.endswith("/"):
            yield from _git_files(folder / name, prefix + name, submodules)
        else:
            yield prefix + name


def _folder_files(folder: Path, build_directory: Path) -> Iterator[str]:
    outputs = {(folder / build_directory / name).resolve() for name in OUTPUTS}
    for root, folders, files in os.walk(folder):
        here = Path(root)
        for name in list(folders):
            path = here / name
            if name.startswith(".") or name == "__pycache__" or path.resolve() in outputs:
                folders.remove(name)
            elif path.is_symlink():
                yield path.relative_to(folder).as_posix()
        yield from ((here / name).relative_to(folder).as_posix() for name in files)


def _stamp(folder: Path, name: str) -> Stamp | None:
    """None for what is tracked, but deleted in the working tree."""
    path = folder / name
    stamp = _lstat(path)
    if stamp is None or stat.S_ISREG(stamp[0]):
        return stamp
    if not stat.S_ISLNK(stamp[0]):
        raise ConfigError(f"{name} is neither a file nor a link", where=str(path))
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
        raise ConfigError(
            f"a link leaves the app's folder: {name} -> {path.readlink()}",
            hint="copy what it points to into the app, or add it as a submodule",
            where=str(path),
        )
    return stamp


def sync(sources: Sources, copy: Path, build_directory: Path, known: Stamps) -> Stamps:
    """Bring ``copy`` up to date: write what differs, delete what is not a source, leave make's outputs.

    A file is written, and so gets a new time, only if its bytes or its kind differ. ``known`` is what the
    last call returned: by the stamps of the copies, a source that make itself changed is written again.
    """
    outputs = {copy / build_directory / name for name in OUTPUTS} | {copy / ".git"}
    _prune(copy, sources.files, outputs)
    stamps: Stamps = {}
    for name, stamp in sources.files.items():
        path = copy / name
        if known.get(name) != (stamp, _lstat(path)):
            _write(sources.folder / name, path)
        stamps[name] = (stamp, _lstat(path))
    return stamps


def _prune(copy: Path, wanted: Mapping[str, Stamp], outputs: set[Path]) -> None:
    parents = {copy / parent for name in wanted for parent in PurePosixPath(name).parents}
    for root, folders, files in os.walk(copy):
        here = Path(root)
        for name in [*folders, *files]:
            path = here / name
            if path in outputs:
                folders.remove(name)
            elif path.is_symlink() or name in files:
                if path.relative_to(copy).as_posix() not in wanted:
                    path.unlink()
            elif path not in parents:
                shutil.rmtree(path)
                folders.remove(name)


def _lstat(path: Path) -> Stamp | None:
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _write(source: Path, path: Path) -> None:
    """``_prune`` went before: the parents of ``path`` are folders, or not there."""
    if source.is_symlink():
        if not path.is_symlink() or path.readlink() != source.readlink():
            path.unlink(missing_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(source.readlink())
        return
    data, mode = source.read_bytes(), 0o755 if source.stat().st_mode & 0o100 else 0o644
    same = path.is_file() and not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) == mode
    if not same or path.read_bytes() != data:
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(mode)


def clone_history(sources: Sources, copy: Path) -> None:
    """Give ``copy`` a repository, so that ``git describe`` and the SDK's search for the root answer there.

    It borrows the objects of the app's own repository and shares nothing that could be written. An app
    that is a part of a larger repository, or in none, gets an empty one.
    """
    shutil.rmtree(copy / ".git", ignore_errors=True)
    if sources.repository and sources.commit:
        bare = copy / ".git"
        arguments = ("--quiet", "--bare", "--shared", "--template=", str(sources.folder), str(bare))
        if (
            git(copy, "clone", *arguments) is not None
            and git(copy, "--git-dir", str(bare), "config", "core.bare", "false") is not None
            and git(copy, "update-ref", "--no-deref", "HEAD", sources.commit) is not None
            and git(copy, "reset", "--quiet", "--mixed") is not None
        ):
            return
        shutil.rmtree(bare, ignore_errors=True)
    if git(copy, "init", "--quiet", "--template=") is None:
        raise ConfigError("git does not run", hint="apt-get install git")
