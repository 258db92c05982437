"""Many devices at once: who gets what, who waits for whom, and what the exit code says."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.virtual_device.host import changed, make_image
from toolchain import devices, fleet
from toolchain.devices import DeviceOptions
from toolchain.errors import (
    AuthenticationError,
    ConfigError,
    DeviceError,
    PartialFailureError,
    StatusWordError,
    TransportError,
)
from toolchain.fleet import Finished, Progress, Question, Result, Surveyed
from toolchain.image import Image
from toolchain.keys import PrivateKey
from toolchain.manifest import ImageRecord, Manifest, Provenance, SignatureRecord, VerificationRecord
from toolchain.package import Package
from toolchain.sign.issuer import virtual_device_issuer
from toolchain.target import get_target
from toolchain.trust import Issuer
from toolchain.userdata import data_folder
from toolchain.virtual_device import DeviceConfig, DeviceIdentity, Prompt, VirtualDevice

SIGNER = PrivateKey.from_int(0x516)


def package(image: Image) -> Package:
    signature = SIGNER.sign_digest(image.digest())
    record = SignatureRecord("test", SIGNER.public_key.point.hex(), signature.hex(), "development")
    manifest = Manifest(
        app=image.name,
        version=image.version,
        target="nanosp",
        image=ImageRecord.of(image),
        provenance=Provenance("", False, "host", "clang", "shim", ("make",), {}, 0, "linux"),
        verification=VerificationRecord("development", 0, ()),
        signature=record,
        files={},
    )
    return Package(manifest, image, signature, record)


def device(target: str = "nanosp", **changes: object) -> VirtualDevice:
    identity = DeviceIdentity.issue(virtual_device_issuer(data_folder())[0])
    config = DeviceConfig.standard(get_target(target), identity)
    return VirtualDevice(changed(replace(config, signing_keys=(SIGNER.public_key,)), **changes))


@contextlib.contextmanager
def served(*all_devices: VirtualDevice) -> Iterator[list[DeviceOptions]]:
    with contextlib.ExitStack() as stack:
        uris = [stack.enter_context(d.serve()).uri for d in all_devices]
        yield [DeviceOptions(uri, timeout=5) for uri in uris]


def quiet(_news: Progress | Question | Finished) -> None:
    pass


def load(options: list[DeviceOptions], *packages: Package) -> tuple[Result, ...]:
    jobs, failed = fleet.assign(fleet.survey(options, ask=True), packages)
    return (*fleet.load_all(jobs, quiet), *failed)


def installed(virtual: VirtualDevice) -> list[str]:
    return [app.name for app in virtual.state.apps]


def test_all_get_the_app() -> None:
    fleet_of = [device() for _ in range(4)]
    image = make_image()
    with served(*fleet_of) as options:
        results = load(options, package(image))
        assert [r.loaded.installed.app.full_hash for r in results if r.loaded] == [image.digest()] * 4
        again = load(options, package(image))
    assert [r.loaded.installed.commands for r in again if r.loaded] == [0] * 4
    fleet.require_all(results)
    assert all(installed(d) == ["App"] for d in fleet_of)


def test_several_apps_for_one_device_go_one_after_the_other() -> None:
    one = device()
    with served(one) as options:
        results = load(options, package(make_image("First")), package(make_image("Second", fill=2)))
    fleet.require_all(results)
    assert installed(one) == ["First", "Second"]


def test_each_target_gets_its_own_build() -> None:
    sp, x, flex = device(), device("nanox"), device("flex")
    with served(sp, x, flex) as options:
        results = load(options, package(make_image(fill=1)), package(make_image(target="nanox", fill=2)))
    assert (installed(sp), installed(x), installed(flex)) == (["App"], ["App"], [])
    assert isinstance(results[-1].error, ConfigError)
    assert "not built for Flex" in str(results[-1].error)


def test_one_that_waits_for_its_owner_holds_up_nobody() -> None:
    """The slow one answers only when all others are done."""
    others_are_done = threading.Event()

    def slowly(_prompt: Prompt) -> bool:
        return others_are_done.wait(30)

    slow, quick = device(consent=slowly), [device() for _ in range(3)]
    order: list[str] = []

    def watch(news: Progress | Question | Finished) -> None:
        if isinstance(news, Finished):
            order.append(news.result.uri)
            if len(order) == len(quick):
                others_are_done.set()

    with served(slow, *quick) as options:
        jobs, _ = fleet.assign(fleet.survey(options, ask=True), [package(make_image())])
        results = fleet.load_all(jobs, watch)
    fleet.require_all(results)
    assert order[-1] == options[0].uri
    assert [r.uri for r in results] == [o.uri for o in options]


def test_what_comes_is_told_in_the_callers_thread() -> None:
    here = threading.get_ident()
    news: list[Progress | Question | Finished] = []

    def watch(event: Progress | Question | Finished) -> None:
        assert threading.get_ident() == here
        news.append(event)

    with served(device(), device()) as options:
        jobs, _ = fleet.assign(fleet.survey(options, ask=True), [package(make_image())])
        fleet.load_all(jobs, watch)
    for number in range(2):
        mine = [event for event in news if event.job == number]
        assert isinstance(mine[0], Question)
        assert isinstance(mine[-1], Finished)
        progress = [event for event in mine if isinstance(event, Progress)]
        done = [event.done for event in progress]
        assert done == sorted(set(done))
        assert done[-1] == progress[0].total


def test_troubles_of_some_are_results() -> None:
    stranger = DeviceIdentity.issue(PrivateKey.from_int(7))
    good, locked, impostor, full = (
        device(),
        device(locked=True),
        device(identity=stranger),
        device(app_flash=0),
    )
    with served(good, locked, impostor, full) as options:
        results = load([*options, DeviceOptions("tcp://127.0.0.1:1")], package(make_image()))
    kinds = [type(result.error) for result in results]
    assert kinds[:4] == [type(None), StatusWordError, AuthenticationError, DeviceError]
    assert issubclass(kinds[4], TransportError)
    assert installed(good) == ["App"]
    with pytest.raises(PartialFailureError, match="4 of 5 devices failed") as caught:
        fleet.require_all(results)
    assert caught.value.exit_code == 8
    with pytest.raises(StatusWordError):
        fleet.require_all(results[1:])


def test_nobody_there() -> None:
    gone = [DeviceOptions(f"tcp://127.0.0.1:{port}") for port in (1, 2)]
    with pytest.raises(TransportError):
        fleet.survey(gone, ask=True)
    assert [found.error for found in fleet.survey(gone, ask=False)] == [None, None]
    with pytest.raises(ConfigError, match="no device"):
        fleet.survey([], ask=True)


def test_a_device_is_named_once_and_states_are_not_shared(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="twice"):
        fleet.survey([DeviceOptions("tcp://a:1"), DeviceOptions("tcp://a:1")], ask=False)
    both = [DeviceOptions("virtual:", state=tmp_path / "state"), DeviceOptions("tcp://a:1")]
    with pytest.raises(ConfigError, match="state"):
        fleet.survey(both, ask=False)


def test_targets_to_build_for() -> None:
    def found(name: str | None, error: DeviceError | None = None) -> Surveyed:
        return Surveyed(DeviceOptions("x"), get_target(name) if name else None, error)

    assert fleet.target_names([found("nanox"), found("nanosp"), found("nanox")]) == ("nanox", "nanosp")
    assert fleet.target_names([found("nanox"), found(None)]) == ()
    assert fleet.target_names([found("nanox"), found(None, DeviceError("gone"))]) == ("nanox",)


def test_a_device_that_takes_too_long_in_all_is_given_up() -> None:
    with served(device()) as options:
        found = fleet.survey([replace(options[0], limit=0)], ask=False)
        jobs, _ = fleet.assign(found, [package(make_image())])
        (result,) = fleet.load_all(jobs, quiet)
    assert isinstance(result.error, TransportError)
    assert "not done after 0 s" in str(result.error)


def test_a_bug_in_a_thread_is_a_bug_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_options: DeviceOptions) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(devices, "target_of", broken)
    with pytest.raises(ZeroDivisionError):
        fleet.survey([DeviceOptions("virtual:")], ask=True)


def test_a_model_that_takes_no_apps_unless_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Nano X of a production issuer, and a developer unit of that model."""
    honest = devices.trusted_issuers

    def production(uri: str) -> tuple[Issuer, ...]:
        return tuple(replace(issuer, kind="production") for issuer in honest(uri))

    monkeypatch.setattr(devices, "trusted_issuers", production)
    one = device("nanox")
    with served(one) as options:
        (refused,) = load(options, package(make_image(target="nanox")))
        assert "from its maker only" in str(refused.error)
        assert not one.state.wear
        (forced,) = load([replace(options[0], force=True)], package(make_image(target="nanox")))
    assert forced.error is None
