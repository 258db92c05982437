"""Every status word of the loader protocol, §18, by its condition; consent, signatures, certificates."""

import contextlib
from collections.abc import Callable

import pytest

from tests.unit.virtual_device.host import (
    ALL_TARGETS,
    CA,
    ISSUER,
    STRANGER,
    Host,
    Refused,
    apdu,
    config,
    install_params,
    load_plan,
    lv,
    make_image,
)
from toolchain.image import Image
from toolchain.keys import PrivateKey
from toolchain.virtual_device import DeviceConfig, DeviceState, Prompt, PromptKind, VirtualDevice, deny
from toolchain.virtual_device.state import Authority

WITH_CA = DeviceState(custom_ca=Authority("ca", CA.public_key))
CUSTOM_CA = lv(b"mine") + lv(CA.public_key.point)


def connect(
    device_config: DeviceConfig, key: PrivateKey = STRANGER, state: DeviceState | None = None
) -> tuple[VirtualDevice, Host]:
    device = VirtualDevice(device_config, state)
    return device, Host(device.handle, device_config.target_id, key).connect()


def status_of(host: Host, sub: int, args: bytes = b"") -> int:
    with contextlib.suppress(Refused):
        host.run(sub, args)
    return host.status


def load_status(host: Host, image: Image, signature: bytes | None = None) -> int:
    with contextlib.suppress(Refused):
        host.load(image, signature)
    return host.status


def test_locked() -> None:
    device = VirtualDevice(config(locked=True))
    assert device.handle(apdu(0x04, device.config.target_id.to_bytes(4, "big"))) == b"\x55\x15"
    flags = device.handle(apdu(0x01))[11:15]
    device.locked = False
    assert flags[0] ^ device.handle(apdu(0x01))[11] == 0x80
    Host(device.handle, device.config.target_id).connect()


def test_api_level_of_another_os() -> None:
    _, host = connect(config(api_level=24))
    assert load_status(host, make_image()) == 0x511F


@pytest.mark.parametrize("name", ALL_TARGETS)
def test_create_app_of_the_wrong_form(name: str) -> None:
    _, host = connect(config(name))
    right = make_image(target=name).create_app_params()
    other = b"\x19" + right if name == "nanos" else right[1:]
    assert status_of(host, 0x0B, other) == 0x6512
    assert status_of(host, 0x0B, right + b"\0") == 0x6512
    assert status_of(host, 0x0B, b"") == 0x6512
    assert status_of(host, 0x0B, right) == 0x9000


def test_no_sideloading_except_for_the_issuer() -> None:
    for key, status in ((STRANGER, 0x5120), (CA, 0x5120), (ISSUER, 0x9000)):
        _, host = connect(config(sideload=False), key, WITH_CA)
        assert load_status(host, make_image()) == status


def test_no_custom_channels_except_for_the_issuer() -> None:
    for key, status in ((STRANGER, 0x69D5), (CA, 0x69D5), (ISSUER, 0x9000)):
        device = VirtualDevice(config(custom_channels=False), WITH_CA)
        host = Host(device.handle, device.config.target_id, key)
        if status == 0x9000:
            host.connect()
        else:
            with pytest.raises(Refused, match="69d5"):
                host.connect()


@pytest.mark.parametrize(("target_id", "status"), [("33100003", b"\x64\x84"), ("33000004", b"\x68\x14")])
def test_wrong_target(target_id: str, status: bytes) -> None:
    assert VirtualDevice(config()).handle(apdu(0x04, bytes.fromhex(target_id))) == status


def test_custom_ca_is_enrolled_in_recovery_mode_only_and_once() -> None:
    device, host = connect(config())
    assert status_of(host, 0x13) == 0x6A84
    assert status_of(host, 0x12, CUSTOM_CA) == 0x661E
    device.recovery = True
    assert device.handle(apdu(0x01))[11] & 1
    assert status_of(host, 0x12, lv(b"mine") + lv(b"\x04" + bytes(64))) == 0x6802
    assert status_of(host, 0x12, lv(b"") + lv(CA.public_key.point)) == 0x6802
    assert status_of(host, 0x12, CUSTOM_CA) == 0x9000
    assert status_of(host, 0x12, CUSTOM_CA) == 0x6982
    assert device.handle(apdu(0x01))[11] & 0x10
    assert host.names() == ["mine"]
    assert status_of(host, 0x13) == 0x9000
    assert device.state.custom_ca is None


def test_run_and_quit() -> None:
    device, host = connect(config())
    assert device.handle(apdu(0xD8, b"App")) == b"\x69\x84"
    assert device.handle(b"\xb0\x01\0\0\0") == b"\x01\x05BOLOS\x051.5.0\x90\x00"
    host.load(make_image())
    assert device.handle(apdu(0xD8, b"App")) == b"\x90\x00"
    assert device.handle(b"\xb0\x01\0\0\0") == b"\x01\x03App\x051.0.0\x90\x00"
    assert device.handle(apdu(0x04, host.target_id.to_bytes(4, "big"))) == b"\x6d\x00"
    assert device.handle(b"\x80\x01\0\0\0") == b"\x6e\x00"
    assert device.handle(b"\xb0\xa7\0\0\0") == b"\x90\x00"
    host.connect()


def test_name_taken_and_app_already_there() -> None:
    device, host = connect(config())
    image = make_image()
    assert load_status(host, image) == 0x9000
    assert load_status(host, make_image(fill=2)) == 0x6A80
    assert load_status(host, image) == 0x6A81
    assert [app.full_hash for app in device.state.apps] == [image.digest()]


def test_library_must_be_there_in_its_version() -> None:
    _, host = connect(config())

    def using(*parts: bytes) -> Image:
        value = b"".join(map(lv, parts))
        return make_image(params=install_params("User", dependencies=(value,)), fill=3)

    assert load_status(host, using(b"Lib")) == 0x6A83
    assert load_status(host, make_image(params=install_params("Lib", "1.2"))) == 0x9000
    assert load_status(host, using(b"Lib", b"1.3")) == 0x6A83
    assert load_status(host, using(b"Lib", b"1.2", b"x")) == 0x6802
    assert load_status(host, using(b"Lib", b"1.2")) == 0x9000


def test_not_enough_space_or_slots() -> None:
    _, host = connect(config(app_flash=4096))
    assert load_status(host, make_image(code=4096)) == 0x6A84
    assert load_status(host, make_image(code=3072)) == 0x9000
    assert load_status(host, make_image(fill=2)) == 0x6A84
    _, host = connect(config(slots=1))
    assert load_status(host, make_image()) == 0x9000
    assert load_status(host, make_image(fill=2)) == 0x6A85


@pytest.mark.parametrize("change", ["04000000", "00000002", "00000004", "00000400", "00004000"])
def test_flags_that_an_app_may_not_ask_for(change: str) -> None:
    flags = int(change, 16)
    _, host = connect(config())
    assert load_status(host, make_image(flags=flags)) == 0x6802
    device, host = connect(config(), ISSUER)
    assert load_status(host, make_image(flags=flags)) == (0x6802 if flags > 0x3FFFF else 0x9000)
    assert all(app.flags & 0x4000 for app in device.state.apps)


def test_flags_of_public_apps_are_kept() -> None:
    device, host = connect(config())
    host.load(make_image(flags=0xA50))
    assert device.state.apps[0].flags == 0x8A50


@pytest.mark.parametrize(
    "params",
    [
        b"",
        b"\x02\x011",
        b"\x01\x00",
        b"\x01\x02A",
        b"\x01\x81\x01A",
        b"\x01\x82\x00\x01A",
        b"\x01\x01A\x01\x01B",
        b"\x01\x01\n",
        b"\x01" + lv(b"x" * 33),
        b"\x01\x01A\x02\x00",
        b"\x01\x01A\x03",
        b"\x01\x01A\x06\x01\x05",
    ],
)
def test_bad_install_parameters(params: bytes) -> None:
    device, host = connect(config())
    assert load_status(host, make_image(params=params)) == 0x6802
    assert not device.state.apps


def test_long_install_parameters() -> None:
    device, host = connect(config())
    icon = b"\x03\x82\x01\x2c" + bytes(300) + b"\x20\x81\x80" + bytes(128)
    assert load_status(host, make_image(params=icon + install_params("Icon"))) == 0x9000
    assert device.state.apps[0].name == "Icon"


@pytest.mark.parametrize("boot", [1024, 0xFFFFFFFF])
def test_boot_offset_outside_of_the_code(boot: int) -> None:
    _, host = connect(config())
    create = make_image().create_app_params()
    assert status_of(host, 0x0B, create[:-4] + boot.to_bytes(4, "big")) == 0x6802


@pytest.mark.parametrize("length", [0, 1 << 22, 0xFFFFFFFF])
def test_absurd_code_length(length: int) -> None:
    _, host = connect(config())
    create = make_image().create_app_params()
    assert status_of(host, 0x0B, create[:1] + length.to_bytes(4, "big") + create[5:]) == 0x6802


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("", b"\x67\x00"),
        ("e0", b"\x67\x00"),
        ("e0010000", b"\x67\x00"),
        ("e001000001", b"\x67\x00"),
        ("e00100000000", b"\x67\x00"),
        ("e00100000100", b"\x67\x00"),
        ("e001010000", b"\x6b\x00"),
        ("e001000100", b"\x6b\x00"),
        ("e004010004" + "33100004", b"\x6b\x00"),
        ("e004000003" + "331000", b"\x67\x00"),
        ("e002000000", b"\x6d\x00"),
        ("d001000000", b"\x6e\x00"),
        ("b002000000", b"\x6d\x00"),
        ("b001010000", b"\x6b\x00"),
        ("b00100000100", b"\x67\x00"),
        ("e000000000", b"\x69\x82"),
        ("e000000001" + "10", b"\x69\x82"),
        ("e053000000", b"\x69\x82"),
        ("e0d8000000", b"\x68\x02"),
        ("e0de00000100", b"\x67\x00"),
    ],
)
def test_malformed_and_misplaced_commands(message: str, status: bytes) -> None:
    assert VirtualDevice(config()).handle(bytes.fromhex(message)) == status


def test_unknown_and_empty_sub_commands_leave_the_channel_alive() -> None:
    _, host = connect(config())
    assert status_of(host, 0x01) == 0x6D00
    assert status_of(host, 0xB1) == 0x6D00
    assert status_of(host, 0x10) == 0x9000


class _Asked:
    """A consent callback that remembers the prompts and refuses one kind."""

    def __init__(self, refused: PromptKind | None = None) -> None:
        self.prompts: list[Prompt] = []
        self.refused = refused

    def __call__(self, prompt: Prompt) -> bool:
        self.prompts.append(prompt)
        return prompt.kind is not self.refused


def test_a_stranger_is_asked_about_everything() -> None:
    asked = _Asked()
    _, host = connect(config(consent=asked, recovery=True))
    image = make_image()
    host.load(image)
    host.run(0x0C, lv(b"App"))
    host.run(0x0C, lv(b"App"))
    host.run(0x12, CUSTOM_CA)
    host.run(0x13)
    digest, ca = image.digest().hex(), CA.public_key.point.hex()
    assert asked.prompts == [
        Prompt(PromptKind.FOREIGN_HOST, STRANGER.public_key.key_id, STRANGER.public_key.point.hex()),
        Prompt(PromptKind.INSTALL, "App 1.0.0", digest),
        Prompt(PromptKind.DELETE, "App", digest),
        Prompt(PromptKind.ENROL_CA, "mine", ca),
        Prompt(PromptKind.REMOVE_CA, "mine", ca),
    ]


def test_a_host_with_the_custom_ca_needs_no_consent_for_apps() -> None:
    _, host = connect(config(consent=deny), CA, WITH_CA)
    host.load(make_image())
    host.run(0x0C, lv(b"App"))
    assert status_of(host, 0x13) == 0x6985


@pytest.mark.parametrize("kind", PromptKind)
def test_what_is_denied_does_not_happen(kind: PromptKind) -> None:
    asked = _Asked(kind)
    device = VirtualDevice(config(consent=asked, recovery=True))
    host = Host(device.handle, device.config.target_id)
    steps: dict[PromptKind, Callable[[], object]] = {
        PromptKind.FOREIGN_HOST: host.connect,
        PromptKind.INSTALL: lambda: host.load(make_image()),
        PromptKind.DELETE: lambda: host.run(0x0C, lv(b"App")),
        PromptKind.ENROL_CA: lambda: host.run(0x12, CUSTOM_CA),
        PromptKind.REMOVE_CA: lambda: host.run(0x13),
    }
    for step_kind, step in steps.items():
        before = device.state.apps, device.state.custom_ca
        if step_kind is kind:
            with pytest.raises(Refused, match="6985"):
                step()
            assert (device.state.apps, device.state.custom_ca) == before
            break
        step()


def test_signed_apps() -> None:
    image = make_image()
    digest = image.digest()
    signer = PrivateKey.from_int(31)
    for keys, state, signature, status in (
        ((), WITH_CA, CA.sign_digest(digest), 0x9000),
        ((signer.public_key,), DeviceState(), signer.sign_digest(digest), 0x9000),
        ((), DeviceState(), CA.sign_digest(digest), 0x6982),
        ((), WITH_CA, signer.sign_digest(digest), 0x6982),
        ((), WITH_CA, CA.sign_message(digest), 0x6982),
        ((), WITH_CA, b"", 0x6982),
        ((), WITH_CA, CA.sign_digest(make_image(fill=2).digest()), 0x6982),
    ):
        device, host = connect(config(signing_keys=keys), STRANGER, state)
        assert load_status(host, image, signature) == status
        assert [app.flags for app in device.state.apps] == ([0x8004] if status == 0x9000 else [])


def test_commit_arguments() -> None:
    device, host = connect(config(), STRANGER, WITH_CA)
    image = make_image()
    signature = CA.sign_digest(image.digest())
    for args in (b"\x05", lv(signature)[:-1], lv(signature) + b"\0", lv(signature) * 2, bytes(4)):
        for sub, arguments in load_plan(image)[:-1]:
            host.run(sub, arguments)
        assert status_of(host, 0x09, args) == 0x6802
    assert not device.state.apps


def test_legacy_boot_address_must_be_in_the_code() -> None:
    _, host = connect(config("nanos", 0x31100003))
    host.run(0x0B, (64).to_bytes(4, "big") + bytes(4) + lv(b"Old") + lv(b"") + lv(b"\xff"))
    host.run(0x05, bytes(4))
    host.run(0x06, bytes(2) + bytes(64))
    assert status_of(host, 0x09, (65).to_bytes(4, "big")) == 0x6802
    for form in (
        bytes(7),
        bytes(8) + lv(b"x") + lv(b"") + lv(b"") + b"\x05",
        bytes(8) + lv(b"") * 3,
        bytes(20),
    ):
        assert status_of(host, 0x0B, form) in (0x6512, 0x6802)


def test_plain_version_layout() -> None:
    device = VirtualDevice(config("nanox"))
    reply = device.handle(apdu(0x01))
    assert reply.hex() == "33000004" + "05322e352e30" + "048e000000" + "04322e3330" + "04312e3136" + (
        "0130" + "0100" + "0100" + "9000"
    )
    reply = VirtualDevice(config("nanos")).handle(apdu(0x01))
    assert reply.hex() == "31100004" + "05322e312e30" + "048e000000" + "04312e3132" + "9000"
