"""What a compiler or an analyzer said, as a value."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

Origin = Literal["app", "sdk", "vendored"]
"""Whose source it is: the app's own, the SDK's, or a library copied or submoduled into the app."""

_VENDOR = re.compile(
    r"deps?|externals?|lib-external|node_modules|submodules|third[-_]?party|vendor(?:s|ed)?", re.IGNORECASE
)
"""Names of folders whose content counts as someone else's library."""


def in_vendor_folder(path: str) -> bool:
    """Whether ``path``, relative to the app, lies in a folder with such a name."""
    return any(_VENDOR.fullmatch(part) for part in PurePosixPath(path).parts[:-1])


Level = Literal["note", "warning", "error", "fatal error"]


@dataclass(frozen=True, order=True)
class Diagnostic:
    """One message of the build.

    ``path`` is relative to the app's folder for origin app and vendored, to the SDK for sdk, and empty
    for the linker. ``line`` and ``column`` count from 1, 0 is unknown. ``flag`` is the switch that
    controls it (``-Wunused-function``), empty if none was given. ``tool`` is compiler, linker, make or
    analyzer.
    """

    path: str
    line: int
    column: int
    level: Level
    message: str
    flag: str
    origin: Origin
    tool: str = "compiler"


@dataclass(frozen=True, order=True)
class Defect:
    """What the static analyzer found: where, under the name of the checker as ``flag``, and the way there.

    ``trace`` are notes in the order of execution; the last one is at the place of the defect.
    """

    at: Diagnostic
    trace: tuple[Diagnostic, ...] = ()
