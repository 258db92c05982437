"""The life of an issuer's key between files: made, rotated, revoked, backed up, restored.

A key lies in a file (``release.pem``), in an HSM or behind an air gap; its public record (``release.toml``)
always lies in a file. What became of it stands in the record, and signed in the chain beside it
(``release.chain.json``). Every step is written into the ceremony log of its folder.
"""

import dataclasses
import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolchain import dist
from toolchain.chain import Chain, revocation, rotation
from toolchain.errors import ConfigError, SigningError
from toolchain.keys import AskSecret, Signer
from toolchain.sign import ceremony, open_asking
from toolchain.sign.backup import backup_record, open_backup, seal_backup
from toolchain.sign.external import EXTERNAL, date_of_request
from toolchain.sign.file import FileSigner, read_key
from toolchain.sign.files import write_new
from toolchain.sign.issuer import (
    new_issuer,
    record_issuer,
    record_key,
    record_public,
    require_passphrase,
    write_issuer,
)
from toolchain.sign.pkcs11 import create_key
from toolchain.sign.record import KeyRecord, Role, chain_path, read_record, record_path
from toolchain.sign.trusted import trusted_keys

PKCS11 = "pkcs11:"

_MAX_CHAIN = 1 << 20
_MAX_BACKUP = 1 << 16


@dataclass(frozen=True)
class Ceremony:
    """Where steps are written down (default: the folder of the key), and who watched."""

    witnesses: tuple[str, ...] = ()
    folder: Path | None = None

    def record(
        self, action: str, path: Path, record: KeyRecord, files: Sequence[Path], note: str = ""
    ) -> None:
        """Write a step down. ``files`` that are not there are left out.

        Raises:
            ToolchainError: as ``ceremony.record_step``.
        """
        ceremony.record_step(
            self.folder or path.parent,
            action,
            record,
            [file for file in files if file.exists()],
            witnesses=self.witnesses,
            note=note,
        )


@dataclass(frozen=True)
class Secrets:
    """How a person is asked: for a secret that is set, and for one that is set anew."""

    ask: AskSecret
    ask_new: AskSecret


def make(path: Path, role: Role, hsm: str, secrets: Secrets, watched: Ceremony) -> KeyRecord:
    """Make a key: in the file ``path``, or on the token of ``hsm``, a ``pkcs11:`` URI; with its record.

    Raises:
        ConfigError: the URI, or a witness's name.
        SigningError: the passphrase, the token, or something is there already.
    """
    ceremony.require_plain(watched.witnesses)
    record = _make(path, role, hsm, secrets)
    watched.record("made in an HSM" if hsm else "made", path, record, [path, record_path(path)])
    return record


def _make(path: Path, role: Role, hsm: str, secrets: Secrets) -> KeyRecord:
    if not hsm:
        return new_issuer(path, secrets.ask_new(f"new passphrase of {path.name}"), role)
    rest = hsm.removeprefix(PKCS11)
    if rest == hsm:
        raise ConfigError("a key is made in an HSM or in a file", hint="--hsm 'pkcs11:…' (docs/release.md)")
    if record_path(path).exists():
        raise SigningError(
            "there is a record already; keys are never overwritten", where=str(record_path(path))
        )
    return record_key(path, create_key(rest, secrets.ask), role)


def record(path: Path, role: Role, secrets: Secrets, watched: Ceremony, *, public: bool) -> KeyRecord:
    """Write the public record of a key that was made elsewhere.

    Raises:
        ConfigError, SigningError: the key cannot be read, or has a record already.
    """
    ceremony.require_plain(watched.witnesses)
    made = record_public(path, role) if public else record_issuer(path, secrets.ask, role)
    watched.record("recorded", path, made, [path, record_path(path)])
    return made


@dataclass(frozen=True)
class Issuer:
    """What is known of a key: its record, and its chain if it has one."""

    path: Path
    record: KeyRecord
    chain: Chain


def show(path: Path) -> Issuer:
    """Record and chain of a key; the chain must be good, and about it.

    Raises:
        ConfigError, ImageError, SigningError: record or chain cannot be read, or are not good.
    """
    found = read_record(path)
    return Issuer(path, found, _read_chain(path, found))


def _read_chain(path: Path, record: KeyRecord) -> Chain:
    file = chain_path(path)
    if not file.exists():
        return Chain()
    chain = Chain.from_json(dist.read(file, limit=_MAX_CHAIN), where=str(file))
    if record.key not in chain.keys or record.role != chain.role:
        raise SigningError("the chain is not about the key beside it", where=str(file))
    return chain


def trust(path: Path, folder: Path) -> Issuer:
    """From now on, devices that this issuer certified are genuine: its record and chain go into ``folder``.

    Raises:
        ConfigError, ImageError, SigningError: record or chain cannot be read, are for something else or not
            good, or a key was revoked.
    """
    issuer = show(path)
    issuer.record.require_role("device-issuer")
    trusted_keys(path, issuer.record)
    to = folder / f"{issuer.record.key.key_id}.toml"
    if issuer.chain.statements:
        dist.write(chain_path(to), issuer.chain.to_json())
    dist.write(to, issuer.record.to_toml())
    return Issuer(to, issuer.record, issuer.chain)


def rotate(
    old: Path,
    new: Path,
    signer: str,
    hsm: str,
    *,
    reason: str,
    date: datetime.date,
    secrets: Secrets,
    watched: Ceremony,
) -> Issuer:
    """Hand over from the key of ``old`` to that of ``new``, which is made unless it has a record already.

    ``signer`` is the URI that holds the old key, without it the file ``old``; ``hsm`` the one that holds the
    new key or is to make it, without it the file ``new``. A call that was cut off is simply repeated.

    Raises:
        ConfigError, ImageError, SigningError: a key, its record or its chain; another role; rotated already.
    """
    ceremony.require_plain(watched.witnesses, reason)
    before = show(old)
    before.record.require_trusted()
    chain = before.chain
    if not (record_path(new).exists() and chain.keys[-1:] == (read_record(new).key,)):
        before.record.require_in_use()
        if record_path(new).exists():
            key, role, after = before.record.key, before.record.role, read_record(new)
            date = _asked_on(
                (signer, hsm), lambda day: rotation(key, after.key, role, day, reason).digest(), date
            )
        facts = {
            "rotation": f"of the key {before.record.key.key_id}, {before.record.role}",
            "reason": reason or "-",
            "date": date.isoformat(),
        }
        holder = _holder(old, before.record, signer, secrets, facts)
        given: list[str] = []
        if not record_path(new).exists():
            made = _make(new, before.record.role, hsm, _keeping(secrets, given))
            watched.record("made in an HSM" if hsm else "made", old, made, [new, record_path(new)])
        successor = read_record(new)
        successor.require_role(before.record.role)
        successor.require_in_use()
        other = _holder(new, successor, hsm, _giving(secrets, given), facts)
        chain = chain.rotated(holder, other, successor.role, date, reason)
    after = read_record(new)
    for path in (new, old):
        dist.write(chain_path(path), chain.to_json())
    marked = dataclasses.replace(before.record, successor=after.key.key_id)
    dist.write(record_path(old), marked.to_toml())
    files = [record_path(old), record_path(new), chain_path(old), chain_path(new)]
    watched.record("rotated", old, marked, files, f"to {after.key.key_id}: {reason}"[:200])
    return Issuer(new, after, chain)


def _keeping(secrets: Secrets, given: list[str]) -> Secrets:
    """As ``secrets``; what is set anew goes into ``given``, too."""

    def ask_new(name: str) -> str:
        given.append(secrets.ask_new(name))
        return given[-1]

    return Secrets(secrets.ask, ask_new)


def _giving(secrets: Secrets, given: list[str]) -> Secrets:
    """As ``secrets``, but nobody is asked for what was ``given`` a moment ago."""
    return Secrets(lambda name: given.pop() if given else secrets.ask(name), secrets.ask_new)


def revoke(
    path: Path,
    by: Path | None,
    signer: str,
    *,
    reason: str,
    date: datetime.date,
    secrets: Secrets,
    watched: Ceremony,
) -> Issuer:
    """State that the key of ``path`` counts for nothing any more, signed by itself or a successor, ``by``.

    ``signer`` is the URI that holds the key which signs, without it its file.

    Raises:
        ConfigError, ImageError, SigningError: a key, its record or its chain; or it is revoked already.
    """
    ceremony.require_plain(watched.witnesses, reason)
    issuer = show(path)
    issuer.record.require_trusted()
    chain, signing_path, signing = issuer.chain, path, issuer.record
    if by is not None:
        successor = show(by)
        chain, signing_path, signing = successor.chain, by, successor.record
        if issuer.record.key not in chain.keys:
            raise SigningError("only the key itself or a successor can revoke it", where=str(by))
    date = _asked_on(
        (signer,), lambda day: revocation(issuer.record.key, issuer.record.role, day, reason).digest(), date
    )
    facts = {
        "revocation": f"of the key {issuer.record.key.key_id}, {issuer.record.role}",
        "reason": reason or "-",
        "date": date.isoformat(),
    }
    holder = _holder(signing_path, signing, signer, secrets, facts)
    if issuer.record.key not in chain.revoked:
        chain = chain.revoking(issuer.record.key, holder, issuer.record.role, date, reason)
    for one in dict.fromkeys((path, signing_path)):
        dist.write(chain_path(one), chain.to_json())
    marked = dataclasses.replace(issuer.record, revoked=date)
    dist.write(record_path(path), marked.to_toml())
    files = [record_path(path), chain_path(path)]
    watched.record("revoked", path, marked, files, f"by {signing.key.key_id}: {reason}"[:200])
    return Issuer(path, marked, chain)


def _asked_on(
    uris: Sequence[str], digest_on: Callable[[datetime.date], bytes], today: datetime.date
) -> datetime.date:
    """The day of the statement: that of the request which waits for it behind an air gap, else ``today``."""
    folders = [Path(uri.removeprefix(EXTERNAL)) for uri in uris if uri.startswith(EXTERNAL)]
    days = (date_of_request(folder, digest_on, today) for folder in folders)
    return min(days, default=today)


def _holder(path: Path, record: KeyRecord, uri: str, secrets: Secrets, facts: Mapping[str, str]) -> Signer:
    """Who holds the key of ``record``. A key in a file may have been rotated: it still revokes itself."""
    if not uri or uri == f"file:{path}":
        if not path.exists() or path == record_path(path):
            raise ConfigError(
                "the private half is not in this file",
                hint="name who holds it: --signer pkcs11:… or external:FOLDER",
                where=str(path),
            )
        return FileSigner(*read_key(path, secrets.ask))
    signer = open_asking(uri, record.role, secrets.ask, facts)
    if signer.public_key != record.key:
        raise SigningError(
            f"the signer holds the key {signer.public_key.key_id}, expected is {record.key.key_id}",
            hint="name the signer that holds the key of the record",
        )
    return signer


def back_up(path: Path, to: Path, secrets: Secrets, watched: Ceremony) -> KeyRecord:
    """Write a backup of the key in ``path``, encrypted with a passphrase of its own.

    Raises:
        ConfigError: the key is not in a file.
        SigningError: the key cannot be read, or there is such a file already.
    """
    ceremony.require_plain(watched.witnesses)
    if str(path).startswith(PKCS11):
        raise ConfigError(
            "a key in an HSM cannot leave it, which is the point",
            hint="back up the token with its maker's tools, or keep a second key, and rotate to it",
        )
    key, found = read_key(path, secrets.ask)
    passphrase = secrets.ask_new(f"new passphrase of the backup {to.name}")
    require_passphrase(passphrase)
    write_new(to, seal_backup(key, found, passphrase.encode()), mode=0o600)
    watched.record("backed up", path, found, [to])
    return found


def restore(backup: Path, path: Path, secrets: Secrets, watched: Ceremony) -> KeyRecord:
    """Write the key of a backup to ``path``, with a new passphrase, and its record beside it.

    Raises:
        ConfigError, ImageError: the backup cannot be read.
        SigningError: wrong passphrase, or something is there already.
    """
    ceremony.require_plain(watched.witnesses)
    data = dist.read(backup, limit=_MAX_BACKUP)
    backup_record(data, where=str(backup))
    passphrase = secrets.ask(f"passphrase of the backup {backup.name}")
    key, found = open_backup(data, passphrase.encode(), where=str(backup))
    write_issuer(path, secrets.ask_new(f"new passphrase of {path.name}"), key, found)
    watched.record("restored", path, found, [backup, path, record_path(path)])
    return found
