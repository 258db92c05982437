"""Our session speaks byte for byte what ledgerblue and ledgerctl speak, given their keys and nonces."""

from typing import Any

import pytest

from tests.unit.device.vectors import group, loader_vectors
from toolchain.device.channel import compressed_secret, counter_secret, derive_key
from toolchain.device.fields import split_lv
from toolchain.device.session import Fresh, Genuine, Session, open_session
from toolchain.device.status import Step
from toolchain.device.transport.replay import ReplayTransport
from toolchain.errors import AuthenticationError
from toolchain.keys import PrivateKey, PublicKey
from toolchain.trust import Issuer, pinned_issuers

HANDSHAKES = pytest.mark.parametrize("vector", group("handshake"), ids=lambda v: str(v["id"]))


class RecordedSigner:
    """Gives the recorded signatures in order, each only for what it is valid over."""

    def __init__(self, public_key: PublicKey, signatures: list[bytes]) -> None:
        self.public_key = public_key
        self._signatures = iter(signatures)

    def sign_digest(self, digest: bytes) -> bytes:
        signature = next(self._signatures)
        assert self.public_key.verifies(signature, digest)
        return signature


def private(hexadecimal: str) -> PrivateKey:
    return PrivateKey.from_int(int(hexadecimal, 16))


def conversation(vector: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    handshake = [(bytes.fromhex(m["c"]), bytes.fromhex(m["r"] + m["sw"])) for m in vector["messages"]]
    wrapped = [
        (bytes.fromhex(f"e0000000{len(w['command_wrapped']) // 2:02x}" + w["command_wrapped"]),
         bytes.fromhex(w["reply_wrapped"] + "9000"))
        for w in vector["wrapped"]
    ]  # fmt: skip
    return handshake + wrapped


def open_recorded(vector: dict[str, Any], *, issuer: PublicKey | None = None) -> Session:
    messages = conversation(vector)
    signatures = [split_lv(apdu[5:])[1] for apdu, _ in messages[2:4]]
    return open_session(
        ReplayTransport(messages),
        int(vector["target_id"], 16),
        RecordedSigner(PublicKey(bytes.fromhex(vector["host_static_public"])), signatures),
        [Issuer("recorded", issuer or PublicKey(bytes.fromhex(vector["issuer_public"])), "custom")],
        siv=vector["scp"] == "siv",
        fresh=Fresh(bytes.fromhex(vector["host_nonce"]), private(vector["host_ephemeral_private"])),
    )


@HANDSHAKES
def test_session_is_byte_identical(vector: dict[str, Any]) -> None:
    session = open_recorded(vector)
    assert isinstance(session.verdict, Genuine)
    assert session.device.key.point.hex() == vector["device_public"]
    for wrapped in vector["wrapped"]:
        reply = session.send(bytes.fromhex(wrapped["command_plain"]), step=Step.SCRIPT, answer="optional")
        assert reply.hex() == wrapped["reply_plain"]


@HANDSHAKES
def test_another_issuer_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(AuthenticationError, match="not proved to be genuine"):
        open_recorded(vector, issuer=PrivateKey.generate().public_key)


@HANDSHAKES
def test_keys(vector: dict[str, Any]) -> None:
    mine, theirs = private(vector["host_ephemeral_private"]), vector["device_ephemeral_public"]
    agree = counter_secret if vector["scp"] == "siv" else compressed_secret
    secret = agree(mine, PublicKey(bytes.fromhex(theirs)))
    assert secret.hex().startswith(vector["ecdh_secret"])
    if vector["scp"] == "cbc-mac":
        assert derive_key(secret, 0).hex() == vector["enc_key"]
        assert derive_key(secret, 1).hex() == vector["mac_key"]


@pytest.mark.parametrize("vector", group("signature"), ids=lambda v: str(v["id"]))
def test_recorded_signatures_verify(vector: dict[str, Any]) -> None:
    key, signature = PublicKey(bytes.fromhex(vector["public"])), bytes.fromhex(vector["signature_der"])
    if "digest" in vector:
        assert key.verifies(signature, bytes.fromhex(vector["digest"]))
    else:
        assert key.verifies_message(signature, bytes.fromhex(vector["message"]))


def test_pinned_issuer_verifies_the_certificate_of_a_real_device() -> None:
    (ledger,) = (issuer for issuer in pinned_issuers() if issuer.name == "Ledger")
    (real,) = (v for v in group("signature") if v["id"].startswith("real-device-cert"))
    assert ledger.kind == "production"
    message = bytes.fromhex(real["message"])
    assert ledger.key.verifies_message(bytes.fromhex(real["signature_der"]), message)
    assert not ledger.key.verifies_message(bytes.fromhex(real["signature_der"]), message[:-1] + b"\0")


def test_every_vector_group_is_known() -> None:
    tested_here = {"handshake", "signature", "must_fail", "hid_frames", "tcp_frames"}
    tested_with_the_plan = {"crc16", "chunks", "create_app"}
    of_formats = {"app_hash", "tlv", "small_hex", "boilerplate_hex", "meta"}
    assert loader_vectors().keys() == tested_here | tested_with_the_plan | of_formats
