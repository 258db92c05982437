"""One good candidate; defects are made from it with ``dataclasses.replace`` or other arguments."""

import dataclasses
import datetime
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolchain.app import App, AppManifest, Permissions, Waiver
from toolchain.diagnostic import Diagnostic
from toolchain.formats.install_params import (
    CURVES,
    InstallParams,
    curve_mask,
    encode_install_params,
    path_from_text,
)
from toolchain.image import ElfInfo, Image, ProgramSegment, Section, Segment
from toolchain.manifest import Provenance
from toolchain.target import Target, get_target
from toolchain.verify import Candidate, Finding, Policy, check, get_policy
from toolchain.verify.c import units
from toolchain.verify.c.clang import parse
from toolchain.verify.c.tree import Unit
from toolchain.verify.database import Entry

TODAY = datetime.date(2026, 11, 20)

MAKEFILE = """\
include $(BOLOS_SDK)/Makefile.target

APPNAME = "Sample"
APPVERSION_M = 1
APPVERSION_N = 2
APPVERSION_P = 3
APPVERSION = "$(APPVERSION_M).$(APPVERSION_N).$(APPVERSION_P)"
ICON_NANOSP = icons/sample_14px.gif
CURVE_APP_LOAD_PARAMS = secp256k1
PATH_APP_LOAD_PARAMS = "44'/535348'"
VARIANT_PARAM = COIN
VARIANT_VALUES = SAMPLE
ENABLE_BLUETOOTH = 1

include $(BOLOS_SDK)/Makefile.standard_app
"""

CFLAGS = (
    "-Oz -g0 -Wall -Wextra -Wno-main -Wno-error=int-conversion -Wimplicit-fallthrough -Wvla -Wundef -Wshadow "
    "-Wformat=2 -Wformat-security -Wwrite-strings -fropi -frwpi"
)

FILES = {
    "README.md": "# Sample\n\n" + "Sample shows what it signs. " * 20,
    "CHANGELOG.md": "# Changelog\n\n## [1.2.3] - 2026-11-01\n\n- First release\n",
    "doc/COMMANDS.md": "| CLA | INS | data |\n|---|---|---|\n| E0 | 03 | path |\n",
    "LICENSE": "Apache License, Version 2.0",
    "src/main.c": "int main(void) {\n    return 0;\n}\n",
    "tests/functional/conftest.py": "",
    "tests/functional/test_sign.py": "".join(f"def test_{name}():\n    pass\n" for name in "abc"),
    "tests/unit/CMakeLists.txt": "enable_testing()\n",
    "fuzzing/fuzz_parser.c": "int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);\n",
    ".github/workflows/checks.yml": (
        f"steps:\n  - uses: github/codeql-action/init@{'0' * 40}\n    queries: security-and-quality\n"
    ),
}
TABLES = {
    "app": {"sdk": "C", "build_directory": "./", "devices": ["nanos+"]},
    "unit_tests": {"directory": "./tests/unit/"},
    "pytest": {"main": {"directory": "./tests/functional/"}},
}


def gif(width: int = 14, height: int = 14, *, transparent: bool = False, frames: int = 1) -> bytes:
    """A GIF file with one colour, as small as they get."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    control = b"\x21\xf9\x04" + bytes([transparent, 0, 0, 0, 0])
    picture = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\x00"
    return head + (control + picture) * frames + b"\x3b"


SHIM = Path(__file__).parents[3] / "sdk-shim" / "include"
PRELUDE = Path(__file__).with_name("prelude.h")
RADIO = ("HAVE_BLE", "HAVE_BLE_APDU")


def good(
    folder: Path,
    target: str = "nanosp",
    *,
    name: str = "Sample",
    version: str = "1.2.3",
    flags: int = 0,
    curves: tuple[str, ...] = ("secp256k1",),
    paths: tuple[str, ...] = ("44'/535348'",),
    paths_slip21: tuple[str, ...] = (),
    api_level: int = 25,
    makefile: str = MAKEFILE,
    variables: Mapping[str, str] | None = None,
    defines: tuple[str, ...] = (),
    files: Mapping[str, str | bytes] | None = None,
    params: InstallParams | None = None,
) -> Candidate:
    """A candidate in which everything agrees; the arguments change app, image and makefile together.

    ``params`` replaces what the image's parameter block says. ``files`` are written beside the makefile.
    """
    device = get_target(target)
    icon = Path(f"icons/sample_{device.icon.width}px.gif")
    picture = gif(device.icon.width, device.icon.height)
    _write(folder, {"Makefile": makefile, icon.as_posix(): picture, **FILES, **(files or {})})
    known = tuple(curve for curve in curves if curve in CURVES)
    slip21 = CURVES["slip21"] if paths_slip21 else 0
    says = params or InstallParams(
        name,
        version,
        struct.pack("<HHB", device.icon.width, device.icon.height, 0) + bytes(8),
        curve_mask(known) | slip21,
        tuple(path_from_text(path) for path in paths),
        paths_slip21,
    )
    block = encode_install_params(says)
    macros = ["PRINTF\\(...\\)=", *(RADIO if device.can("ble") else ()), *defines]
    major, minor, patch = version.partition("-")[0].split(".")
    made = {
        "CFLAGS": CFLAGS,
        "DEFINES": " ".join(macros),
        "DEBUG": "0",
        "MAKEFILE_LIST": "Makefile <sdk>/Makefile.target <sdk>/Makefile.standard_app",
        "APP_SOURCE_PATH": "src",
        "APPVERSION_M": major,
        "APPVERSION_N": minor,
        "APPVERSION_P": patch,
        "VARIANT_PARAM": "COIN",
        "VARIANT_VALUES": "SAMPLE",
        **(variables or {}),
    }
    manifest = AppManifest(folder, "C", Path(), (device.manifest_name,), (), TABLES)
    app = App(manifest, name, version, Permissions(flags, curves, paths, paths_slip21), icon, made)
    image = _image(device, name, version, flags=flags, block=block, api_level=api_level)
    provenance = Provenance("0" * 40, False, "host", "clang 14.0.6", "v25.13.0", ("make",), {}, 0, "linux")
    variant = made["VARIANT_VALUES"].partition(" ")[0]
    entry = Entry(variant, name, {device.sdk_name: flags}, known, says.paths, paths_slip21)
    elf = _elf(device, image, block)
    sources = sorted(path.relative_to(folder).as_posix() for path in folder.glob("src/**/*.c"))
    return Candidate(
        app,
        device,
        image,
        elf,
        (),
        provenance,
        folder,
        commands=tuple(compiled(folder, path, *defines) for path in sources),
        database={variant: entry},
        analyzer=tuple,
    )


def _write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def _image(target: Target, name: str, version: str, *, flags: int, block: bytes, api_level: int) -> Image:
    code, data = bytes(32 * target.page_size), bytes(target.page_size)
    return Image(
        name=name,
        version=version,
        target_id=target.id,
        target_version=target.version,
        api_level=None if target.api_level is None else api_level,
        segments=(Segment(target.flash.origin, code + data + block),),
        code_length=len(code),
        data_length=len(data),
        params_length=len(block),
        flags=flags,
        boot_offset=1,
    )


def _elf(target: Target, image: Image, block: bytes) -> ElfInfo:
    origin, ram, bss = target.flash.origin, target.sram, 1024
    block_start = image.base + image.code_length + image.data_length
    metadata = {
        "target": target.sdk_name,
        "target_name": target.sdk_define,
        "target_id": f"{target.id:#010x}",
        "app_name": image.name,
        "app_version": image.version,
        "sdk_name": "ledger-secure-sdk",
        "sdk_version": "v25.13.0",
        "sdk_hash": "3411e93196f10d1f11765fc28db34ced3572e163",
    }
    return ElfInfo(
        metadata=metadata,
        sections=(
            Section(".text", origin, image.span, 6),
            Section(".data", ram.origin, 0, 3),
            Section(".bss", ram.origin, ram.length, 3),
        ),
        program=(
            ProgramSegment(origin, image.span, image.span, 5),
            ProgramSegment(ram.origin, 0, ram.length, 6),
        ),
        symbols={
            "main": origin + 1,
            "_bss": ram.origin,
            "_estack": ram.end,
            "_data": 0,
            "_edata": 0,
            "_nvram_data": block_start - image.data_length,
            "_envram_data": block_start,
        },
        strings=("Review transaction", "Sample is ready"),
        install_params=block,
        bss_size=bss,
        stack_size=ram.length - bss,
        entry=origin + 1,
        producers=("clang version 14.0.6", "Linker: LLD 14.0.6", "GCC: (15:12.2.rel1-1) 12.2.1 20221205"),
    )


@dataclass(frozen=True)
class Made:
    """A command that compiled or, without ``file``, linked."""

    directory: str
    file: str
    output: str
    arguments: tuple[str, ...]


def compiled(folder: Path, path: str, *defines: str) -> Made:
    """The command that compiled a file against the shim and what ``prelude.h`` declares."""
    flags = ["-std=gnu99", "--target=arm-none-eabi", "-mcpu=cortex-m35p+nodsp", "-mthumb", "-fropi", "-frwpi"]
    flags.append(f"-ffile-prefix-map={folder}=.")
    target = SHIM.parent / "target" / "nanos2" / "include"
    places = [f"-I{SHIM}", f"-I{target}", f"-I{SHIM / 'libc'}", "-include", str(PRELUDE)]
    macros = [f"-D{define}" for define in defines]
    output = f"build/{path}.o"
    return Made(str(folder), path, output, ("cc", "-c", *flags, *places, *macros, "-o", output, path))


def unit(folder: Path, code: str, path: str = "a.c") -> Unit:
    """What one file is parsed to."""
    (folder / path).write_text(code)
    (read,) = parse_here(
        os.path.realpath(folder), [units._Job(os.path.realpath(folder), compiled(folder, path))]
    )
    return read


def parse_here(root: str, jobs: Sequence[units._Job]) -> list[Unit]:
    """What ``units.parse_all`` does, without a process: hundreds of cases would start one each."""
    return [parse(root, job.directory, job.file, job.arguments, job.resources) for job in jobs]


def with_commands(candidate: Candidate, *commands: tuple[str, str]) -> Candidate:
    """The candidate whose build ran these commands in the app's folder: source or nothing, and its words."""
    folder = str(candidate.sources)
    made = tuple(
        Made(folder, file, f"build/{file}.o" if file else "build/app.elf", ("clang", *text.split()))
        for file, text in commands
    )
    return dataclasses.replace(candidate, commands=made)


def with_elf(candidate: Candidate, **changes: object) -> Candidate:
    """The candidate with other facts of its ELF; ``symbols`` and ``metadata`` are added to what is there."""
    for name in ("symbols", "metadata"):
        if name in changes:
            added = changes[name]
            assert isinstance(added, dict)
            changes[name] = {**getattr(candidate.elf, name), **added}
    return dataclasses.replace(candidate, elf=dataclasses.replace(candidate.elf, **changes))  # type: ignore[arg-type] # names are the caller's


def with_image(candidate: Candidate, **changes: object) -> Candidate:
    """The candidate with another image."""
    return dataclasses.replace(candidate, image=dataclasses.replace(candidate.image, **changes))  # type: ignore[arg-type] # names are the caller's


def with_waivers(candidate: Candidate, *waivers: Waiver) -> Candidate:
    """The candidate whose manifest waives rules."""
    manifest = dataclasses.replace(candidate.app.manifest, waivers=waivers)
    return dataclasses.replace(candidate, app=dataclasses.replace(candidate.app, manifest=manifest))


def with_manifest(candidate: Candidate, **changes: object) -> Candidate:
    """The candidate with other tables in its ledger_app.toml, None removes one; ``devices`` are the app's."""
    manifest = candidate.app.manifest
    devices = changes.pop("devices", manifest.devices)
    assert isinstance(devices, tuple)
    tables = {name: table for name, table in {**manifest.tables, **changes}.items() if table is not None}
    manifest = dataclasses.replace(manifest, tables=tables, devices=devices)
    return dataclasses.replace(candidate, app=dataclasses.replace(candidate.app, manifest=manifest))


def without(candidate: Candidate, *paths: str) -> Candidate:
    """The candidate without these files."""
    for path in paths:
        (candidate.sources / path).unlink()
    return candidate


def with_diagnostics(candidate: Candidate, *diagnostics: Diagnostic) -> Candidate:
    """The candidate whose build said something."""
    return dataclasses.replace(candidate, diagnostics=diagnostics)


def findings(candidate: Candidate, rule: str, policy: Policy | None = None) -> list[Finding]:
    """What one rule finds, under the policy that has all rules."""
    only = () if rule == "waiver" else (rule,)
    found = check(candidate, policy or get_policy("store"), TODAY, only=only)
    return [f for f in found if f.rule == rule]
