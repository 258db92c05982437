"""Sessions recorded from ledgerblue and ledgerctl, replayed against the device with the recorded keys."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from toolchain.errors import SecureChannelError
from toolchain.keys import PrivateKey, PublicKey, low_s
from toolchain.target import get_target
from toolchain.virtual_device import DeviceConfig, DeviceIdentity, DeviceState
from toolchain.virtual_device.application import hash_prefix, read_create
from toolchain.virtual_device.channel import CbcMacChannel, SivChannel
from toolchain.virtual_device.flash import Construction
from toolchain.virtual_device.loader import Loader

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "loader.json").read_text("utf-8")
)
SESSIONS = {session["id"]: session for session in VECTORS["handshake"]}

# The recorded device drew its ephemeral key from this seed; the recording holds only the public half.
EPHEMERAL = hashlib.sha256(bytes.fromhex("00112233445566778899aabbccddeeff") + b"eph\x02").digest()


def _device(session: dict[str, Any]) -> Loader:
    key = PrivateKey.from_int(int(session["device_private"], 16))
    certificate = bytes.fromhex(SESSIONS["ledgerblue-33100004"]["messages"][4]["r"])
    version = bytes.fromhex(SESSIONS["ledgerblue-33100004"]["wrapped"][0]["reply_plain"])
    identity = DeviceIdentity(
        key=key,
        issuer=PublicKey(bytes.fromhex(session["issuer_public"])),
        header=certificate[1:8],
        signature=certificate[8 + 66 + 1 :],
        serial=bytes.fromhex(session["batch"]),
    )
    target_id = int(session["target_id"], 16)
    target = get_target({0x3110: "nanos", 0x3300: "nanox", 0x3310: "nanosp"}[target_id >> 16])
    config = replace(
        DeviceConfig.standard(target, identity, target_id),
        os_version="1.4.1",
        mcu_version="5.28",
        mcu_hash=version[-32:],
        system_size=0x80000,
        app_flash=0x17F400,
        slots=100,
        page_size=512,
        block_size=32,
    )
    loader = Loader(config, DeviceState())
    loader.core.random = {8: bytes.fromhex(session["device_nonce"]), 32: EPHEMERAL}.__getitem__
    return loader


def _canonical(reply: bytes, channel: str) -> bytes:
    """Message 6 with its signature in low-S form, which the recorded device did not always use."""
    if channel == "siv" or reply[:2] != b"\x00\x41":
        return reply
    return reply[:67] + low_s(reply[68:])


@pytest.mark.parametrize("name", SESSIONS)
def test_replay_gives_the_recorded_replies(name: str) -> None:
    session = SESSIONS[name]
    device = _device(session)
    for message in session["messages"]:
        reply = device.handle(bytes.fromhex(message["c"]))
        assert reply[-2:].hex() == message["sw"]
        assert _canonical(reply[:-2], session["scp"]) == _canonical(
            bytes.fromhex(message["r"]), session["scp"]
        )
    for exchange in session["wrapped"]:
        wrapped = bytes.fromhex(exchange["command_wrapped"])
        reply = device.handle(b"\xe0\0\0\0" + bytes([len(wrapped)]) + wrapped)
        assert reply.hex() == exchange["reply_wrapped"] + "9000"
        assert device.plain == (
            bytes.fromhex(exchange["command_plain"]),
            bytes.fromhex(exchange["reply_plain"]),
        )


@pytest.mark.parametrize("case", VECTORS["must_fail"], ids=lambda case: case["id"])
def test_what_must_fail_fails(case: dict[str, Any]) -> None:
    kind = case["kind"]
    if kind == "cbc-mac-unwrap":
        channel = CbcMacChannel(bytes.fromhex(case["enc_key"]), bytes.fromhex(case["mac_key"]))
        with pytest.raises(SecureChannelError):
            channel.unwrap(bytes.fromhex(case["wrapped"]))
    elif kind == "cbc-mac-sequence":
        channel = CbcMacChannel(bytes.fromhex(case["enc_key"]), bytes.fromhex(case["mac_key"]))
        messages = [bytes.fromhex(message) for message in case["sequence"]]
        for message in messages[: case["fails_at"]]:
            channel.unwrap(message)
        with pytest.raises(SecureChannelError):
            channel.unwrap(messages[case["fails_at"]])
    elif kind == "siv-unwrap":
        with pytest.raises(SecureChannelError):
            SivChannel(bytes.fromhex(case["key"])).unwrap(bytes.fromhex(case["wrapped"]))
    elif kind == "ecdsa-sha256":
        key = PublicKey(bytes.fromhex(case["public"]))
        assert not key.verifies_message(bytes.fromhex(case["signature"]), bytes.fromhex(case["message"]))
    elif kind == "ecdsa-prehashed":
        key = PublicKey(bytes.fromhex(case["public"]))
        assert not key.verifies(bytes.fromhex(case["signature"]), bytes.fromhex(case["digest"]))
    else:
        # The image of this one is not included; its prefix must differ from the right one.
        assert kind == "sha256-mismatch"
        right = next(entry for entry in VECTORS["app_hash"] if entry["full_hash"] == case["not_equal"])
        assert case["prefix"] != right["hashed_prefix"]


def _small_image() -> bytes:
    body = bytes((i * 7 + 3) & 0xFF for i in range(640))
    record = next(line for line in VECTORS["small_hex"]["text"].splitlines() if line.startswith(":10028000"))
    rest = next(line for line in VECTORS["small_hex"]["text"].splitlines() if line.startswith(":06029000"))
    return body + bytes.fromhex(record[9:-2]) + bytes.fromhex(rest[9:-2])


@pytest.mark.parametrize(
    "case", VECTORS["app_hash"], ids=lambda case: f"{case['hex_file']}-{case['target_id']}"
)
def test_full_hash(case: dict[str, Any]) -> None:
    target_id = int(case["target_id"], 16)
    request = read_create(bytes.fromhex(case["create_app_params"]), case["api_level"], target_id & 0xF)
    prefix = hash_prefix(target_id, case["target_version"], request)
    assert prefix.hex() == case["hashed_prefix"]
    if case["hex_file"] != "small":
        return  # the other image is not included
    image = _small_image()
    assert hashlib.sha256(image).hexdigest() == case["image_sha256"]
    construction = Construction(request, prefix, ())
    construction.select(0)
    for at in range(0, len(image), 128):
        construction.write(at, image[at : at + 128])
    assert construction.finish()[1].hex() == case["full_hash"]


@pytest.mark.parametrize("case", VECTORS["crc16"][:3], ids=lambda case: case["crc"])
def test_crc(case: dict[str, Any]) -> None:
    request = read_create(bytes.fromhex("00000100" + "00" * 4 + "00000010" + "00" * 8), None, 4)
    construction = Construction(request, b"", ())
    data = bytes.fromhex(case["data"])
    construction.select(0)
    construction.write(0, data + b"\xaa")
    construction.check(0, len(data), int(case["crc"], 16))


@pytest.mark.parametrize("case", VECTORS["create_app"], ids=lambda case: str(len(case["apdu_clear"])))
def test_create_app_forms(case: dict[str, Any]) -> None:
    args = case["args"]
    body = bytes.fromhex(case["apdu_clear"])[6:]
    level = args.get("api_level", -1)
    request = read_create(body, None if level == -1 else level, 4 if "form" not in args else 3)
    if args.get("form") == "no-tlv":
        assert request.description is not None
        assert (request.description.name, request.description.version) == (args["name"], args["version"])
        assert request.hashed == b""
        assert (request.code_length, request.flags) == (args["length"], args["appflags"])
    else:
        assert request.hashed == body
        assert request.code_length == args["code_length"]
        assert request.data_length == args.get("data_length", 0)
        assert request.params_length == args.get("install_params_length", 0)
        assert request.boot_offset == args.get("bootOffset", 1)
