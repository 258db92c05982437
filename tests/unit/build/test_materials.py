from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.release.releases import PROVENANCE
from toolchain.build.materials import Material, materials
from toolchain.build.sdk import tree_digest
from toolchain.build.workplace import Job
from toolchain.manifest import Provenance
from toolchain.target import get_target

ROOT = Path(__file__).parents[3]
A, B, C, D = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)


def found(sdk: Path, made: Provenance) -> list[Material]:
    from toolchain.app import AppManifest

    job = Job(AppManifest.read(ROOT / "apps" / "boilerplate"), get_target("nanosp"), sdk)
    return list(materials(job, made))


def test_the_shim_its_flags_and_the_wheel() -> None:
    made = replace(
        PROVENANCE,
        sdk=f"sdk-shim 1.0.0 tree sha256:{A} flags sha256:{B}",
        compiler=f"clang and lld 22.1.8, ziglang 0.17.0 sha256:{C}",
    )
    assert found(ROOT / "sdk-shim", made) == [
        Material("sdk", "sdk-shim", "1.0.0", tree_digest(ROOT / "sdk-shim")),
        Material("sdk", "Makefile.defines", "", B),
        Material("compiler", "clang and lld", "22.1.8, ziglang 0.17.0", C),
    ]


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """What is known of an official SDK by its make files alone."""
    sdk = tmp_path / "sdk"
    sdk.mkdir()
    (sdk / "Makefile.target").write_text("SDK_NAME := ledger-secure-sdk\n")
    (sdk / "Makefile.defines").write_text("API_LEVEL := 25\n")
    return sdk


def test_an_official_sdk_the_systems_compiler_and_newlib(official: Path) -> None:
    made = replace(
        PROVENANCE,
        sdk=f"ledger-secure-sdk v25.13.0 commit {'d' * 40}",
        compiler=f"Debian clang version 14.0.6 sha256:{A}, Debian LLD 14.0.6 (compatible) sha256:{B}, "
        f"arm-none-eabi-gcc (15:12.2.rel1-1) 12.2.1 sha256:{C}, newlib 3.3.0 sha256:{D}",
    )
    assert found(official, made) == [
        Material("sdk", "ledger-secure-sdk", f"v25.13.0 commit {'d' * 40}", tree_digest(official)),
        Material("compiler", "Debian clang", "14.0.6", A),
        Material("compiler", "Debian LLD", "14.0.6 (compatible)", B),
        Material("compiler", "arm-none-eabi-gcc", "12.2.1", C),
        Material("library", "newlib", "3.3.0", D),
    ]


def test_a_compiler_that_nobody_hashed(official: Path) -> None:
    assert found(official, replace(PROVENANCE, compiler="clang 14"))[-1] == Material(
        "compiler", "clang", "14", ""
    )
