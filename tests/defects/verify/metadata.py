"""Makefile, ELF, parameter block, target and manifest disagree."""

import dataclasses
from pathlib import Path

from tests.defects.verify.case import fails, passes
from tests.defects.verify.derivation import BLOCK
from tests.unit.verify.candidates import good, with_elf, with_image
from toolchain.formats.install_params import path_from_text
from toolchain.verify import Candidate, Severity


def devices(folder: Path, *names: str) -> Candidate:
    candidate = good(folder)
    manifest = dataclasses.replace(candidate.app.manifest, devices=names)
    return dataclasses.replace(candidate, app=dataclasses.replace(candidate.app, manifest=manifest))


def other_sdk(folder: Path) -> Candidate:
    candidate = with_elf(good(folder), metadata={"sdk_name": "sdk-shim", "sdk_hash": "None"})
    provenance = dataclasses.replace(candidate.provenance, sdk=f"sdk-shim 1.0.0 tree sha256:{'0' * 64}")
    return dataclasses.replace(candidate, provenance=provenance)


def named(folder: Path, name: str) -> Candidate:
    """An app of that name, wherever the name is legal in the image."""
    candidate = good(folder)
    return dataclasses.replace(candidate, app=dataclasses.replace(candidate.app, name=name))


CASES = (
    fails("install-params-present", "empty", lambda f: with_elf(good(f), install_params=b""), ""),
    fails("install-params-present", "cut", lambda f: with_elf(good(f), install_params=b"\1\6Samp"), ""),
    fails("install-params-present", "name only", lambda f: with_elf(good(f), install_params=b"\1\1S"), ""),
    passes("install-params-present", "whole", good),
    fails("elf-vs-makefile", "name", lambda f: with_image(good(f), name="Other"), "Makefile:3"),
    fails(
        "elf-vs-makefile", "metadata", lambda f: with_elf(good(f), metadata={"app_name": "X"}), "Makefile:3"
    ),
    fails(
        "elf-vs-makefile",
        "version in the block",
        lambda f: good(f, params=dataclasses.replace(BLOCK, version="9.9.9")),
        "Makefile:7",
    ),
    fails(
        "elf-vs-makefile",
        "version and its parts",
        lambda f: good(f, version="9.9.9", variables={"APPVERSION_M": "2"}),
        "Makefile:4",
    ),
    fails("elf-vs-makefile", "flags", lambda f: with_image(good(f), flags=0x800), "Makefile"),
    fails(
        "elf-vs-makefile",
        "more curves",
        lambda f: good(f, params=dataclasses.replace(BLOCK, curves=5)),
        "Makefile:9",
    ),
    fails(
        "elf-vs-makefile",
        "any path",
        lambda f: good(f, params=dataclasses.replace(BLOCK, paths=())),
        "Makefile:10",
    ),
    fails(
        "elf-vs-makefile",
        "a SLIP-21 path",
        lambda f: good(f, params=dataclasses.replace(BLOCK, curves=9, paths_slip21=("LEDGER-X",))),
        "Makefile",
    ),
    fails(
        "elf-vs-makefile",
        "what has no encoding",
        lambda f: good(f, paths=("m/44'",), params=BLOCK),
        "",
    ),
    passes(
        "elf-vs-makefile",
        "another order",
        lambda f: good(
            f,
            paths=("44'/1'", "44'/2'"),
            params=dataclasses.replace(BLOCK, paths=(path_from_text("44'/2'"), path_from_text("44'/1'"))),
        ),
    ),
    passes("elf-vs-makefile", "a suffix behind the parts", lambda f: good(f, version="1.2.3-dev")),
    fails("appname-valid", "a blank in front", lambda f: named(f, " Sample"), "Makefile:3"),
    fails("appname-valid", "too long", lambda f: named(f, "S" * 33), "Makefile:3"),
    fails("appname-valid", "not ASCII", lambda f: named(f, "S\u00e4mple"), "Makefile:3"),
    fails("appname-valid", "a path", lambda f: named(f, "../Sample"), "Makefile:3"),
    passes("appname-valid", "blanks inside", lambda f: named(f, "Sample App 2.0")),
    fails("appversion-format", "a suffix", lambda f: good(f, version="1.2.3-dev"), "Makefile:7"),
    fails("appversion-format", "more than a byte", lambda f: good(f, version="1.256.0"), "Makefile:7"),
    passes("appversion-format", "the largest", lambda f: good(f, version="255.255.255")),
    fails("target-match", "another device", lambda f: with_image(good(f), target_id=0x33000004), ""),
    fails("target-match", "another name", lambda f: with_elf(good(f), metadata={"target": "nanox"}), ""),
    fails("target-match", "another version text", lambda f: with_image(good(f), target_version="1.0"), ""),
    fails("target-match", "no level", lambda f: with_image(good(f), api_level=None), ""),
    passes("target-match", "Nano S", lambda f: good(f, "nanos")),
    fails("api-level-current", "never released", lambda f: good(f, api_level=23), ""),
    fails("api-level-current", "old", lambda f: good(f, api_level=24), "", Severity.WARNING),
    passes("api-level-current", "the one before the newest", lambda f: good(f, api_level=25)),
    passes("api-level-current", "Nano S has none", lambda f: good(f, "nanos")),
    fails(
        "sdk-tag-clean",
        "changed",
        lambda f: with_elf(good(f), metadata={"sdk_version": "v25.13.0-dirty"}),
        "",
    ),
    fails("sdk-tag-clean", "no tag", lambda f: with_elf(good(f), metadata={"sdk_version": "None"}), ""),
    fails("sdk-tag-clean", "no commit", lambda f: with_elf(good(f), metadata={"sdk_hash": ""}), ""),
    fails(
        "sdk-tag-clean",
        "another SDK without identity",
        lambda f: with_elf(good(f), metadata={"sdk_name": "sdk-shim", "sdk_hash": "None"}),
        "",
    ),
    passes("sdk-tag-clean", "a tag", good),
    passes("sdk-tag-clean", "another SDK with its digest", other_sdk),
    passes(
        "sdk-tag-clean",
        "Nano S has no version",
        lambda f: with_elf(good(f, "nanos"), metadata={"sdk_version": "None"}),
    ),
    fails("manifest-vs-makefile", "another device", lambda f: devices(f, "nanox"), "ledger_app.toml"),
    passes("manifest-vs-makefile", "an alias", lambda f: devices(f, "nanox", "nanosplus")),
)
