"""Unmodified ledgerblue drives the virtual device: what should work works, what should not is refused."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.clients import installed, serve
from tests.unit.virtual_device.host import CA, ISSUER, STRANGER, changed, config, load_plan, make_image
from toolchain.keys import PrivateKey
from toolchain.virtual_device import DeviceState, Prompt, PromptKind, deny
from toolchain.virtual_device.state import Authority

WITH_CA = DeviceState(custom_ca=Authority("mine", CA.public_key))


def secret(key: PrivateKey) -> str:
    """A test key as the clients take it."""
    return f"{key.secret:064x}"


@pytest.mark.parametrize(
    ("target", "target_id"),
    [
        ("nanos", 0x31100002),
        ("nanos", 0x31100003),
        ("nanos", None),
        ("nanosp", None),
        ("nanox", None),
        ("stax", None),
    ],
)
def test_load_app(target: str, target_id: int | None, tmp_path: Path) -> None:
    """CBC, CBC+MAC, 20 and 21 bytes, with and without a target version."""
    image = make_image(target=target, target_id=target_id, flags=0x250, code=2048)
    with serve(config(target, target_id), tmp_path) as clients:
        run = clients.load_app(image, "--delete", target_version=image.target_version)
        assert run.returncode == 0, run.stderr
        assert installed(clients.device) == {"App": image.digest().hex()}
        (app,) = clients.device.state.apps
        assert app.contents == image.data
        assert app.flags == 0x8250


def test_load_replaces_only_after_a_delete(tmp_path: Path) -> None:
    first, second = make_image(fill=1), make_image(fill=2)
    with serve(config(), tmp_path) as clients:
        assert clients.load_app(first).returncode == 0
        refused = clients.load_app(second)
        assert refused.returncode != 0
        assert "6a80" in refused.stderr
        assert installed(clients.device) == {"App": first.digest().hex()}
        assert clients.load_app(second, "--delete").returncode == 0
        assert installed(clients.device) == {"App": second.digest().hex()}


@pytest.mark.parametrize("target", ["nanosp", "nanox"])
def test_signed_app(target: str, tmp_path: Path) -> None:
    image = make_image(target=target)
    with serve(config(target), tmp_path, WITH_CA) as clients:
        refused = clients.load_app(image, "--signApp", "--signPrivateKey", secret(STRANGER))
        assert "6982" in refused.stderr
        assert not installed(clients.device)
        run = clients.load_app(image, "--signApp", "--signPrivateKey", secret(CA))
        assert run.returncode == 0, run.stderr
        assert f"Application full hash : {image.digest().hex()}" in run.stdout
        assert clients.device.state.apps[0].flags == 0x8004


def test_a_signature_over_another_quantity_is_refused(tmp_path: Path) -> None:
    """With a target version this release signs something else than what it sends; a ready signature works."""
    image = make_image(target="nanos")
    with serve(config("nanos"), tmp_path, WITH_CA) as clients:
        signing = ("--signApp", "--signPrivateKey", secret(CA))
        assert "6982" in clients.load_app(image, *signing, target_version="2.1.0").stderr
        assert not installed(clients.device)
        ready = ("--signature", CA.sign_digest(image.digest()).hex())
        assert clients.load_app(image, *ready, target_version="2.1.0").returncode == 0
        assert clients.device.state.apps[0].flags == 0x8004


def test_legacy_load(tmp_path: Path) -> None:
    """The form without TLV, and the commit that carries the boot address."""
    image = make_image(target="nanos", target_id=0x31100003)
    with serve(config("nanos", 0x31100003), tmp_path) as clients:
        clients.load_app(image)
        run = clients.ledgerblue(
            "loadApp",
            *clients.target(),
            *("--fileName", "app.hex", "--appName", "Old", "--appVersion", "0.9", "--targetVersion", ""),
        )
        assert run.returncode == 0, run.stderr
        old = clients.device.state.find("Old")
        assert old is not None
        assert (old.version, old.contents) == ("0.9", image.data)


def test_parameters_appended_by_the_client(tmp_path: Path) -> None:
    """They start at the next multiple of 64 of the data's length."""
    image = make_image(code=1024, data=100)
    with serve(config(), tmp_path) as clients:
        clients.load_app(image)
        run = clients.ledgerblue(
            "loadApp",
            *clients.target(),
            *("--fileName", "app.hex", "--appName", "Appended", "--appVersion", "3", "--tlv"),
            *("--dataSize", "100", "--apiLevel", "25", "--targetVersion", "", "--path", "44'/1'"),
        )
        assert run.returncode == 0, run.stderr
        app = clients.device.state.find("Appended")
        assert app is not None
        assert app.contents[: len(image.data)] == image.data
        assert app.version == "3"


@pytest.mark.parametrize("target_id", [0x31100002, 0x31100003, None])
def test_list_delete_and_memory(target_id: int | None, tmp_path: Path) -> None:
    image = make_image(target="nanos", target_id=target_id)
    with serve(config("nanos", target_id), tmp_path) as clients:
        clients.load_app(image)
        assert "'name': 'App'" in clients.ledgerblue("listApps", *clients.target(), "--scp").stdout
        assert "'name': 'App'" in clients.ledgerblue("listApps", *clients.target()).stdout
        memory = clients.ledgerblue("getMemInfo", *clients.target()).stdout
        assert "'applicationsSize': 4096, 'freeSize': 139264, 'usedAppSlots': 1" in memory
        assert clients.ledgerblue("deleteApp", *clients.target(), "--appName", "App").returncode == 0
        assert not installed(clients.device)
        assert clients.ledgerblue("deleteApp", *clients.target(), "--appName", "App").returncode == 0


def test_old_list_format(tmp_path: Path) -> None:
    with serve(config(list_format="old"), tmp_path) as clients:
        image = make_image()
        clients.load_app(image)
        listed = clients.ledgerblue("listApps", *clients.target(), "--scp").stdout
        assert f"'flags': {0x8000}, 'hash': {image.digest()!r}" in listed


def test_custom_ca(tmp_path: Path) -> None:
    enrol = ("--public", CA.public_key.point.hex(), "--name", "mine")
    with serve(config(), tmp_path) as clients:
        assert "661e" in clients.ledgerblue("setupCustomCA", *clients.target(), *enrol).stderr
        clients.device.recovery = True
        assert clients.ledgerblue("setupCustomCA", *clients.target(), *enrol).returncode == 0
        assert clients.device.state == DeviceState(custom_ca=Authority("mine", CA.public_key))
        assert "6982" in clients.ledgerblue("setupCustomCA", *clients.target(), *enrol).stderr
        assert clients.ledgerblue("resetCustomCA", *clients.target()).returncode == 0
        assert clients.device.state.custom_ca is None
        assert "6a84" in clients.ledgerblue("resetCustomCA", *clients.target()).stderr


def test_check_genuine(tmp_path: Path) -> None:
    issuer = ISSUER.public_key.point.hex()
    other = STRANGER.public_key.point.hex()
    for state, key, verdict in (
        (None, issuer, "Product is genuine\n"),
        (WITH_CA, issuer, "WARNING : Product is genuine but has a Custom CA loaded\n"),
        (None, other, "Product is NOT genuine\n"),
    ):
        with serve(config(), tmp_path, state) as clients:
            run = clients.ledgerblue("checkGenuine", *clients.target(), "--issuerKey", key)
            assert verdict in run.stdout


def test_scripts(tmp_path: Path) -> None:
    """A script written offline, and one that we write, replayed through the channel."""
    image = make_image()
    with serve(config(), tmp_path) as clients:
        assert clients.load_app(image, "--delete", "--offline", "app.apdu").returncode == 0
        assert not installed(clients.device)
        run = clients.ledgerblue("runScript", *clients.target(), "--scp", "--fileName", "app.apdu")
        assert run.returncode == 0, run.stderr
        assert installed(clients.device) == {"App": image.digest().hex()}
    plan = load_plan(image, chunk=128)
    lines = [b"\xe0\0\0\0" + bytes([1 + len(args), sub]) + args for sub, args in plan]
    (tmp_path / "ours.apdu").write_text("".join(line.hex() + "\n" for line in lines))
    with serve(config(), tmp_path) as clients:
        clear = clients.ledgerblue("runScript", *clients.target(), "--fileName", "ours.apdu")
        assert "6982" in clear.stderr
        assert (
            clients.ledgerblue("runScript", *clients.target(), "--scp", "--fileName", "ours.apdu").returncode
            == 0
        )
        assert installed(clients.device) == {"App": image.digest().hex()}


def test_recover_ca_over_siv(tmp_path: Path) -> None:
    arguments = (
        "--issuerPublicKey",
        ISSUER.public_key.point.hex(),
        "--caPublicKey",
        CA.public_key.point.hex(),
    )
    with serve(config(), tmp_path) as clients:
        run = clients.ledgerblue("recoverSetCA", *clients.target(), *arguments, "--name", "back")
        assert run.returncode == 0, run.stderr
        assert clients.device.state.recover_ca == Authority("back", CA.public_key)


@pytest.mark.parametrize("slot", [1, 2])
def test_endorsement(slot: int, tmp_path: Path) -> None:
    """The client checks the device's signature against the issuer, then signs as the owner."""
    arguments = ("--key", str(slot), "--privateKey", secret(CA), "--issuerKey", ISSUER.public_key.point.hex())
    with serve(config(), tmp_path) as clients:
        run = clients.ledgerblue("endorsementSetup", *clients.target(), *arguments)
        assert run.returncode == 0, run.stderr
        (endorsement,) = clients.device.state.endorsements
        assert endorsement.slot == slot
        assert f"Public key {endorsement.key.point.hex()}" in run.stdout
        owned = b"\xfe" + endorsement.key.point
        assert CA.public_key.verifies_message(endorsement.owner_signature, owned)


def test_onboarding(tmp_path: Path) -> None:
    words = " ".join(["abandon"] * 24)
    arguments = ("--id", "0", "--pin", "1234", "--prefix", "", "--passphrase", "", "--words", words)
    with serve(config(), tmp_path, DeviceState(onboarded=False)) as clients:
        assert "661e" in clients.ledgerblue("hostOnboard", *arguments).stderr
        clients.device.recovery = True
        assert clients.ledgerblue("hostOnboard", *arguments).returncode == 0
        assert clients.device.state.onboarded
        clients.device.locked = True
        assert clients.device.unlock("1234")


def _kinds(*refused: PromptKind) -> Callable[[Prompt], bool]:
    return lambda prompt: prompt.kind not in refused


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"consent": deny}, "6985"),
        ({"consent": _kinds(PromptKind.INSTALL)}, "6985"),
        ({"locked": True}, "5515"),
        ({"sideload": False}, "5120"),
        ({"custom_channels": False}, "69d5"),
        ({"api_level": 24}, "511f"),
        ({"api_level": None}, "6512"),
        ({"app_flash": 1024}, "6a84"),
        ({"slots": 0}, "6a85"),
        ({"target_version": "2"}, None),
    ],
    ids=lambda value: re.sub(r" at 0x[0-9a-f]+", "", str(value)),
)
def test_refusals(changes: dict[str, object], status: str | None, tmp_path: Path) -> None:
    """The client ends with the status word, and nothing is installed; another digest is still an install."""
    image = make_image()
    with serve(changed(config(), **changes), tmp_path) as clients:
        run = clients.load_app(image, "--delete")
        if status is None:
            assert run.returncode == 0
            assert installed(clients.device)["App"] != image.digest().hex()
            return
        assert run.returncode != 0
        assert re.search(rf"Invalid status {status}", run.stderr)
        assert not installed(clients.device)


def test_a_host_with_the_custom_ca_is_not_asked_about(tmp_path: Path) -> None:
    image = make_image()
    with serve(config(consent=deny), tmp_path, WITH_CA) as clients:
        run = clients.load_app(image, "--rootPrivateKey", secret(CA))
        assert run.returncode == 0, run.stderr
        assert installed(clients.device) == {"App": image.digest().hex()}
