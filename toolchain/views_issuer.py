"""How keys and their ceremonies look, as text and as JSON lines. Only the task modules import this."""

import dataclasses
from pathlib import Path

from toolchain.chain import Chain
from toolchain.console import Output
from toolchain.issuing import Issuer
from toolchain.sign.ceremony import CeremonyLog
from toolchain.sign.record import KeyRecord, chain_path, record_path


def _fields(path: Path, record: KeyRecord) -> dict[str, object]:
    return {
        "path": str(path),
        "key_id": record.key.key_id,
        "point": record.key.point.hex(),
        "role": record.role,
        "status": record.status,
    }


def made(out: Output, path: Path, record: KeyRecord) -> None:
    """A key that is new here."""
    text = f"{record.role} key {record.key.key_id}, its public record in {record_path(path)}"
    out.result("issuer", _fields(path, record), text)


def shown(out: Output, issuer: Issuer) -> None:
    """The public record of a key, and what became of it."""
    record = issuer.record
    fields = {
        **_fields(issuer.path, record),
        "successor": record.successor or None,
        "revoked": record.revoked and record.revoked.isoformat(),
        "chain": [key.key_id for key in issuer.chain.keys],
    }
    kind = "development key, " if record.development else ""
    text = (
        f"{record.name}: {kind}{record.role}, made or recorded on {record.created}, "
        f"in {record_path(issuer.path)}\n"
        f"  key id  {record.key.key_id}\n"
        f"  point   {record.key.point.hex()}\n"
        f"  status  {_status(record)}\n"
        f"{_lines(issuer.chain)}{record.key.pem()}"
    )
    out.result("issuer", fields, text.rstrip())


def _status(record: KeyRecord) -> str:
    if record.revoked:
        return f"revoked on {record.revoked}"
    return f"rotated, successor {record.successor}" if record.successor else "in use"


def _lines(chain: Chain) -> str:
    keys = (
        f"{key.key_id}, revoked on {chain.revoked[key]}" if key in chain.revoked else key.key_id
        for key in chain.keys
    )
    return "".join(f"  chain   {key}\n" for key in keys)


def rotated(out: Output, old: Path, issuer: Issuer) -> None:
    """A key that took over."""
    fields = {"old": str(old), **_fields(issuer.path, issuer.record), "chain": str(chain_path(issuer.path))}
    text = (
        f"{issuer.record.role}: the key {issuer.record.key.key_id} took over; publish "
        f"{record_path(issuer.path)} and {chain_path(issuer.path)}, and put the new key into your policies"
    )
    out.result("rotated", fields, text)


def revoked(out: Output, issuer: Issuer) -> None:
    """A key that counts for nothing any more."""
    fields = {**_fields(issuer.path, issuer.record), "chain": str(chain_path(issuer.path))}
    text = (
        f"{issuer.record.role}: the key {issuer.record.key.key_id} is revoked; publish "
        f"{chain_path(issuer.path)}, and say so in your policies: who does not hear of it, trusts it still"
    )
    out.result("revoked", fields, text)


def backed_up(out: Output, to: Path, record: KeyRecord) -> None:
    """A backup."""
    fields = {"path": str(to), "key_id": record.key.key_id, "role": record.role}
    text = (
        f"{record.role} key {record.key.key_id} in {to}: opened once to be sure; keep it apart from the key"
    )
    out.result("backup", fields, text)


def log(out: Output, log: CeremonyLog) -> None:
    """A ceremony, step by step."""
    for step in log.steps:
        out.result("step", {**dataclasses.asdict(step), "digest": step.digest()})
    if not out.as_json:
        out.result("", {}, log.to_text().rstrip() or "no step yet")
