"""The device's side of the handshake: order, freshness, who is trusted, what is refused."""

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
    lv,
)
from toolchain.keys import PrivateKey, PublicKey
from toolchain.virtual_device import DeviceState, VirtualDevice, deny
from toolchain.virtual_device.state import Authority

WITH_CA = DeviceState(custom_ca=Authority("ca", CA.public_key))
GENERATIONS = [("nanos", 0x31100002), ("nanos", 0x31100003), *((name, None) for name in ALL_TARGETS)]


@pytest.mark.parametrize(("target", "target_id"), GENERATIONS)
def test_every_target_and_generation_opens_a_channel(target: str, target_id: int | None) -> None:
    device = VirtualDevice(config(target, target_id))
    host = Host(device.handle, device.config.target_id).connect()
    assert host.run(0x10)[:4] == device.config.target_id.to_bytes(4, "big")


def test_siv_channel_knows_only_its_own_commands() -> None:
    device = VirtualDevice(config())
    host = Host(device.handle, device.config.target_id, siv=True).connect()
    authority = lv(b"recover") + lv(CA.public_key.point)
    host.run(0xD2, authority)
    assert device.state.recover_ca == Authority("recover", CA.public_key)
    with pytest.raises(Refused, match="6d00"):
        host.run(0x11)
    with pytest.raises(Refused, match="6982"):
        host.run(0xD2, authority)
    host.run(0xD3, authority)
    with pytest.raises(Refused, match="6a84"):
        host.run(0xD3, authority)
    assert device.state.recover_ca is None


def test_an_orchestrator_signed_by_the_recover_ca_is_admitted_on_siv_only() -> None:
    state = DeviceState(recover_ca=Authority("recover", CA.public_key))
    point = STRANGER.public_key.point
    certificate = lv(point) + lv(CA.sign_message(b"\x05" + point))
    for siv, known, expected in ((2, state, 0x9000), (2, DeviceState(), 0x6982), (0, state, 0x6982)):
        device = VirtualDevice(config(), known)
        host = Host(device.handle, device.config.target_id)
        host.send(apdu(0x04, host.target_id.to_bytes(4, "big"), p1=siv))
        device_nonce = host.send(apdu(0x50, host.nonce))[4:]
        host.send(apdu(0x51, certificate, p2=1))
        assert host.status == expected
        ephemeral = host.ephemeral.public_key.point
        signature = STRANGER.sign_message(b"\x15" + host.nonce + device_nonce + ephemeral)
        host.send(apdu(0x51, lv(ephemeral) + lv(signature), p1=0x80, p2=1))
        assert host.status == expected


def test_the_device_certificate_is_the_issuers() -> None:
    device = VirtualDevice(config())
    host = Host(device.handle, device.config.target_id)
    for command in host.handshake():
        if command[:4] == b"\xe0\x52\x00\x00":
            header = host.reply[1:8]
            point, signature = host.reply[9:74], host.reply[75:]
            assert ISSUER.public_key.verifies_message(signature, b"\x02" + header + point)
            assert point == device.config.identity.key.public_key.point
        if command[:4] == b"\xe0\x52\x80\x00":
            assert host.reply[:2] == b"\x00\x41"
            assert PublicKey(host.reply[2:67]) != device.config.identity.key.public_key


def test_nonces_and_ephemeral_keys_are_fresh() -> None:
    device = VirtualDevice(config(seed=None))
    host = Host(device.handle, device.config.target_id)
    seen = set()
    for _ in range(3):
        replies = [host.reply for _ in host.handshake()]
        seen |= {replies[1], replies[5][:67]}
    assert len(seen) == 6


def test_a_seed_repeats_everything() -> None:
    first, second = (VirtualDevice(config(seed=b"same")) for _ in range(2))
    recorded = [
        [host.reply for _ in host.handshake()]
        for host in (Host(device.handle, device.config.target_id) for device in (first, second))
    ]
    assert recorded[0] == recorded[1]


def test_a_replayed_handshake_is_refused() -> None:
    device = VirtualDevice(config(seed=None))
    host = Host(device.handle, device.config.target_id)
    recorded = list(host.handshake())
    statuses = [device.handle(command)[-2:] for command in recorded]
    # The recorded signature of message 4 covers another nonce of the device.
    assert statuses[:3] == [b"\x90\x00"] * 3
    assert statuses[3:] == [b"\x69\x82"] * 4


@pytest.mark.parametrize("skipped", range(6))
def test_no_message_can_be_left_out(skipped: int) -> None:
    device = VirtualDevice(config())
    commands = list(Host(device.handle, device.config.target_id).handshake())
    device = VirtualDevice(config())
    statuses = [device.handle(command) for index, command in enumerate(commands) if index != skipped]
    assert statuses[-1] == b"\x69\x82"


@pytest.mark.parametrize("message", range(2, 4))
def test_any_flipped_bit_of_a_certificate_is_refused(message: int) -> None:
    commands = list(Host(VirtualDevice(config()).handle, config().target_id).handshake())
    for bit in range(0, 8 * len(commands[message]) - 40, 7):
        device = VirtualDevice(config())
        for command in commands[:message]:
            device.handle(command)
        flipped = bytearray(commands[message])
        flipped[5 + bit // 8] ^= 1 << bit % 8
        assert device.handle(bytes(flipped))[-2:] in (b"\x69\x82", b"\x68\x02")
        assert device.handle(commands[message]) == b"\x69\x82", "the handshake is over"


def test_signature_by_another_key_or_with_swapped_nonces_is_refused() -> None:
    device = VirtualDevice(config())
    host = Host(device.handle, device.config.target_id)
    point = host.ephemeral.public_key.point
    static = STRANGER.public_key.point
    for signer, swapped in ((CA, False), (STRANGER, True)):
        host.send(apdu(0x04, host.target_id.to_bytes(4, "big")))
        device_nonce = host.send(apdu(0x50, host.nonce))[4:]
        host.send(apdu(0x51, lv(static) + lv(STRANGER.sign_message(b"\x01" + static))))
        assert host.status == 0x9000
        nonces = device_nonce + host.nonce if swapped else host.nonce + device_nonce
        host.send(apdu(0x51, lv(point) + lv(signer.sign_message(b"\x11" + nonces + point)), p1=0x80))
        assert host.status == 0x6982


def _static_status(device: VirtualDevice, *certificates: bytes) -> int:
    host = Host(device.handle, device.config.target_id)
    host.send(apdu(0x04, host.target_id.to_bytes(4, "big")))
    host.send(apdu(0x50, host.nonce))
    for certificate in certificates:
        host.send(apdu(0x51, certificate))
    return host.status


def _certificate(key: PrivateKey, signer: PrivateKey, role: int = 1) -> bytes:
    point = key.public_key.point
    return lv(point) + lv(signer.sign_message(bytes([role]) + point))


def test_static_certificate_must_be_signed_by_itself_or_a_root() -> None:
    device = VirtualDevice(config(), WITH_CA)
    other = PrivateKey.from_int(77)
    assert _static_status(device, _certificate(STRANGER, STRANGER)) == 0x9000
    assert _static_status(device, _certificate(STRANGER, CA)) == 0x9000
    assert _static_status(device, _certificate(STRANGER, ISSUER)) == 0x9000
    assert _static_status(device, _certificate(STRANGER, other)) == 0x6982
    assert _static_status(device, _certificate(STRANGER, STRANGER, role=2)) == 0x6982
    assert _static_status(VirtualDevice(config()), _certificate(STRANGER, CA)) == 0x6982


def test_a_chain_is_followed_and_bounded() -> None:
    keys = [PrivateKey.from_int(100 + i) for i in range(6)]
    chain = [_certificate(keys[0], CA)] + [_certificate(keys[i + 1], keys[i]) for i in range(5)]
    device = VirtualDevice(config(), WITH_CA)
    assert _static_status(device, *chain[:4]) == 0x9000
    assert _static_status(device, *chain[:5]) == 0x6982
    assert _static_status(device, chain[0], _certificate(keys[2], CA)) == 0x6982


def test_point_that_is_not_on_the_curve() -> None:
    point = b"\x04" + b"\x05" * 64
    assert _static_status(VirtualDevice(config()), lv(point) + lv(b"\x30\x00")) == 0x6802
    assert _static_status(VirtualDevice(config()), lv(b"\x02" + b"\x05" * 32) + lv(b"\x30\x00")) == 0x6802


def test_a_script_server_may_send_only_the_ephemeral_certificate() -> None:
    """One certificate by the issuer, as remote managers do."""
    for signer, status in ((ISSUER, 0x9000), (STRANGER, 0x6982)):
        device = VirtualDevice(config(consent=deny))
        host = Host(device.handle, device.config.target_id)
        host.send(apdu(0x04, host.target_id.to_bytes(4, "big")))
        device_nonce = host.send(apdu(0x50, host.nonce))[4:]
        point = host.ephemeral.public_key.point
        signature = signer.sign_message(b"\x11" + host.nonce + device_nonce + point)
        host.send(apdu(0x51, lv(point) + lv(signature), p1=0x80))
        assert host.status == status


@pytest.mark.parametrize("key", [CA, ISSUER], ids=["custom CA", "issuer"])
def test_trusted_hosts_are_not_asked_about(key: PrivateKey) -> None:
    device = VirtualDevice(config(consent=deny), WITH_CA)
    Host(device.handle, device.config.target_id, key).connect()


def test_wrong_nonce_length() -> None:
    device = VirtualDevice(config())
    device.handle(apdu(0x04, device.config.target_id.to_bytes(4, "big")))
    assert device.handle(apdu(0x50, bytes(7))) == b"\x67\x00"
    assert device.handle(apdu(0x50, bytes(8))) == b"\x69\x82"
