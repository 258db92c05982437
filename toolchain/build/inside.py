"""Runs in a container, with its own Python: which compiler the image has, and a folder of tools for make."""

import dataclasses
import json
import os
import sys
from pathlib import Path

from toolchain.build.sdk import Sdk
from toolchain.build.toolchains import Compiler, choose, compilers, newlib_folder, prepare, with_newlib
from toolchain.errors import ToolchainError
from toolchain.target import get_target


def main() -> None:
    """Answer the question on the command line with one line of JSON (``container.py`` has both formats)."""
    question = json.loads(sys.argv[1])
    sdk = Sdk(**question["sdk"] | {"path": Path(question["sdk"]["path"])})
    try:
        name = question["compiler"]
        compiler = _of_the_image() if name == "image" else choose(sdk, name)
        root = Path(question["root"])
        tools = with_newlib(prepare(compiler, get_target(question["target"]), root), sdk, root)
    except ToolchainError as e:
        answer: dict[str, object] = {"error": e.message, "hint": e.hint}
    else:
        path = [folder for folder in os.environ["PATH"].split(":") if folder]
        answer = {"toolchain": dataclasses.asdict(tools), "newlib": newlib_folder(), "path": path}
    sys.stdout.write(json.dumps(answer, default=str) + "\n")


def _of_the_image() -> Compiler:
    """The programs of Debian's clang without the version in their names."""
    known = next(compiler for compiler in compilers() if compiler.kind == "system")
    programs = {name: name for name in known.programs}
    return Compiler("image", "system", "", "", programs, "name an image that builds apps", ())
