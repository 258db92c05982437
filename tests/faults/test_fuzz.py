"""Every parser of what strangers write, under the fuzzer: a minute each in CI, a moment elsewhere."""

import sys
from pathlib import Path

import pytest

from fuzz.targets import TARGETS
from tests.components import required
from tests.faults.figures import FIGURE
from tests.faults.test_peers import Record
from toolchain import fuzzing
from toolchain.environment import ensure_environment

PROJECT = Path(__file__).parents[2]
SECONDS = 60 if required() else 1


@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_that_is_fuzzed_does_not_crash(name: str, record_property: Record) -> None:
    folder = ensure_environment(PROJECT / "requirements" / "fuzz.lock", PROJECT / ".venv-fuzz")
    chosen = fuzzing.choose([name], PROJECT)
    (found,) = fuzzing.run(chosen, SECONDS, folder / Path(sys.executable).name, PROJECT, lambda *_: None)
    assert not found.crash, found.log.read_text("utf-8", "replace")[-3000:]
    assert found.inputs > (len(list((PROJECT / "fuzz" / "corpus" / name).iterdir())) if required() else 0)
    record_property(FIGURE, f"fuzzed, {SECONDS} s each | {name} | {found.inputs:,} inputs, no crash")
