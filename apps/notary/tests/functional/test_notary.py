"""Every instruction and every error path, on every target."""

import hashlib

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from apps.notary.tests.functional import notary as app
from apps.testing.device import Answer, Device, apdu, read_fields, sample_commands
from apps.testing.seed import derive_ed25519, encode_path

pytestmark = pytest.mark.component("qemu")

PATH = "13'/0'/7'"


def public_key(path: str) -> bytes:
    return derive_ed25519(path).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def ask(device: Device, commands: list[bytes], choice: str) -> tuple[dict[str, str], Answer]:
    """Send, walk to the choice, take it; the fields that were shown, and the answer."""
    *first, last = commands
    for command in first:
        assert device.raw(command) == (b"", app.OK)
    with device.asking(last) as answer:
        screens = device.walk(choice)
        device.press("both")
        fields = read_fields(screens[1:-1])
        result = answer()
    device.leave_result()
    return fields, result


def check_signature(answer: Answer, path: str, signed: bytes) -> None:
    assert answer.status == app.OK
    derive_ed25519(path).public_key().verify(answer.data, signed)


def attest(device: Device, pages: list[bytes]) -> list[bytes]:
    """Begin a document and approve its pages; their attestations."""
    assert device.send(app.CLA, app.BEGIN_DOCUMENT).status == app.OK
    attestations = []
    for number, page in enumerate(pages, 1):
        fields, answer = ask(device, app.attest_page(page), "Approve")
        assert fields == {f"Page {number}": page.decode()}
        assert answer.status == app.OK
        attestations.append(answer.data)
    return attestations


# Instructions


def test_version_and_name(device: Device) -> None:
    assert device.send(app.CLA, app.GET_VERSION) == (bytes([1, 0, 0]), app.OK)
    assert device.send(app.CLA, app.GET_APP_NAME) == (b"Notary", app.OK)


def test_home_screens(device: Device) -> None:
    device.compare("home")
    assert device.press("right") == ("Version", "1.0.0")
    assert device.press("right") == ("Quit",)
    assert device.press("right") == ("Notary", "is ready")


@pytest.mark.parametrize("path", ["13'", "13'/0'", "13'/2147483647'/1'/2'/3'/4'/5'/6'/7'/8'"])
def test_public_key(device: Device, path: str) -> None:
    answer = device.send(app.CLA, app.GET_PUBLIC_KEY, app.SILENT, 0, encode_path(path))
    assert answer == (public_key(path), app.OK)


def test_public_key_after_it_was_confirmed(device: Device) -> None:
    command = apdu(app.CLA, app.GET_PUBLIC_KEY, app.SHOW, 0, encode_path(PATH))
    fields, answer = ask(device, [command], "Confirm")
    assert answer == (public_key(PATH), app.OK)
    assert fields == {"Key": public_key(PATH).hex().upper()}
    assert ask(device, [command], "Reject")[1] == (b"", app.DENIED)


@pytest.mark.parametrize("text", [b"I", b"I owe you one.", b"0x" + b"ab" * 19, b"deadbeef"])
@pytest.mark.parametrize("part", [5, 255])
def test_message(device: Device, text: bytes, part: int) -> None:
    fields, answer = ask(device, app.sign_message(PATH, text, part=part), "Sign")
    check_signature(answer, PATH, app.message_bytes(text))
    assert fields == {"Message": text.decode()}


def test_longest_message_is_shown_in_full(device: Device) -> None:
    text = bytes(0x20 + i % 0x5F for i in range(app.MESSAGE_MAX))
    fields, answer = ask(device, app.sign_message(PATH, text), "Sign")
    check_signature(answer, PATH, app.message_bytes(text))
    assert fields == {"Message": text.decode()}


def test_screens_of_a_message(device: Device) -> None:
    *first, last = app.sign_message(PATH, b"The quick brown fox jumps over the lazy dog.")
    for command in first:
        assert device.raw(command) == (b"", app.OK)
    with device.asking(last) as answer:
        for number in range(20):
            device.compare(f"message-{number:02}")
            if device.press("right") == ("Reject",):
                break
        device.press("both")
        device.compare("result-rejected")
        assert answer() == (b"", app.DENIED)


def test_document(device: Device) -> None:
    pages = [b"Page one of the treaty.", b"Page two.", b"The end."]
    attestations = attest(device, pages)
    fields, answer = ask(device, app.sign_document(PATH, attestations), "Sign")
    signed = app.document_bytes(pages)
    check_signature(answer, PATH, signed)
    assert fields == {"Pages approved": "3", "Digest": signed[-32:].hex().upper()}
    # Once signed, a document is closed.
    first = app.sign_document(PATH, attestations)
    assert device.raw(first[0]) == (b"", app.OK)
    assert device.raw(first[1]) == (b"", app.BAD_ATTESTATION)


def test_page_refused_is_not_attested(device: Device) -> None:
    attestations = attest(device, [b"first"])
    assert ask(device, app.attest_page(b"second"), "Reject")[1] == (b"", app.DENIED)
    fields, answer = ask(device, app.attest_page(b"another second"), "Approve")
    assert list(fields) == ["Page 2"]
    attestations.append(answer.data)
    _, answer = ask(device, app.sign_document(PATH, attestations), "Sign")
    check_signature(answer, PATH, app.document_bytes([b"first", b"another second"]))


# What the host keeps is not believed


def test_attestations_of_another_document(device: Device) -> None:
    old = attest(device, [b"a page"])
    attest(device, [b"a page"])
    path, only = app.sign_document(PATH, old)
    assert device.raw(path) == (b"", app.OK)
    assert device.raw(only) == (b"", app.BAD_ATTESTATION)


def test_attestations_left_out_swapped_repeated_or_changed(device: Device) -> None:
    one, two = attest(device, [b"page one", b"page two"])
    flipped = [bytes(b ^ (i == at) for i, b in enumerate(one)) for at in (0, 16, 17, 48, 49, 80)]
    bad = [[two, one], [one, one], [one], [two], [one[:-1], two], [one + b"\0", two], [b"", two]]
    for attestations in bad + [[f, two] for f in flipped]:
        answers = [device.raw(command) for command in app.sign_document(PATH, attestations)]
        assert Answer(b"", app.BAD_ATTESTATION) in answers, attestations
        assert all(answer.data == b"" for answer in answers)
    _, answer = ask(device, app.sign_document(PATH, [one, two]), "Sign")
    check_signature(answer, PATH, app.document_bytes([b"page one", b"page two"]))


def test_attestations_of_an_earlier_run(device: Device, fresh_device: Device) -> None:
    attestations = attest(device, [b"a page"])
    fresh_device.home()
    attest(fresh_device, [b"a page"])
    path, only = app.sign_document(PATH, attestations)
    assert fresh_device.raw(path) == (b"", app.OK)
    assert fresh_device.raw(only) == (b"", app.BAD_ATTESTATION)


# Refused


@pytest.mark.parametrize("data", [b"", bytes(32), hashlib.sha256(b"tx").digest()])
def test_hash_is_refused(device: Device, data: bytes) -> None:
    assert device.send(app.CLA, app.SIGN_HASH, 0, 0, data) == (b"", app.HASH_REFUSED)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"", app.WRONG_LENGTH),
        (b"a\nb", app.NOT_TEXT),
        (b"\x80", app.NOT_TEXT),
        (hashlib.sha256(b"tx").digest(), app.NOT_TEXT),
        (hashlib.sha256(b"tx").hexdigest().encode(), app.HASH_REFUSED),
        (b"0x" + hashlib.sha256(b"tx").hexdigest().upper().encode(), app.HASH_REFUSED),
        (hashlib.sha1(b"tx", usedforsecurity=False).hexdigest().encode(), app.HASH_REFUSED),
        (hashlib.sha512(b"tx").hexdigest().encode(), app.HASH_REFUSED),
    ],
)
def test_message_that_is_none(device: Device, text: bytes, status: int) -> None:
    path, message = app.sign_message(PATH, text)
    assert device.raw(path) == (b"", app.OK)
    assert device.raw(message) == (b"", status)
    assert device.raw(message) == (b"", app.BAD_STATE)


def test_message_too_long(device: Device) -> None:
    path, one, two, three = app.sign_message(PATH, b"x" * (app.MESSAGE_MAX + 1))
    for command in (path, one, two):
        assert device.raw(command) == (b"", app.OK)
    assert device.raw(three) == (b"", app.TOO_LONG)


@pytest.mark.parametrize(
    "path",
    [
        b"",
        b"\0",
        encode_path("44'/1'"),
        encode_path("13"),
        encode_path("13'/0"),
        encode_path("13'/0'")[:-1],
        encode_path("13'/0'") + b"\0",
        encode_path("13'" + "/0'" * 10),
    ],
)
@pytest.mark.parametrize("ins", [app.GET_PUBLIC_KEY, app.SIGN_MESSAGE, app.SIGN_DOCUMENT])
def test_bad_path(device: Device, ins: int, path: bytes) -> None:
    p2 = 0 if ins == app.GET_PUBLIC_KEY else app.MORE
    assert device.send(app.CLA, ins, 0, p2, path) == (b"", app.BAD_PATH)


def test_page_without_document(fresh_device: Device) -> None:
    fresh_device.home()
    assert fresh_device.raw(app.attest_page(b"page")[0]) == (b"", app.BAD_STATE)


@pytest.mark.parametrize(
    "command",
    [
        apdu(app.CLA, app.GET_VERSION, 1, 0),
        apdu(app.CLA, app.GET_APP_NAME, 0, 1),
        apdu(app.CLA, app.GET_PUBLIC_KEY, 2, 0, encode_path(PATH)),
        apdu(app.CLA, app.SIGN_MESSAGE, 0, 1, encode_path(PATH)),
        apdu(app.CLA, app.SIGN_MESSAGE, 0, app.LAST, encode_path(PATH)),
        apdu(app.CLA, app.BEGIN_DOCUMENT, 1, 0),
    ],
)
def test_other_parameters(device: Device, command: bytes) -> None:
    assert device.raw(command) == (b"", app.WRONG_P1P2)


def test_other_classes_and_instructions(device: Device) -> None:
    assert device.send(0x00, app.GET_VERSION) == (b"", app.CLA_NOT_SUPPORTED)
    assert device.send(app.CLA, 0x0B) == (b"", app.INS_NOT_SUPPORTED)
    for ins in (app.GET_VERSION, app.GET_APP_NAME, app.BEGIN_DOCUMENT):
        assert device.send(app.CLA, ins, 0, 0, b"\0") == (b"", app.WRONG_LENGTH)
    assert device.raw(b"\xe0\x03\x00\x00\x01") == (b"", app.WRONG_LENGTH)


def test_a_sample_of_all_commands(device: Device) -> None:
    for cla, ins, data in sample_commands():
        answer = device.send(cla, ins, 0, 0, data)
        if cla != app.CLA:
            assert answer == (b"", app.CLA_NOT_SUPPORTED)
        elif ins in (app.GET_VERSION, app.GET_APP_NAME, app.BEGIN_DOCUMENT):
            assert answer.status == (app.WRONG_LENGTH if data else app.OK)
        elif ins in (app.GET_PUBLIC_KEY, app.SIGN_MESSAGE, app.SIGN_DOCUMENT):
            assert answer == (b"", app.BAD_PATH)
        elif ins == app.ATTEST_PAGE:
            assert answer == (b"", app.WRONG_LENGTH if data else app.WRONG_P1P2)
        elif ins == app.SIGN_HASH:
            assert answer == (b"", app.HASH_REFUSED)
        else:
            assert answer == (b"", app.INS_NOT_SUPPORTED)


def test_parts_out_of_order(device: Device) -> None:
    path, one, two = app.sign_message(PATH, b"x" * 300)
    page, *_ = app.attest_page(b"y")
    assert device.raw(one) == (b"", app.BAD_STATE)
    assert device.raw(path) == (b"", app.OK)
    assert device.raw(two) == (b"", app.BAD_STATE)
    assert device.raw(one) == (b"", app.BAD_STATE), "an error ends the request"
    assert device.send(app.CLA, app.BEGIN_DOCUMENT).status == app.OK
    assert device.raw(page) == (b"", app.OK)
    assert device.raw(one) == (b"", app.BAD_STATE), "a part of another request"
