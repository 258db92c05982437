import multiprocessing
from pathlib import Path

import pytest

from toolchain.errors import ConfigError, SigningError
from toolchain.keys import ORDER, PrivateKey
from toolchain.sign import open_signer
from toolchain.sign.issuer import (
    MIN_PASSPHRASE,
    development_issuer,
    new_issuer,
    record_issuer,
    virtual_device_issuer,
)
from toolchain.sign.record import read_record, record_path, require_release_key
from toolchain.userdata import data_folder

PASSPHRASE = "correct horse battery"


def test_a_new_issuer_is_private_and_its_record_public(tmp_path: Path) -> None:
    path = tmp_path / "release.pem"
    record = new_issuer(path, PASSPHRASE, "release-approval")
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"ENCRYPTED" in path.read_bytes()
    assert read_record(path) == record
    assert (record.name, record.role, record.development) == ("release", "release-approval", False)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["release.pem", "release.toml"]


@pytest.mark.parametrize("there", ["release.pem", "release.toml"])
def test_nothing_is_ever_overwritten(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("precious")
    with pytest.raises(SigningError, match="there already"):
        new_issuer(tmp_path / "release.pem", PASSPHRASE, "app-signing")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [(there, "precious")]


def test_a_dangling_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "release.pem").symlink_to(tmp_path / "elsewhere.pem")
    with pytest.raises(SigningError, match="there already"):
        new_issuer(tmp_path / "release.pem", PASSPHRASE, "app-signing")
    assert not (tmp_path / "elsewhere.pem").exists()


@pytest.mark.parametrize("passphrase", ["", "x" * (MIN_PASSPHRASE - 1)])
def test_a_short_passphrase_is_refused(tmp_path: Path, passphrase: str) -> None:
    with pytest.raises(SigningError, match="fewer than"):
        new_issuer(tmp_path / "a.pem", passphrase, "app-signing")
    assert not list(tmp_path.iterdir())


def test_a_key_file_cannot_be_its_own_record(tmp_path: Path) -> None:
    with pytest.raises(SigningError, match=r"\.toml"):
        new_issuer(tmp_path / "a.toml", PASSPHRASE, "app-signing")


def test_the_development_issuer_is_made_once_and_marked(tmp_path: Path) -> None:
    signer, record = development_issuer(tmp_path / "keys")
    again, same = development_issuer(tmp_path / "keys")
    assert record == same
    assert record.development
    assert signer.public_key == again.public_key == record.key
    with pytest.raises(SigningError, match="development key"):
        require_release_key(record)


def test_a_release_key_is_accepted_and_other_roles_are_not(tmp_path: Path) -> None:
    require_release_key(new_issuer(tmp_path / "a.pem", PASSPHRASE, "app-signing"))
    with pytest.raises(SigningError, match="for device-issuer"):
        require_release_key(new_issuer(tmp_path / "b.pem", PASSPHRASE, "device-issuer"))


@pytest.mark.parametrize("secret", [1, 2, 16, ORDER - 1])
def test_a_key_that_everybody_knows_cannot_sign_a_release(tmp_path: Path, secret: int) -> None:
    path = tmp_path / "known.pem"
    path.write_bytes(PrivateKey.from_int(secret).pem(PASSPHRASE.encode()))
    path.chmod(0o600)
    record = record_issuer(path, lambda _: PASSPHRASE, "app-signing")
    with pytest.raises(SigningError, match="was published"):
        require_release_key(record)


def test_the_virtual_device_has_a_key_of_its_own_that_signs_no_apps(tmp_path: Path) -> None:
    key, record = virtual_device_issuer(tmp_path)
    _, development = development_issuer(tmp_path)
    assert key.public_key == record.key != development.key
    assert record.role == "device-issuer"
    with pytest.raises(SigningError, match="is for device-issuer"):
        open_signer(f"file:{tmp_path / 'virtual-device' / 'issuer.pem'}", lambda _: "")


def test_keys_put_in_each_others_place_are_refused(tmp_path: Path) -> None:
    virtual_device_issuer(tmp_path)
    (tmp_path / "virtual-device").rename(tmp_path / "development")
    with pytest.raises(SigningError, match="is for device-issuer"):
        development_issuer(tmp_path)


def test_a_key_that_is_not_for_development_is_not_taken_for_one(tmp_path: Path) -> None:
    development_issuer(tmp_path)
    record = record_path(tmp_path / "development" / "issuer.pem")
    record.write_text(record.read_text().replace("development = true", "development = false"))
    with pytest.raises(SigningError, match="no passphrase"):
        development_issuer(tmp_path)


def test_an_encrypted_key_in_the_development_folder_asks_nobody(tmp_path: Path) -> None:
    development_issuer(tmp_path)
    folder = tmp_path / "development"
    for path in folder.iterdir():
        path.unlink()
    new_issuer(folder / "issuer.pem", PASSPHRASE, "app-signing")
    with pytest.raises(SigningError, match="asks for the passphrase"):
        development_issuer(tmp_path)


def _key_id(folder: Path) -> str:
    return development_issuer(folder)[1].key.key_id


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        ids = pool.map(_key_id, [tmp_path / "keys"] * 16, chunksize=1)
    assert len(set(ids)) == 1
    assert sorted(p.name for p in (tmp_path / "keys").iterdir()) == ["development"]


def test_whoever_loses_the_race_takes_the_winners_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    winner: list[str] = []
    rename = Path.rename

    def late(self: Path, target: Path) -> Path:
        if not winner:
            winner.append("")
            winner[0] = _key_id(tmp_path)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", late)
    assert _key_id(tmp_path) == winner[0]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["development"]


def test_the_data_folder_is_for_its_owner_alone(user_data_folder: Path) -> None:
    folder = data_folder()
    assert folder == user_data_folder / "nano-toolchain"
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    with pytest.raises(ConfigError, match="others have access") as caught:
        data_folder()
    assert "chmod 700" in caught.value.hint
    with pytest.raises(SigningError, match="others have access"):
        development_issuer(folder)


def test_a_data_folder_that_is_a_link_or_cannot_be_made_is_refused(
    user_data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (user_data_folder / "nano-toolchain").symlink_to(tmp_path)
    with pytest.raises(ConfigError, match="a link"):
        data_folder()
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(blocked))
    with pytest.raises(ConfigError, match="cannot be made"):
        data_folder()


def test_a_relative_xdg_folder_is_ignored_as_the_specification_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder() == tmp_path / ".local" / "share" / "nano-toolchain"
