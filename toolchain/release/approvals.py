"""Approvals: k of n people sign one statement over everything that makes up a release.

The statement names every file of evidence by its hash, the policy among them. It is computed from the
evidence, never taken from whoever asks for an approval: an approval covers exactly what will be released.
"""

import datetime
import hashlib
from collections.abc import Mapping, Sequence

from toolchain.dsse import IN_TOTO, Envelope, open_payload, parse_date, seal
from toolchain.errors import SigningError
from toolchain.image import Image
from toolchain.keys import Signer
from toolchain.manifest import ImageRecord
from toolchain.release.images import statement
from toolchain.release.policy import Approver, ReleasePolicy

RELEASE = "urn:nano-toolchain:release:v1"
"""Predicate type."""


class ApprovalError(SigningError):
    """The approvals do not cover the release; ``reasons`` says what is wrong with each."""

    def __init__(self, message: str, reasons: Sequence[str], *, hint: str = "") -> None:
        super().__init__("; ".join((message, *reasons)), hint=hint)
        self.reasons = tuple(reasons)


def release_statement(
    images: Mapping[str, Image], evidence: Mapping[str, bytes], *, app: str, version: str, date: datetime.date
) -> Envelope:
    """What is approved, unsigned: the images by target, their parameters, and the hash of every file."""
    predicate = {
        "app": app,
        "version": version,
        "date": date.isoformat(),
        "files": {path: hashlib.sha256(data).hexdigest() for path, data in evidence.items()},
        "parameters": {target: _parameters(image) for target, image in images.items()},
    }
    return seal(IN_TOTO, statement(images, RELEASE, predicate))


def _parameters(image: Image) -> dict[str, object]:
    record = ImageRecord.of(image)
    return {
        "target_id": record.target_id,
        "target_version": record.target_version,
        "api_level": record.api_level,
        "code_length": record.code_length,
        "data_length": record.data_length,
        "params_length": record.params_length,
        "flags": record.flags,
        "boot_offset": record.boot_offset,
    }


def release_date(envelope: Envelope) -> datetime.date:
    """The date in a release statement.

    Raises:
        ImageError: not such a statement.
    """
    predicate = open_payload(envelope, IN_TOTO, where="release statement").get("predicate")
    date = predicate.get("date") if isinstance(predicate, dict) else None
    return parse_date(date if isinstance(date, str) else "", where="release statement")


def approve(
    policy: ReleasePolicy,
    release: Envelope,
    signer: Signer,
    today: datetime.date,
    *,
    seen: datetime.date | None = None,
) -> Envelope:
    """The release with one approval more. Whoever calls this has shown the summary to the approver.

    Raises:
        ApprovalError: the signer's key is no approver's, or not today.
        SigningError: the signer refuses, or has approved already.
    """
    _check_clock(policy, release, today, seen)
    approver = next((a for a in policy.approvers if a.public_key == signer.public_key), None)
    if approver is None:
        raise ApprovalError(
            f"the key {signer.public_key.key_id} is no approver's",
            (),
            hint=f"approvers are: {', '.join(a.name for a in policy.approvers)}",
        )
    if not approver.usable(today):
        raise ApprovalError(f"the key of {approver.name} is revoked or expired", ())
    return release.with_signature(signer, approver.public_key)


def check_approvals(
    policy: ReleasePolicy,
    envelopes: Sequence[Envelope],
    release: Envelope,
    today: datetime.date,
    *,
    seen: datetime.date | None = None,
) -> tuple[Approver, ...]:
    """Who approved ``release``, the statement computed from the evidence at hand.

    Nothing is overlooked: one approval that is not good, and none counts. ``seen`` is the newest date known
    from elsewhere, such as the log's newest head.

    Raises:
        ApprovalError: with every reason.
    """
    _check_clock(policy, release, today, seen)
    approvers = {a.public_key.key_id: a for a in policy.approvers}
    found: list[Approver] = []
    reasons: list[str] = []
    for envelope in envelopes:
        if (envelope.payload_type, envelope.payload) != (release.payload_type, release.payload):
            reasons.append("an approval is for something else")
            continue
        for signature in envelope.signatures:
            approver = approvers.get(signature.key_id)
            one = Envelope(envelope.payload_type, envelope.payload, (signature,))
            if approver is None:
                reasons.append(f"{signature.key_id} is no approver's key")
            elif not one.signed_by(approver.public_key):
                reasons.append(f"the approval by {approver.name} is not genuine")
            elif approver.revoked is not None:
                reasons.append(f"the key of {approver.name} was revoked")
            elif not approver.usable(today):
                reasons.append(f"the key of {approver.name} expired on {approver.expires}")
            elif approver in found:
                reasons.append(f"{approver.name} approved twice")
            else:
                found.append(approver)
    if reasons or len(found) < policy.threshold:
        raise ApprovalError(
            f"{len(found)} good approvals, needed are {policy.threshold}",
            reasons,
            hint="an approver adds one with ./inv approve; remove those that are not good",
        )
    return tuple(found)


def _check_clock(
    policy: ReleasePolicy, release: Envelope, today: datetime.date, seen: datetime.date | None
) -> None:
    newest = max(release_date(release), seen or datetime.date.min)
    if today < newest:
        raise ApprovalError(
            f"today is {today}, but something is dated {newest}", (), hint="set the clock right"
        )
    if not policy.in_force(today):
        raise ApprovalError(
            f"the policy holds from {policy.issued} to {policy.expires}, today is {today}", ()
        )
