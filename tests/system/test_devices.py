"""Tasks about devices, as a person would call them, against virtual devices on ports of their own."""

import contextlib
import datetime
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.system.inv import PROJECT, Run, inv
from tests.unit.virtual_device.host import IDENTITY, Host, changed, make_image
from toolchain.boot import booted
from toolchain.chain import Chain
from toolchain.devices import Flash
from toolchain.keys import PrivateKey
from toolchain.load.install import Installed
from toolchain.load.inventory import InstalledApp
from toolchain.package import Loaded, read_package
from toolchain.sign.issuer import development_issuer, virtual_device_issuer
from toolchain.sign.record import KeyRecord
from toolchain.target import get_target
from toolchain.virtual_device import (
    DeviceConfig,
    DeviceIdentity,
    DeviceState,
    Prompt,
    PromptKind,
    VirtualDevice,
)
from toolchain.virtual_device.latency import Latency, fixed


@dataclass(frozen=True)
class Home:
    """A user of these tests: a data folder with keys, and an app that the user has signed."""

    data: Path
    manifests: Path

    @property
    def folder(self) -> Path:
        return self.data / "nano-toolchain"

    def inv(self, *arguments: str | Path, stdin: str = "") -> Run:
        return inv(*arguments, stdin=stdin, environment={"XDG_DATA_HOME": str(self.data)})

    def manifest(self, target: str) -> Path:
        return self.manifests / "boilerplate" / target / "manifest.json"

    def device(self, target: str = "nanosp", **changes: object) -> VirtualDevice:
        issuer = virtual_device_issuer(self.folder)[0]
        config = DeviceConfig.standard(get_target(target), DeviceIdentity.issue(issuer))
        config = replace(config, signing_keys=(development_issuer(self.folder)[1].key,))
        return VirtualDevice(changed(config, **changes))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("dist"))
    run = made.inv(
        *("sign", "--app", "boilerplate", "--target", "nanosp", "--target", "nanox"), "--dist", made.manifests
    )
    assert run.code == 0, run.err
    return made


@contextlib.contextmanager
def served(device: VirtualDevice, latency: Latency | None = None) -> Iterator[str]:
    with device.serve(latency=latency) as server:
        yield server.uri


def with_app(device: VirtualDevice, name: str = "App") -> bytes:
    image = make_image(name)
    Host(device.handle, device.config.target_id).connect().load(image)
    device.disconnect()
    return image.digest()


def test_look_at_a_device_and_delete_an_app(home: Home) -> None:
    device = home.device()
    digest = with_app(device)
    with served(device) as uri:
        found = home.inv("device.info", "--json", "--device", uri).only("device")
        assert (found["target"], found["os_version"]) == ("nanosp", device.config.os_version)
        assert found["issuer"] == "virtual device"
        assert "onboarded" in found["flags"]

        listed = home.inv("device.apps", "--json", "--device", uri).only("installed-app")
        assert (listed["name"], listed["digest"]) == ("App", digest.hex())
        assert listed["size"] % 32 == 0

        room = home.inv("device.memory", "--json", "--device", uri).only("memory")
        assert (room["slots_used"], room["applications"]) == (1, listed["size"])

        assert home.inv("device.run", "App", "--json", "--device", uri).only("running")["app"] == "App"
        assert home.inv("doctor", "--json", "--device", uri).code == 75
        device.handle(bytes.fromhex("b0a7000000"))  # quit it

        deleted = home.inv("device.delete", "App", "--json", "--device", uri)
        assert deleted.only("deleted")["was_there"]
        again = home.inv("device.delete", digest.hex(), "--json", "--device", uri)
        assert (again.code, again.only("deleted")["was_there"]) == (0, False)
    assert not device.state.apps


def test_the_owner_is_told_what_the_device_will_ask(home: Home) -> None:
    device = home.device()
    digest = with_app(device).hex()
    with served(device) as uri:
        run = home.inv("device.delete", digest, "--device", uri)
    assert run.code == 0, run.err
    first, second = run.err.splitlines()
    assert "unknown manager" in first
    assert "delete App" in second
    assert f"{digest[:8]}…{digest[-8:]}" in second
    assert run.out == "App is deleted, confirmed by the device\n"


def test_a_refusal_is_an_error(home: Home) -> None:
    asked: list[Prompt] = []

    def only_the_host(prompt: Prompt) -> bool:
        asked.append(prompt)
        return prompt.kind is PromptKind.FOREIGN_HOST

    device = home.device()
    with_app(device)
    stubborn = VirtualDevice(replace(device.config, consent=only_the_host), device.state)
    with served(stubborn) as uri:
        run = home.inv("device.delete", "App", "--json", "--device", uri)
    assert run.code == 7
    assert "6985" in run.only("error")["message"]
    assert [prompt.kind for prompt in asked] == [PromptKind.FOREIGN_HOST, PromptKind.DELETE]
    assert stubborn.state.apps


def test_genuine_or_not(home: Home) -> None:
    with served(home.device()) as uri:
        run = home.inv("device.genuine", "--json", "--device", uri)
        assert run.code == 0
        verdict = run.only("genuine")
        assert (verdict["verdict"], verdict["issuer_kind"]) == ("genuine", "virtual")
    with served(home.device(identity=IDENTITY)) as uri:
        run = home.inv("device.genuine", "--json", "--device", uri)
        assert run.code == 7
        assert run.only("genuine")["verdict"] == "not-genuine"
        assert run.only("error")["error"] == "AuthenticationError"
        # Other tasks refuse it, too, unless somebody says so by name, which is recorded.
        assert home.inv("device.info", "--json", "--device", uri).code == 7
        told = home.inv("device.info", "--json", "--unsafe-unknown-issuer", "--device", uri)
        assert (told.code, told.only("device")["unsafe"]) == (0, ["unsafe-unknown-issuer"])


def test_an_issuer_that_the_user_trusts_and_its_successor(home: Home, tmp_path: Path) -> None:
    factory, successor = PrivateKey.from_int(0xFAC1), PrivateKey.from_int(0xFAC2)
    day = datetime.date(2024, 5, 6)
    record = tmp_path / "factory.toml"
    record.write_text(
        KeyRecord("factory", "device-issuer", factory.public_key, day, development=False).to_toml()
    )

    def verdict(issuer: PrivateKey) -> tuple[int, str]:
        with served(home.device(identity=DeviceIdentity.issue(issuer))) as uri:
            run = home.inv("device.genuine", "--json", "--device", uri)
        return run.code, run.lines("genuine")[0].get("issuer_kind", "") if run.lines("genuine") else ""

    assert verdict(factory) == (7, "")
    assert home.inv("issuer.trust", record).code == 0
    assert verdict(factory) == (0, "custom")
    assert verdict(successor) == (7, "")
    chain = Chain().rotated(factory, successor, "device-issuer", day, "moved")
    (tmp_path / "factory.chain.json").write_bytes(chain.to_json())
    assert home.inv("issuer.trust", record).code == 0
    assert verdict(successor) == (0, "custom")
    stolen = chain.revoking(factory.public_key, successor, "device-issuer", day, "stolen")
    (tmp_path / "factory.chain.json").write_bytes(stolen.to_json())
    assert home.inv("issuer.trust", record).code == 6
    (kept,) = home.folder.rglob("*.chain.json")
    kept.write_bytes(stolen.to_json())
    assert verdict(successor) == (7, "")
    shutil.rmtree(home.folder / "issuers")
    app_key = tmp_path / "app.toml"
    app_key.write_text(KeyRecord("app", "app-signing", factory.public_key, day, development=False).to_toml())
    assert home.inv("issuer.trust", app_key).code == 6


def test_a_custom_ca_comes_in_recovery_mode_and_saves_questions(home: Home) -> None:
    asked: list[PromptKind] = []

    def consent(prompt: Prompt) -> bool:
        asked.append(prompt.kind)
        return True

    device = home.device(consent=consent)
    with served(device) as uri:
        refused = home.inv("issuer.enroll", "--json", "--device", uri)
        assert refused.code == 7
        assert "recovery mode" in refused.only("error")["message"]
        assert PromptKind.ENROL_CA not in asked

        device.recovery = True
        assert home.inv("issuer.enroll", "--json", "--device", uri).only("enrolled")["name"] == "development"
        assert home.inv("issuer.enroll", "--device", uri).code == 7
        device.recovery = False
        asked.clear()
        load = home.inv("load", "--manifest", home.manifest("nanosp"), "--device", uri)
        assert load.code == 0, load.err
        assert not asked
        assert "unknown manager" not in load.err
        assert (
            "custom CA"
            in home.inv("device.genuine", "--json", "--device", uri).only("genuine")["warnings"][0]
        )

        assert home.inv("issuer.remove", "--json", "--device", uri).only("removed")["was_there"]
        assert not home.inv("issuer.remove", "--json", "--device", uri).only("removed")["was_there"]
    assert device.state.custom_ca is None


def test_questions_about_a_custom_ca_are_explained_before_they_come(home: Home) -> None:
    answers = {PromptKind.FOREIGN_HOST: True, PromptKind.ENROL_CA: False, PromptKind.REMOVE_CA: False}
    asked: list[PromptKind] = []

    def consent(prompt: Prompt) -> bool:
        asked.append(prompt.kind)
        return answers[prompt.kind]

    device = home.device(consent=consent)
    device.recovery = True
    with served(device) as uri:
        denied = home.inv("issuer.enroll", "--device", uri)
        assert (denied.code, device.state.custom_ca) == (7, None)
        lines = denied.err.splitlines()
        assert "unknown manager" in lines[0]
        assert "trust the certificate 'development'" in lines[1]
        assert "enter your PIN" in lines[1]
        assert "6985" in lines[2]
        assert asked == [PromptKind.FOREIGN_HOST, PromptKind.ENROL_CA]

        answers[PromptKind.ENROL_CA] = True
        assert home.inv("issuer.enroll", "--device", uri).code == 0
        asked.clear()
        kept = home.inv("issuer.remove", "--device", uri)
        assert kept.code == 7
        assert "remove the custom certificate" in kept.err.splitlines()[0]
        assert asked == [PromptKind.REMOVE_CA]
        assert device.state.custom_ca is not None
        answers[PromptKind.REMOVE_CA] = True
        assert home.inv("issuer.remove", "--device", uri).code == 0
    assert device.state.custom_ca is None


@pytest.mark.parametrize(
    ("changes", "arguments", "code"),
    [
        ({}, [], 0),
        ({"locked": True}, [], 74),
        ({"recovery": True}, [], 77),
        ({}, ["--target", "nanox"], 79),
    ],
    ids=["ready", "locked", "recovery", "another target"],
)
def test_the_doctor_tells_conditions_apart(
    home: Home, changes: dict[str, bool], arguments: list[str], code: int
) -> None:
    with served(home.device("nanosp", **changes)) as uri:
        run = home.inv("doctor", "--json", "--device", uri, *arguments)
    assert run.code == code, run.err
    assert run.only("diagnosis")["advice"]
    assert {"Python", "make", "compiler zig"} <= {line["check"] for line in run.lines("check")}
    assert [error["exit_code"] for error in run.lines("error")] == ([code] if code else [])


def test_the_doctor_without_a_device(home: Home) -> None:
    run = home.inv("doctor", "--device", "tcp://127.0.0.1:1")
    assert run.code == 70
    assert "./inv virtual-device" in run.err


def test_explain(home: Home, tmp_path: Path) -> None:
    word = home.inv("explain", "0x6985", "--json", "--step", "commit app").only("explanation")
    assert (word["sw"], word["step"]) == ("6985", "commit app")
    assert word["source"]
    log = "x\nledgerblue.commException.CommException: Exception : Invalid status 6512 (Unknown reason)\n"
    (tmp_path / "log.txt").write_text(log)
    for run in (
        home.inv("explain", tmp_path / "log.txt", "--json"),
        home.inv("explain", "-", "--json", stdin=log),
    ):
        found = run.only("explanation")
        assert (found["line"], found["sw"]) == (2, "6512")
        assert "unknown" not in json.dumps(found).lower()
    assert home.inv("explain", "-", stdin="all is well").code == 2
    assert home.inv("explain", "6985", "--step", "no such step").code == 2


def test_several_devices_and_one_that_never_answers(home: Home) -> None:
    good = [home.device(), home.device()]
    with contextlib.ExitStack() as stack:
        uris = [stack.enter_context(served(device, fixed(0.002))) for device in good]
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        hostile = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        arguments = [part for uri in (hostile, *uris) for part in ("--device", uri)]
        arguments += ["--json", "--timeout", "1", "--manifest", str(home.manifest("nanosp"))]
        run = home.inv("load", *arguments)
        assert run.code == 8
        assert {line["device"] for line in run.lines("installed")} == set(uris)
        failed = run.only("not-installed")
        assert (failed["device"], failed["exit_code"]) == (hostile, 7)
        assert run.only("fleet")["failed"] == 1
        assert run.out.index('"installed"') < run.out.index('"not-installed"')

        again = home.inv("load", *arguments)
        assert all(line["unchanged"] for line in again.lines("installed"))
    assert len({device.state.apps[0].full_hash for device in good}) == 1


def test_devices_of_two_targets_get_each_its_own_build(home: Home) -> None:
    devices = [home.device("nanosp"), home.device("nanox")]
    with contextlib.ExitStack() as stack:
        uris = [stack.enter_context(served(device)) for device in devices]
        run = home.inv(
            *("load", "--json", "--app", "boilerplate", "--dist", home.manifests),
            *("--device", uris[0], "--device", uris[1]),
        )
    assert run.code == 0, run.err
    assert {line["device"]: line["target"] for line in run.lines("installed")} == {
        uris[0]: "nanosp",
        uris[1]: "nanox",
    }


def test_a_device_of_another_target_is_refused_before_anything(home: Home) -> None:
    asked: list[Prompt] = []

    def consent(prompt: Prompt) -> bool:
        asked.append(prompt)
        return True

    device = home.device("nanox", consent=consent)
    with served(device) as uri:
        run = home.inv("load", "--json", "--manifest", home.manifest("nanosp"), "--device", uri)
    assert run.code == 7
    assert "built for Nano S Plus" in run.only("error")["message"]
    assert not asked


def test_a_killed_update_leaves_the_version_before_and_is_repeated(home: Home) -> None:
    device = home.device()
    older = with_app(device, "Boilerplate")
    worn = sum(device.state.wear.values())
    with served(device, fixed(0.02)) as uri:
        process = subprocess.Popen(
            [PROJECT / "inv", "load", "--manifest", home.manifest("nanosp"), "--device", uri],
            env=os.environ | {"XDG_DATA_HOME": str(home.data)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for _ in range(3000):
            if sum(device.state.wear.values()) > worn:  # it has begun to erase pages for the app
                break
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert sum(device.state.wear.values()) > worn
        assert [app.full_hash for app in device.state.apps] == [older]
        run = home.inv("load", "--json", "--manifest", home.manifest("nanosp"), "--device", uri)
        assert run.code == 0, run.err
        assert not run.only("installed")["unchanged"]
    assert [app.name for app in device.state.apps] == ["Boilerplate"]


@pytest.mark.component("qemu")
def test_what_was_installed_boots(home: Home) -> None:
    """The same bytes in the flash as were signed; and the app runs, answers to its name, shows a screen."""
    run = home.inv("load", "--json", "--emulate", "--manifest", home.manifest("nanosp"))
    assert run.code == 0, run.err
    booted = run.only("booted")
    assert booted["digest"] == run.only("installed")["digest"]
    assert (booted["app"], booted["version"]) == ("Boilerplate", run.only("installed")["version"])
    assert "Boilerplate" in " ".join(booted["screen"])


@pytest.mark.component("qemu")
def test_settings_survive_a_restart_and_go_with_the_app(home: Home, tmp_path: Path) -> None:
    """A person allows blind signing, switches off and on, deletes the app and installs it again."""
    state = tmp_path / "device.json"
    package = read_package(home.manifest("nanosp"), [development_issuer(home.folder)[1].key])
    python = PROJECT / ".venv-speculos" / "bin" / "python"

    def load() -> None:
        run = home.inv(
            *("load", "--emulate", "--json", "--state", state, "--manifest", home.manifest("nanosp"))
        )
        assert run.code == 0, run.err

    def power_on() -> Loaded:
        """The app as the state file has it, on a device that is on again."""
        app = DeviceState.load(state.read_bytes()).apps[0]
        listed = InstalledApp(app.name, app.flags, app.full_hash)
        return Loaded(Installed(listed, 0), "virtual:", "", (), Flash(app.contents, app.nvm, state))

    def blind_signing() -> str:
        with booted(package, power_on(), python) as running:
            running.walk("Settings")
            shown = running.press("both")
            assert shown[0] == "Blind signing"
            return shown[1]

    load()
    assert blind_signing() == "Not allowed"
    with booted(package, power_on(), python) as running:
        running.walk("Settings")
        running.press("both")
        assert running.press("both")[1] == "Allowed"
    assert blind_signing() == "Allowed"
    load()  # the app is there: nothing is sent, nothing is lost
    assert blind_signing() == "Allowed"
    deleted = home.inv(*("device.delete", "Boilerplate", "--device", "virtual:nanosp", "--state", state))
    assert deleted.code == 0, deleted.err
    load()
    assert blind_signing() == "Not allowed"


def test_only_virtual_devices_are_booted(home: Home) -> None:
    run = home.inv(
        "load", "--emulate", "--manifest", home.manifest("nanosp"), "--device", "tcp://127.0.0.1:1"
    )
    assert run.code == 2
    assert "can be booted" in run.err
