"""Making keys: those that a person asks for, and the development keys that are made on first use."""

import datetime
import os
import secrets
import shutil
from pathlib import Path

from toolchain import dist
from toolchain.errors import ConfigError, SigningError
from toolchain.keys import AskSecret, PrivateKey, PublicKey
from toolchain.sign.file import FileSigner, parse_key, read_key
from toolchain.sign.files import read_private, write_new
from toolchain.sign.record import KeyRecord, Role, record_path
from toolchain.userdata import make_private_folder

MIN_PASSPHRASE = 12
"""Characters. The PKCS#8 encryption that we have stretches with 2048 rounds of PBKDF2 only."""

_KEY_FILE = "issuer.pem"
_MAX_PUBLIC = 1 << 16


def new_issuer(path: Path, passphrase: str, role: Role) -> KeyRecord:
    """Make a key and write it, encrypted, to ``path`` (mode 0600), and its public record beside it.

    Raises:
        SigningError: passphrase too short, a file is there already, or cannot be written.
    """
    key = PrivateKey.generate()
    record = KeyRecord(_name(path), role, key.public_key, _today(), development=False)
    write_issuer(path, passphrase, key, record)
    return record


def write_issuer(path: Path, passphrase: str, key: PrivateKey, record: KeyRecord) -> None:
    """Write a key, encrypted, to ``path`` (mode 0600), and its public record beside it.

    Raises:
        SigningError: passphrase too short, a file is there already, or cannot be written.
    """
    require_passphrase(passphrase)
    if path.suffix == ".toml":
        raise SigningError("a key file cannot end in .toml: its record does", where=str(path))
    _write(path, key, passphrase.encode(), record)


def require_passphrase(passphrase: str) -> None:
    """Refuse a passphrase that is too short.

    Raises:
        SigningError: it is.
    """
    if len(passphrase) < MIN_PASSPHRASE:
        raise SigningError(
            f"the passphrase has fewer than {MIN_PASSPHRASE} characters", hint="take a few random words"
        )


def record_key(path: Path, key: PublicKey, role: Role) -> KeyRecord:
    """Write the public record of a key whose private half is elsewhere, named after ``path``.

    Raises:
        SigningError: there is one already, or it cannot be written.
    """
    record = KeyRecord(_name(path), role, key, _today(), development=False)
    write_new(record_path(path), record.to_toml().encode(), mode=0o644)
    return record


def record_issuer(path: Path, ask_secret: AskSecret, role: Role) -> KeyRecord:
    """Write the public record of an encrypted key that was made elsewhere.

    Raises:
        SigningError: the key cannot be read, or has a record already.
    """
    passphrase = ask_secret(f"passphrase of {path.name}").encode()
    return record_key(path, parse_key(read_private(path), passphrase, where=str(path)).public_key, role)


def record_public(path: Path, role: Role) -> KeyRecord:
    """Write the public record beside a public key in PEM form: of a key in an HSM, or behind an air gap.

    Raises:
        ConfigError: the file cannot be read.
        SigningError: not a secp256k1 key, or it has a record already.
    """
    return record_key(
        path, PublicKey.from_pem(dist.read(path, limit=_MAX_PUBLIC).decode("ascii", "replace")), role
    )


def development_issuer(folder: Path) -> tuple[FileSigner, KeyRecord]:
    """The user's own key for signing apps while developing, made on first use in ``folder``.

    It has no passphrase and is marked as a development key, which release policies refuse.

    Raises:
        SigningError: the folder's key cannot be made or read, or is not such a key.
    """
    key, record = _on_first_use(folder / "development", "development", "app-signing")
    return FileSigner(key, record), record


def virtual_device_issuer(folder: Path) -> tuple[PrivateKey, KeyRecord]:
    """The key that certifies the user's virtual devices, made on first use. It never signs apps.

    Raises:
        SigningError: as ``development_issuer``.
    """
    return _on_first_use(folder / "virtual-device", "virtual device", "device-issuer")


def _on_first_use(folder: Path, name: str, role: Role) -> tuple[PrivateKey, KeyRecord]:
    """The key in ``folder``. Two processes at once agree on one: the folder appears whole, by a rename."""
    if not folder.exists():
        try:
            make_private_folder(folder.parent)
        except ConfigError as e:
            raise SigningError(e.message, hint=e.hint, where=e.where) from e
        beside = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}")
        try:
            beside.mkdir(mode=0o700)
            key = PrivateKey.generate()
            record = KeyRecord(name, role, key.public_key, _today(), development=True)
            _write(beside / _KEY_FILE, key, None, record)
            _rename_unless_there(beside, folder)
        except OSError as e:
            raise SigningError(f"the key cannot be written: {e.strerror}", where=str(folder)) from e
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    key, record = read_key(folder / _KEY_FILE, _no_secret)
    record.require_role(role)
    if not record.development:
        raise SigningError("the user's folder holds a key that is not a development key", where=str(folder))
    return key, record


def _rename_unless_there(beside: Path, folder: Path) -> None:
    """A folder that is not empty cannot be renamed over: whoever is first wins."""
    try:
        beside.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _no_secret(name: str) -> str:
    raise SigningError(f"a development key has no passphrase, and this one asks for the {name}")


def _write(path: Path, key: PrivateKey, passphrase: bytes | None, record: KeyRecord) -> None:
    """The record first: a record without a key is harmless, a key without a record is useless."""
    if os.path.lexists(path):
        raise SigningError("the file is there already; keys are never overwritten", where=str(path))
    write_new(record_path(path), record.to_toml().encode(), mode=0o644)
    try:
        write_new(path, key.pem(passphrase), mode=0o600)
    except SigningError:
        record_path(path).unlink()
        raise


def _name(path: Path) -> str:
    return "".join(c if c.isprintable() else "_" for c in path.stem)


def _today() -> datetime.date:
    return datetime.datetime.now(tz=datetime.UTC).date()
