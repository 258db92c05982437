"""Headers and sources of the app that are called like the SDK's."""

import dataclasses
from pathlib import Path

from tests.defects.verify.case import fails, passes
from tests.unit.verify.candidates import Made, good
from toolchain.verify import Candidate

COPY = """\
int buffer_can_read(const void *buffer, int n) { return buffer != 0 && n > 0; }
int buffer_seek_set(void *buffer, int offset) { return buffer_can_read(buffer, offset); }
"""
OTHER = "void begin(void) {}\nvoid end(void) {}\n"


def headers(folder: Path, *search: str, file: str, at_home: str = "include/buffer.h") -> Candidate:
    """An app and an SDK that both have buffer.h, a file of one of them, and where it looks for headers."""
    app, sdk = folder / "app", folder / "sdk"
    (sdk / "include").mkdir(parents=True)
    (sdk / "include" / "buffer.h").touch()
    source = '#include "os.h"\n#include "buffer.h"\n'
    candidate = good(app, files={at_home: "", "src/use.c": source})
    places = [f"-I{sdk}/include" if place == "sdk" else f"-I{place}" for place in search]
    name = f"{sdk}/src/io.c" if file == "sdk" else file
    return dataclasses.replace(
        candidate, commands=(Made(str(app), name, "build/x.o", ("cc", *places, "-c", name)),)
    )


def source(folder: Path, path: str, text: str) -> Candidate:
    """An app with one more file, compiled against the shim."""
    return good(folder, files={path: text})


CASES = (
    fails(
        "build-header-shadow",
        "the app's for the SDK",
        lambda f: headers(f, "include", "sdk", file="sdk"),
        "include/buffer.h",
    ),
    fails(
        "build-header-shadow",
        "the SDK's for the app",
        lambda f: headers(f, "sdk", "include", file="src/use.c"),
        "src/use.c:2",
    ),
    passes("build-header-shadow", "each its own", lambda f: headers(f, "sdk", "include", file="sdk")),
    passes(
        "build-header-shadow", "the app's for it", lambda f: headers(f, "include", "sdk", file="src/use.c")
    ),
    passes(
        "build-header-shadow",
        "beside the file",
        lambda f: headers(f, "sdk", "src", file="src/use.c", at_home="src/buffer.h"),
    ),
    passes("build-header-shadow", "another name", lambda f: headers(f, "src", "sdk", file="sdk")),
    fails("sdk-untouched-by-app", "a copy", lambda f: source(f, "src/buffer.c", COPY), "src/buffer.c"),
    passes("sdk-untouched-by-app", "only the name", lambda f: source(f, "src/buffer.c", OTHER)),
    passes("sdk-untouched-by-app", "another name", lambda f: source(f, "src/encode.c", COPY)),
)
