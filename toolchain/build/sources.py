"""What belongs to an app's sources, and a private copy of it to build in.

Official make files write into the tree that they build, and find what they wrote there the next time. So
make runs in a copy that holds the app's files, make's output folders, and nothing else.
"""

# Apps have thousands of files (screenshots of their tests), and texts are several times faster than paths.
# ruff: noqa: PTH103, PTH108, PTH113, PTH114, PTH115, PTH118, PTH123, PTH211

import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from toolchain.build.git import git, gits
from toolchain.errors import ConfigError

OUTPUTS = ("build", "bin", "debug")
"""Folders beside the makefile that the SDKs' make files write and ``make clean`` removes."""

MAX_FILE = 256 << 20
"""Bytes of one file of an app."""

MAX_TREE = 4 << 30
"""Bytes of all of them."""

Stamp = tuple[int, ...]
"""Mode, size, and times in nanoseconds: while it is the same, a file counts as unchanged."""

Stamps = dict[str, tuple[Stamp, Stamp | None]]
"""Relative path → stamp of the source, stamp of its copy."""


@dataclass(frozen=True)
class Sources:
    """The files of an app: relative path → stamp.

    In a git repository these are the files that git tracks, and those that it does not ignore, submodules
    included; elsewhere all but hidden folders and outputs. ``commit`` is empty outside of a repository, and
    ``epoch`` is when it was made, in seconds since 1970; 0 without one. ``repository`` says that the app's
    folder is the root of one. ``dirty`` means that a file differs from the commit or is not in it.
    """

    folder: Path
    files: Mapping[str, Stamp]
    commit: str
    epoch: int
    dirty: bool
    repository: bool
    submodules: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path, build_directory: Path, manifest: str) -> "Sources":
        """List ``folder``; ``manifest`` is the name of a file that surely belongs to the app.

        Raises:
            ConfigError: a link that leaves the folder, something that is neither file nor link, or too much.
        """
        listing, head, status, prefix = gits(
            folder,
            _LIST,
            ("rev-list", "--max-count=1", "--timestamp", "HEAD"),
            ("status", "--porcelain", "--ignore-submodules=none", "--", "."),
            ("rev-parse", "--show-prefix"),
        )
        submodules: list[str] = []
        names = set(_git_files(folder, listing or "", "", submodules))
        if manifest not in names:
            names = set(_folder_files(folder, build_directory))
            head, status, prefix, submodules = None, None, None, []
        epoch, _, commit = (head or "0").partition(" ")
        files = dict(_stamps(folder, sorted(names)))
        return cls(folder, files, commit, int(epoch), bool(status), prefix == "", tuple(sorted(submodules)))


_LIST = ("ls-files", "-z", "-t", "--stage", "--others", "--exclude-standard")


def _git_files(folder: Path, listing: str, prefix: str, submodules: list[str]) -> Iterator[str]:
    """What ``_LIST`` printed in ``folder``: ``? name``, or a tag, mode, object, stage, and the name."""
    for entry in filter(None, listing.split("\0")):
        tag, rest = entry[0], entry[2:]
        name = rest if tag == "?" else rest.split("\t", 1)[1]
        inside = ""
        if tag == "?":
            # A repository inside that is no submodule is listed as a folder with a slash behind it.
            inside = name if name.endswith("/") else ""
        elif rest.startswith("160000"):
            submodules.append(prefix + name)
            inside = f"{name}/"
        if not inside:
            yield prefix + name
        elif (folder / name / ".git").exists():
            within = git(folder / name, *_LIST) or ""
            yield from _git_files(folder / name, within, prefix + inside, submodules)


def _folder_files(folder: Path, build_directory: Path) -> Iterator[str]:
    outputs = {os.path.realpath(folder / build_directory / name) for name in OUTPUTS}
    for root, folders, files in os.walk(folder):
        here = os.path.relpath(root, folder) + "/" if root != str(folder) else ""
        for name in list(folders):
            path = os.path.join(root, name)
            if name.startswith(".") or name == "__pycache__" or os.path.realpath(path) in outputs:
                folders.remove(name)
            elif os.path.islink(path):
                yield here + name
        yield from (here + name for name in files)


def _lstat(path: str) -> Stamp | None:
    try:
        return _stamp(os.lstat(path))
    except (FileNotFoundError, NotADirectoryError):
        return None


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _stamps(folder: Path, names: Iterable[str]) -> Iterator[tuple[str, Stamp]]:
    """Without those that are tracked, but deleted in the working tree."""
    top = os.path.realpath(folder)
    total = 0
    for name in names:
        path = f"{top}/{name}"
        stamp = _lstat(path)
        if stamp is None:
            continue
        if stat.S_ISLNK(stamp[0]):
            if not (os.path.realpath(path) + "/").startswith(top + "/"):
                raise ConfigError(
                    f"a link leaves the app's folder: {name} -> {os.readlink(path)}",
                    hint="copy what it points to into the app, or add it as a submodule",
                    where=path,
                )
        elif not stat.S_ISREG(stamp[0]):
            raise ConfigError(f"{name} is neither a file nor a link", where=path)
        total += stamp[1]
        if stamp[1] > MAX_FILE or total > MAX_TREE:
            large = name if stamp[1] > MAX_FILE else "the app"
            raise ConfigError(
                f"{large} is too large: {min(stamp[1], total)} bytes",
                hint="move what is no source out of the app's folder, or let git ignore it",
                where=path,
            )
        yield name, stamp


def sync(sources: Sources, copy: Path, known: Stamps, kept: frozenset[str]) -> Stamps:
    """Bring ``copy`` up to date: write what differs, delete what is neither a source nor ``kept``.

    A file is written, and so gets a new time, only if its bytes or its kind differ. ``known`` is what the
    last call returned: by the stamps of the copies, a source that make itself changed is written again.
    """
    parents = {parent for name in sources.files for parent in _parents(name)}
    there = _prune(str(copy), sources.files, parents, kept)
    for parent in sorted(parents - there.keys()):
        path = f"{copy}/{parent}"
        if os.path.islink(path) or os.path.isfile(path):
            # Left by make in an output folder: what is written below must stay in the copy.
            os.unlink(path)
        os.makedirs(path, exist_ok=True)
    return {
        name: (
            stamp,
            _update(f"{sources.folder}/{name}", stamp, f"{copy}/{name}", known.get(name), there.get(name)),
        )
        for name, stamp in sources.files.items()
    }


def _parents(name: str) -> Iterator[str]:
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name


def _prune(
    copy: str, wanted: Mapping[str, Stamp], parents: set[str], kept: frozenset[str]
) -> dict[str, Stamp]:
    """Delete what is neither wanted nor a parent nor kept; the stamps of the rest, without what is kept."""
    there = {}
    pending = [""]
    while pending:
        here = pending.pop()
        with os.scandir(f"{copy}/{here}") as entries:
            for entry in entries:
                name = here + entry.name
                if name in kept:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if name not in parents:
                        shutil.rmtree(entry.path)
                        continue
                    pending.append(f"{name}/")
                elif name not in wanted:
                    os.unlink(entry.path)
                    continue
                there[name] = _stamp(entry.stat(follow_symlinks=False))
    return there


def _update(
    source: str, stamp: Stamp, path: str, known: tuple[Stamp, Stamp | None] | None, now: Stamp | None
) -> Stamp | None:
    """Make ``path`` like ``source``; the stamp of ``path`` afterwards. ``now`` is that of before."""
    now = now or _lstat(path)
    if known and known == (stamp, now):
        return now
    mode = 0o755 if stamp[0] & 0o100 else 0o644
    if stat.S_ISLNK(stamp[0]):
        target = os.readlink(source)
        if now and stat.S_ISLNK(now[0]) and os.readlink(path) == target:
            return now
        _unlink(path, now)
        os.symlink(target, path)
        return _lstat(path)
    with open(source, "rb") as file:
        data = file.read()
    if now and now[0] == stat.S_IFREG | mode and now[1] == len(data):
        with open(path, "rb") as file:
            if file.read() == data:
                return now
    _unlink(path, now)
    with open(path, "xb") as file:
        file.write(data)
        os.fchmod(file.fileno(), mode)
    return _lstat(path)


def _unlink(path: str, now: Stamp | None) -> None:
    if now:
        os.unlink(path)


def clone_history(sources: Sources, copy: Path) -> None:
    """Give ``copy`` a repository, so that ``git describe`` and the SDK's search for the root answer there.

    It is made beside ``copy``, in which nothing but ``.git`` is written. It borrows the objects of the app's
    own repository and shares nothing that could be written. An app that is a part of a larger repository,
    or in none, gets an empty one.
    """
    shutil.rmtree(copy / ".git", ignore_errors=True)
    beside = copy.with_name("history")
    shutil.rmtree(beside, ignore_errors=True)
    if sources.repository and sources.commit:
        arguments = ("--quiet", "--no-checkout", "--shared", "--template=", str(sources.folder), str(beside))
        if git(copy, "clone", *arguments) is not None:
            (beside / ".git").rename(copy / ".git")
            beside.rmdir()
            if git(copy, "read-tree", "HEAD") is not None:
                return
        shutil.rmtree(copy / ".git", ignore_errors=True)
    # What `git init` makes, without starting it.
    for name in ("objects", "refs"):
        (copy / ".git" / name).mkdir(parents=True)
    (copy / ".git" / "HEAD").write_text("ref: refs/heads/main\n", "utf-8")
