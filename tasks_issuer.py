"""Tasks about issuers' keys, from the ceremony in which one is made to its end (docs/sign.md)."""

from pathlib import Path
from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context

from tasks_device import enroll, remove
from toolchain import console
from toolchain.console import Output, command, task

if TYPE_CHECKING:
    from toolchain.issuing import Ceremony, Secrets

Strings = list[str] | None
"""An option that may be given several times."""

_ROLE = "app-signing, device-issuer, release-approval, builder, log or witness"
_HSM = "make the key on this token instead: pkcs11:… with object and id (docs/release.md)"
_WATCHED = {
    "witness": "who watches, for the ceremony log; may be given several times",
    "log": "folder of the ceremony log; default: that of the key",
    "json": "results as one JSON object a line (docs/json.md)",
}


def _secrets() -> "Secrets":
    from toolchain.issuing import Secrets

    return Secrets(console.ask_secret, console.ask_new_secret)


def _watched(witness: Strings, log: str) -> "Ceremony":
    from toolchain.issuing import Ceremony

    return Ceremony(tuple(witness or ()), Path(log).expanduser() if log else None)


@task(
    positional=["path"],
    iterable=["witness"],
    help={
        "path": "file for the encrypted private key; its public record is written beside it (.toml)",
        "role": _ROLE,
        "hsm": _HSM,
        **_WATCHED,
    },
)
@command
def new(
    _context: Context,
    path: str,
    role: str = "app-signing",
    hsm: str = "",
    witness: Strings = None,
    log: str = "",
    json: bool = False,
) -> None:
    """Make an issuer key, encrypted with a passphrase that is asked for, or in an HSM."""
    from toolchain import issuing, views_issuer
    from toolchain.sign.record import get_role

    file = Path(path).expanduser()
    record = issuing.make(file, get_role(role), hsm, _secrets(), _watched(witness, log))
    views_issuer.made(Output(as_json=json), file, record)


@task(
    name="record",
    positional=["path"],
    iterable=["witness"],
    help={
        "path": "encrypted private key (PKCS#8 PEM); with --public, a public key in PEM form",
        "role": _ROLE,
        "public": "the private half is elsewhere: in an HSM, or behind an air gap",
        **_WATCHED,
    },
)
@command
def record_(
    _context: Context,
    path: str,
    role: str = "app-signing",
    public: bool = False,
    witness: Strings = None,
    log: str = "",
    json: bool = False,
) -> None:
    """Write the public record of a key that was made elsewhere: what it is, and what it is for."""
    from toolchain import issuing, views_issuer
    from toolchain.sign.record import get_role

    file, watched = Path(path).expanduser(), _watched(witness, log)
    record = issuing.record(file, get_role(role), _secrets(), watched, public=public)
    views_issuer.made(Output(as_json=json), file, record)


@task(
    positional=["path"], help={"path": "key file, or the public record beside it", "json": _WATCHED["json"]}
)
@command
def show(_context: Context, path: str, json: bool = False) -> None:
    """Show a key's public record, what became of it, and its public half in PEM form."""
    from toolchain import issuing, views_issuer

    views_issuer.shown(Output(as_json=json), issuing.show(Path(path).expanduser()))


@task(
    positional=["path"],
    iterable=["witness"],
    help={
        "path": "the old key's file, or its public record",
        "to": "file of the new key; it is made unless it is there already",
        "signer": "who holds the old key, if not its file: pkcs11:… or external:FOLDER",
        "hsm": "the token that holds the new key, or on which to make it: pkcs11:…",
        "reason": "one line for the chain and the log",
        **_WATCHED,
    },
)
@command
def rotate(
    _context: Context,
    path: str,
    to: str,
    signer: str = "",
    hsm: str = "",
    reason: str = "planned",
    witness: Strings = None,
    log: str = "",
    json: bool = False,
) -> None:
    """Hand over to a new key; the old one and the new one sign that, as a link of the chain beside them."""
    from toolchain import issuing, views_issuer
    from toolchain.releasing import today

    old, successor = Path(path).expanduser(), Path(to).expanduser()
    issuer = issuing.rotate(
        old,
        successor,
        signer,
        hsm,
        reason=reason,
        date=today(),
        secrets=_secrets(),
        watched=_watched(witness, log),
    )
    views_issuer.rotated(Output(as_json=json), old, issuer)


@task(
    positional=["path"],
    iterable=["witness"],
    help={
        "path": "the key's file, or its public record",
        "by": "file of a successor that signs instead, for example because the key is lost",
        "signer": "who holds the key that signs, if not its file: pkcs11:… or external:FOLDER",
        "reason": "one line for the chain and the log",
        **_WATCHED,
    },
)
@command
def revoke(
    _context: Context,
    path: str,
    by: str = "",
    signer: str = "",
    reason: str = "compromised",
    witness: Strings = None,
    log: str = "",
    json: bool = False,
) -> None:
    """State under signature that a key counts for nothing any more; what it signed is refused from now on."""
    from toolchain import issuing, views_issuer
    from toolchain.releasing import today

    issuer = issuing.revoke(
        Path(path).expanduser(),
        Path(by).expanduser() if by else None,
        signer,
        reason=reason,
        date=today(),
        secrets=_secrets(),
        watched=_watched(witness, log),
    )
    views_issuer.revoked(Output(as_json=json), issuer)


@task(
    positional=["path"],
    iterable=["witness"],
    help={"path": "the key's file", "to": "file for the backup; it must not be there yet", **_WATCHED},
)
@command
def backup(
    _context: Context, path: str, to: str, witness: Strings = None, log: str = "", json: bool = False
) -> None:
    """Write a key and its record into one file, encrypted with a passphrase of its own."""
    from toolchain import issuing, views_issuer

    file, target = Path(path).expanduser(), Path(to).expanduser()
    record = issuing.back_up(file, target, _secrets(), _watched(witness, log))
    views_issuer.backed_up(Output(as_json=json), target, record)


@task(
    positional=["backup"],
    iterable=["witness"],
    help={
        "backup": "what issuer.backup wrote",
        "to": "file for the key; it must not be there yet",
        **_WATCHED,
    },
)
@command
def restore(
    _context: Context, backup: str, to: str, witness: Strings = None, log: str = "", json: bool = False
) -> None:
    """Bring a key and its record back from a backup; the key file gets a new passphrase."""
    from toolchain import issuing, views_issuer

    target = Path(to).expanduser()
    record = issuing.restore(Path(backup).expanduser(), target, _secrets(), _watched(witness, log))
    views_issuer.made(Output(as_json=json), target, record)


@task(
    positional=["path"],
    help={"path": "public record of a device issuer, its chain beside it", "json": _WATCHED["json"]},
)
@command
def trust(_context: Context, path: str, json: bool = False) -> None:
    """Take devices that this issuer certified for genuine; its record goes into your data folder."""
    from toolchain import devices, issuing, views_issuer
    from toolchain.userdata import data_folder

    folder = data_folder() / devices.ISSUERS
    issuer = issuing.trust(Path(path).expanduser(), folder)
    views_issuer.made(Output(as_json=json), issuer.path, issuer.record)


@task(
    name="log",
    positional=["folder"],
    help={"folder": "folder of the ceremony log, usually that of the keys", "json": _WATCHED["json"]},
)
@command
def log_(_context: Context, folder: str, json: bool = False) -> None:
    """Show a ceremony log, if no step of it is missing or was changed."""
    from toolchain import views_issuer
    from toolchain.sign.ceremony import read_log

    views_issuer.log(Output(as_json=json), read_log(Path(folder).expanduser()))


issuer_collection = Collection(
    "issuer", new, record_, show, rotate, revoke, backup, restore, trust, log_, enroll, remove
)

__all__ = ["issuer_collection"]
