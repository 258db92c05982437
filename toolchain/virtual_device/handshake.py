"""The device's side of the handshake, version 2 (loader protocol §5): each message once, in order."""

from enum import Enum, auto

from toolchain.keys import PublicKey
from toolchain.virtual_device.channel import Channel, classic_channel, siv_channel
from toolchain.virtual_device.config import DeviceIdentity, Random, random_key
from toolchain.virtual_device.fields import lv, read_key, read_lvs
from toolchain.virtual_device.status import RefusedError, Status

NONCE_LENGTH = 8
MAX_CHAIN = 4
"""Static certificates that a host may present one after the other."""


class Trust(Enum):
    """Who vouches for the host."""

    FOREIGN = auto()
    CUSTOM_CA = auto()
    ISSUER = auto()


class _Step(Enum):
    NONCES = auto()
    HOST_STATIC = auto()
    HOST_EPHEMERAL = auto()
    DEVICE_STATIC = auto()
    DEVICE_EPHEMERAL = auto()
    FINISH = auto()


class Handshake:
    """One handshake. Every method refuses with SECURITY when it is not its turn."""

    def __init__(
        self,
        identity: DeviceIdentity,
        generation: int,
        random: Random,
        *,
        custom_ca: PublicKey | None,
        recover_ca: PublicKey | None,
        siv: bool,
    ) -> None:
        self._identity = identity
        self._generation = generation
        self._random = random
        self._custom_ca = custom_ca
        self._recover_ca = recover_ca
        self._siv = siv
        self._step = _Step.NONCES
        self._chain = 0
        self._recover = False
        self._ephemeral = random_key(random)
        self._host: PublicKey | None = None
        self._channel: Channel | None = None
        self._host_nonce = self._device_nonce = b""
        self.trust = Trust.FOREIGN

    @property
    def host(self) -> PublicKey | None:
        """The host's static key, once certified."""
        return self._host

    def _turn(self, *steps: _Step) -> None:
        if self._step not in steps:
            raise RefusedError(Status.SECURITY)

    def nonces(self, host_nonce: bytes) -> bytes:
        """Message 2: take the host's nonce; serial and a fresh nonce of ours."""
        self._turn(_Step.NONCES)
        if len(host_nonce) != NONCE_LENGTH:
            raise RefusedError(Status.WRONG_LENGTH)
        self._host_nonce = host_nonce
        self._device_nonce = self._random(NONCE_LENGTH)
        self._step = _Step.HOST_STATIC
        return self._identity.serial + self._device_nonce

    def host_static(self, certificate: bytes, *, recover: bool) -> None:
        """Message 3, once or more: each key is signed by the one before it, the first by a root.

        ``recover``: the role is the orchestrator's, and its root the recover CA (SIV only).
        """
        self._turn(_Step.HOST_STATIC, _Step.HOST_EPHEMERAL)
        if self._chain == 0 and self._siv:
            self._recover = recover
        if self._chain == MAX_CHAIN or recover != self._recover:
            raise RefusedError(Status.SECURITY)
        point, signature = read_lvs(certificate, 2)
        key = read_key(point)
        signed = (b"\x05" if recover else b"\x01") + point
        if self._host is not None:
            roots = {self._host: self.trust}
        elif recover:
            roots = {} if self._recover_ca is None else {self._recover_ca: Trust.FOREIGN}
        else:
            roots = {key: Trust.FOREIGN}
            if self._custom_ca is not None:
                roots[self._custom_ca] = Trust.CUSTOM_CA
            roots[self._identity.issuer] = Trust.ISSUER
        signer = next((root for root in roots if root.verifies_message(signature, signed)), None)
        if signer is None:
            raise RefusedError(Status.SECURITY)
        self.trust = roots[signer]
        self._host = key
        self._chain += 1
        self._step = _Step.HOST_EPHEMERAL

    def host_ephemeral(self, certificate: bytes, *, recover: bool) -> None:
        """Message 4: the host's ephemeral key, signed by its static one over both nonces.

        Without a message 3 the issuer itself signs it, as script servers do (§14.3).
        """
        self._turn(_Step.HOST_STATIC, _Step.HOST_EPHEMERAL)
        if recover != self._recover:
            raise RefusedError(Status.SECURITY)
        point, signature = read_lvs(certificate, 2)
        key = read_key(point)
        if self._host is None:
            self._host, self.trust = self._identity.issuer, Trust.ISSUER
        signed = (b"\x15" if recover else b"\x11") + self._host_nonce + self._device_nonce + point
        if not self._host.verifies_message(signature, signed):
            raise RefusedError(Status.SECURITY)
        mine = self._ephemeral
        self._channel = siv_channel(mine, key) if self._siv else classic_channel(self._generation, mine, key)
        self._step = _Step.DEVICE_STATIC

    def device_static(self) -> bytes:
        """Message 5: our certificate by the issuer; wrapped as a whole on the SIV channel."""
        self._turn(_Step.DEVICE_STATIC)
        identity = self._identity
        certificate = lv(identity.header) + lv(identity.key.public_key.point) + lv(identity.signature)
        self._step = _Step.DEVICE_EPHEMERAL
        return self._wrap_siv(certificate)

    def device_ephemeral(self) -> bytes:
        """Message 6: our ephemeral key, signed by our static one; the signature wrapped on SIV."""
        self._turn(_Step.DEVICE_EPHEMERAL)
        point = self._ephemeral.public_key.point
        signature = self._identity.key.sign_message(b"\x12" + self._device_nonce + self._host_nonce + point)
        self._step = _Step.FINISH
        return lv(b"") + lv(point) + lv(self._wrap_siv(signature))

    def finish(self) -> Channel:
        """Message 7: the channel."""
        self._turn(_Step.FINISH)
        if self._channel is None:
            raise RefusedError(Status.SECURITY)
        return self._channel

    @property
    def authenticated(self) -> bool:
        """Whether both sides have proved their keys; endorsement starts here (§14.4)."""
        return self._step is _Step.FINISH

    def _wrap_siv(self, plain: bytes) -> bytes:
        return self._channel.wrap(plain) if self._siv and self._channel is not None else plain
