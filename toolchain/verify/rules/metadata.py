"""Makefile, ELF, parameter block, target and manifest say the same."""

import re
from collections.abc import Iterator

from toolchain.app import MANIFEST
from toolchain.errors import ConfigError, ImageError
from toolchain.formats.install_params import (
    CURVES,
    curve_mask,
    curve_names,
    parse_install_params,
    path_to_text,
)
from toolchain.verify.data import flag_names, newest_api_level, os_releases
from toolchain.verify.database import sdk_path
from toolchain.verify.makefile import find, unquoted
from toolchain.verify.model import Candidate, Location, Problem, Severity, rule

_OFFICIAL_SDK = "ledger-secure-sdk"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,31}")
_VERSION = re.compile(r"(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})")


@rule(
    "install-params-present",
    Severity.ERROR,
    reason="Without a whole parameter block the device restricts neither paths nor curves.",
    source="loader protocol §10; SDK v25.13.0, Makefile.app_params: a failing helper is ignored",
    fix="read the build log for the error of the helper that writes the block",
)
def install_params_present(candidate: Candidate) -> Iterator[Problem]:
    """The block is there, and can be decoded."""
    if not candidate.elf.install_params:
        yield Problem("the image has no parameter block")
        return
    try:
        parse_install_params(candidate.elf.install_params)
    except ImageError as e:
        yield Problem(e.message)


@rule(
    "elf-vs-makefile",
    Severity.ERROR,
    reason="What is reviewed is the makefile, what ships is the image: they must be one.",
    source="rule catalogue, coherence of makefile, ELF metadata and install parameters",
    fix="let the makefile give the same values whatever the goal, and build again from a clean tree",
)
def elf_vs_makefile(candidate: Candidate) -> Iterator[Problem]:
    """Name, version, flags, curves and paths, wherever they are written down."""
    yield from _texts(candidate)
    yield from _version_parts(candidate)
    if candidate.app.permissions.flags != candidate.image.flags:
        yield Problem(
            f"flags: the makefile says {flag_names(candidate.app.permissions.flags)}, "
            f"the image {flag_names(candidate.image.flags)}",
            find(candidate, "CUSTOM_APP_FLAGS"),
        )
    yield from _restrictions(candidate)


def _texts(candidate: Candidate) -> Iterator[Problem]:
    params, app, image = candidate.install_params, candidate.app, candidate.image
    metadata = candidate.elf.metadata
    blocks = (params.name, params.version) if params else (None, None)
    for what, says, found in (
        ("name", app.name, (image.name, metadata.get("app_name"), blocks[0])),
        ("version", app.version, (image.version, metadata.get("app_version"), blocks[1])),
    ):
        for other in sorted({text for text in found if text is not None and text != says}):
            place = find(candidate, f"APP{what.upper()}")
            yield Problem(f"{what}: the makefile says {says!r}, the image {other!r}", place)


def _version_parts(candidate: Candidate) -> Iterator[Problem]:
    names = [f"APPVERSION_{part}" for part in "MNP"]
    parts = [unquoted(candidate.app.variables[n]) for n in names if n in candidate.app.variables]
    if len(parts) == len(names) and re.split(r"[-.]", candidate.app.version)[: len(parts)] != parts:
        yield Problem(
            f"version: APPVERSION is {candidate.app.version!r}, its parts M, N, P are {'.'.join(parts)}",
            find(candidate, "APPVERSION_M"),
        )


def _restrictions(candidate: Candidate) -> Iterator[Problem]:
    params, asked = candidate.install_params, candidate.app.permissions
    if params is None:
        return
    try:
        mask = curve_mask(asked.curves)
        paths = {sdk_path(text) for text in asked.paths if text}
    except ConfigError as e:
        yield Problem(f"the makefile asks for what cannot be encoded: {e.message}")
        return
    if asked.paths_slip21 and asked.curves:
        mask |= CURVES["slip21"]
    if mask != params.curves:
        yield Problem(
            f"curves: the makefile says {' '.join(curve_names(mask)) or 'all'}, "
            f"the image {' '.join(curve_names(params.curves)) or 'all'}",
            find(candidate, "CURVE_APP_LOAD_PARAMS"),
        )
    if paths != set(params.paths) - {()}:
        said, shipped = (
            " ".join(sorted(path_to_text(p) for p in group)) or "any"
            for group in (paths, set(params.paths) - {()})
        )
        yield Problem(
            f"paths: the makefile says {said}, the image {shipped}", find(candidate, "PATH_APP_LOAD_PARAMS")
        )
    if set(asked.paths_slip21) != set(params.paths_slip21):
        yield Problem(
            f"SLIP-21 paths: the makefile says {' '.join(asked.paths_slip21) or 'none'}, "
            f"the image {' '.join(params.paths_slip21) or 'none'}",
            find(candidate, "PATH_SLIP21_APP_LOAD_PARAMS"),
        )


@rule(
    "appname-valid",
    Severity.ERROR,
    reason="The name is shown on the device, and keys its place there.",
    source="SDK v25.13.0, install_params.py: ASCII; app database: names",
    fix="use 1 to 32 letters, digits, blanks, dots, dashes, with a letter or digit in front",
)
def appname_valid(candidate: Candidate) -> Iterator[Problem]:
    """Printable ASCII, no blank at either end."""
    name = candidate.app.name
    if not _NAME.fullmatch(name) or name != name.strip():
        yield Problem(f"{name!r:.80} is not a name that devices show", find(candidate, "APPNAME"))


@rule(
    "appversion-format",
    Severity.ERROR,
    reason="A release has three numbers; suffixes are for builds that nobody ships.",
    source="SDK v25.13.0, Makefile.standard_app: APPVERSION_M, _N, _P",
    fix="set APPVERSION to M.N.P, each from 0 to 255",
)
def appversion_format(candidate: Candidate) -> Iterator[Problem]:
    """M.N.P, one byte each."""
    match = _VERSION.fullmatch(candidate.app.version)
    if not match or any(int(part) > 255 for part in match.groups()):
        yield Problem(f"the version is {candidate.app.version!r:.80}", find(candidate, "APPVERSION"))


@rule(
    "target-match",
    Severity.ERROR,
    reason="An image for another device does not start, or starts with another device's memory map.",
    source="loader protocol §3, §9; SDK v25.13.0, Makefile.target",
    fix="build again for this target",
)
def target_match(candidate: Candidate) -> Iterator[Problem]:
    """Target id, names, API level and version text of the image are the target's."""
    target, image, metadata = candidate.target, candidate.image, candidate.elf.metadata
    if image.target_id != target.id:
        yield Problem(f"the target id is {image.target_id:#010x}, {target.title} has {target.id:#010x}")
    for key, expected in (("target", target.sdk_name), ("target_name", target.sdk_define)):
        if metadata.get(key, expected) != expected:
            yield Problem(f"ledger.{key} is {metadata[key]!r}, {target.title} has {expected!r}")
    if image.target_version != target.version:
        yield Problem(f"the version text is {image.target_version!r}, {target.title} has {target.version!r}")
    if (image.api_level is None) != (target.api_level is None):
        yield Problem(f"the image has API level {image.api_level}, {target.title} has {target.api_level}")


@rule(
    "api-level-current",
    Severity.ERROR,
    reason="An app for a level that no released operating system has runs nowhere.",
    source="SDK v26.5.1, api_levels.json",
    fix="build with an SDK of a released level",
)
def api_level_current(candidate: Candidate) -> Iterator[Problem]:
    """The API level was released for the target, and is the newest or the one before."""
    level, target = candidate.image.api_level, candidate.target
    if level is None:
        return
    if target.name not in os_releases(level):
        yield Problem(f"no released operating system of {target.title} has API level {level}")
    elif level < newest_api_level() - 1:
        yield Problem(
            f"API level {level} is that of {target.title} {os_releases(level)[target.name]}; "
            f"the newest is {newest_api_level()}",
            severity=Severity.WARNING,
        )


@rule(
    "sdk-tag-clean",
    Severity.ERROR,
    reason="A changed or unknown SDK cannot be fetched by whoever rebuilds the app.",
    source="SDK v25.13.0, Makefile.target: SDK_VERSION, SDK_HASH",
    fix="build with an unmodified, tagged SDK",
)
def sdk_tag_clean(candidate: Candidate) -> Iterator[Problem]:
    """The SDK's version and commit as the ELF records them; of another SDK, the digest of its files."""
    metadata = candidate.elf.metadata
    if metadata.get("sdk_name", _OFFICIAL_SDK) != _OFFICIAL_SDK:
        if "sha256:" not in candidate.provenance.sdk:
            yield Problem(f"nothing identifies the SDK {metadata['sdk_name']!r}")
        return
    for key in ("sdk_version", "sdk_hash"):
        text = metadata.get(key, "")
        tagged = candidate.target.api_level is not None  # the Nano S SDK's tags have another form
        if text.endswith("-dirty") or (text in ("", "None") and (key == "sdk_hash" or tagged)):
            yield Problem(f"ledger.{key} is {text or 'missing'!r}")


@rule(
    "manifest-vs-makefile",
    Severity.ERROR,
    reason="Release tools build exactly the devices that the manifest lists.",
    source="ledger_app.toml, key app.devices",
    fix="list the device in ledger_app.toml, or do not build for it",
)
def manifest_vs_makefile(candidate: Candidate) -> Iterator[Problem]:
    """The target is one of the manifest's devices."""
    target = candidate.target
    names = {target.name, target.manifest_name, *target.aliases}
    if names.isdisjoint(device.lower() for device in candidate.app.manifest.devices):
        listed = ", ".join(candidate.app.manifest.devices)
        yield Problem(f"{MANIFEST} lists {listed}, not {target.manifest_name}", Location(MANIFEST))
