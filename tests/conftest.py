"""Shared by all tests: components that may be missing, and a user's data folder of their own."""

from pathlib import Path

import pytest
from hypothesis import settings

from tests.components import COMPONENTS, required
from tests.faults.figures import pytest_terminal_summary

__all__ = ["pytest_terminal_summary"]

# A busy machine is no reason to fail.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or in CI fail, a test marked ``component(name)`` whose component is missing."""
    for mark in item.iter_markers("component"):
        (name,) = mark.args
        component = COMPONENTS[name]
        if component.present():
            continue
        if required():
            pytest.fail(f"{name} is missing in CI: {component.install}", pytrace=False)
        pytest.skip(f"{name} is not installed: {component.install}")


@pytest.fixture(autouse=True)
def user_data_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the real user's keys."""
    folder = tmp_path_factory.mktemp("user-data")
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))
    return folder
