"""Every instruction and every error path, on every target."""

import hashlib
import tomllib
from pathlib import Path

import pytest
from Crypto.Hash import RIPEMD160
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from apps.boilerplate.tests.functional import boilerplate as app
from apps.boilerplate.tests.functional.boilerplate import Transaction, sign_commands
from apps.testing.device import Answer, Device, apdu, read_fields, sample_commands
from apps.testing.seed import derive_secp256k1, encode_path

pytestmark = pytest.mark.component("qemu")

PATH = "44'/1'/0'/0/0"
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def sign(device: Device, path: str, transaction: bytes, *, chunk: int = 200) -> tuple[dict[str, str], Answer]:
    """Send, walk through the review, approve; the fields that were shown, and the answer."""
    *first, last = sign_commands(path, transaction, chunk=chunk)
    for command in first:
        assert device.raw(command) == (b"", app.OK)
    with device.asking(last) as answer:
        screens = device.walk("Sign")
        device.press("both")
        return read_fields(screens[1:-1]), answer()


def check_signature(answer: Answer, path: str, transaction: bytes) -> None:
    assert answer.status == app.OK
    length = answer.data[0]
    signature, parity = answer.data[1 : 1 + length], answer.data[1 + length :]
    assert parity in (b"\x00", b"\x01")
    key, _ = derive_secp256k1(path)
    key.public_key().verify(signature, transaction, ec.ECDSA(hashes.SHA256()))
    assert utils.decode_dss_signature(signature)[1] <= ORDER // 2


def address_of(path: str) -> str:
    key, _ = derive_secp256k1(path)
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return "0x" + RIPEMD160.new(hashlib.sha256(point).digest()).hexdigest()


# Instructions


def test_version_is_that_of_the_makefile(device: Device, app_folder: Path) -> None:
    lines = (app_folder / "Makefile").read_text("utf-8").splitlines()
    parts = [int(line.split("=")[1]) for line in lines if line.startswith("APPVERSION_")]
    assert device.send(app.CLA, app.GET_VERSION) == (bytes(parts), app.OK)


def test_app_name(device: Device) -> None:
    assert device.send(app.CLA, app.GET_APP_NAME) == (b"Boilerplate", app.OK)


def test_common_command_names_app_and_version(device: Device) -> None:
    name, version = b"Boilerplate", b"1.0.0"
    expected = b"\x01" + bytes([len(name)]) + name + bytes([len(version)]) + version + b"\x01"
    data, status = device.send(0xB0, 0x01)
    assert (data[:-1], status) == (expected, app.OK)


@pytest.mark.parametrize("path", ["44'/1'", "44'/1'/0'/0/0", "44'/1'/2147483647'/1/2147483647"])
def test_public_key_and_chain_code(device: Device, path: str) -> None:
    key, chain_code = derive_secp256k1(path)
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    answer = device.send(app.CLA, app.GET_PUBLIC_KEY, app.SILENT, 0, encode_path(path))
    assert answer == (bytes([65]) + point + bytes([32]) + chain_code, app.OK)


def test_public_key_after_its_address_was_confirmed(device: Device) -> None:
    silent = device.send(app.CLA, app.GET_PUBLIC_KEY, app.SILENT, 0, encode_path(PATH))
    with device.asking(apdu(app.CLA, app.GET_PUBLIC_KEY, app.SHOW, 0, encode_path(PATH))) as answer:
        device.compare("address-verify")
        screens = device.walk("Confirm")
        device.compare("address-confirm")
        device.press("both")
        assert answer() == silent
    assert read_fields(screens[1:-1]) == {"Address": address_of(PATH)}


def test_address_refused(device: Device) -> None:
    with device.asking(apdu(app.CLA, app.GET_PUBLIC_KEY, app.SHOW, 0, encode_path(PATH))) as answer:
        device.walk("Reject")
        device.press("both")
        assert answer() == (b"", app.DENIED)


def test_home_screens(device: Device) -> None:
    device.compare("home")
    assert device.press("right") == ("Version", "1.0.0")
    assert device.press("right") == ("Settings",)
    device.compare("home-settings")
    assert device.press("right") == ("Quit",)
    assert device.press("right") == ("Boilerplate", "is ready")
    assert device.press("left") == ("Quit",)
    assert device.press("right") == ("Boilerplate", "is ready")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "BOL 0"),
        (1, "BOL 0.00000001"),
        (100000000, "BOL 1"),
        (2**64 - 1, "BOL 184467440737.09551615"),
    ],
)
def test_signature_and_fields(device: Device, value: int, shown: str) -> None:
    transaction = Transaction(nonce=7, value=value, memo=b"Hello, world!")
    fields, answer = sign(device, PATH, transaction.encode())
    check_signature(answer, PATH, transaction.encode())
    to = "0x" + transaction.to.hex()
    assert fields == {"Amount": shown, "To": to, "Nonce": "7", "Memo": "Hello, world!"}


def test_screens_of_a_review(device: Device) -> None:
    first, last = sign_commands(PATH, Transaction(memo=b"A memo.").encode())
    assert device.raw(first) == (b"", app.OK)
    with device.asking(last) as answer:
        for number in range(20):
            device.compare(f"review-{number:02}")
            if device.press("right") == ("Reject",):
                break
        device.compare("review-reject")
        device.press("both")
        device.compare("result-rejected")
        assert answer() == (b"", app.DENIED)


def test_transaction_without_memo(device: Device) -> None:
    transaction = Transaction().encode()
    fields, answer = sign(device, PATH, transaction)
    check_signature(answer, PATH, transaction)
    assert "Memo" not in fields


@pytest.mark.parametrize("chunk", [1, 7, 255])
def test_chunks_of_any_size(device: Device, chunk: int) -> None:
    transaction = Transaction(memo=b"0123456789" * 5).encode()
    fields, answer = sign(device, PATH, transaction, chunk=chunk)
    check_signature(answer, PATH, transaction)
    assert fields["Memo"] == "0123456789" * 5


def test_longest_transaction(device: Device) -> None:
    memo = bytes(0x20 + i % 0x5F for i in range(app.MEMO_MAX))
    transaction = Transaction(memo=memo).encode()
    fields, answer = sign(device, PATH, transaction)
    check_signature(answer, PATH, transaction)
    assert fields["Memo"] == memo.decode()


def test_going_back_shows_the_same(device: Device) -> None:
    first, last = sign_commands(PATH, Transaction().encode())
    assert device.raw(first) == (b"", app.OK)
    with device.asking(last) as answer:
        forwards = device.walk("Sign")
        backwards = [forwards[-1]]
        while backwards[-1] != forwards[0]:
            backwards.append(device.press("left"))
        assert backwards == forwards[::-1]
        device.walk("Reject")
        device.press("both")
        assert answer() == (b"", app.DENIED)


def test_leaving_the_result_stops_its_timer(device: Device) -> None:
    first, last = sign_commands(PATH, Transaction().encode())
    assert device.raw(first) == (b"", app.OK)
    with device.asking(last) as answer:
        device.walk("Reject")
        assert device.press("both") == ("Rejected",)
        assert answer() == (b"", app.DENIED)
    assert device.press("both") == ("Boilerplate", "is ready")
    assert device.press("right") == ("Version", "1.0.0")
    # Both buttons do nothing on this page; four such presses outlast the timer.
    for _ in range(4):
        device.press("both")
    assert device.emulator.screen() == ("Version", "1.0.0")
    device.press("left")


# Settings


def test_blind_signing_is_off_until_allowed(fresh_device: Device) -> None:
    device = fresh_device
    memo = bytes(range(0x80, 0x90))
    transaction = Transaction(memo=memo).encode()
    first, last = sign_commands(PATH, transaction)
    device.home()
    assert device.raw(first) == (b"", app.OK)
    assert device.raw(last) == (b"", app.BLIND_SIGNING_OFF)

    device.walk("Settings")
    assert device.press("both") == ("Blind signing", "Not allowed")
    device.compare("settings-not-allowed")
    assert device.press("both") == ("Blind signing", "Allowed")
    device.walk("Back")
    device.press("both")
    device.home()

    assert device.raw(first) == (b"", app.OK)
    with device.asking(last) as answer:
        screens = device.walk("Blind signing")
        device.compare("blind-signing-warning")
        fields = device.walk("Sign")
        device.press("both")
        check_signature(answer(), PATH, transaction)
    assert len(screens) == 2
    assert read_fields(fields[1:-1])["Memo"] == memo.hex()


def test_quit(fresh_device: Device) -> None:
    fresh_device.walk("Quit")
    fresh_device.press("both")
    assert fresh_device.emulator.ended()


# Errors


@pytest.mark.parametrize("cla", [0x00, 0x80, 0xDF, 0xE1, 0xFF])
def test_other_classes(device: Device, cla: int) -> None:
    assert device.send(cla, app.GET_VERSION) == (b"", app.CLA_NOT_SUPPORTED)


@pytest.mark.parametrize("ins", [0x00, 0x02, 0x07, 0xFF])
def test_other_instructions(device: Device, ins: int) -> None:
    assert device.send(app.CLA, ins) == (b"", app.INS_NOT_SUPPORTED)


def test_a_sample_of_all_commands(device: Device) -> None:
    for cla, ins, data in sample_commands():
        answer = device.send(cla, ins, 0, 0, data)
        if cla != app.CLA:
            assert answer == (b"", app.CLA_NOT_SUPPORTED)
        elif ins in (app.GET_VERSION, app.GET_APP_NAME):
            assert answer.status == (app.WRONG_LENGTH if data else app.OK)
        elif ins in (app.GET_PUBLIC_KEY, app.SIGN_TRANSACTION):
            assert answer == (b"", app.BAD_PATH)
        else:
            assert answer == (b"", app.INS_NOT_SUPPORTED)


@pytest.mark.parametrize(
    "command",
    [
        apdu(app.CLA, app.GET_VERSION, 1, 0),
        apdu(app.CLA, app.GET_VERSION, 0, 1),
        apdu(app.CLA, app.GET_APP_NAME, 1, 0),
        apdu(app.CLA, app.GET_PUBLIC_KEY, 2, 0, encode_path(PATH)),
        apdu(app.CLA, app.GET_PUBLIC_KEY, 0, 1, encode_path(PATH)),
        apdu(app.CLA, app.SIGN_TRANSACTION, 0, 0x40, encode_path(PATH)),
        apdu(app.CLA, app.SIGN_TRANSACTION, 0, app.LAST, encode_path(PATH)),
    ],
)
def test_other_parameters(device: Device, command: bytes) -> None:
    assert device.raw(command) == (b"", app.WRONG_P1P2)


@pytest.mark.parametrize("ins", [app.GET_VERSION, app.GET_APP_NAME])
def test_data_where_none_belongs(device: Device, ins: int) -> None:
    assert device.send(app.CLA, ins, 0, 0, b"\0") == (b"", app.WRONG_LENGTH)


@pytest.mark.parametrize(
    "command", ["e0", "e003", "e00300", "e003000001", "e00300000500", "e0030000020000ff"]
)
def test_length_does_not_fit(device: Device, command: str) -> None:
    assert device.raw(bytes.fromhex(command)) == (b"", app.WRONG_LENGTH)


@pytest.mark.parametrize(
    "path",
    [
        b"",
        b"\x00",
        b"\x01" + (44 | 1 << 31).to_bytes(4, "big"),
        encode_path("44'/1'/0'")[:-1],
        encode_path("44'/1'/0'") + b"\0",
        encode_path("44'/60'/0'"),
        encode_path("49'/1'/0'"),
        encode_path("44/1'/0'"),
        encode_path("44'/1'" + "/0" * 9),
        b"\xff" + bytes(64),
    ],
)
@pytest.mark.parametrize("ins", [app.GET_PUBLIC_KEY, app.SIGN_TRANSACTION])
def test_bad_path(device: Device, ins: int, path: bytes) -> None:
    p2 = app.MORE if ins == app.SIGN_TRANSACTION else 0
    assert device.send(app.CLA, ins, 0, p2, path) == (b"", app.BAD_PATH)


@pytest.mark.parametrize(
    "transaction",
    [
        b"",
        Transaction().encode()[:-1],
        Transaction().encode() + b"\0",
        b"\x02" + Transaction().encode()[1:],
        Transaction().encode()[:-1] + b"\x01",
        Transaction().encode()[:-1] + bytes([app.MEMO_MAX + 1]) + bytes(100),
    ],
)
def test_malformed_transaction(device: Device, transaction: bytes) -> None:
    first, last = sign_commands(PATH, transaction)
    assert device.raw(first) == (b"", app.OK)
    assert device.raw(last) == (b"", app.TX_MALFORMED)
    assert device.raw(last) == (b"", app.BAD_STATE), "the refused transaction is forgotten"


def test_transaction_too_long(device: Device) -> None:
    *begin, last = sign_commands(PATH, bytes(300), chunk=150)
    for command in begin:
        assert device.raw(command) == (b"", app.OK)
    assert device.raw(last) == (b"", app.TX_TOO_LONG)


def test_chunks_out_of_order(device: Device) -> None:
    path, one, two, three = sign_commands(PATH, Transaction(memo=b"x" * 60).encode(), chunk=40)
    assert device.raw(one) == (b"", app.BAD_STATE)
    for wrong in (two, three):
        assert device.raw(path) == (b"", app.OK)
        assert device.raw(wrong) == (b"", app.BAD_STATE)
        assert device.raw(one) == (b"", app.BAD_STATE), "an error ends the request"
    assert device.raw(path) == (b"", app.OK)
    assert device.raw(one) == (b"", app.OK)
    assert device.raw(one) == (b"", app.BAD_STATE)


def test_another_instruction_ends_a_half_received_transaction(device: Device) -> None:
    path, one, two = sign_commands(PATH, Transaction(memo=b"x" * 30).encode(), chunk=40)
    assert device.raw(path) == (b"", app.OK)
    assert device.raw(one) == (b"", app.OK)
    assert device.send(app.CLA, app.GET_APP_NAME) == (b"Boilerplate", app.OK)
    assert device.raw(two) == (b"", app.BAD_STATE)


def test_an_error_of_parameters_ends_a_half_received_transaction(device: Device) -> None:
    path, one, two = sign_commands(PATH, Transaction(memo=b"x" * 30).encode(), chunk=40)
    assert device.raw(path) == (b"", app.OK)
    assert device.raw(one) == (b"", app.OK)
    assert device.send(app.CLA, app.SIGN_TRANSACTION, 2, 0x40) == (b"", app.WRONG_P1P2)
    assert device.raw(two) == (b"", app.BAD_STATE)


def test_manifest_declares_the_targets(app_folder: Path) -> None:
    manifest = tomllib.loads((app_folder / "ledger_app.toml").read_text("utf-8"))
    assert manifest["app"]["devices"] == ["nanos", "nanox", "nanos+"]
