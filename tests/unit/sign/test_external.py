import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolchain.errors import ConfigError, SigningError
from toolchain.image import Image, Segment, seal
from toolchain.keys import ORDER, PrivateKey, low_s
from toolchain.sign.external import (
    AwaitingSignatureError,
    SigningRequest,
    attach,
    image_request,
    open_external,
    read_request,
    write_request,
)

KEY = PrivateKey.from_int(0x5161)
DIGEST = bytes(range(32))
REQUEST = SigningRequest(DIGEST, KEY.public_key, {"app": "Boilerplate 2.3.1", "target": "33100004"})
ANSWER = KEY.sign_digest(DIGEST)


def high_s(der: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import utils

    r, s = utils.decode_dss_signature(der)
    return utils.encode_dss_signature(r, ORDER - s)


def no_secret(name: str) -> str:
    raise AssertionError(name)


@pytest.mark.parametrize(
    "written",
    [
        bytes,
        high_s,
        lambda der: der.hex().encode(),
        lambda der: der.hex().upper().encode() + b"\n",
        base64.b64encode,
        base64.encodebytes,
    ],
)
def test_a_signature_comes_back(written: Callable[[bytes], bytes]) -> None:
    signature = attach(REQUEST, written(ANSWER), KEY.public_key)
    assert signature.key_id == KEY.public_key.key_id
    assert signature.der == ANSWER == low_s(ANSWER)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"30",
        b"not a signature",
        b"\xff" * 70,
        ANSWER[:-1],
        ANSWER + b"\0",
        ANSWER.hex().encode()[:-1],
        KEY.sign_digest(bytes(32)),
        KEY.sign_message(DIGEST),
        PrivateKey.from_int(2).sign_digest(DIGEST),
        b"\x30\x06\x02\x01\x00\x02\x01\x01",
    ],
)
def test_what_is_no_signature_over_the_digest_is_refused(answer: bytes) -> None:
    with pytest.raises(SigningError):
        attach(REQUEST, answer, KEY.public_key)


def test_a_request_for_another_key_is_refused() -> None:
    with pytest.raises(SigningError, match="was for the key"):
        attach(REQUEST, ANSWER, PrivateKey.from_int(2).public_key)


@given(
    st.binary(min_size=32, max_size=32),
    st.dictionaries(st.text().filter(str.isprintable), st.text().filter(str.isprintable), max_size=5),
)
def test_requests_survive_the_way(digest: bytes, summary: dict[str, str]) -> None:
    request = SigningRequest(digest, KEY.public_key, summary)
    back = SigningRequest.from_json(request.to_json())
    assert back == request
    assert list(back.summary) == list(summary)
    assert all(f"  {text}\n" in request.to_text() for text in summary.values())


def test_one_changed_character_of_a_request_is_seen() -> None:
    text = REQUEST.to_json()
    for i, character in enumerate(text):
        changed = text[:i] + ("1" if character != "1" else "2") + text[i + 1 :]
        try:
            request = SigningRequest.from_json(changed)
        except SigningError:
            continue
        assert request != REQUEST


@pytest.mark.parametrize("text", ["", "[]", "null", '{"digest": 1}', "[" * 100_000, '{"a": NaN}'])
def test_what_is_no_request_is_refused(text: str) -> None:
    with pytest.raises(SigningError, match="not a signing request"):
        SigningRequest.from_json(text)


@pytest.mark.parametrize("text", ["a\nb", "\x1b[2K", "\u202e", "a\tb"])
def test_a_summary_cannot_play_tricks_on_a_terminal(text: str) -> None:
    for summary in ({"app": text}, {text: "app"}):
        with pytest.raises(SigningError, match="cannot be shown"):
            SigningRequest(DIGEST, KEY.public_key, summary)


def test_request_for_an_image() -> None:
    image = Image(
        name="Boilerplate",
        version="2.3.1",
        target_id=0x33100004,
        target_version="1.4.3",
        api_level=25,
        segments=(Segment(0xC0DE0000, bytes(64)),),
        code_length=48,
        data_length=0,
        params_length=16,
        flags=0x200,
        boot_offset=1,
    )
    request = image_request(seal(image, "store", ()), KEY.public_key, {"commit": "0" * 40})
    assert request.digest == image.digest()
    text = request.to_text()
    for fact in ("Boilerplate 2.3.1", "33100004", "0x200", "store", "0" * 40, KEY.public_key.key_id):
        assert fact in text
    assert image.digest().hex() in text.replace(" ", "")


@pytest.mark.component("openssl")
def test_over_the_gap_and_back_with_openssl(tmp_path: Path) -> None:
    """The command that the request's text names, run."""
    (tmp_path / "KEY.pem").write_bytes(KEY.pem(None))
    (tmp_path / "public.pem").write_text(KEY.public_key.pem())
    signer = open_external(str(tmp_path), no_secret)
    with pytest.raises(AwaitingSignatureError) as caught:
        signer.sign_digest(DIGEST)
    assert f"{DIGEST.hex()}.sig" in caught.value.hint
    path, text, digest = write_request(tmp_path, REQUEST)
    assert read_request(path) == REQUEST
    assert digest.read_bytes() == DIGEST
    (command,) = [line for line in text.read_text().splitlines() if line.startswith("  openssl")]
    subprocess.run(command.split(), cwd=tmp_path, check=True)
    assert signer.public_key == KEY.public_key
    der = signer.sign_digest(DIGEST)
    assert KEY.public_key.verifies(der, DIGEST)
    assert low_s(der) == der
    with pytest.raises(AwaitingSignatureError):
        signer.sign_digest(bytes(32))


def test_a_signature_for_another_digest_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "public.pem").write_text(KEY.public_key.pem())
    (tmp_path / f"{bytes(32).hex()}.sig").write_bytes(ANSWER)
    with pytest.raises(SigningError, match="not a signature of the key"):
        open_external(str(tmp_path), no_secret).sign_digest(bytes(32))


def test_folders_that_are_no_external_signer(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds the public key"):
        open_external(str(tmp_path), no_secret)
    (tmp_path / "public.pem").write_bytes(b"\xff")
    with pytest.raises(SigningError, match="not a public key"):
        open_external(str(tmp_path), no_secret)


@pytest.mark.parametrize("data", [b"\xff", b"x" * 100_000])
def test_request_files_that_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "request.json"
    path.write_bytes(data)
    with pytest.raises((SigningError, ConfigError)):
        read_request(path)
