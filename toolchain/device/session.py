"""A session with a device: mutual authentication, then the secure channel (loader protocol §5, §8).

The host proves that it holds its static key; the device proves, over fresh nonces, that it holds a key
which a pinned issuer certified. A device that cannot is refused, unless the caller asks by name for the
exception; the verdict stays with the session.

Neither status words nor empty answers are protected by the channel: they are the link's word. An answer
with content is authentic and, on the CBC channels, vouches for every message before it in both
directions. So whoever needs a proof asks for an answer that is due (``load.inventory``).
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from toolchain.device import certificate
from toolchain.device.apdu import CLA, Command, Response
from toolchain.device.certificate import NONCE, DeviceCertificate
from toolchain.device.channel import (
    CbcChannel,
    CbcMacChannel,
    Channel,
    SivChannel,
    compressed_secret,
    counter_secret,
)
from toolchain.device.status import Step, require_ok
from toolchain.device.transport import Transport
from toolchain.errors import AuthenticationError, ConfigError, SecureChannelError, TransportError
from toolchain.keys import PrivateKey, Signer, low_s
from toolchain.trust import Issuer

SECURED, TARGET, NONCES, CERTIFICATE, DEVICE_CERTIFICATE, OPEN = 0x00, 0x04, 0x50, 0x51, 0x52, 0x53
"""Instructions of the handshake and of the channel (§4)."""

_SERIAL = 4
"""Bytes of batch serial before the device's nonce. Nothing authenticates them, so nothing uses them."""

_LAST = 0x80
_SIV = 0x02

Answer = Literal["none", "due", "optional"]
"""Whether an answer has content: never, always, or either (the end of a list is empty)."""


@dataclass(frozen=True)
class Genuine:
    """The device's certificate verifies under ``issuer``."""

    issuer: Issuer


@dataclass(frozen=True)
class UnknownIssuer:
    """The device's certificate verifies under no pinned issuer; the caller went on regardless."""


Verdict = Genuine | UnknownIssuer


@dataclass(frozen=True)
class Fresh:
    """The random values of one session. Whoever passes their own gives up freshness: tests do."""

    nonce: bytes = field(default_factory=lambda: os.urandom(NONCE))
    ephemeral: PrivateKey = field(default_factory=PrivateKey.generate)


class Session:
    """An open secure channel. Dead after any error of the channel or of the link."""

    def __init__(
        self,
        transport: Transport,
        channel: Channel,
        *,
        target_id: int,
        verdict: Verdict,
        device: DeviceCertificate,
    ) -> None:
        self.transport = transport
        self.target_id = target_id
        self.verdict = verdict
        self.device = device
        self._channel = channel

    @property
    def issuer(self) -> Issuer | None:
        """Who certified the device, or None if that is unknown."""
        return self.verdict.issuer if isinstance(self.verdict, Genuine) else None

    @property
    def authenticated(self) -> bool:
        """Whether the channel authenticates content; the oldest one (§7.2) only hides it."""
        return self._channel.authenticates

    def send(self, plaintext: bytes, *, step: Step, answer: Answer) -> bytes:
        """Send a sub-command over the channel and return the plaintext of the answer.

        Args:
            plaintext: sub-instruction and its arguments (§8).
            step: what this is about, for errors.
            answer: whether the answer has content.

        Raises:
            StatusWordError: the device refuses.
            SecureChannelError: the answer is not authentic, empty where content is due, or has content
                where none is; or the channel is dead.
            TransportError: the link failed.
        """
        return self.send_to(Command(CLA, SECURED), plaintext, step=step, answer=answer)

    def send_to(self, header: Command, plaintext: bytes, *, step: Step, answer: Answer) -> bytes:
        """Like ``send``, for the few instructions with a header of their own that wrap their data (§16.3)."""
        wrapped = self._channel.wrap(plaintext)
        command = Command(header.cla, header.ins, header.p1, header.p2, wrapped)
        try:
            response = Response.decode(self.transport.exchange(command.encode()))
        except TransportError:
            self._channel.kill()
            raise
        require_ok(response.sw, step)
        content = self._channel.unwrap(response.data)
        if (answer == "due" and not content) or (answer == "none" and content):
            self._channel.kill()
            raise SecureChannelError
        return content


def call(transport: Transport, command: Command, step: Step) -> bytes:
    """Send a command in clear and return the data of the answer.

    Raises:
        StatusWordError: the device refuses.
        TransportError: the link failed.
    """
    response = Response.decode(transport.exchange(command.encode()))
    require_ok(response.sw, step)
    return response.data


def _silent(transport: Transport, command: Command, step: Step) -> None:
    if call(transport, command, step):
        raise AuthenticationError("the device answers with data where none is due", where=step)


def _refuse(message: str) -> AuthenticationError:
    return AuthenticationError(
        message, hint="this is not a device of this kind, or something on the way alters its answers"
    )


@dataclass(frozen=True)
class Handshake:
    """Messages 1 to 6 are done; message 7 opens the channel. Endorsement takes place in between."""

    transport: Transport
    channel: Channel
    target_id: int
    verdict: Verdict
    device: DeviceCertificate

    def open(self) -> Session:
        """Send message 7: from now on both sides use the channel.

        Raises:
            StatusWordError, TransportError: the device refuses, or the link failed.
        """
        _silent(self.transport, Command(CLA, OPEN), Step.OPEN)
        return Session(
            self.transport, self.channel, target_id=self.target_id, verdict=self.verdict, device=self.device
        )


def authenticate(
    transport: Transport,
    target_id: int,
    host: Signer,
    issuers: Sequence[Issuer],
    *,
    unsafe_unknown_issuer: bool = False,
    chain: Sequence[bytes] = (),
    siv: bool = False,
    fresh: Fresh | None = None,
) -> Handshake:
    """Prove who we are, make the device prove what it is, and agree on keys.

    Args:
        transport: the link to the device.
        target_id: what the device must be; its low nibble selects the channel (§3).
        host: the host's static key.
        issuers: whose device certificates we accept; never empty.
        unsafe_unknown_issuer: go on with a device that none of them certified, and record it.
        chain: ready certificates for the host key, instead of one signed by itself.
        siv: ask for the SIV channel.
        fresh: nonce and ephemeral key, for tests only.

    Raises:
        ConfigError: no issuers, or a target id whose handshake proves nothing (low nibble below 2).
        AuthenticationError: the device is not proved to be what it must be.
        StatusWordError, TransportError: the device refuses, or the link failed.
        SigningError: the host key's signer refuses.
    """
    if not issuers:
        raise ConfigError("no device issuer is trusted", hint="pin one in toolchain/trust/")
    generation = target_id & 0xF
    if generation < 2:
        raise ConfigError(
            f"target {target_id:08x} has a handshake without nonces, which proves nothing",
            hint="update the device's OS",
        )
    fresh = fresh or Fresh()
    channel_type = SivChannel if siv else CbcMacChannel if generation > 2 else CbcChannel

    p1 = _SIV if siv else 0
    _silent(transport, Command(CLA, TARGET, p1, 0, target_id.to_bytes(4, "big")), Step.TARGET)
    nonces = call(transport, Command(CLA, NONCES, 0, 0, fresh.nonce), Step.NONCE)
    device_nonce = nonces[_SERIAL:]
    if len(device_nonce) != NONCE or device_nonce == fresh.nonce:
        raise _refuse("the device's nonce is not fresh")

    certificates = chain or [
        certificate.host_certificate(
            host.public_key, _sign(host, certificate.host_static_signed(host.public_key))
        )
    ]
    for data in certificates:
        _silent(transport, Command(CLA, CERTIFICATE, 0, 0, data), Step.HOST_CERTIFICATE)
    mine = fresh.ephemeral.public_key
    signed = certificate.host_ephemeral_signed(fresh.nonce, device_nonce, mine)
    data = certificate.host_certificate(mine, _sign(host, signed))
    _silent(transport, Command(CLA, CERTIFICATE, _LAST, 0, data), Step.HOST_CERTIFICATE)

    static_data = call(transport, Command(CLA, DEVICE_CERTIFICATE), Step.DEVICE_CERTIFICATE)
    ephemeral = DeviceCertificate.parse(
        call(transport, Command(CLA, DEVICE_CERTIFICATE, _LAST), Step.DEVICE_CERTIFICATE)
    )
    if ephemeral.header or ephemeral.key in (mine, host.public_key):
        raise _refuse("the device's ephemeral key is not its own")
    ephemeral_signature = ephemeral.signature
    secret = counter_secret if siv else compressed_secret
    channel: Channel = channel_type.from_secret(secret(fresh.ephemeral, ephemeral.key))
    if siv:
        static_data, ephemeral_signature = (
            _opened(channel, static_data),
            _opened(channel, ephemeral_signature),
        )

    device = DeviceCertificate.parse(static_data)
    signed = certificate.device_ephemeral_signed(device_nonce, fresh.nonce, ephemeral.key)
    if not device.key.verifies_message(ephemeral_signature, signed):
        raise _refuse("the device does not hold the key of its certificate, or replays an old session")
    verdict = judge(device, issuers)
    if isinstance(verdict, UnknownIssuer) and not unsafe_unknown_issuer:
        raise AuthenticationError(
            "the device is not proved to be genuine: no trusted issuer signed its certificate",
            hint=f"trusted: {', '.join(i.name for i in issuers)}; --unsafe-unknown-issuer goes on regardless",
        )
    return Handshake(transport, channel, target_id, verdict, device)


def _sign(host: Signer, message: bytes) -> bytes:
    return low_s(host.sign_digest(hashlib.sha256(message).digest()))


def _opened(channel: Channel, wrapped: bytes) -> bytes:
    try:
        return channel.unwrap(wrapped)
    except SecureChannelError as e:
        raise _refuse("the device's certificate does not decrypt") from e


def judge(device: DeviceCertificate, issuers: Sequence[Issuer]) -> Verdict:
    """Which of ``issuers`` signed the certificate, if any."""
    signed = certificate.device_static_signed(device.header, device.key)
    for issuer in issuers:
        if issuer.key.verifies_message(device.signature, signed):
            return Genuine(issuer)
    return UnknownIssuer()


def open_session(
    transport: Transport,
    target_id: int,
    host: Signer,
    issuers: Sequence[Issuer],
    *,
    unsafe_unknown_issuer: bool = False,
    chain: Sequence[bytes] = (),
    siv: bool = False,
    fresh: Fresh | None = None,
) -> Session:
    """Authenticate both sides and open the secure channel; arguments and errors as in ``authenticate``."""
    return authenticate(
        transport,
        target_id,
        host,
        issuers,
        unsafe_unknown_issuer=unsafe_unknown_issuer,
        chain=chain,
        siv=siv,
        fresh=fresh,
    ).open()
