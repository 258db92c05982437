"""What may be used again by other runs and machines: ccache's objects, and what make left of finished builds.

ccache saves compilers. What makefiles, their scripts and the linker take, a third of a real app's build, it
cannot save; so what make left is kept as well, under a digest of all that make could see.
"""

import contextlib
import hashlib
import io
import lzma
import os
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from toolchain import dist
from toolchain.build.changes import EMBEDS, TRACKED
from toolchain.build.git import git
from toolchain.build.result import Kept
from toolchain.build.sources import Sources
from toolchain.build.toolchains import CACHE
from toolchain.build.workplace import HOST, Workplace
from toolchain.errors import ConfigError, StorageError

_STATE = "state.json"
_LOG = "build.log"
_COPY = "src"

_LIMIT = 256 << 20
"""Bytes of what one make left; a larger build is not kept."""

_KEPT = 20
"""Finished builds of one app and target that stay: those last used."""

_DAMAGE = (
    OSError,
    ValueError,
    LookupError,
    EOFError,
    RuntimeError,
    OverflowError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
)
"""What reading an archive may end in; most are zipfile's."""

_PROGRAMS = ("make", "sh", "bash", "git", "python3")
"""Programs of this machine that work on every build; compilers are in the basis."""

_HISTORY = ("HEAD", "packed-refs", "shallow")


@dataclass(frozen=True)
class Slot:
    """Where the finished build of exactly these sources is kept, or would be.

    ``objects`` is the folder for ccache. Each app has its own: its makefile may write there, and can spoil no
    other's. ``rest`` names what could bring other headers to an object than those that it was made of.
    """

    place: Workplace
    file: Path
    objects: Path
    rest: str

    @classmethod
    def find(cls, cache: Path, place: Workplace, sources: Sources) -> "Slot":
        """The slot of ``sources``, which are in the private copy; all that make sees is in its name."""
        digest, rest = hashlib.sha256(), hashlib.sha256(place.sdk.identity.encode())
        facts = (
            place.basis,
            str(place.folder),
            place.environment(sources.epoch),
            sources.commit,
            sources.dirty,
        )
        # An SDK with changes is named by its files, and its makefiles still ask for the commit.
        commit = git(place.sdk.path, "rev-parse", "HEAD") if (place.sdk.path / ".git").exists() else ""
        for part in (repr(facts), repr((place.sdk, commit)), *_programs(place)):
            digest.update(hashlib.sha256(part.encode()).digest())
        copy, embeds = str(place.source), False
        for name in sorted(sources.files):
            data = _file(copy, name)
            seen = hashlib.sha256(data).digest()
            digest.update(seen)
            # As where make does not notice: a file that came or went, or that is neither source nor header.
            tracked = name.endswith(TRACKED)
            rest.update(hashlib.sha256(os.fsencode(name)).digest() if tracked else seen)
            embeds = embeds or (tracked and any(word in data for word in EMBEDS))
        for name in _history(place.source):
            digest.update(hashlib.sha256(_file(copy, name)).digest())
        if embeds:  # compiled with each change
            rest.update(digest.digest())
        folder = cache / place.folder.parents[1].name
        file = folder / place.job.target.name / f"{digest.hexdigest()[:40]}.zip"
        return cls(place, file, folder / "objects", rest.hexdigest())

    def environment(self) -> dict[str, str]:
        """What lets ccache keep objects: nothing is guessed, nothing is the user's setting.

        An object is found again if the compiler, its arguments, the names of its folders and every byte
        that it read are the same, and nothing else could have been read. Without ``DEPEND``, ccache would
        also take one whose preprocessed text is the same: then columns in what debuggers read are not.

        Raises:
            ConfigError: ccache is not installed.
            StorageError: the folder cannot be made.
        """
        tools = self.place.tools
        if self.place.job.machine is HOST and shutil.which("ccache", path=":".join(tools.path)) is None:
            raise ConfigError("ccache is not installed", hint="apt-get install ccache, or leave out --cache")
        try:
            self.objects.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise StorageError(f"cannot keep a cache here: {e.strerror}", where=str(self.objects)) from e
        return {
            CACHE: str(self.objects),
            "CCACHE_CONFIGPATH": os.devnull,
            "CCACHE_COMPILERCHECK": f"string:{tools.toolchain.identity} {self.rest}",
            "CCACHE_COMPILERTYPE": "clang",
            "CCACHE_DEPEND": "1",
            "CCACHE_SLOPPINESS": "",
            "CCACHE_MAXSIZE": "2G",
        }

    def load(self) -> Kept | None:
        """Put what make left into the private copy, which holds sources alone; None if it cannot be used.

        Then there may be remains of it in the copy.
        """
        try:
            if self.file.stat().st_size > _LIMIT:
                return None
            with zipfile.ZipFile(io.BytesIO(self.file.read_bytes())) as archive:
                if sum(member.file_size for member in archive.infolist()) > _LIMIT:
                    return None
                kept = Kept.from_bytes(archive.read(_STATE))
                for member in archive.infolist():
                    if member.filename != _STATE:
                        self._put(member.filename, archive.read(member), member.external_attr >> 16)
        except _DAMAGE:
            return None
        with contextlib.suppress(OSError):
            os.utime(self.file)  # for who makes room
        return kept if kept.provenance else None

    def _put(self, name: str, data: bytes, mode: int) -> None:
        if name == _LOG:
            self.place.log.write_bytes(data)
            return
        parts = PurePosixPath(name).parts
        if parts[:1] != (_COPY,) or ".." in parts or parts[1:2] == (".git",):
            raise ValueError(name)
        path = self.place.folder / name
        self._make_parent(path.parent)
        with path.open("xb") as file:  # never over a source
            file.write(data)
            os.fchmod(file.fileno(), 0o755 if mode & 0o100 else 0o644)

    def _make_parent(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
        if not Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(self.place.source)):
            raise ValueError(folder)

    def store(self, sources: Sources, kept: Kept) -> None:
        """Keep what make left in the private copy, if it is files alone.

        Raises:
            StorageError: there is no room, or no right to write.
        """
        made = sorted(_made(self.place.source, sources), key=lambda found: found[1].st_mtime_ns)
        plain = all(stat.S_ISREG(status.st_mode) for _, status in made)
        if not plain or sum(status.st_size for _, status in made) > _LIMIT:
            return
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr(_STATE, replace(kept, stamps={}).to_bytes())
            archive.writestr(_LOG, self.place.log.read_bytes())
            # In the order in which they were made: so they get times again when they are put back.
            for name, status in made:
                member = zipfile.ZipInfo(f"{_COPY}/{name}")
                member.external_attr = status.st_mode << 16
                data = (self.place.source / name).read_bytes()
                archive.writestr(member, data, zipfile.ZIP_DEFLATED, compresslevel=1)
        dist.write(self.file, packed.getvalue())
        self._make_room()

    def _make_room(self) -> None:
        with contextlib.suppress(FileNotFoundError):  # another build is doing it
            last_used = sorted(self.file.parent.glob("*.zip"), key=lambda path: path.stat().st_mtime_ns)
            for path in last_used[:-_KEPT]:
                path.unlink()


def require_outside(cache: Path, app: Path) -> None:
    """Refuse a cache that would be built as a part of the app.

    Raises:
        ConfigError: it lies in the app's folder, and git does not ignore it.
    """
    cache, app = Path(os.path.realpath(cache)), Path(os.path.realpath(app))
    if cache.is_relative_to(app) and git(app, "check-ignore", f"{cache}/") is None:
        raise ConfigError(
            "the cache would be among the app's sources",
            hint="choose a folder outside of the app, or let git ignore it",
            where=str(cache),
        )


def _programs(place: Workplace) -> Iterator[str]:
    """What this machine adds to a build, by digest."""
    if not place.job.machine.shares_processes:
        return
    path = place.environment(0)["PATH"]
    for name in _PROGRAMS:
        found = shutil.which(name, path=path)
        yield hashlib.sha256(Path(found).read_bytes()).hexdigest() if found else ""


def _history(copy: Path) -> Iterator[str]:
    """What git's answers depend on beside the commit: branches, tags, and where a shallow clone ends."""
    yield from (f".git/{name}" for name in _HISTORY)
    references = (path for path in (copy / ".git" / "refs").rglob("*") if path.is_file())
    yield from sorted(str(path.relative_to(copy)) for path in references)


def _file(folder: str, name: str) -> bytes:
    """Kind, name and bytes of a file."""
    path = f"{folder}/{name}"
    kind, data = b"-", b""
    if os.path.islink(path):  # noqa: PTH114 - apps have thousands of files
        kind, data = b"l", os.fsencode(os.readlink(path))  # noqa: PTH115
    elif os.path.exists(path):  # noqa: PTH110
        with open(path, "rb") as file:  # noqa: PTH123
            kind, data = b"x" if os.access(path, os.X_OK) else b"f", file.read()
    return kind + os.fsencode(name) + b"\0" + data


def _made(copy: Path, sources: Sources) -> Iterator[tuple[str, os.stat_result]]:
    """What is no source in ``copy``: all that make made there."""
    pending = [""]
    while pending:
        here = pending.pop()
        with os.scandir(f"{copy}/{here}") as entries:
            for entry in entries:
                name = here + entry.name
                if name == ".git" or name in sources.files:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    pending.append(f"{name}/")
                else:
                    yield name, entry.stat(follow_symlinks=False)
