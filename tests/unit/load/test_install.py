from collections.abc import Callable

import pytest

from tests.unit.device.small_device import HOST_KEY, ISSUER, Relay, SmallDevice
from tests.unit.load.samples import sample_image
from toolchain.device.session import Session, open_session
from toolchain.device.transport import Transport
from toolchain.errors import DeviceError, StatusWordError
from toolchain.image import Image
from toolchain.load.install import install

OK = b"\x90\x00"
IMAGE = sample_image(3000)


def connect(transport: Transport, image: Image = IMAGE) -> Session:
    return open_session(transport, image.target_id, HOST_KEY, [ISSUER])


@pytest.mark.parametrize("target_id", [0x31100002, 0x31100003, 0x31100004, 0x33000004, 0x33100004])
@pytest.mark.parametrize("length", [1, 222, 224, 236, 237, 70_000])
def test_every_generation(target_id: int, length: int) -> None:
    image = sample_image(length, target_id=target_id)
    device = SmallDevice(target_id)
    seen: list[tuple[int, int]] = []
    result = install(connect(device, image), image, None, progress=lambda *done: seen.append(done))
    assert device.apps == {"Sample": image.digest()}
    assert (result.app.name, result.app.full_hash) == ("Sample", image.digest())
    assert seen == [(n, result.commands) for n in range(1, result.commands + 1)]


def test_the_signature_goes_with_the_commit() -> None:
    device = SmallDevice()
    signature = HOST_KEY.sign_digest(IMAGE.digest())
    install(connect(device), IMAGE, signature)
    assert device.received[-2] == b"\x09" + bytes((len(signature),)) + signature


def test_nothing_is_sent_if_the_app_is_there() -> None:
    device = SmallDevice(apps={"Sample": IMAGE.digest()})
    result = install(connect(device), IMAGE, None)
    assert result.commands == 0
    assert result.app.full_hash == IMAGE.digest()
    assert {plaintext[0] for plaintext in device.received} == {0x0E, 0x0F, 0x11}


def test_force_loads_it_again() -> None:
    device = SmallDevice(apps={"Sample": IMAGE.digest()})
    assert install(connect(device), IMAGE, None, force=True).commands > 0
    assert b"\x0c\x06Sample" in device.received


def test_another_version_is_replaced() -> None:
    device = SmallDevice(apps={"Sample": bytes(32), "Other": bytes(32)})
    install(connect(device), IMAGE, None)
    assert device.apps == {"Sample": IMAGE.digest(), "Other": bytes(32)}
    assert device.received.count(b"\x0c\x06Sample") == 1


def test_a_new_app_needs_no_delete() -> None:
    device = SmallDevice(apps={"Other": bytes(32)})
    install(connect(device), IMAGE, None)
    assert not any(plaintext[0] == 0x0C for plaintext in device.received)


def test_another_target_is_refused_before_anything() -> None:
    device = SmallDevice()
    session = connect(device)
    with pytest.raises(DeviceError, match=r"built for Nano X \(33000004\), the device is Nano S Plus"):
        install(session, sample_image(target_id=0x33000004), None)
    assert device.received == []


def test_no_room() -> None:
    device = SmallDevice(free=2999, apps={"Big": bytes(32), "Sample": bytes(32)})
    with pytest.raises(DeviceError, match="needs 3072 bytes of flash, the device has") as caught:
        install(connect(device), sample_image(3000, name="New"), None)
    assert "delete one of: Sample (512 bytes), Big (512 bytes)" in caught.value.hint
    assert 0x0B not in {plaintext[0] for plaintext in device.received}


def test_room_counts_the_app_that_goes() -> None:
    device = SmallDevice(free=3072 - 512, apps={"Sample": bytes(32)})
    assert install(connect(device), IMAGE, None).commands


def test_no_room_on_an_empty_device() -> None:
    with pytest.raises(DeviceError) as caught:
        install(connect(SmallDevice(free=0)), IMAGE, None)
    assert caught.value.hint == "the app does not fit this device"


def test_no_slot() -> None:
    device = SmallDevice(slots=1, apps={"Other": bytes(32)})
    with pytest.raises(DeviceError, match="all 1 places"):
        install(connect(device), IMAGE, None)
    device.apps = {"Sample": bytes(32)}
    assert install(connect(device), IMAGE, None).commands


def relayed(device: SmallDevice, answer: Callable[[int, bytes], bytes]) -> Session:
    """A session whose link gets in the way from the first secured command on (exchange 7)."""
    return connect(Relay(device, answer=lambda n, data: answer(n - 7, data) if n > 6 else data))


class Swallower(Relay):
    """Says 9000 to everything that loads, and lets the rest pass."""

    def exchange(self, apdu: bytes) -> bytes:
        secured = apdu[1] == 0
        if secured and self.exchanges >= 9:  # after the inventory
            return OK
        return super().exchange(apdu)


def test_a_relay_that_swallows_the_load_does_not_fool_us() -> None:
    device = SmallDevice()
    with pytest.raises(DeviceError, match="did not confirm"):
        install(connect(Swallower(device)), IMAGE, None)
    assert device.apps == {}


def test_a_relay_that_swallows_everything_does_not_fool_us() -> None:
    class All(Swallower):
        def exchange(self, apdu: bytes) -> bytes:
            return OK if apdu[1] == 0 else super().exchange(apdu)

    with pytest.raises(DeviceError):
        install(connect(All(SmallDevice())), IMAGE, None)


def test_a_device_that_forgets_does_not_fool_us() -> None:
    class Forgetful(SmallDevice):
        def run(self, sub: int, arguments: bytes) -> bytes:
            return b"" if sub == 0x09 else super().run(sub, arguments)

    with pytest.raises(DeviceError, match="did not confirm") as caught:
        install(connect(Forgetful()), IMAGE, None)
    assert caught.value.hint


def test_a_device_that_stores_something_else_does_not_fool_us() -> None:
    class Careless(SmallDevice):
        def run(self, sub: int, arguments: bytes) -> bytes:
            return super().run(sub, arguments[:-1] + b"\0" if sub == 0x06 else arguments)

    with pytest.raises(DeviceError, match="did not confirm"):
        install(connect(Careless()), IMAGE, None)


def test_refused_by_the_owner() -> None:
    session = relayed(SmallDevice(), lambda n, data: b"\x69\x85" if n == 2 else data)
    with pytest.raises(StatusWordError, match="create app: refused on the device"):
        install(session, IMAGE, None)


def test_every_lost_command_is_noticed() -> None:
    """One command of a load swallowed, whichever it is: the app is not reported as installed."""
    total = install(connect(SmallDevice()), IMAGE, None).commands
    for lost in range(total):

        class Swallow(Relay):
            position = 9 + lost

            def exchange(self, apdu: bytes) -> bytes:
                if self.exchanges == self.position:
                    self.exchanges += 1
                    return OK
                return super().exchange(apdu)

        with pytest.raises(DeviceError):
            install(connect(Swallow(SmallDevice())), IMAGE, None)
