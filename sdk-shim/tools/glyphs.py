"""Write glyphs.c and glyphs.h: the SDK's icons, drawn in text, and the app's, from pictures.

Each becomes ``C_<file name>``. Standard library only.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from image import Picture, bagl_bitmap, nbgl_bitmap, read_image

_BAGL = """\
static const unsigned char {name}_bitmap[] = {{{bitmap}}};
static const unsigned int {name}_colors[] = {{0x000000, 0xffffff}};
const bagl_icon_details_t C_{name} = {{{width}, {height}, 1, {name}_colors, {name}_bitmap}};
"""

_NBGL = """\
static const uint8_t {name}_bitmap[] = {{{bitmap}}};
const nbgl_icon_details_t C_{name} = {{{width}, {height}, NBGL_BPP_1, false, {name}_bitmap}};
"""


def read_drawings(text: str) -> Iterator[tuple[str, Picture]]:
    """Drawings separated by empty lines: a name, then rows in which ``#`` is lit."""
    for block in text.strip().split("\n\n"):
        name, *rows = block.splitlines()
        yield name, Picture(tuple(bytes(255 if c == "#" else 0 for c in row) for row in rows))


def home_icon(icon: Picture) -> Picture:
    """The icon of the home screen: the menu's, dark on a lit square without its corners."""
    rows = [bytearray(row) for row in icon.inverted().rows]
    for y in (0, -1):
        for x in (0, -1):
            rows[y][x] = 0
    return Picture(tuple(bytes(row) for row in rows))


def collect(options: argparse.Namespace) -> Mapping[str, Picture]:
    """All pictures by name; an app's own replaces one of the SDK's."""
    pictures = dict(read_drawings(Path(options.drawings).read_text("ascii")))
    for path in map(Path, filter(None, [*options.files, options.icon])):
        pictures[path.stem] = read_image(path)
    if options.home_icon and options.icon:
        pictures[Path(options.home_icon).stem] = home_icon(pictures[Path(options.icon).stem])
    return pictures


def render_header(names: Iterable[str], graphics: str) -> str:
    """glyphs.h."""
    lines = ["#pragma once", "", '#include "bagl.h"', ""]
    lines += [f"extern const {graphics}_icon_details_t C_{name};" for name in names]
    return "\n".join(lines) + "\n"


def render_source(pictures: Mapping[str, Picture], graphics: str) -> str:
    """glyphs.c."""
    template, pack = (_BAGL, bagl_bitmap) if graphics == "bagl" else (_NBGL, nbgl_bitmap)
    parts = ['#include "glyphs.h"\n']
    for name, picture in pictures.items():
        bitmap = ", ".join(f"{b:#04x}" for b in pack(picture))
        parts.append(template.format(name=name, width=picture.width, height=picture.height, bitmap=bitmap))
    return "\n".join(parts)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Command line options."""
    parser = argparse.ArgumentParser(description="Write glyphs.c and glyphs.h.")
    parser.add_argument("--graphics", choices=("bagl", "nbgl"), required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder")
    parser.add_argument("--drawings", required=True)
    parser.add_argument("--icon", default="", help="the app's icon")
    parser.add_argument("--home-icon", default="", help="name of the icon for the home screen")
    parser.add_argument("files", nargs="*")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> str | None:
    """Write the files; the message of what is wrong with a picture, if anything."""
    options = parse(arguments)
    try:
        pictures = collect(options)
        source = render_source(pictures, options.graphics)
    except (ValueError, OSError) as e:
        return f"glyphs: {e}"
    (options.output / "glyphs.h").write_text(render_header(pictures, options.graphics), "ascii")
    (options.output / "glyphs.c").write_text(source, "ascii")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
