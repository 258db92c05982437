"""One file per app and version: everything that anyone needs to check a release, and to load it.

::

    schema      release-bundle/1
    evidence    path → base64: policy.json, sbom.json, summary.txt, rebuilds/<builder>.json, and for each
                target targets/<target>/{image,manifest,report,provenance}.json
    release     DSSE envelope: the statement over all evidence, signed by the approvers
    log         where the log lists the statement, and the signed head that proves it; null in a draft
    signatures  target → signature over the image's digest, by a key of the policy; empty in a draft
    issuers     rotations that lead from a key of the policy to the one that signed; empty if it signed itself

Canonical JSON, so the same inputs give the same bytes and every byte counts (docs/adr/0006). A bundle grows:
draft, approved, logged, signed. Only ``verify_bundle`` says that it is good.
"""

import base64
import dataclasses
import datetime
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from toolchain.chain import ROTATION, Chain
from toolchain.dsse import IN_TOTO, Envelope, open_payload, parse_canonical
from toolchain.errors import ImageError, VerificationError
from toolchain.image import Image
from toolchain.keys import PublicKey, Signature, Signer, low_s
from toolchain.manifest import Manifest, SignatureRecord, canonical_json, read_as
from toolchain.release import merkle
from toolchain.release.approvals import approve, check_approvals, release_date
from toolchain.release.evidence import Build, Evidence, check_evidence, collect_evidence
from toolchain.release.log import Log, TreeHead
from toolchain.release.merkle import InclusionProof
from toolchain.release.policy import Approver, ReleasePolicy

SCHEMA = "release-bundle/1"
ROLE = "app-signing"
"""Of the keys whose rotations count here."""

MAX_BUNDLE = 1 << 24
"""Bytes. All targets of a real app take less than a tenth of that."""


@dataclass(frozen=True)
class LogProof:
    """That the log lists the release at ``proof.index``, under a signed head of ``proof.size`` entries."""

    proof: InclusionProof
    head: Envelope


@dataclass(frozen=True)
class Bundle:
    """A bundle as a value; says nothing about whether it is good."""

    evidence: Mapping[str, bytes]
    release: Envelope
    log: LogProof | None
    signatures: Mapping[str, Signature]
    issuers: tuple[Envelope, ...] = ()

    def with_release(self, release: Envelope) -> Self:
        """The bundle with other approvals."""
        return dataclasses.replace(self, release=release)


@dataclass(frozen=True)
class SignedApp:
    """An app for one target, as it goes to a device."""

    image: Image
    manifest: Manifest
    key: PublicKey
    signature: Signature


@dataclass(frozen=True)
class Release:
    """A bundle that is good under its policy. Only ``verify_bundle`` makes one."""

    evidence: Evidence
    approvers: tuple[Approver, ...]
    head: TreeHead
    apps: Mapping[str, SignedApp]


# --- Bytes ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _LogRecord:
    index: int
    size: int
    hashes: tuple[str, ...]


@dataclass(frozen=True)
class _SignatureFile:
    key_id: str
    sig: str


def write_bundle(bundle: Bundle) -> bytes:
    """The one file of ``bundle``."""
    log = bundle.log
    return canonical_json(
        {
            "schema": SCHEMA,
            "evidence": {path: _encode(data) for path, data in bundle.evidence.items()},
            "release": json.loads(bundle.release.to_json()),
            "log": log
            and {
                "index": log.proof.index,
                "size": log.proof.size,
                "hashes": [_encode(value) for value in log.proof.hashes],
                "head": json.loads(log.head.to_json()),
            },
            "signatures": {
                target: {"key_id": s.key_id, "sig": _encode(s.der)} for target, s in bundle.signatures.items()
            },
            "issuers": [json.loads(link.to_json()) for link in bundle.issuers],
        }
    ).encode()


def read_bundle(data: bytes, *, where: str = "bundle") -> Bundle:
    """Read what ``write_bundle`` wrote, byte for byte.

    Raises:
        ImageError: anything else.
    """
    if len(data) > MAX_BUNDLE:
        raise ImageError(f"a bundle has at most {MAX_BUNDLE} bytes", where=where)
    table = parse_canonical(data, where=where)
    if table.pop("schema", None) != SCHEMA:
        raise ImageError(f"not a {SCHEMA}", where=where)
    if table.keys() != {"evidence", "issuers", "release", "log", "signatures"}:
        raise ImageError("a part of the bundle is missing or unknown", where=where)
    evidence = _table(table["evidence"], where)
    signatures = {
        target: read_as(_SignatureFile, value, where=where)
        for target, value in _table(table["signatures"], where).items()
    }
    bundle = Bundle(
        evidence={path: _decode(value, where) for path, value in evidence.items()},
        release=Envelope.from_json(canonical_json(table["release"]), where=f"{where}: release"),
        log=None if table["log"] is None else _read_log(_table(table["log"], where), f"{where}: log"),
        signatures={t: Signature(s.key_id, _decode(s.sig, where)) for t, s in signatures.items()},
        issuers=tuple(
            Envelope.from_json(canonical_json(link), where=f"{where}: issuers")
            for link in _list(table["issuers"], where)
        ),
    )
    if write_bundle(bundle) != data:
        raise ImageError("not a bundle in its canonical form", where=where)
    return bundle


def _read_log(table: dict[str, object], where: str) -> LogProof:
    head = Envelope.from_json(canonical_json(table.pop("head", None)), where=where)
    record = read_as(_LogRecord, table, where=where)
    hashes = tuple(_decode(value, where) for value in record.hashes)
    return LogProof(InclusionProof(record.index, record.size, hashes), head)


def _table(value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ImageError("a part of the bundle is not a table", where=where)
    return value


def _list(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise ImageError("a part of the bundle is not a list", where=where)
    return value


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode(value: object, where: str) -> bytes:
    try:
        return base64.b64decode(value if isinstance(value, str) else "!", validate=True)
    except ValueError as e:
        raise ImageError("a part of the bundle is not base64", where=where) from e


# --- Stages ---------------------------------------------------------------------------------------------


def draft_bundle(
    policy: ReleasePolicy,
    builds: Mapping[str, Build],
    sbom: bytes,
    attestations: Mapping[str, Envelope],
    date: datetime.date,
) -> Bundle:
    """A bundle without approvals, checked: ``builds`` by target, ``attestations`` by builder.

    Raises:
        ImageError, VerificationError: the evidence does not fit together, or not the policy.
    """
    files, release = collect_evidence(policy, builds, sbom, attestations, date)
    check_evidence(files, release, policy)
    return Bundle(files, release, None, {})


def approve_bundle(
    bundle: Bundle,
    policy: ReleasePolicy,
    signer: Signer,
    today: datetime.date,
    *,
    seen: datetime.date | None = None,
) -> Bundle:
    """The bundle with one approval more; its evidence is checked first.

    Raises:
        ImageError, VerificationError: as ``check_evidence``.
        SigningError: as ``approvals.approve``.
    """
    check_evidence(bundle.evidence, bundle.release, policy)
    return bundle.with_release(approve(policy, bundle.release, signer, today, seen=seen))


def merge_approvals(bundle: Bundle, other: Bundle) -> Bundle:
    """The approvals of both, for approvers who each signed a copy of the same draft.

    Raises:
        VerificationError: the two are not about the same release.
    """
    mine, theirs = bundle.release, other.release
    if (mine.payload_type, mine.payload) != (theirs.payload_type, theirs.payload):
        raise VerificationError("the bundles are not copies of one draft")
    by_key = {s.key_id: s for s in (*theirs.signatures, *mine.signatures)}
    signatures = tuple(by_key[key_id] for key_id in sorted(by_key))
    return bundle.with_release(dataclasses.replace(mine, signatures=signatures))


def log_entry(bundle: Bundle) -> bytes:
    """The line that the log lists for this release: app, version, hash of the statement."""
    predicate = open_payload(bundle.release, IN_TOTO).get("predicate")
    if not isinstance(predicate, dict):
        raise ImageError("the bundle holds no release statement")
    entry = {
        "app": predicate.get("app"),
        "statement": hashlib.sha256(bundle.release.payload).hexdigest(),
        "version": predicate.get("version"),
    }
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def prove_logged(bundle: Bundle, log: Log, head: Envelope) -> Bundle:
    """The bundle with the proof that ``log`` lists it under ``head``.

    Raises:
        VerificationError: the log does not list it by then.
    """
    entry = log_entry(bundle)
    size = TreeHead.from_envelope(head).size
    index = next((n for n, known in enumerate(log.entries()) if known == entry and n < size), None)
    if index is None:
        raise VerificationError("the log does not list this release yet")
    return dataclasses.replace(bundle, log=LogProof(log.inclusion(index, size), head))


def check_ready(
    bundle: Bundle, policy: ReleasePolicy, today: datetime.date, *, seen: datetime.date | None = None
) -> Evidence:
    """What may be signed now: evidence, approvals and log proof are good. ``seen`` as in ``approvals``.

    Raises:
        ImageError, VerificationError: the evidence or the log proof is not good.
        SigningError: the approvals are not.
    """
    evidence = check_evidence(bundle.evidence, bundle.release, policy)
    head = _check_log(bundle, policy)
    newest = max(head.date, seen or head.date)
    check_approvals(policy, [bundle.release], bundle.release, today, seen=newest)
    return evidence


def sign_bundle(
    bundle: Bundle,
    signatures: Mapping[str, Signature],
    policy: ReleasePolicy,
    issuers: Sequence[Envelope] = (),
) -> Bundle:
    """The finished bundle, with a signature for every target; ``issuers`` as in ``links``.

    Raises:
        ImageError, VerificationError, SigningError: it is not good.
    """
    signed = dataclasses.replace(bundle, signatures=dict(signatures), issuers=tuple(issuers))
    evidence = check_ready(signed, policy, _check_log(signed, policy).date)
    _check_signatures(signed, evidence, policy)
    return signed


# --- Checks ---------------------------------------------------------------------------------------------


def verify_bundle(bundle: Bundle, policy: ReleasePolicy, today: datetime.date) -> Release:
    """The release in a bundle, if nothing at all is wrong with it.

    Approvers and policy are judged by the date of the log's head, which its witnesses signed: a release does
    not go bad when an approver's key expires later. A key that is revoked counts for nothing.

    Raises:
        ImageError, VerificationError, SigningError: what is wrong.
    """
    evidence = check_evidence(bundle.evidence, bundle.release, policy)
    head = _check_log(bundle, policy)
    if head.date > today:
        raise VerificationError(
            f"the log's head is of {head.date}, today is {today}", hint="set the clock right"
        )
    approvers = check_approvals(policy, [bundle.release], bundle.release, head.date)
    return Release(evidence, approvers, head, _check_signatures(bundle, evidence, policy))


def _check_log(bundle: Bundle, policy: ReleasePolicy) -> TreeHead:
    if bundle.log is None:
        raise VerificationError("the log does not list this release yet", hint="the bundle is a draft")
    proof, envelope = bundle.log.proof, bundle.log.head
    head = TreeHead.from_envelope(envelope)
    if head.origin != policy.log.origin or head.size != proof.size:
        raise VerificationError("the head is of another log, or of another size than the proof")
    if head.date < release_date(bundle.release):
        raise VerificationError("the log's head is older than the release")
    known = {p.public_key.key_id: p for p in (policy.log.party, *policy.log.witnesses)}
    for signature in envelope.signatures:
        party = known.get(signature.key_id)
        one = Envelope(envelope.payload_type, envelope.payload, (signature,))
        if party is None or not one.signed_by(party.public_key):
            raise VerificationError("a signature under the log's head is not good")
    if not envelope.signed_by(policy.log.party.public_key):
        raise VerificationError("the log did not sign its head")
    if len(envelope.signatures) - 1 < policy.log.required:
        raise VerificationError(
            f"{len(envelope.signatures) - 1} witnesses signed the head, needed are {policy.log.required}"
        )
    merkle.verify_inclusion(merkle.leaf_hash(log_entry(bundle)), proof, head.root)
    return head


def _check_signatures(bundle: Bundle, evidence: Evidence, policy: ReleasePolicy) -> dict[str, SignedApp]:
    if bundle.signatures.keys() != evidence.builds.keys():
        raise VerificationError("not every target is signed, or more than that", hint="the bundle is a draft")
    keys = {key.key_id: key for key in _signing_keys(bundle.issuers, policy)}
    apps = {}
    for target, build in evidence.builds.items():
        signature = bundle.signatures[target]
        key = keys.get(signature.key_id)
        if key is None:
            raise VerificationError(f"the key {signature.key_id} does not sign apps", where=target)
        if low_s(signature.der) != signature.der or not key.verifies(signature.der, build.image.digest()):
            raise VerificationError("the signature is not good", where=target)
        record = SignatureRecord(key.key_id, key.point.hex(), signature.der.hex(), "release")
        manifest = dataclasses.replace(build.manifest, signature=record)
        apps[target] = SignedApp(build.image, manifest, key, signature)
    return apps


def _signing_keys(issuers: Sequence[Envelope], policy: ReleasePolicy) -> tuple[PublicKey, ...]:
    """Who may sign apps: the policy's keys, and those that one of them handed over to, link by link."""
    keys = policy.signing_keys()
    if not issuers:
        return keys
    chain = Chain.from_envelopes(issuers)
    if chain.revoked or chain.role != ROLE or chain.keys[0] not in keys:
        raise VerificationError("the rotations do not lead from a key of the policy that signs apps")
    later = chain.keys[1:]
    if any(party.public_key in later for party in policy.parties()):
        raise VerificationError("a key that was handed over to has another role in the policy")
    return (*keys, *later)


def links(chain: Chain, policy: ReleasePolicy, key: PublicKey) -> tuple[Envelope, ...]:
    """The rotations of ``chain`` that lead from a key of the policy to ``key``; none if it is one itself.

    Raises:
        VerificationError: none leads there.
        SigningError: a key on the way was revoked.
    """
    if key in policy.signing_keys():
        return ()
    first = next((one for one in policy.signing_keys() if one in chain.keys), None)
    if first is None or key not in chain.trusted_by(first, ROLE):
        raise VerificationError("no rotation leads from a key of the policy to the key that signs")
    rotations = [link for link in chain.statements if link.payload_type == ROTATION]
    return tuple(rotations[chain.keys.index(first) : chain.keys.index(key)])
