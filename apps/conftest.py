"""Functional tests of the apps: each app on each of its targets, in the emulator."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.testing.device import Device
from tests import conftest
from toolchain.app import AppManifest
from toolchain.build.host import build
from toolchain.build.workplace import Job
from toolchain.emulator import environment_name, start
from toolchain.environment import ensure_environment
from toolchain.pipeline import Workspace
from toolchain.target import Target, get_target

ROOT = Path(__file__).parent.parent
TARGETS = ("nanos", "nanosp", "nanox")


def pytest_addoption(parser: pytest.Parser) -> None:
    """What the functional tests run."""
    group = parser.getgroup("apps")
    group.addoption("--golden", action="store_true", help="take the golden pictures anew")
    group.addoption("--app-sdk", default="", help="build with this SDK instead of sdk-shim; no pictures")
    group.addoption("--app-compiler", default="", help="compiler of toolchains.toml for that SDK")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Components may be missing, as for all tests."""
    conftest.pytest_runtest_setup(item)


def _python(target: Target) -> Path:
    name = environment_name(target)
    return ensure_environment(ROOT / "requirements" / f"{name}.lock", ROOT / f".venv-{name}") / "python"


@pytest.fixture(scope="module")
def app_folder(request: pytest.FixtureRequest) -> Path:
    """The folder of the app that the test module belongs to."""
    return next(p for p in request.path.parents if (p / "ledger_app.toml").exists())


@pytest.fixture(scope="module", params=TARGETS)
def target(request: pytest.FixtureRequest) -> Target:
    """Each target in turn."""
    return get_target(str(request.param))


@pytest.fixture(scope="module")
def elf(
    app_folder: Path,
    target: Target,
    pytestconfig: pytest.Config,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The app, built the way the build task does."""
    sdk = Path(pytestconfig.getoption("--app-sdk") or ROOT / "sdk-shim").absolute()
    job = Job(AppManifest.read(app_folder), target, sdk, pytestconfig.getoption("--app-compiler"))
    path = tmp_path_factory.mktemp(f"{app_folder.name}-{target.name}") / "app.elf"
    path.write_bytes(build(job, root=Workspace.of(ROOT).work).elf)
    return path


def _device(emulator_of: Path, app_folder: Path, target: Target, config: pytest.Config) -> Iterator[Device]:
    pictures = app_folder / "tests" / "functional" / "golden" / target.name
    with start(emulator_of, target, python=_python(target), folder=emulator_of.parent) as emulator:
        official = bool(config.getoption("--app-sdk"))
        yield Device(emulator, None if official else pictures, bool(config.getoption("--golden")))


@pytest.fixture(scope="module")
def shared_device(
    elf: Path, app_folder: Path, target: Target, pytestconfig: pytest.Config
) -> Iterator[Device]:
    """One device for all tests of a module that leave it as they found it."""
    yield from _device(elf, app_folder, target, pytestconfig)


@pytest.fixture
def device(shared_device: Device) -> Iterator[Device]:
    """The shared device, on its home screen before and after."""
    shared_device.home()
    yield shared_device
    shared_device.leave_result()
    shared_device.home()


@pytest.fixture
def fresh_device(
    elf: Path, app_folder: Path, target: Target, pytestconfig: pytest.Config
) -> Iterator[Device]:
    """A device of the test's own, for tests that change settings or end the app."""
    yield from _device(elf, app_folder, target, pytestconfig)
