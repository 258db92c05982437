import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from toolchain.errors import SigningError
from toolchain.keys import PrivateKey
from toolchain.sign import open_signer
from toolchain.sign.file import FileSigner
from toolchain.sign.files import MAX_KEY_FILE, read_private, write_new
from toolchain.sign.issuer import new_issuer, record_issuer
from toolchain.sign.record import KeyRecord, record_path

PASSPHRASE = "correct horse battery"


def answer(_name: str) -> str:
    return PASSPHRASE


def key_file(folder: Path) -> Path:
    path = folder / "issuer.pem"
    new_issuer(path, PASSPHRASE, "app-signing")
    return path


def write(path: Path, data: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def test_a_new_key_signs(tmp_path: Path) -> None:
    path = key_file(tmp_path)
    signer = open_signer(f"file:{path}", answer)
    assert isinstance(signer, FileSigner)
    digest = bytes(range(32))
    assert signer.public_key.verifies(signer.sign_digest(digest), digest)
    assert signer.record.key == signer.public_key
    assert not signer.record.development


def test_the_passphrase_is_asked_for_once_and_by_name(tmp_path: Path) -> None:
    asked: list[str] = []

    def ask(name: str) -> str:
        asked.append(name)
        return PASSPHRASE

    open_signer(f"file:{key_file(tmp_path)}", ask)
    assert asked == ["passphrase of issuer.pem"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o660, 0o644, 0o666, 0o777, 0o610])
def test_a_key_that_others_may_access_is_refused(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path)
    path.chmod(mode)
    with pytest.raises(SigningError, match="others may access") as caught:
        open_signer(f"file:{path}", answer)
    assert "chmod 600" in caught.value.hint


def test_a_key_of_someone_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = key_file(tmp_path)
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    with pytest.raises(SigningError, match="someone else"):
        open_signer(f"file:{path}", answer)


def test_a_link_is_refused_even_to_a_good_key(tmp_path: Path) -> None:
    path = key_file(tmp_path)
    link = tmp_path / "link.pem"
    link.symlink_to(path)
    (tmp_path / "link.toml").write_text(record_path(path).read_text())
    with pytest.raises(SigningError, match="is a link"):
        open_signer(f"file:{link}", answer)


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    with pytest.raises(SigningError, match="not a regular file"):
        read_private(pipe)
    with pytest.raises(SigningError, match="not a regular file"):
        read_private(tmp_path)


def test_a_missing_file_and_a_huge_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SigningError, match="cannot be opened"):
        read_private(tmp_path / "none.pem")
    with pytest.raises(SigningError, match="too long"):
        read_private(write(tmp_path / "huge.pem", b"x" * (MAX_KEY_FILE + 1)))


def test_a_wrong_passphrase_says_so(tmp_path: Path) -> None:
    path = key_file(tmp_path)
    with pytest.raises(SigningError, match="wrong passphrase"):
        open_signer(f"file:{path}", lambda _: "wrong horse battery")
    with pytest.raises(SigningError, match="none was given"):
        open_signer(f"file:{path}", lambda _: "")


def replace_key(folder: Path, data: bytes) -> Path:
    """A key file with a good record, whose content is ``data``."""
    path = key_file(folder)
    path.unlink()
    return write(path, data)


def pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, form: str = "PKCS8") -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        getattr(serialization.PrivateFormat, form),
        serialization.NoEncryption()
        if form == "TraditionalOpenSSL"
        else serialization.BestAvailableEncryption(PASSPHRASE.encode()),
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a private key in PKCS#8"),
        (b"\x00\x01binary", "not a private key in PKCS#8"),
        (pem(ec.generate_private_key(ec.SECP256K1()), "TraditionalOpenSSL"), "not a private key in PKCS#8"),
        (PrivateKey.from_int(7).public_key.pem().encode(), "not a private key in PKCS#8"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "the key is on secp256r1"),
        (pem(ed25519.Ed25519PrivateKey.generate()), "no elliptic-curve key"),
        (PrivateKey.from_int(7).pem(None), "has no passphrase"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "damaged"),
        (b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n", "damaged"),
        (PrivateKey.from_int(7).pem(PASSPHRASE.encode()), "its record says"),
    ],
    ids=[
        "empty",
        "binary",
        "SEC1",
        "public",
        "P-256",
        "Ed25519",
        "plain",
        "garbage",
        "cut",
        "another key",
    ],
)
def test_what_is_not_the_key_is_refused_by_name(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(SigningError, match=message):
        open_signer(f"file:{replace_key(tmp_path, data)}", answer)


def test_a_key_without_a_record_can_be_recorded_and_then_signs(tmp_path: Path) -> None:
    path = write(tmp_path / "made-elsewhere.pem", PrivateKey.from_int(99).pem(PASSPHRASE.encode()))
    with pytest.raises(SigningError, match="no public record") as caught:
        open_signer(f"file:{path}", answer)
    assert "issuer.record" in caught.value.hint
    record = record_issuer(path, answer, "app-signing")
    assert open_signer(f"file:{path}", answer).public_key == record.key


@pytest.mark.parametrize("role", ["device-issuer", "release-approval"])
def test_a_key_with_another_role_never_signs_apps(tmp_path: Path, role: str) -> None:
    path = key_file(tmp_path)
    record = record_path(path)
    record.write_text(record.read_text().replace("app-signing", role))
    with pytest.raises(SigningError, match=f"is for {role}"):
        open_signer(f"file:{path}", answer)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("role =", "rule ="),
        ('role = "app-signing"', 'role = "everything"'),
        ('role = "app-signing"', "role = 3"),
        ('role = "app-signing"', 'role = ["app-signing"]'),
        ("development = false", 'development = "false"'),
        ("created = 2", 'created = "yesterday" # '),
        ('point = "04', 'point = "05'),
        ('point = "04', 'point = "zz'),
        ('key_id = "', 'key_id = "0'),
        ('name = "issuer"', 'name = "\\u001b[2J"'),
        ("name = ", "name = ["),
        ("development = false", "development = false\nextra = 1"),
    ],
)
def test_a_record_that_is_not_exactly_one_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = key_file(tmp_path)
    record = record_path(path)
    text = record.read_text()
    assert old in text
    record.write_text(text.replace(old, new, 1))
    with pytest.raises(SigningError):
        open_signer(f"file:{path}", answer)


def test_files_are_written_whole_with_their_mode_and_never_over_another(tmp_path: Path) -> None:
    path = tmp_path / "new"
    write_new(path, b"first", mode=0o600)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(SigningError, match="there already"):
        write_new(path, b"second", mode=0o600)
    assert path.read_bytes() == b"first"
    assert [p.name for p in tmp_path.iterdir()] == ["new"]


def test_a_folder_that_is_not_there_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(SigningError, match="cannot be written"):
        write_new(tmp_path / "no" / "file", b"", mode=0o600)


def test_records_survive_strange_names(tmp_path: Path) -> None:
    path = tmp_path / 'quo"te \\ and\nline.pem'
    record = new_issuer(path, PASSPHRASE, "app-signing")
    signer = open_signer(f"file:{path}", answer)
    assert isinstance(signer, FileSigner)
    assert signer.record == record


def test_a_signer_shows_its_key_id_only(tmp_path: Path) -> None:
    signer = open_signer(f"file:{key_file(tmp_path)}", answer)
    assert isinstance(signer, FileSigner)
    assert isinstance(signer.record, KeyRecord)
    assert repr(signer) == f"FileSigner(name='issuer', key_id={signer.public_key.key_id})"
