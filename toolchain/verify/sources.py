"""The app's source files, read with bounds: a hostile tree costs neither time nor memory without end."""

import functools
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

MAX_FILE = 4 << 20
"""Bytes of a file that rules read; longer ones are reported, not read."""

MAX_FILES = 50_000
"""Files that are looked at in one tree."""

_OUTPUTS = ("build", "bin", "debug")
"""Folders beside the makefile that the SDKs' make files write."""


class SourceTree:
    """The regular files below a folder, without git's own and make's outputs beside the makefile.

    Links are not followed; paths are relative, with ``/``. ``build_directory`` is that of the makefile.
    """

    def __init__(self, root: Path, build_directory: Path = Path()) -> None:
        self.root = root
        self._outputs = {os.path.normpath(root / build_directory / name) for name in _OUTPUTS}

    @functools.cached_property
    def files(self) -> tuple[str, ...]:
        """Every file, sorted; at most MAX_FILES."""
        found: list[str] = []
        for path in self._walk():
            if len(found) == MAX_FILES:
                break
            found.append(path)
        return tuple(sorted(found))

    @functools.cached_property
    def complete(self) -> bool:
        """Whether ``files`` is the whole tree."""
        return len(self.files) < MAX_FILES

    @functools.cached_property
    def _real(self) -> Path:
        return self.root.resolve()

    def _walk(self) -> Iterator[str]:
        for folder, folders, names in os.walk(self.root):
            folders[:] = sorted(
                f for f in folders if f != ".git" and os.path.normpath(Path(folder, f)) not in self._outputs
            )
            for name in sorted(names):
                path = Path(folder, name)
                if path.is_file() and not path.is_symlink():
                    yield path.relative_to(self.root).as_posix()

    def under(self, folder: str) -> tuple[str, ...]:
        """The files below ``folder``, which is relative to the root."""
        prefix = PurePosixPath(os.path.normpath(folder)).as_posix()
        if prefix == ".":
            return self.files
        return tuple(f for f in self.files if f.startswith(prefix + "/"))

    def read(self, path: str) -> str | None:
        """The text of a file of this tree, None if it is missing, a link out of it, or too long.

        Bytes that are not UTF-8 come out as U+FFFD.
        """
        data = self.read_bytes(path)
        return None if data is None else data.decode("utf-8", errors="replace")

    def read_bytes(self, path: str) -> bytes | None:
        """The bytes of a file of this tree, None if it is missing, a link out of it, or too long."""
        full = self.root / path
        try:
            if not full.resolve(strict=True).is_relative_to(self._real) or not full.is_file():
                return None
            with full.open("rb") as stream:
                data = stream.read(MAX_FILE + 1)
        except (OSError, RuntimeError):
            return None
        return None if len(data) > MAX_FILE else data
