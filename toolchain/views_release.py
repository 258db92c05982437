"""How releases look, as text for a person and as JSON lines. Only the task modules import this."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolchain.console import Output, confirm
from toolchain.dsse import Envelope
from toolchain.errors import SigningError
from toolchain.image import Image
from toolchain.release.bundle import Bundle, Release
from toolchain.release.log import TreeHead
from toolchain.release.policy import ReleasePolicy
from toolchain.releasing import Attached, Attestation, Look, look

if TYPE_CHECKING:
    from toolchain.pipeline import Outcome, Verified


def _digests(images: dict[str, Image]) -> dict[str, str]:
    return {target: image.digest().hex() for target, image in images.items()}


def _stage(seen: Look) -> str:
    if seen.bundle.signatures:
        return "signed"
    if seen.bundle.log:
        return "logged"
    return "approved" if len(seen.approved_by) >= seen.policy.threshold else "draft"


def _fields(path: Path, seen: Look) -> dict[str, object]:
    evidence = seen.evidence
    return {
        "path": str(path),
        "app": evidence.app,
        "version": evidence.version,
        "date": evidence.date.isoformat(),
        "stage": _stage(seen),
        "digests": _digests(evidence.images),
        "rebuilt_by": [party.name for party in evidence.rebuilt_by],
        "approved_by": list(seen.approved_by),
    }


def policy(out: Output, path: Path, rules: ReleasePolicy) -> None:
    """A policy that is new."""
    digest = hashlib.sha256(rules.to_json().encode()).hexdigest()
    fields = {
        "path": str(path),
        "sha256": digest,
        "apps": list(rules.apps),
        "threshold": rules.threshold,
        "approvers": [party.name for party in rules.approvers],
        "builders": [party.name for party in rules.builders],
        "witnesses": [party.name for party in rules.log.witnesses],
        "expires": rules.expires,
    }
    text = (
        f"{', '.join(rules.apps)}: {rules.threshold} of {len(rules.approvers)} approvers, "
        f"{rules.rebuilds} rebuilds, {rules.log.required} witnesses, "
        f"until {rules.expires}, in {path}\n  sha256  {digest}"
    )
    out.result("policy", fields, text)


def shown(out: Output, path: Path, seen: Look) -> None:
    """Everything that a bundle says of itself."""
    text = (
        f"{seen.evidence.summary}\n"
        f"stage         {_stage(seen)}\n"
        f"approved by   {', '.join(seen.approved_by) or '-'}\n\n"
        "This is what the bundle says under its own policy. Whether it is good: bundle.verify"
    )
    out.result("bundle", _fields(path, seen), text)


def written(out: Output, path: Path, value: Bundle) -> None:
    """A bundle that is one stage further."""
    seen = look(value)
    approvals = f"{len(seen.approved_by)} of {seen.policy.threshold} approvals"
    evidence = seen.evidence
    text = f"{evidence.app} {evidence.version}: {_stage(seen)}, {approvals}, in {path}"
    out.result("bundle", _fields(path, seen), text)


def verified(out: Output, path: Path, release: Release) -> None:
    """A release that is good."""
    evidence, names = release.evidence, sorted(approver.name for approver in release.approvers)
    fields: dict[str, object] = {
        "path": str(path),
        "app": evidence.app,
        "version": evidence.version,
        "date": evidence.date.isoformat(),
        "digests": _digests(evidence.images),
        "rebuilt_by": [party.name for party in evidence.rebuilt_by],
        "approved_by": names,
        "logged": release.head.date.isoformat(),
    }
    lines = [
        f"{evidence.app} {evidence.version}: good",
        *(f"  {target:<12}{digest}" for target, digest in _digests(evidence.images).items()),
        f"  approved by {', '.join(names)}",
        f"  in the log {release.head.origin} of {release.head.date}",
    ]
    out.result("bundle-verified", fields, "\n".join(lines))


def consent(seen: Look, *, yes: bool) -> None:
    """Have the approver read what they approve, and say yes.

    Raises:
        SigningError: no yes.
    """
    if not yes and not confirm(f"{seen.evidence.summary}\nApprove this release?"):
        raise SigningError("not approved; nothing was written", hint="--yes if it was read before")


def requested(out: Output, outcomes: "Sequence[Outcome[Verified]]", texts: Sequence[Path]) -> None:
    """Requests that now wait in the folder of an air gap."""
    for outcome, text in zip(outcomes, texts, strict=True):
        image = outcome.get().built.image
        fields = {
            "app": image.name,
            "version": image.version,
            "target": outcome.target.name,
            "digest": image.digest().hex(),
            "text": str(text),
        }
        out.result("request", fields, f"{image.name} {image.version}, {outcome.target.name}: {text}")


def attached(out: Output, done: Attached) -> None:
    """A signature that came back."""
    digest, key = done.request.digest.hex(), done.request.key.key_id
    fields = {"digest": digest, "key_id": key, "path": str(done.path)}
    out.result("attached", fields, f"the key {key} signed {digest}: {done.path}")


def attested(out: Output, path: Path, made: Attestation) -> None:
    """What a builder stated."""
    fields = {"builder": made.builder, "digests": _digests(dict(made.images)), "path": str(path)}
    out.result("attestation", fields, f"{made.builder} attests {', '.join(made.images)}: {path}")


def head(out: Output, folder: Path, envelope: Envelope) -> None:
    """The newest head of a log."""
    newest = TreeHead.from_envelope(envelope)
    fields = {
        "log": str(folder),
        "origin": newest.origin,
        "size": newest.size,
        "root": newest.root.hex(),
        "date": newest.date.isoformat(),
        "signatures": [signature.key_id for signature in envelope.signatures],
    }
    signatures = len(envelope.signatures)
    text = f"{newest.origin}: {newest.size} entries, root {newest.root.hex()}, {signatures} signatures"
    out.result("log-head", fields, text)
