"""The stages of a release between files: policy, bundle, rebuilds and log come from paths and go to paths.

Every stage checks what it takes up before anyone signs. A signer behind an air gap that has not answered yet
gets a request into its folder, and the stage is called again when the answer is there.
"""

import dataclasses
import datetime
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolchain import dist
from toolchain.chain import Chain
from toolchain.dsse import Envelope, parse_date
from toolchain.errors import ConfigError, ImageError, SigningError, VerificationError
from toolchain.image import Image, VerifiedImage
from toolchain.keys import AskSecret, PublicKey, Signature, low_s
from toolchain.manifest import ImageRecord, Manifest, SignatureRecord, VerificationRecord
from toolchain.package import Package
from toolchain.release import attestation, bundle
from toolchain.release.approvals import ApprovalError, check_approvals
from toolchain.release.bundle import MAX_BUNDLE, Bundle, Release, SignedApp
from toolchain.release.evidence import Build, Evidence, check_evidence
from toolchain.release.log import Log, TreeHead, cosign
from toolchain.release.policy import AppKey, Approver, LogPolicy, Party, ReleasePolicy
from toolchain.release.sbom import Part, PartKind, sbom
from toolchain.sign import open_asking
from toolchain.sign.external import (
    EXTERNAL,
    AwaitingSignatureError,
    SigningRequest,
    attach,
    image_request,
    open_external,
    read_request,
    write_request,
)
from toolchain.sign.record import Role, read_record
from toolchain.sign.trusted import trusted_keys

if TYPE_CHECKING:
    from toolchain.artefacts import Built
    from toolchain.build.result import BuildResult
    from toolchain.pipeline import Verified

SUFFIX = ".bundle"
POLICY_FILE = "release-policy.json"
"""The release policy of an app, in its folder, unless somebody names another."""

_MAX_POLICY = 1 << 20
_MAX_ENVELOPE = 1 << 20
_MAX_SIGNATURE = 4096
_MAX_CHAIN = 1 << 20


def today() -> datetime.date:
    """The day, in UTC."""
    return datetime.datetime.now(tz=datetime.UTC).date()


def day(text: str) -> datetime.date:
    """A day as it comes from a command line, YYYY-MM-DD.

    Raises:
        ConfigError: anything else.
    """
    try:
        return parse_date(text, where="")
    except ImageError as e:
        raise ConfigError(f"not a day of the form YYYY-MM-DD: {text!r:.20}") from e


# Files


def read_policy(file: str) -> ReleasePolicy:
    """The release policy in ``file``.

    Raises:
        ConfigError: none is named, or it cannot be read.
        ImageError: not such a policy, in its canonical form.
    """
    if not file:
        raise ConfigError("nothing says which release policy holds", hint="name its file with --policy")
    path = Path(file).expanduser()
    return ReleasePolicy.from_json(dist.read(path, limit=_MAX_POLICY), where=str(path))


def read_bundle(path: Path) -> Bundle:
    """The bundle in a file; says nothing about whether it is good.

    Raises:
        ConfigError: it cannot be read.
        ImageError: not a bundle.
    """
    return bundle.read_bundle(dist.read(path, limit=MAX_BUNDLE), where=str(path))


def write_bundle(path: Path, value: Bundle) -> None:
    """Put the bundle into a file, whole or not at all.

    Raises:
        ToolchainError: the disk refuses.
    """
    dist.write(path, bundle.write_bundle(value))


def write_envelope(path: Path, envelope: Envelope) -> None:
    """Put a signed statement into a file.

    Raises:
        ToolchainError: the disk refuses.
    """
    dist.write(path, envelope.to_json())


def bundle_path(built: "Built") -> Path:
    """Where the bundle of an app lies, unless somebody says otherwise."""
    return built.folder.parent / f"{_file_name(built.image.name)}-{_file_name(built.image.version)}{SUFFIX}"


def rebuild_path(built: "Built", made: "Attestation") -> Path:
    """Where a builder's statement lies, unless somebody says otherwise."""
    return built.folder.parent / "rebuilds" / f"{made.builder}.json"


def rebuilds_beside(built: "Built") -> list[Path]:
    """The builders' statements that lie where ``rebuild_path`` has them."""
    return sorted((built.folder.parent / "rebuilds").glob("*.json"))


def _file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+-]", "_", text)


def _read_envelope(path: Path) -> Envelope:
    text = dist.read(path, limit=_MAX_ENVELOPE).decode("utf-8", "replace")
    return Envelope.from_json(text, where=str(path))


# The policy


def new_policy(
    apps: Sequence[str],
    parties: Mapping[Role, Sequence[str]],
    *,
    verification: str,
    threshold: int,
    origin: str,
    issued: datetime.date,
    expires: datetime.date,
) -> ReleasePolicy:
    """A policy of parties that are written ``NAME=RECORD``, with the path of a key's public record, by role.

    All builders must have rebuilt, all witnesses have signed. A rotated key stands for its newest successor.

    Raises:
        ConfigError: not written so.
        ImageError: a policy that cannot be kept, or that one person could keep alone.
        SigningError: a record cannot be read, has another role, or its key was revoked.
    """
    found = {role: [_named(role, text) for text in texts] for role, texts in parties.items()}
    if len(found["log"]) != 1:
        raise ConfigError("a policy names one log", hint="--log RECORD")
    return ReleasePolicy(
        apps=tuple(apps),
        issued=issued.isoformat(),
        expires=expires.isoformat(),
        verification=verification,
        threshold=threshold,
        approvers=tuple(
            Approver(p.name, p.key, expires.isoformat(), None) for p in found["release-approval"]
        ),
        rebuilds=len(found["builder"]),
        builders=tuple(found["builder"]),
        app_keys=tuple(AppKey(p.name, p.key, None) for p in found["app-signing"]),
        log=LogPolicy(origin, found["log"][0].key, tuple(found["witness"]), len(found["witness"])),
    )


def _named(role: Role, text: str) -> Party:
    name, equals, file = text.rpartition("=")
    path = Path(file).expanduser()
    record = read_record(path)
    record.require_role(role)
    return Party(name if equals else path.stem, trusted_keys(path, record)[-1].pem())


# Signers


def _party(parties: Sequence[Party], key: PublicKey, what: str) -> Party:
    found = next((party for party in parties if party.public_key == key), None)
    if found is None:
        names = ", ".join(party.name for party in parties) or "nobody"
        raise SigningError(f"the key {key.key_id} is no {what}'s", hint=f"the policy knows: {names}")
    return found


# Requests for the signature of an app


def external_folder(uri: str) -> tuple[Path, PublicKey]:
    """The folder of an air gap, and the key that will sign there.

    Raises:
        ConfigError: not ``external:FOLDER``, or no public key in it.
        SigningError: not a secp256k1 key.
    """
    if not uri.startswith(EXTERNAL) or uri == EXTERNAL:
        raise ConfigError(
            "only a signer behind an air gap is asked in writing", hint="name it: --signer external:FOLDER"
        )
    folder = Path(uri.removeprefix(EXTERNAL))
    return folder, open_external(str(folder), _no_secret).public_key


def _no_secret(name: str) -> str:
    raise SigningError(f"nothing secret is on this side of an air gap, and this asks for the {name}")


def request_signature(image: VerifiedImage, commit: str, folder: Path, key: PublicKey) -> Path:
    """Write the request for an app's signature; gives the path of its text for people.

    Raises:
        ToolchainError: the folder cannot be written.
    """
    return write_request(folder, image_request(image, key, {"commit": commit or "-"}))[1]


@dataclass(frozen=True)
class Attached:
    """A signature that came back and is good, and where it lies now."""

    request: SigningRequest
    path: Path


def attach_signature(request_file: Path, signature_file: Path | None) -> Attached:
    """Check what came back (default: ``<digest>.sig`` beside the request), and leave it where signers look.

    Raises:
        ConfigError: a file cannot be read.
        SigningError: not a request, or not a signature over it by the key of its folder.
    """
    folder = request_file.parent
    request = read_request(request_file)
    path = folder / f"{request.digest.hex()}.sig"
    answer = dist.read(signature_file or path, limit=_MAX_SIGNATURE)
    signature = attach(request, answer, open_external(str(folder), _no_secret).public_key)
    dist.write(path, signature.der)
    return Attached(request, path)


# Rebuild and draft


@dataclass(frozen=True)
class Attestation:
    """What a builder got, signed; ``images`` by target."""

    builder: str
    envelope: Envelope
    images: Mapping[str, Image]


def attest(built: "Sequence[Built]", policy: ReleasePolicy, uri: str, ask_secret: AskSecret) -> Attestation:
    """State which images came out here, signed by one of the policy's builders.

    Raises:
        ConfigError, SigningError: the signer, or its key is no builder's.
    """
    images = {b.job.target.name: b.image for b in built}
    provenance = {b.job.target.name: b.result.provenance for b in built}
    signer = open_asking(uri, "builder", ask_secret, {"rebuild": _title(images), **_hashes(images)})
    builder = _party(policy.builders, signer.public_key, "builder").name
    envelope = attestation.attest(images, provenance, builder)
    return Attestation(builder, envelope.with_signature(signer, signer.public_key), images)


def draft(
    verified: "Sequence[Verified]", policy: ReleasePolicy, rebuilds: Sequence[Path], date: datetime.date
) -> Bundle:
    """A bundle without approvals; ``rebuilds`` are what ``attest`` wrote.

    Raises:
        ConfigError: a file cannot be read.
        ImageError, VerificationError: builds, rebuilds and policy do not fit together.
    """
    attestations = {}
    for path in rebuilds:
        envelope = _read_envelope(path)
        builder = next((p.name for p in policy.builders if envelope.signed_by(p.public_key)), None)
        if builder is None or builder in attestations:
            raise VerificationError(
                "not signed by a builder of the policy, or the second of one", where=str(path)
            )
        attestations[builder] = envelope
    builds = {v.built.job.target.name: _build(v) for v in verified}
    return bundle.draft_bundle(policy, builds, _bill(verified), attestations, date)


def _build(verified: "Verified") -> Build:
    image, report = verified.built.image, dist.read(verified.built.folder / "report.json")
    manifest = Manifest(
        app=image.name,
        version=image.version,
        target=verified.built.job.target.name,
        image=ImageRecord.of(image),
        provenance=verified.built.result.provenance,
        verification=VerificationRecord(verified.image.policy, len(verified.findings), verified.image.waived),
        signature=None,
        files={"report.json": hashlib.sha256(report).hexdigest()},
    )
    return Build(image, manifest, report)


def _bill(verified: "Sequence[Verified]") -> bytes:
    """The bill of materials: the app's own files, SDK, compiler, C library."""
    from toolchain.build.materials import materials

    parts: list[Part] = []
    seen = set()
    for job, result in ((v.built.job, v.built.result) for v in verified):
        made = result.provenance
        if (job.sdk, made.compiler) not in seen:
            seen.add((job.sdk, made.compiler))
            parts += [Part(m.kind, m.name, m.version, m.sha256) for m in materials(job, made)]
        parts += [
            Part(kind, path.relative_to(result.sources).as_posix(), "", _sha256(path))
            for kind, path in _own_files(result)
        ]
    first = verified[0].built
    epoch = first.result.provenance.source_date_epoch
    return sbom(first.image.name, first.image.version, parts, source_date_epoch=epoch)


def _own_files(result: "BuildResult") -> Iterator[tuple[PartKind, Path]]:
    """What the app itself brought: compiled sources, the headers beside them, pictures.

    The SDK's files are covered by its identity; those in ``build/`` were made from the others.
    """
    names = {Path(command.file) for command in result.commands if command.file}
    own = {name for name in names if not name.is_absolute() and name.parts[0] not in ("..", "build")}
    headers = {
        header
        for folder in {name.parts[0] for name in own if len(name.parts) > 1}
        for header in (result.sources / folder).rglob("*.h")
    }
    for path in sorted(headers | {result.sources / name for name in own}):
        yield "source", path
    for folder in ("icons", "glyphs"):
        for path in sorted((result.sources / folder).glob("*.*")):
            yield "icon", path


def _sha256(path: Path) -> str:
    return hashlib.sha256(dist.read(path)).hexdigest()


def _title(images: Mapping[str, Image]) -> str:
    return ", ".join(sorted({f"{image.name} {image.version}" for image in images.values()}))


def _hashes(images: Mapping[str, Image]) -> dict[str, str]:
    return {f"app hash, {target}": image.digest().hex() for target, image in images.items()}


# What a bundle says


@dataclass(frozen=True)
class Look:
    """What a bundle says of itself: its parts fit together, under the policy that it brings along."""

    bundle: Bundle
    evidence: Evidence
    policy: ReleasePolicy
    approved_by: tuple[str, ...]


def look(value: Bundle) -> Look:
    """Read a bundle for a person. Whoever made it chose the policy: this proves nothing.

    Raises:
        ImageError, VerificationError: its parts do not fit together.
    """
    if "policy.json" not in value.evidence:
        raise VerificationError("the bundle holds no policy")
    policy = ReleasePolicy.from_json(value.evidence["policy.json"])
    evidence = check_evidence(value.evidence, value.release, policy)
    names = sorted(a.name for a in policy.approvers if value.release.signed_by(a.public_key))
    return Look(value, evidence, policy, tuple(names))


def verify(value: Bundle, policy: ReleasePolicy) -> Release:
    """The release in a bundle, if nothing at all is wrong with it today.

    Raises:
        ImageError, VerificationError, SigningError: what is wrong.
    """
    return bundle.verify_bundle(value, policy, today())


def packages(release: Release) -> tuple[Package, ...]:
    """What devices get of a release, one for each target."""
    return tuple(
        Package(app.manifest, app.image, app.signature.der, _record(app)) for app in release.apps.values()
    )


def _record(app: SignedApp) -> SignatureRecord:
    return SignatureRecord(app.key.key_id, app.key.point.hex(), app.signature.der.hex(), "release")


# Approvals, log, signatures


def approve(
    value: Bundle, policy: ReleasePolicy, facts: Mapping[str, str], uri: str, ask_secret: AskSecret
) -> Bundle:
    """The bundle with one approval more; ``facts`` (``Evidence.facts``) were shown to the approver.

    Raises:
        ConfigError, ImageError, VerificationError, SigningError: as ``approve_bundle`` and the signer.
    """
    signer = open_asking(uri, "release-approval", ask_secret, facts)
    return bundle.approve_bundle(value, policy, signer, today())


def merge(value: Bundle, others: Sequence[Path]) -> Bundle:
    """The bundle with the approvals of its other copies, too.

    Raises:
        ConfigError, ImageError: a file is not a bundle.
        VerificationError: not copies of one draft.
    """
    for path in others:
        value = bundle.merge_approvals(value, read_bundle(path))
    return value


def log_release(
    value: Bundle, folder: Path, policy: ReleasePolicy, uri: str, ask_secret: AskSecret
) -> Envelope:
    """List the release in the log, once, and sign the log's new head.

    Raises:
        ConfigError, ImageError, VerificationError, SigningError: the bundle, the log or its signer.
    """
    check_evidence(value.evidence, value.release, policy)
    log = Log.open(folder)
    entry = bundle.log_entry(value)
    facts = {"log": policy.log.origin, "entry": entry.decode()}
    signer = open_asking(uri, "log", ask_secret, facts)
    _party((policy.log.party,), signer.public_key, "log")
    if entry not in log.entries():
        log.append([entry])
    return log.sign_head(policy.log.origin, today(), signer, signer.public_key)


def witness(
    folder: Path, memory: Path, policy: ReleasePolicy, uri: str, ask_secret: AskSecret, *, first: bool
) -> Envelope:
    """Sign the log's head if the log only grew since the head in ``memory``, then remember this one.

    Without ``first``, there must be a head to compare with: a witness that forgot proves nothing.

    Raises:
        ConfigError: nothing remembered, or it cannot be read.
        ImageError, VerificationError, SigningError: the log, its head, or the signer.
    """
    log = Log.open(folder)
    head = log.head()
    if head is None:
        raise VerificationError("the log has no signed head yet", where=str(folder))
    if memory.exists() == first:
        raise ConfigError(
            "this witness has signed before" if first else "this witness remembers no head",
            hint="leave out --first" if first else "restore the file; --first only if it never signed",
            where=str(memory),
        )
    seen = None if first else TreeHead.from_envelope(_read_envelope(memory), where=str(memory))
    now = TreeHead.from_envelope(head)
    proof = None if seen is None else log.consistency(seen.size, now.size)
    facts = {"log": now.origin, "head": f"{now.size} entries, {now.date}", "root": now.root.hex()}
    signer = open_asking(uri, "witness", ask_secret, facts)
    _party(policy.log.witnesses, signer.public_key, "witness")
    log_key = policy.log.party.public_key
    signed = cosign(head, log_key, signer, signer.public_key, seen=seen, proof=proof)
    write_envelope(memory, signed)
    log.keep_head(signed)
    return signed


def prove(value: Bundle, folder: Path) -> Bundle:
    """The bundle with the proof that the log lists it under its newest head.

    Raises:
        ConfigError, ImageError, VerificationError: the log, or it does not list the release.
    """
    log = Log.open(folder)
    head = log.head()
    if head is None:
        raise VerificationError("the log has no signed head yet", where=str(folder))
    return bundle.prove_logged(value, log, head)


def advance(
    verified: "Sequence[Verified]",
    policy: ReleasePolicy,
    path: Path,
    *,
    rebuilds: Sequence[Path],
    log: Path | None,
    uri: str,
    ask_secret: AskSecret,
    chain: Path | None = None,
) -> Release:
    """A release as far as it gets today: drafted, then, once enough people approved and logged it, signed.

    ``path`` is the bundle's; it is drafted there unless it is there already, and must be about this build.

    Raises:
        ConfigError, ImageError: a file, or the signer.
        VerificationError: builds, rebuilds, bundle, log and policy do not fit together, or it is not logged.
        SigningError: approvals are missing (the bundle waits in ``path``), or the signer refuses.
    """
    if path.exists():
        value = read_bundle(path)
        images = check_evidence(value.evidence, value.release, policy).images
        if images != {v.built.job.target.name: v.built.image for v in verified}:
            raise VerificationError(
                "the bundle is about another build", hint="name another file with --out", where=str(path)
            )
    else:
        value = draft(verified, policy, rebuilds, today())
        write_bundle(path, value)
    if not value.signatures:
        try:
            check_approvals(policy, [value.release], value.release, today())
        except ApprovalError as e:
            raise ApprovalError(
                f"{path} waits for approvals: {e.message}",
                (),
                hint="give it to the approvers (./inv approve, bundle.merge), and call this again",
            ) from e
        if log is not None:
            value = prove(value, log)
            write_bundle(path, value)
        if value.log is None:
            raise VerificationError(
                f"{path} is approved, but no log lists it",
                hint="./inv log.append and log.witness, then call this again with --log FOLDER",
            )
        value = sign(value, policy, uri, ask_secret, chain)
        write_bundle(path, value)
    return verify(value, policy)


def sign(
    value: Bundle, policy: ReleasePolicy, uri: str, ask_secret: AskSecret, chain: Path | None = None
) -> Bundle:
    """The finished bundle: everything is checked, then each target's app hash is signed.

    The key is one of the policy's, or ``chain`` leads to it from one of them.

    Raises:
        ConfigError, ImageError, VerificationError, SigningError: the bundle is not ready, or the signer.
    """
    evidence = bundle.check_ready(value, policy, today())
    signer = open_asking(uri, "app-signing", ask_secret, evidence.facts)
    key = signer.public_key
    issuers: tuple[Envelope, ...] = ()
    if chain is None:
        _party([k for k in policy.app_keys if k.revoked is None], key, "app key")
    else:
        read = Chain.from_json(dist.read(chain, limit=_MAX_CHAIN), where=str(chain))
        issuers = bundle.links(read, policy, key)
    signatures = {}
    awaiting: AwaitingSignatureError | None = None
    for target, image in evidence.images.items():
        try:
            signatures[target] = Signature(key.key_id, low_s(signer.sign_digest(image.digest())))
        except AwaitingSignatureError as e:
            awaiting = e  # The others' requests are written, too: one walk across the gap is enough.
    if awaiting is not None:
        raise awaiting
    return bundle.sign_bundle(dataclasses.replace(value, signatures={}), signatures, policy, issuers)
