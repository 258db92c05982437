import base64
import dataclasses
import datetime
import json
from typing import Any

import pytest

from toolchain.errors import ImageError, SigningError
from toolchain.keys import PrivateKey
from toolchain.sign import backup
from toolchain.sign.backup import backup_record, open_backup, seal_backup
from toolchain.sign.record import KeyRecord

KEY = PrivateKey.from_int(0xBAC)
RECORD = KeyRecord("release", "app-signing", KEY.public_key, datetime.date(2024, 5, 6), development=False)
PASSPHRASE = b"a passphrase of the backup"


@pytest.fixture(scope="module")
def sealed() -> bytes:
    return seal_backup(KEY, RECORD, PASSPHRASE)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guesses that cost nothing, for tests that make many."""
    monkeypatch.setattr(backup, "_SCRYPT", {"n": 2, "p": 1, "r": 8})


def test_what_went_in_comes_out(sealed: bytes) -> None:
    opened = open_backup(sealed, PASSPHRASE)
    assert opened.record == RECORD
    assert opened.key.secret == KEY.secret
    assert backup_record(sealed) == RECORD


def test_nothing_secret_stands_in_it(sealed: bytes) -> None:
    assert json.loads(sealed)["kdf"] == {"n": 131072, "name": "scrypt", "p": 1, "r": 8}
    plain = sealed + base64.b64decode(json.loads(sealed)["sealed"])
    for form in (PASSPHRASE, b"BEGIN PRIVATE KEY", f"{KEY.secret:064x}".encode()):
        assert form not in plain


def test_two_backups_of_one_key_differ(quick: None) -> None:
    assert seal_backup(KEY, RECORD, PASSPHRASE) != seal_backup(KEY, RECORD, PASSPHRASE)


def test_a_wrong_passphrase_says_so(sealed: bytes) -> None:
    with pytest.raises(SigningError, match="wrong passphrase"):
        open_backup(sealed, b"another passphrase")


def test_every_flipped_byte_is_refused(quick: None) -> None:
    data = seal_backup(KEY, RECORD, PASSPHRASE)
    open_backup(data, PASSPHRASE)
    for at in range(len(data)):
        with pytest.raises((ImageError, SigningError)):
            open_backup(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], PASSPHRASE)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "issuer-backup/2"},
        {"cipher": "none"},
        {"kdf": {"name": "scrypt", "n": 1 << 40, "p": 1, "r": 8}},
        {"kdf": None},
        {"salt": ""},
        {"salt": "AAAA"},
        {"nonce": 1},
        {"nonce": "*"},
        {"sealed": ""},
        {"record": 5},
        {"record": ""},
        {"extra": 1},
    ],
)
def test_backups_that_are_none(quick: None, change: dict[str, Any]) -> None:
    table = {**json.loads(seal_backup(KEY, RECORD, PASSPHRASE)), **change}
    data = (json.dumps(table, sort_keys=True, indent=2) + "\n").encode()
    with pytest.raises((ImageError, SigningError)):
        open_backup(data, PASSPHRASE)


def test_a_backup_that_does_not_open_to_its_key_is_not_handed_out(quick: None) -> None:
    other = dataclasses.replace(RECORD, key=PrivateKey.from_int(5).public_key)
    with pytest.raises(SigningError, match="another key than its record"):
        seal_backup(KEY, other, PASSPHRASE)
