"""The user's own data folder: development keys, issuers that the user added.

XDG Base Directory 0.8 on Linux; the usual places on macOS and Windows. No configuration is read here.
"""

import os
import stat
import sys
from pathlib import Path

from toolchain.errors import ConfigError

_NAME = "nano-toolchain"


def data_path() -> Path:
    """Where the folder is, or would be."""
    given = Path(os.environ.get("XDG_DATA_HOME", ""))
    if given.is_absolute():
        return given / _NAME
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / _NAME
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / _NAME
    return Path.home() / ".local" / "share" / _NAME


def data_folder() -> Path:
    """The folder, made on first use for its owner alone.

    Raises:
        ConfigError: it cannot be made, is a link, belongs to someone else, or others may write or read in it.
    """
    path = data_path()
    make_private_folder(path)
    return path


def make_private_folder(path: Path) -> None:
    """Make ``path`` with mode 0700 unless it is there, and check that nobody else has access to it.

    Raises:
        ConfigError: as ``data_folder``.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        status = path.lstat()
    except OSError as e:
        raise ConfigError(
            f"the folder for keys cannot be made: {e.strerror}",
            hint="set XDG_DATA_HOME to a folder of yours",
            where=str(path),
        ) from e
    if not stat.S_ISDIR(status.st_mode):
        raise ConfigError("the folder for keys is a link or a file", where=str(path))
    if os.name == "posix" and (status.st_uid != os.geteuid() or status.st_mode & 0o077):
        raise ConfigError(
            "others have access to the folder for keys",
            hint=f"make it yours alone: chmod 700 '{path}'",
            where=str(path),
        )
