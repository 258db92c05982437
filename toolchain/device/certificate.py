"""Certificates of the handshake: how they are laid out and which bytes are signed (loader protocol §5).

Role bytes and nonces are signed but never sent; the length bytes of fields are sent but never signed.
"""

from dataclasses import dataclass
from enum import IntEnum

from toolchain.device.fields import lv, split_lv
from toolchain.errors import AuthenticationError, SigningError
from toolchain.keys import PublicKey

NONCE = 8
"""Bytes of a nonce, on both sides."""


class Role(IntEnum):
    """First signed byte: what the certified key is for (§5.2)."""

    HOST = 0x01
    DEVICE = 0x02
    HOST_EPHEMERAL = 0x11
    DEVICE_EPHEMERAL = 0x12
    OWNER = 0xFE
    ENDORSEMENT = 0xFF


@dataclass(frozen=True)
class DeviceCertificate:
    """What the device answers to messages 5 and 6: ``LV(header) LV(key) LV(signature)``.

    The header is opaque in message 5 and empty in message 6.
    """

    header: bytes
    key: PublicKey
    signature: bytes

    @classmethod
    def parse(cls, data: bytes) -> "DeviceCertificate":
        """Read a certificate, strictly.

        Raises:
            AuthenticationError: another layout, or the key is not a point.
        """
        try:
            header, point, signature = split_lv(data)
            return cls(header, PublicKey(point), signature)
        except (ValueError, SigningError) as e:
            raise AuthenticationError(
                "the device's certificate is malformed",
                hint="this is not a device of this kind, or something on the way alters its answers",
            ) from e


def host_certificate(key: PublicKey, signature: bytes) -> bytes:
    """Content of messages 3 and 4: ``LV(key) LV(signature)``."""
    return lv(key.point) + lv(signature)


def host_static_signed(host: PublicKey) -> bytes:
    """What the signer of the host's static key signs (message 3)."""
    return bytes((Role.HOST,)) + host.point


def host_ephemeral_signed(host_nonce: bytes, device_nonce: bytes, ephemeral: PublicKey) -> bytes:
    """What the host's static key signs (message 4): the host's nonce comes first."""
    return bytes((Role.HOST_EPHEMERAL,)) + host_nonce + device_nonce + ephemeral.point


def device_static_signed(header: bytes, device: PublicKey) -> bytes:
    """What the issuer signed (message 5)."""
    return bytes((Role.DEVICE,)) + header + device.point


def device_ephemeral_signed(device_nonce: bytes, host_nonce: bytes, ephemeral: PublicKey) -> bytes:
    """What the device's key signs (message 6): the device's nonce comes first."""
    return bytes((Role.DEVICE_EPHEMERAL,)) + device_nonce + host_nonce + ephemeral.point


def endorsement_signed(key: PublicKey) -> bytes:
    """What the device's key signs over an endorsement key (§14.4)."""
    return bytes((Role.ENDORSEMENT,)) + key.point


def owner_signed(key: PublicKey) -> bytes:
    """What the owner signs over an endorsement key (§14.4)."""
    return bytes((Role.OWNER,)) + key.point
