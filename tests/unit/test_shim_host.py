"""C sources on the PC (``sdk-shim/host``): tests under sanitizers and valgrind, coverage, fuzzers."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.components import required
from tests.faults.figures import FIGURE
from toolchain.fuzzing import Fuzzer, choose, compile_fuzzer, fuzzers, host_make, run_one

ROOT = Path(__file__).parents[2]
FOLDERS = ("sdk-shim", "apps/boilerplate", "apps/notary")
COVERED = 0.95
"""Share of lines (in each file, too) and branches: ``src/core`` of an app, all of the shim that runs here."""
FUZZED = tuple(fuzzer for fuzzer in fuzzers(ROOT) if fuzzer.folder)
SECONDS = 60 if required() else 2
"""How long each fuzzer runs; ``./inv fuzz --seconds`` takes longer."""

pytestmark = pytest.mark.component("cmocka")


def _programs(folder: str, build: Path, kind: str) -> list[Path]:
    words = host_make(ROOT, ROOT / folder, build, "tests", f"KIND={kind}")
    made = subprocess.run(words, check=False, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert "warning:" not in made.stderr, made.stderr
    found = sorted(p for p in (build / kind).iterdir() if os.access(p, os.X_OK))
    assert found
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_with_address_and_undefined_behaviour_sanitizers(folder: str, tmp_path: Path) -> None:
    for program in _programs(folder, tmp_path, "sanitize"):
        run = subprocess.run([program], check=False, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr


@pytest.mark.component("valgrind")
@pytest.mark.parametrize("folder", FOLDERS)
def test_under_valgrind(folder: str, tmp_path: Path) -> None:
    options = ["--quiet", "--error-exitcode=99", "--leak-check=full", "--track-origins=yes"]
    for program in _programs(folder, tmp_path, "plain"):
        run = subprocess.run(["valgrind", *options, program], check=False, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        assert "==" not in run.stderr.replace("[==========]", ""), run.stderr


@pytest.mark.parametrize("folder", FOLDERS)
def test_lines_and_branches_covered(
    folder: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    profdata, cov = "llvm-profdata-14", "llvm-cov-14"
    programs = _programs(folder, tmp_path, "coverage")
    for number, program in enumerate(programs):
        profile = {**os.environ, "LLVM_PROFILE_FILE": str(tmp_path / f"{number}.profraw")}
        subprocess.run([program], check=True, capture_output=True, env=profile)
    merged = tmp_path / "all.profdata"
    profiles = [str(p) for p in tmp_path.glob("*.profraw")]
    subprocess.run([profdata, "merge", "-o", str(merged), *profiles], check=True)
    objects = [word for program in programs for word in ("-object", str(program))]
    export = [cov, "export", "-summary-only", f"-instr-profile={merged}", *objects]
    report = json.loads(subprocess.run(export, check=True, capture_output=True).stdout)
    sources = (ROOT / folder / ("src" if folder == "sdk-shim" else "src/core")).resolve()
    measured = {
        path.relative_to(sources).as_posix(): file["summary"]
        for file in report["data"][0]["files"]
        if (path := Path(file["filename"]).resolve()).is_relative_to(sources) and path.suffix == ".c"
    }
    assert measured
    for kind in ("lines", "branches"):
        covered, count = (sum(s[kind][what] for s in measured.values()) for what in ("covered", "count"))
        share = f"{covered} of {count} | {covered / count:.1%}"
        record_property(FIGURE, f"covered by C unit tests | {folder} | {kind} | {share}")
        assert covered >= COVERED * count
    poor = {n: s["lines"]["percent"] for n, s in measured.items() if s["lines"]["percent"] < 100 * COVERED}
    assert not poor


@pytest.mark.parametrize("fuzzer", FUZZED, ids=lambda fuzzer: fuzzer.name)
def test_fuzzers_find_nothing(fuzzer: Fuzzer, tmp_path: Path) -> None:
    assert any(fuzzer.corpus.iterdir())
    program = compile_fuzzer(fuzzer, tmp_path / "build", ROOT)
    found = run_one(fuzzer, [str(program)], SECONDS, tmp_path, ROOT)
    assert not found.crash, found.log.read_text("utf-8", "replace")[-4000:]
    assert found.inputs > len(list(fuzzer.corpus.iterdir()))


def test_a_fuzzer_finds_what_is_there(tmp_path: Path) -> None:
    """The way from a planted defect to a file that shows it."""
    folder = tmp_path / "app"
    (folder / "src" / "core").mkdir(parents=True)
    (folder / "fuzz" / "corpus" / "defect").mkdir(parents=True)
    (folder / "fuzz" / "corpus" / "defect" / "near").write_bytes(b"!b")
    (folder / "fuzz" / "fuzz_defect.c").write_text(
        "#include <stddef.h>\n#include <stdint.h>\n#include <stdlib.h>\n"
        "int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)\n"
        "{ if (size > 1 && data[0] == '!' && data[1] != 'b') { abort(); } return 0; }\n"
    )
    fuzzer = Fuzzer("app-defect", folder / "fuzz" / "corpus" / "defect", folder)
    program = compile_fuzzer(fuzzer, tmp_path / "build", ROOT)
    found = run_one(fuzzer, [str(program)], 20, tmp_path, ROOT)
    assert found.crash
    assert Path(found.crash).read_bytes().startswith(b"!")


def test_every_app_has_a_fuzzer_for_its_commands_and_one_for_its_parser() -> None:
    assert [fuzzer.name for fuzzer in choose([f.name for f in FUZZED], ROOT)] == [
        "sdk-shim-formats",
        "boilerplate-commands",
        "boilerplate-transaction",
        "notary-commands",
        "notary-message",
    ]
