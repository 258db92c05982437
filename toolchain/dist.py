"""Artefacts on disk: written beside and renamed, so that no file is ever half there."""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from toolchain.errors import ConfigError, StorageError

SUMS = "SHA256SUMS"


def write(path: Path, data: bytes | str) -> None:
    """Put ``data`` at ``path``, whole or not at all.

    Raises:
        StorageError: the folder or the disk refuses (full, read-only, no permission).
    """
    raw = data.encode() if isinstance(data, str) else data
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as e:
        raise _refused(path, e) from e
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            os.fchmod(file.fileno(), 0o644)
        Path(name).replace(path)
    except OSError as e:
        raise _refused(path, e) from e
    finally:
        Path(name).unlink(missing_ok=True)


def _refused(path: Path, e: OSError) -> StorageError:
    return StorageError(
        f"cannot write: {e.strerror}",
        where=str(path),
        hint="free some space, or choose another --dist folder",
    )


def read(path: Path, *, limit: int = 1 << 26) -> bytes:
    """The bytes of a file of at most ``limit`` bytes.

    Raises:
        ConfigError: missing, unreadable or too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as e:
        raise ConfigError(
            f"cannot read: {e.strerror}", hint="check the path and who may read it", where=str(path)
        ) from e
    if len(data) > limit:
        raise ConfigError(f"larger than {limit} bytes", where=str(path))
    return data


def sha256_sums(files: Mapping[str, bytes]) -> str:
    """The text that ``sha256sum --check`` reads, sorted by name."""
    return "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
