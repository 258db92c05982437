import hmac

import pytest

from tests.unit.device.small_device import HOST_KEY, ISSUER, NANO_SP, SmallDevice
from toolchain.device.apdu import Command, Response
from toolchain.device.certificate import endorsement_signed, owner_signed
from toolchain.device.endorsement import Endorsement, endorse, owner_certificate, store_owner_certificate
from toolchain.device.session import Handshake, authenticate
from toolchain.errors import AuthenticationError, ConfigError, DeviceError
from toolchain.keys import ORDER, PrivateKey

KEY = PrivateKey.from_int(0xE1D0)
APP = b"\x11" * 32


class Endorsing(SmallDevice):
    """Adds the two commands of endorsement."""

    certificate = b""
    signer: PrivateKey | None = None
    point = KEY.public_key.point

    def exchange(self, apdu: bytes) -> bytes:
        command = Command.decode(apdu)
        if command.ins == 0xC0:
            signer = self.signer or self.key
            signature = signer.sign_message(endorsement_signed(KEY.public_key))
            return Response(self.point + signature, 0x9000).encode()
        if command.ins == 0xC2:
            self.certificate = command.data
            return b"\x90\x00"
        return super().exchange(apdu)


def shake(device: SmallDevice) -> Handshake:
    return authenticate(device, NANO_SP, HOST_KEY, [ISSUER])


def test_set_up() -> None:
    device = Endorsing()
    handshake = shake(device)
    made = endorse(handshake, 1)
    assert made.key == KEY.public_key
    assert made.made_by(device.key.public_key)
    owner = PrivateKey.generate()
    store_owner_certificate(handshake, owner_certificate(owner, made))
    assert owner.public_key.verifies_message(device.certificate, owner_signed(KEY.public_key))


def test_a_key_that_another_device_made() -> None:
    device = Endorsing()
    device.signer = PrivateKey.generate()
    with pytest.raises(AuthenticationError, match="not signed by the device"):
        endorse(shake(device), 1)


def test_malformed_answer() -> None:
    device = Endorsing()
    device.point = bytes(65)
    with pytest.raises(DeviceError, match="malformed"):
        endorse(shake(device), 2)


def test_impossible_slot() -> None:
    with pytest.raises(ConfigError, match="slot 1 or 2"):
        endorse(shake(Endorsing()), 3)  # type: ignore[arg-type] # what the type rules out


def test_statement_of_slot_1() -> None:
    made = Endorsement(1, KEY.public_key, b"")
    signature = KEY.sign_message(b"statement" + APP)
    assert made.verifies(b"statement", signature, APP)
    assert not made.verifies(b"statement", signature, bytes(32))
    assert not made.verifies(b"another", signature, APP)


def test_statement_of_slot_2() -> None:
    made = Endorsement(2, KEY.public_key, b"")
    tweak = int.from_bytes(hmac.digest(APP, KEY.public_key.point, "sha256"))
    tweaked = PrivateKey.from_int((KEY.secret + tweak) % ORDER)
    signature = tweaked.sign_message(b"statement")
    assert made.verifies(b"statement", signature, APP)
    assert not made.verifies(b"statement", signature, bytes(32))
    assert not made.verifies(b"statement", KEY.sign_message(b"statement"), APP)
