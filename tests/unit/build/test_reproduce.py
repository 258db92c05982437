"""Two builds that differ: where first, and why."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.formats.elf_builder import BASE, METADATA, ElfBuilder
from toolchain import console, views_builder
from toolchain.app import App, AppManifest, Permissions
from toolchain.build.commands import CompileCommand
from toolchain.build.reproduce import Difference, Report, Trial, compare, hex_of
from toolchain.build.result import BuildResult
from toolchain.errors import NotReproducibleError
from toolchain.formats.ihex import read_ihex
from toolchain.manifest import Provenance
from toolchain.pipeline import Outcome
from toolchain.target import get_target

CODE = bytes(range(256)) * 3


def result(elf: bytes, compiler: str = "clang") -> BuildResult:
    manifest = AppManifest(Path("/app"), "c", Path(), ("nanos+",), (), {})
    return BuildResult(
        app=App(manifest, "Test", "1.0.0", Permissions(0x200, (), (), ()), None, {}),
        target=get_target("nanosp"),
        elf=elf,
        map=b"",
        log=Path("/build.log"),
        diagnostics=(),
        provenance=Provenance("", False, "host", compiler, "sdk", (), {}, 0, "Linux x86_64"),
        commands=(CompileCommand("/somewhere/src", "main.c", "main.o", ("clang",)),),
        sources=Path("/somewhere/src"),
        duration=1.0,
        reused=False,
        fingerprint="",
    )


def test_the_same_bytes_do_not_differ() -> None:
    assert compare(result(ElfBuilder().build()), result(ElfBuilder().build())) is None


@pytest.mark.parametrize(
    ("one", "other", "compiler", "cause"),
    [
        (b"a", b"b", "another clang", "compiler"),
        (b"/somewhere/src/main.c", b"/elsewhere/xx/main.c", "clang", "path"),
        (b"built 2026-01-02", b"built 2027-01-02", "clang", "date"),
        (b"first second", b"second first", "clang", "order"),
        (b"a", b"b", "clang", "unknown"),
    ],
)
def test_section_address_and_cause(one: bytes, other: bytes, compiler: str, cause: str) -> None:
    first = result(ElfBuilder(code=CODE + one).build())
    second = result(ElfBuilder(code=CODE + other).build(), compiler)
    found = compare(first, second)
    assert found is not None
    assert (found.section, found.cause, found.loaded) == (".text", cause, True)
    changed = next(n for n, (x, y) in enumerate(zip(one, other, strict=False)) if x != y)
    assert found.address == BASE + len(CODE) + changed


def test_the_symbol_before_the_difference() -> None:
    names: dict[str, int | None] = {"early": BASE + 16, "late": BASE + 512 | 1, "last": BASE + 700}
    pair = [ElfBuilder(code=CODE[:600] + x + CODE[601:], symbols=names) for x in (b"\x01", b"\x02")]
    found = compare(result(pair[0].build()), result(pair[1].build()))
    assert found is not None
    assert (found.symbol, found.address) == ("late", BASE + 600)


def test_what_is_not_loaded() -> None:
    found = compare(
        result(ElfBuilder().build()),
        result(ElfBuilder(metadata=METADATA | {"sdk_hash": "another"}).build()),
    )
    assert found is not None
    assert (found.section, found.address, found.loaded) == ("ledger.sdk_hash", 0, False)


def test_what_is_no_elf_differs_in_the_file() -> None:
    found = compare(result(b"one"), result(b"two"))
    assert found == Difference("", "", 0, "unknown", loaded=True)


def test_the_hex_is_of_the_loaded_bytes() -> None:
    built = result(ElfBuilder().build())
    assert read_ihex(hex_of(built).decode("ascii")).segments[0].address == BASE


def test_a_report_with_a_difference_is_refused() -> None:
    same, skipped = Trial("umask"), Trial("clock", skipped="not installed")
    report = Report(result(b""), "", "", (same, skipped), None, ())
    assert report.reproducible
    report.require()
    worse = replace(report, trials=(same, Trial("folder", Difference(".text", "f", 1, "path", loaded=True))))
    assert not worse.reproducible
    with pytest.raises(
        NotReproducibleError, match=r"another folder gives other bytes: \.text f at 0x1: path"
    ):
        worse.require()


def test_a_row_fits_a_terminal_and_json_tells_the_whole_digest(capsys: pytest.CaptureFixture[str]) -> None:
    console._stdout.cache_clear()
    report = Report(result(b""), "", "", (Trial(f"container sha256:{'0123456789ab' * 5}cdef"),), None, ())
    outcome = Outcome("app", report.result.target, report, None)
    views_builder.reproduced(console.Output(as_json=False), [outcome])
    rows = capsys.readouterr().out.splitlines()
    assert [row.split() for row in rows[-1:]] == [["another", "container", "sha256:0123456789ab…", "same"]]
    views_builder.reproduced(console.Output(as_json=True), [outcome])
    assert report.trials[0].name in capsys.readouterr().out
