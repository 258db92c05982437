"""Apps that nobody would write by hand, through ``./inv verify``: an error or a finding, and an end."""

import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.inv import PROJECT, inv

SOURCE = "src/core/amount.c"
FIFTY_MEGABYTES = 50_000_000

Spoil = Callable[[Path], None]


def appended(path: str, text: str | bytes) -> Spoil:
    """More at the end of a file."""

    def spoil(app: Path) -> None:
        with (app / path).open("ab") as file:
            file.write(text.encode() if isinstance(text, str) else text)

    return spoil


def latin(app: Path) -> None:
    """No file of text is UTF-8."""
    for path in (SOURCE, "Makefile"):
        sign = b"//" if path == SOURCE else b"#"
        appended(path, b"\n" + sign + b" caf\xe9 \xff\xfe\n")(app)
    appended(SOURCE, b'const char *planted(void);\nconst char *planted(void)\n{\n    return "\xe9";\n}\n')(
        app
    )
    for path in ("README.md", "CHANGELOG.md", "doc/latin.md"):
        appended(path, b"\n\nCaf\xe9 \xff\xfe\n")(app)


def cycle(app: Path) -> None:
    """A header that includes itself."""
    (app / "src" / "core" / "cycle.h").write_text('#include "cycle.h"\n')
    appended(SOURCE, '#include "cycle.h"\n')(app)


def bomb(app: Path) -> None:
    """An icon of 64 million pixels in a few kilobytes."""
    side = 8000

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes((side + 1) * side), 9)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    (app / "icons" / "bomb.png").write_bytes(data)
    makefile = (app / "Makefile").read_text()
    name = next(line for line in makefile.splitlines() if line.startswith("ICON_NANOSP"))
    (app / "Makefile").write_text(makefile.replace(name, "ICON_NANOSP = icons/bomb.png"))


TYPES = "typedef int t0(int);\n" + "".join(
    f"typedef t{n - 1} *t{n}(t{n - 1} *, t{n - 1} *);\n" for n in range(1, 40)
)
LOOPS = "int planted(int q);\nint planted(int q)\n{\n    " + "while (q--) " * 40 + "q++;\n    return q;\n}\n"
NESTED = "int planted(int q);\nint planted(int q)\n{\n    return " + "(" * 5000 + "q" + ")" * 5000 + ";\n}\n"
COMMENT = b"// " + b"x" * 96 + b"\n"

CASES: dict[str, tuple[Spoil, int, str]] = {
    "no UTF-8": (latin, 5, "illegal character encoding in string literal"),
    "fifty megabytes of source": (
        appended(SOURCE, COMMENT * (FIFTY_MEGABYTES // len(COMMENT))),
        5,
        f"{SOURCE}  the file cannot be read",
    ),
    "a cycle of includes": (cycle, 3, "nested too deeply"),
    "deep nesting": (appended(SOURCE, NESTED), 3, "bracket nesting"),
    "loops in loops": (appended(SOURCE, LOOPS), 5, "too many loops of planted are nested"),
    "types without an end": (
        appended(SOURCE, f"{TYPES}int planted(t39 *a);\nint planted(t39 *a)\n{{\n    return a != 0;\n}}\n"),
        5,
        "the parser",
    ),
    "an icon that explodes": (bomb, 3, "icons/bomb.png: a picture of 8000 by 8000 pixels"),
}


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below ``folder``: its size, and when it was written."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_ends_in_an_error_or_a_finding(name: str, tmp_path: Path) -> None:
    spoil, code, says = CASES[name]
    app = tmp_path / "there" / "spoilt"
    ignored = shutil.ignore_patterns("build", "__pycache__")
    shutil.copytree(PROJECT / "apps" / "boilerplate", app, ignore=ignored)
    spoil(app)
    before = contents(app.parent)
    run = inv("verify", "--app", app, "--target", "nanosp", "--dist", tmp_path / "dist")
    assert run.code == code, run.out[-3000:] + run.err[-3000:]
    assert says in run.out + run.err
    assert "Traceback" not in run.err
    assert contents(app.parent) == before
