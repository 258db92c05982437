"""What a build leaves in ``dist/<app>/<target>/``, and whether all of it is still there."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolchain import dist
from toolchain.build.host import storing_in
from toolchain.build.result import BuildResult
from toolchain.build.workplace import Job
from toolchain.manifest import canonical_json

# Readers and writers of formats are imported where they are used: a build with nothing to do needs none.
if TYPE_CHECKING:
    from toolchain.image import ElfInfo, Image

FILES = ("app.elf", "app.hex", "app.apdu", "app.sha256", "build.log", "build.json", "compile_commands.json")

_RECORD = "written.json"


@dataclass(frozen=True)
class Summary:
    """What a table says of an app; ``code`` and ``data`` are bytes of the image."""

    version: str
    code: int
    data: int


@dataclass(frozen=True)
class Built:
    """One app compiled for one target, its artefacts in ``folder``."""

    job: Job
    result: BuildResult
    folder: Path
    summary: Summary

    @property
    def image(self) -> Image:
        """What is loaded."""
        return self._contents[0]

    @property
    def elf(self) -> ElfInfo:
        """What else the ELF says."""
        return self._contents[1]

    @functools.cached_property
    def _contents(self) -> tuple[Image, ElfInfo]:
        return _read(self.result)


def write_build(job: Job, result: BuildResult, folder: Path) -> Built:
    """Write what a loader needs, the log, build.json and the compile commands.

    Nothing is written, and the ELF not even read, if ``result`` is one that was given before and was written
    here by the same code, and nobody touched the files since.

    Raises:
        ImageError: the ELF is not one that can be loaded.
        BuildError: the folder or the disk refuses.
    """
    record, key = result.log.parent / _RECORD, _key(result, folder)
    if result.reused and (summary := _written(record, key, folder)):
        return Built(job, result, folder, summary)
    image, _ = contents = _read(result)
    built = Built(job, result, folder, Summary(image.version, image.code_length, image.data_length))
    vars(built)["_contents"] = contents  # has just been read: the same as asking for it
    provenance = {
        "provenance": asdict(result.provenance),
        "diagnostics": [vars(diagnostic) for diagnostic in result.diagnostics],
    }
    commands = [vars(command) for command in result.commands if command.file]
    texts: dict[str, bytes | str] = {
        "app.elf": result.elf,
        "app.hex": write_hex(image),
        "app.apdu": write_script(image, None),
        "app.sha256": image.digest().hex() + "\n",
        "build.log": dist.read(result.log),
        "build.json": canonical_json(provenance),
        "compile_commands.json": json.dumps(commands, indent=1) + "\n",
    }
    with storing_in(folder):
        for name in FILES:
            dist.write(folder / name, texts[name])
        dist.write(
            record, json.dumps({"key": key, "stamps": _stamps(folder), "summary": vars(built.summary)})
        )
    return built


def write_hex(image: Image) -> str:
    """The image as Intel HEX, with the address that the loader boots."""
    from toolchain.formats.ihex import write_ihex

    return write_ihex(image.segments, image.base + (image.boot_offset | 1))


def write_script(image: Image, signature: bytes | None) -> str:
    """The load as a text of APDUs, as the official makefiles leave it."""
    from toolchain.formats import apdu_script
    from toolchain.load.plan import Delete, plan_load

    return apdu_script.write_script(plan_load(image, signature=signature, delete=Delete.FIRST).script_apdus())


def _read(result: BuildResult) -> tuple[Image, ElfInfo]:
    from toolchain.formats.elf import read_elf

    return read_elf(result.elf, flags=result.app.permissions.flags, where="app.elf")


def _written(record: Path, key: str, folder: Path) -> Summary | None:
    """What was written, if ``record`` is of it and the files are those of then."""
    try:
        table = json.loads(record.read_bytes())
        same = table["key"] == key and table["stamps"] == _stamps(folder)
        return Summary(**table["summary"]) if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _stamps(folder: Path) -> list[list[int]]:
    stats = [(folder / name).stat() for name in FILES]
    return [[s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns] for s in stats]


def _key(result: BuildResult, folder: Path) -> str:
    """Which build, where to, and by which code: what this module imports lies in these folders."""
    here = Path(__file__).parent
    code = [
        (entry.name, entry.stat().st_size, entry.stat().st_mtime_ns)
        for part in (here, here / "formats", here / "load")
        for entry in sorted(os.scandir(part), key=lambda entry: entry.name)
        if entry.name.endswith(".py")
    ]
    return hashlib.sha256(repr((result.fingerprint, str(folder), code)).encode()).hexdigest()
