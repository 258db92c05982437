"""Sources of these tests are parsed in this process."""

import pytest

from tests.unit.verify.candidates import parse_here
from toolchain.verify.c import units


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "parse_all", parse_here)
