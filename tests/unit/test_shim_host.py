"""C sources that know nothing of a device, tested on the PC with cmocka, and fuzzed."""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("sdk-shim", "apps/boilerplate", "apps/notary")
COVERED = 0.95
"""Share of the lines of what is tested here."""


pytestmark = pytest.mark.component("cmocka")


def _make(folder: str, build: Path, goal: str, kind: str = "sanitize") -> None:
    words = ["make", "--silent", "-f", str(ROOT / "sdk-shim/host/Makefile"), f"FOLDER={ROOT / folder}"]
    made = subprocess.run(
        [*words, f"BUILD={build}", f"KIND={kind}", goal], check=False, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    assert "warning:" not in made.stderr, made.stderr


def _programs(build: Path, kind: str) -> list[Path]:
    found = sorted(p for p in (build / kind).iterdir() if os.access(p, os.X_OK))
    assert found
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_with_address_and_undefined_behaviour_sanitizers(folder: str, tmp_path: Path) -> None:
    _make(folder, tmp_path, "tests")
    for program in _programs(tmp_path, "sanitize"):
        run = subprocess.run([program], check=False, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("folder", FOLDERS)
def test_lines_covered(folder: str, tmp_path: Path) -> None:
    profdata, cov = "llvm-profdata-14", "llvm-cov-14"
    _make(folder, tmp_path, "tests", "coverage")
    programs = _programs(tmp_path, "coverage")
    for number, program in enumerate(programs):
        profile = {**os.environ, "LLVM_PROFILE_FILE": str(tmp_path / f"{number}.profraw")}
        subprocess.run([program], check=True, capture_output=True, env=profile)
    merged = tmp_path / "all.profdata"
    profiles = [str(p) for p in tmp_path.glob("*.profraw")]
    subprocess.run([profdata, "merge", "-o", str(merged), *profiles], check=True)
    objects = [word for program in programs for word in ("-object", str(program))]
    export = [cov, "export", "-summary-only", f"-instr-profile={merged}", *objects]
    report = json.loads(subprocess.run(export, check=True, capture_output=True).stdout)
    sources = (ROOT / folder / "src").resolve()
    measured = {
        Path(file["filename"]).relative_to(sources).as_posix(): file["summary"]["lines"]
        for file in report["data"][0]["files"]
        if Path(file["filename"]).is_relative_to(sources) and file["filename"].endswith(".c")
    }
    assert measured
    poor = {n: s["percent"] for n, s in measured.items() if s["covered"] < COVERED * s["count"]}
    assert not poor


@pytest.mark.parametrize("folder", FOLDERS[1:])
def test_fuzzers_run_over_their_corpus(folder: str, tmp_path: Path) -> None:
    _make(folder, tmp_path, "fuzzers")
    corpus = sorted((ROOT / folder / "fuzz" / "corpus").iterdir())
    for program in _programs(tmp_path, "fuzz"):
        found = tmp_path / "found"
        found.mkdir(exist_ok=True)
        words = [str(program), "-seed=1", "-runs=20000", "-max_len=512", f"-artifact_prefix={tmp_path}/"]
        run = subprocess.run(
            [*words, str(found), str(corpus[0].parent)], check=False, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stderr[-2000:]
