"""Icons that are missing, too large, transparent, moving, or something else."""

import dataclasses
import struct
from pathlib import Path

from tests.defects.verify.case import fails, passes
from tests.defects.verify.derivation import BLOCK
from tests.unit.verify.candidates import MAKEFILE, gif, good, with_elf
from toolchain.verify import Candidate, Severity

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


def bits(folder: Path, *columns: str, form: int = 0, target: str = "nanosp") -> Candidate:
    """An icon in the block, from its columns."""
    text = "".join(columns)
    data = int(text, 2).to_bytes(len(text) // 8, "big")
    head = struct.pack("<HHB", len(columns), len(columns[0]), form) + len(data).to_bytes(3, "little")
    return good(folder, target, params=dataclasses.replace(BLOCK, icon=head + data))


def template(folder: Path, last: int) -> Candidate:
    """The template's icon of 14x14 pixels, its last byte replaced."""
    data = bytes.fromhex("0e000e0000190000040010006181de07f07f87fc1ff01fe01fc0778186040010")
    return good(folder, params=dataclasses.replace(BLOCK, icon=data + bytes([last])))


def on_nano(folder: Path, other: bytes | None, target: str = "nanosp") -> Candidate:
    """With another file for Nano X."""
    files = {} if other is None else {"icons/x.gif": other}
    variables = {"ICON_NANOX": "icons/x.gif", "ICON_NANOSP": PATH}
    makefile = f"{MAKEFILE}ICON_NANOX = icons/x.gif\n"
    return good(folder, target, files=files, variables=variables, makefile=makefile)


def glyph(
    folder: Path, data: bytes, *, linked: bool = True, target: str = "nanosp", others: str = ""
) -> Candidate:
    variables = {"GLYPH_FILES": f"glyphs/eye.gif {others}"}
    candidate = good(folder, target, files={"glyphs/eye.gif": data}, variables=variables)
    return with_elf(candidate, symbols={"C_eye_bitmap": 0xC0DE1000} if linked else {})


BORDER = "icon-polarity-border"

CASES = (
    fails("icon-not-template", "the same pixels", lambda f: template(f, 0), PATH),
    passes("icon-not-template", "one pixel more", lambda f: template(f, 0x10)),
    fails(BORDER, "on white", lambda f: bits(f, *["1" * 8] * 3, *["11100111"] * 5), PATH),
    passes(BORDER, "on black", lambda f: bits(f, "0" * 8, *["01111110"] * 6, "0" * 8)),
    fails(BORDER, "to the edge", lambda f: bits(f, *["0" * 8] * 7, "00010000"), PATH, Severity.ADVICE),
    fails(
        BORDER,
        "white corners",
        lambda f: bits(f, "10000001", *["0" * 8] * 6, "10000001"),
        PATH,
        Severity.ADVICE,
    ),
    fails(
        BORDER,
        "to the edge on Flex",
        lambda f: bits(f, *["0" * 8] * 7, "00010000", target="flex"),
        "icons/sample_40px.gif",
        Severity.ADVICE,
    ),
    passes(BORDER, "on white, on Flex", lambda f: bits(f, *["1" * 8] * 8, target="flex")),
    passes(BORDER, "four colours", lambda f: bits(f, *["1" * 8] * 8, form=1)),
    fails("icon-same-on-nano", "two pictures", lambda f: on_nano(f, gif(frames=2)), "Makefile:16"),
    passes("icon-same-on-nano", "two files", lambda f: on_nano(f, gif())),
    passes("icon-same-on-nano", "one is missing", lambda f: on_nano(f, None)),
    passes("icon-same-on-nano", "Nano S", lambda f: on_nano(f, gif(frames=2), "nanos")),
    fails("glyph-geometry", "20x20", lambda f: glyph(f, gif(20, 20)), "glyphs/eye.gif"),
    fails("glyph-geometry", "not square", lambda f: glyph(f, gif(14, 16)), "glyphs/eye.gif"),
    fails(
        "glyph-geometry",
        "of another device",
        lambda f: glyph(f, gif(16, 16), target="flex"),
        "glyphs/eye.gif",
    ),
    fails("glyph-geometry", "no picture", lambda f: glyph(f, b"text"), "glyphs/eye.gif"),
    fails(
        "glyph-geometry",
        "beside the SDK's others",
        lambda f: glyph(f, gif(4, 7), others="<sdk>/lib_ux/glyphs/icon_left.gif"),
        "glyphs/eye.gif",
    ),
    passes(
        "glyph-geometry",
        "a copy of the SDK's",
        lambda f: glyph(f, gif(4, 7), others="<sdk>/lib_ux/glyphs/eye.gif"),
    ),
    passes("glyph-geometry", "16x16", lambda f: glyph(f, gif(16, 16))),
    passes("glyph-geometry", "not linked", lambda f: glyph(f, gif(20, 20), linked=False)),
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
