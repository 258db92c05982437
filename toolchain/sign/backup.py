"""Backups of a key in a file: one file, encrypted with a passphrase of its own, that restores key and record.

Canonical JSON: the public record in clear, and the private key (PKCS#8 DER) sealed with AES-256-GCM under a
key that scrypt (RFC 7914) makes of the passphrase. Everything in clear is authenticated along with it.
"""

import base64
import os
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from toolchain.dsse import parse_canonical
from toolchain.errors import ImageError, SigningError
from toolchain.keys import PrivateKey
from toolchain.manifest import canonical_json
from toolchain.sign.file import parse_key
from toolchain.sign.record import KeyRecord, parse_record

SCHEMA = "issuer-backup/1"

_SCRYPT = {"n": 1 << 17, "p": 1, "r": 8}
"""128 MiB and a third of a second for each guess."""

_KEYS = {"cipher", "kdf", "nonce", "record", "salt", "schema", "sealed"}


class Backup(NamedTuple):
    """What a backup holds."""

    key: PrivateKey
    record: KeyRecord


def seal_backup(key: PrivateKey, record: KeyRecord, passphrase: bytes) -> bytes:
    """The bytes of a backup, opened again once before they are handed out.

    Raises:
        SigningError: it does not open again.
    """
    salt, nonce = os.urandom(16), os.urandom(12)
    clear = {
        "cipher": "aes-256-gcm",
        "kdf": {"name": "scrypt", **_SCRYPT},
        "nonce": _text(nonce),
        "record": record.to_toml(),
        "salt": _text(salt),
        "schema": SCHEMA,
    }
    cipher = AESGCM(_stretched(passphrase, salt))
    sealed = cipher.encrypt(nonce, key.pem(None), canonical_json(clear).encode())
    data = canonical_json({**clear, "sealed": _text(sealed)}).encode()
    if open_backup(data, passphrase).key.public_key != record.key:
        raise SigningError("the backup does not open to the key that was put in")
    return data


def backup_record(data: bytes, *, where: str = "backup") -> KeyRecord:
    """The public record in a backup, which says whose it is. Whether that is true, only opening it tells.

    Raises:
        ImageError: not a backup.
        SigningError: no record in it.
    """
    return parse_record(str(_table(data, where)["record"]), where=where)


def open_backup(data: bytes, passphrase: bytes, *, where: str = "backup") -> Backup:
    """Key and record in a backup.

    Raises:
        ImageError: not a backup.
        SigningError: wrong passphrase, or it was changed.
    """
    table = _table(data, where)
    clear = {name: value for name, value in table.items() if name != "sealed"}
    cipher = AESGCM(_stretched(passphrase, _bytes(table, "salt", 16, where)))
    try:
        pem = cipher.decrypt(
            _bytes(table, "nonce", 12, where),
            _bytes(table, "sealed", None, where),
            canonical_json(clear).encode(),
        )
    except InvalidTag:
        raise SigningError(
            "wrong passphrase, or the backup is damaged",
            hint="try the passphrase of the backup again",
            where=where,
        ) from None
    record = parse_record(str(table["record"]), where=where)
    key = parse_key(pem, None, where=where)
    if key.public_key != record.key:
        raise SigningError("the backup holds another key than its record says", where=where)
    return Backup(key, record)


def _table(data: bytes, where: str) -> dict[str, object]:
    table = parse_canonical(data, where=where)
    if table.keys() != _KEYS or table["schema"] != SCHEMA:
        raise ImageError(f"not an {SCHEMA}", where=where)
    if table["kdf"] != {"name": "scrypt", **_SCRYPT} or table["cipher"] != "aes-256-gcm":
        raise ImageError("a backup with another cipher than ours", where=where)
    return table


def _stretched(passphrase: bytes, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, **_SCRYPT).derive(passphrase)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(table: dict[str, object], name: str, size: int | None, where: str) -> bytes:
    value = table[name]
    try:
        data = base64.b64decode(value if isinstance(value, str) else "!", validate=True)
    except ValueError as e:
        raise ImageError(f"{name} of the backup is not base64", where=where) from e
    if size is not None and len(data) != size:
        raise ImageError(f"{name} of the backup has not {size} bytes", where=where)
    return data
