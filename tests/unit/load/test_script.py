import pytest

from tests.unit.device.small_device import HOST_KEY, ISSUER, SmallDevice
from tests.unit.load.samples import sample_image
from toolchain.device.session import Session, open_session
from toolchain.errors import DeviceError, ImageError
from toolchain.load.plan import Delete, plan_load
from toolchain.load.script import load_commands, replay_script, script_digest

IMAGE = sample_image(3000)
SCRIPT = plan_load(IMAGE, signature=b"\x30\x00", delete=Delete.FIRST).script_apdus()


def connect(device: SmallDevice) -> Session:
    return open_session(device, device.target_id, HOST_KEY, [ISSUER])


@pytest.mark.parametrize("target_id", [0x31100003, 0x31100004, 0x33000004])
def test_digest_is_the_image_s(target_id: int) -> None:
    image = sample_image(1000, target_id=target_id)
    commands = load_commands(plan_load(image, signature=None, delete=None).script_apdus())
    version = "2.1.0" if target_id == 0x31100004 else ""
    expected = sample_image(1000, target_id=target_id, target_version=version)
    assert script_digest(commands, target_id) == expected.digest()


def test_commands_are_the_plan_s() -> None:
    assert load_commands(SCRIPT) == plan_load(IMAGE, signature=b"\x30\x00", delete=Delete.FIRST).commands


def test_replay_is_confirmed() -> None:
    device = SmallDevice(apps={"Sample": bytes(32)})
    session = connect(device)
    assert replay_script(session, SCRIPT).app.full_hash == IMAGE.digest()
    assert device.apps == {"Sample": IMAGE.digest()}
    assert replay_script(session, SCRIPT).commands == 0


def test_replay_that_nobody_confirms() -> None:
    class Forgetful(SmallDevice):
        def run(self, sub: int, arguments: bytes) -> bytes:
            return b"" if sub == 0x09 else super().run(sub, arguments)

    with pytest.raises(DeviceError, match="did not confirm"):
        replay_script(connect(Forgetful()), SCRIPT)


@pytest.mark.parametrize(
    "apdus",
    [
        (),
        SCRIPT[:-1],
        SCRIPT[1:] + SCRIPT[:1],
        (*SCRIPT, SCRIPT[-1]),
        SCRIPT[2:],
        SCRIPT[:3] + SCRIPT[-1:] + SCRIPT[3:],
    ],
    ids=["empty", "cut", "turned", "two commits", "no create", "early commit"],
)
def test_scripts_that_are_not_one_load(apdus: tuple[bytes, ...]) -> None:
    with pytest.raises(ImageError, match="not one whole load"):
        load_commands(apdus)


@pytest.mark.parametrize(
    "apdu",
    [
        "e0d8000003417070",
        "e000000001 13",
        "e00000000112",
        "e000000000",
        "e00001000107",
        "b000000001 07",
        "e00000000199",
    ],
)
def test_other_commands_do_not_pass(apdu: str) -> None:
    with pytest.raises(ImageError, match="line 2: not a command of a load"):
        load_commands((SCRIPT[0], bytes.fromhex(apdu), *SCRIPT[1:]))
