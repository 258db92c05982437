"""Key files on disk: read with care, written once.

A key file belongs to its user, is readable by nobody else, and is checked on the open descriptor, so that
nobody can swap it between the check and the read.
"""

import errno
import os
import secrets
import stat
from pathlib import Path

from toolchain.errors import SigningError

MAX_KEY_FILE = 64 * 1024
"""Bytes; a PEM key has less than one KiB."""

_READ = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
)
"""No link is followed, and a pipe in the place of the file cannot hold us up."""

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def read_private(path: Path) -> bytes:
    """The bytes of a key file.

    Raises:
        SigningError: no such file, a link, not a regular file, of another owner, open to others, too long.
    """
    where = str(path)
    try:
        descriptor = os.open(path, _READ)
    except OSError as e:
        if e.errno == errno.ELOOP:
            raise SigningError("the key file is a link", hint="name the file itself", where=where) from e
        raise SigningError(f"the key file cannot be opened: {e.strerror}", where=where) from e
    try:
        _check(os.fstat(descriptor), where)
        data = os.read(descriptor, MAX_KEY_FILE + 1)
    except OSError as e:
        raise SigningError(f"the key file cannot be read: {e.strerror}", where=where) from e
    finally:
        os.close(descriptor)
    if len(data) > MAX_KEY_FILE:
        raise SigningError("the file is too long to be a key", where=where)
    return data


def _check(status: os.stat_result, where: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise SigningError("the key file is not a regular file", where=where)
    if os.name != "posix":
        return
    if status.st_uid != os.geteuid():
        raise SigningError(
            "the key file belongs to someone else", hint="copy it to a file of your own", where=where
        )
    if status.st_mode & 0o077:
        raise SigningError(
            f"others may access the key file (mode {stat.S_IMODE(status.st_mode):04o})",
            hint=f"chmod 600 '{where}', and think about who may have read it",
            where=where,
        )


def write_new(path: Path, data: bytes, *, mode: int) -> None:
    """Write a file that must not be there yet: beside, then linked into place, whole or not at all.

    Raises:
        SigningError: it is there already, or cannot be written.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(beside, _CREATE, mode)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(descriptor)
            os.link(beside, path)  # unlike a rename, it never overwrites
        finally:
            beside.unlink()
    except FileExistsError as e:
        raise SigningError("the file is there already; keys are never overwritten", where=str(path)) from e
    except OSError as e:
        raise SigningError(
            f"the file cannot be written: {e.strerror}",
            hint="choose a folder of yours that exists",
            where=str(path),
        ) from e
