"""Endorsement: a key of the device's own that apps sign statements with (loader protocol §14.4).

The device makes the key and signs it with its factory key; an owner signs it too. Apps on the device then
sign messages bound to their own hash, and anyone can check who ran where.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Literal

from toolchain import libsecp256k1
from toolchain.device import certificate
from toolchain.device.apdu import CLA, Command
from toolchain.device.session import Handshake, call
from toolchain.device.status import Step
from toolchain.errors import AuthenticationError, ConfigError, DeviceError, SigningError
from toolchain.keys import PublicKey, Signer, low_s

ENDORSE, OWNER = 0xC0, 0xC2
"""Instructions (§4)."""

_POINT = 65

Slot = Literal[1, 2]
"""Slot 1 signs message and app hash; slot 2 signs the message with a key tweaked by the app hash."""


@dataclass(frozen=True)
class Endorsement:
    """A key that a device made in ``slot``, with the device's signature over it."""

    slot: Slot
    key: PublicKey
    signature: bytes

    def made_by(self, device: PublicKey) -> bool:
        """Whether the device with that factory key made this endorsement key."""
        return device.verifies_message(self.signature, certificate.endorsement_signed(self.key))

    def verifies(self, statement: bytes, signature: bytes, app_hash: bytes) -> bool:
        """Whether the app with ``app_hash`` signed ``statement`` with this key."""
        if self.slot == 1:
            return self.key.verifies_message(signature, statement + app_hash)
        tweak = hmac.digest(app_hash, self.key.point, "sha256")
        try:
            tweaked = libsecp256k1.tweaked(self.key.compressed, tweak)
        except ValueError:  # a tweak that is not below the order of the group
            return False
        return PublicKey(tweaked).verifies_message(signature, statement)


def endorse(handshake: Handshake, slot: Slot) -> Endorsement:
    """Make the device create its endorsement key, and check that this device made it.

    Args:
        handshake: authenticated, but not opened.
        slot: which of the two keys.

    Raises:
        AuthenticationError: the device's own key did not sign the answer.
        DeviceError: refused, malformed, or the link failed.
    """
    if slot not in (1, 2):
        raise ConfigError("an endorsement key has slot 1 or 2")
    answer = call(handshake.transport, Command(CLA, ENDORSE, slot), Step.ENDORSE)
    try:
        made = Endorsement(slot, PublicKey(answer[:_POINT]), answer[_POINT:])
    except SigningError as e:
        raise DeviceError("the device's answer is malformed", where=Step.ENDORSE) from e
    if not made.made_by(handshake.device.key):
        raise AuthenticationError(
            "the endorsement key is not signed by the device that is connected",
            hint="something on the way alters the device's answers",
            where=Step.ENDORSE,
        )
    return made


def owner_certificate(owner: Signer, endorsement: Endorsement) -> bytes:
    """The owner's signature over an endorsement key, DER.

    Raises:
        SigningError: the signer refuses.
    """
    message = certificate.owner_signed(endorsement.key)
    return low_s(owner.sign_digest(hashlib.sha256(message).digest()))


def store_owner_certificate(handshake: Handshake, signature: bytes) -> None:
    """Give the device the owner's signature over the key that it made last.

    Raises:
        DeviceError: refused, or the link failed.
    """
    call(handshake.transport, Command(CLA, OWNER, data=signature), Step.OWNER)
