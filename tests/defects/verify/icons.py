"""Icons that are missing, too large, transparent, moving, or something else."""

import dataclasses
import struct
from pathlib import Path

from tests.defects.verify.case import fails, passes
from tests.defects.verify.derivation import BLOCK
from tests.unit.verify.candidates import gif, good
from toolchain.verify import Candidate

PATH = "icons/sample_14px.gif"


def png(width: int = 14, height: int = 14, *, colour: int = 0, extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 1, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + header + bytes(4) + extra


def icon(folder: Path, data: bytes, path: str = PATH) -> Candidate:
    candidate = good(folder, files={path: data})
    return dataclasses.replace(candidate, app=dataclasses.replace(candidate.app, icon=Path(path)))


def without(folder: Path, name: Path | None) -> Candidate:
    candidate = good(folder)
    return dataclasses.replace(candidate, app=dataclasses.replace(candidate.app, icon=name))


def in_block(folder: Path, width: int) -> Candidate:
    block = dataclasses.replace(BLOCK, icon=struct.pack("<HHB", width, 14, 0) + bytes(8))
    return good(folder, params=block)


def not_in_block(folder: Path) -> Candidate:
    candidate = good(folder, params=dataclasses.replace(BLOCK, icon=None))
    return dataclasses.replace(candidate, app=dataclasses.replace(candidate.app, icon=Path(PATH)))


CASES = (
    fails("icon-exists", "not named", lambda f: without(f, None), "Makefile"),
    fails("icon-exists", "no such file", lambda f: without(f, Path("icons/none.gif")), "Makefile"),
    fails("icon-exists", "outside of the app", lambda f: without(f, Path("../../etc/passwd")), "Makefile"),
    fails("icon-exists", "text", lambda f: icon(f, b"<svg/>"), PATH),
    fails("icon-exists", "cut", lambda f: icon(f, gif()[:-4]), PATH),
    fails("icon-exists", "not in the block", not_in_block, PATH),
    passes("icon-exists", "there", good),
    fails("icon-geometry", "too large", lambda f: icon(f, gif(16, 16)), PATH),
    fails("icon-geometry", "4 GiB", lambda f: icon(f, png(0xFFFFFFFF, 1), "icons/a.png"), "icons/a.png"),
    fails("icon-geometry", "in the block", lambda f: in_block(f, 16), "build: app.elf"),
    passes("icon-geometry", "PNG", lambda f: icon(f, png(), "icons/a.png")),
    passes("icon-geometry", "Nano S", lambda f: good(f, "nanos", files={PATH: gif(16, 16)})),
    fails("icon-format", "transparent", lambda f: icon(f, gif(transparent=True)), PATH),
    fails("icon-format", "alpha", lambda f: icon(f, png(colour=6), "icons/a.png"), "icons/a.png"),
    fails(
        "icon-format",
        "one transparent colour",
        lambda f: icon(f, png(extra=b"\0\0\0\1tRNS\0" + bytes(4)), "icons/a.png"),
        "icons/a.png",
    ),
    fails("icon-format", "moving", lambda f: icon(f, gif(frames=2)), PATH),
    fails("icon-format", "another name", lambda f: icon(f, png()), PATH),
    passes("icon-format", "one picture", lambda f: icon(f, gif())),
)
