"""Unmodified ledgerctl drives the virtual device. It exits with 0 after most refusals, so state decides."""

import json
from pathlib import Path

import pytest

from tests.conformance.clients import Clients, installed, serve, write_hex
from tests.unit.virtual_device.host import ALL_TARGETS, config, make_image
from toolchain.image import Image
from toolchain.virtual_device import DeviceState, Prompt, PromptKind, deny
from toolchain.virtual_device.state import Authority

# What the client itself encodes from the manifest below: name, version, path restriction.
PARAMS = b"\x01\x03App\x02\x051.0.0\x04\x0a\x01\x02\x80\x00\x00\x2c\x80\x00\x00\x01"


def write_manifest(image: Image, folder: Path) -> str:
    write_hex(image, folder / "app.hex", without_params=True)
    manifest = {
        "name": image.name,
        "version": image.version,
        "targetId": hex(image.target_id),
        "flags": hex(image.flags),
        "derivationPath": {"curves": ["secp256k1"], "paths": ["44'/1'"]},
        "binary": "app.hex",
        "dataSize": image.data_length,
    }
    if image.api_level is not None:
        manifest["apiLevel"] = str(image.api_level)
    path = folder / "app.json"
    path.write_text(json.dumps(manifest))
    return str(path)


def info_of(clients: Clients) -> str:
    run = clients.ledgerctl("info")
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("target", ALL_TARGETS)
def test_info(target: str, tmp_path: Path) -> None:
    with serve(config(target), tmp_path) as clients:
        text = info_of(clients)
        assert f"({clients.device.config.target_id:#x})" in text
        assert f"SE version: {clients.device.config.os_version}" in text
        assert f"MCU version: {clients.device.config.mcu_version}" in text


@pytest.mark.parametrize(("target", "target_id"), [("nanos", 0x31100003), ("nanos", None), ("nanosp", None)])
def test_install_list_memory_and_delete(target: str, target_id: int | None, tmp_path: Path) -> None:
    image = make_image(target=target, target_id=target_id, params=PARAMS)
    with serve(config(target, target_id), tmp_path) as clients:
        manifest = write_manifest(image, tmp_path)
        run = clients.ledgerctl("install", manifest)
        assert run.returncode == 0, run.stderr
        assert installed(clients.device) == {"App": image.digest().hex()}
        assert clients.device.state.apps[0].contents == image.data
        assert image.digest().hex() in clients.ledgerctl("list").stdout
        assert "Installed apps: 1 (max: 100)" in clients.ledgerctl("meminfo").stdout

        assert "already installed" in clients.ledgerctl("install", manifest).stdout
        assert clients.ledgerctl("install", "-f", manifest).returncode == 0
        assert installed(clients.device) == {"App": image.digest().hex()}

        assert clients.ledgerctl("delete", "--by-hash", image.digest().hex()).returncode == 0
        assert not installed(clients.device)
        assert "There is no application" in clients.ledgerctl("list").stdout


def test_install_on_nano_x(tmp_path: Path) -> None:
    """This client lists a Nano X only through a remote server, so the device is asked directly."""
    image = make_image(target="nanox", params=PARAMS)
    with serve(config("nanox"), tmp_path) as clients:
        run = clients.ledgerctl("install", write_manifest(image, tmp_path))
        assert run.returncode == 0, run.stderr
        assert installed(clients.device) == {"App": image.digest().hex()}
        assert clients.ledgerctl("delete", "App").returncode == 0
        assert not installed(clients.device)


def test_another_app_of_the_same_name(tmp_path: Path) -> None:
    first, second = make_image(params=PARAMS), make_image(params=PARAMS, fill=2)
    with serve(config(), tmp_path) as clients:
        clients.ledgerctl("install", write_manifest(first, tmp_path))
        run = clients.ledgerctl("install", write_manifest(second, tmp_path))
        assert "An application with the same name is already installed." in run.stdout
        assert installed(clients.device) == {"App": first.digest().hex()}


def test_install_ca(tmp_path: Path) -> None:
    """It enrols its own key by default, and then needs nobody's consent."""
    asked: list[PromptKind] = []

    def consent(prompt: Prompt) -> bool:
        asked.append(prompt.kind)
        return True

    with serve(config(consent=consent), tmp_path) as clients:
        assert "not in recovery mode" in clients.ledgerctl("install-ca", "mine").stdout
        clients.device.recovery = True
        assert "successfully installed" in clients.ledgerctl("install-ca", "mine").stdout
        assert isinstance(clients.device.state.custom_ca, Authority)
        assert "already installed" in clients.ledgerctl("install-ca", "mine").stdout
        asked.clear()
        image = make_image(params=PARAMS)
        clients.ledgerctl("install", write_manifest(image, tmp_path))
        assert installed(clients.device) == {"App": image.digest().hex()}
        assert not asked
        assert "has been deleted" in clients.ledgerctl("delete-ca").stdout
        assert "nothing to delete" in clients.ledgerctl("delete-ca").stdout


def test_refused_consent(tmp_path: Path) -> None:
    with serve(config(consent=deny), tmp_path) as clients:
        clients.ledgerctl("install", write_manifest(make_image(params=PARAMS), tmp_path))
        assert not installed(clients.device)


def test_onboard(tmp_path: Path) -> None:
    words = " ".join(["abandon"] * 24)
    with serve(config(), tmp_path, DeviceState(onboarded=False)) as clients:
        assert "onboarded" not in info_of(clients)
        clients.device.recovery = True
        assert clients.ledgerctl("onboard", "1234", words).returncode == 0
        assert "Device is onboarded." in info_of(clients)


def test_run(tmp_path: Path) -> None:
    with serve(config(), tmp_path) as clients:
        assert "is not installed" in clients.ledgerctl("run", "App").stdout
        clients.ledgerctl("install", write_manifest(make_image(params=PARAMS), tmp_path))
        assert clients.ledgerctl("run", "App").returncode == 0
        assert clients.device.handle(b"\xb0\x01\0\0\0")[1:5] == b"\x03App"
