"""The evidence of a release: which files there are, and that they say the same.

::

    policy.json  sbom.json  summary.txt  rebuilds/<builder>.json
    targets/<target>/{image,manifest,report,provenance}.json
"""

import datetime
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolchain.dsse import IN_TOTO, Envelope, open_payload, parse_canonical
from toolchain.errors import VerificationError
from toolchain.image import Image
from toolchain.manifest import ImageRecord, Manifest
from toolchain.release.approvals import release_date, release_statement
from toolchain.release.attestation import check_rebuilds
from toolchain.release.images import image_from_json, image_to_json
from toolchain.release.policy import Party, ReleasePolicy
from toolchain.release.provenance import provenance_statement

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,63}")
_TARGET = re.compile(r"targets/([a-z0-9_]{1,32})/image\.json")
_REBUILD = re.compile(r"rebuilds/([A-Za-z0-9._-]{1,64})\.json")
_PER_TARGET = ("image", "manifest", "report", "provenance")


@dataclass(frozen=True)
class Build:
    """What a release has for one target. ``manifest`` is unsigned; ``report`` is the text of report.json."""

    image: Image
    manifest: Manifest
    report: bytes


@dataclass(frozen=True)
class Evidence:
    """What the evidence of a bundle says, once it fits together."""

    app: str
    version: str
    date: datetime.date
    builds: Mapping[str, Build]
    rebuilt_by: tuple[Party, ...]
    summary: str

    @property
    def images(self) -> dict[str, Image]:
        """Images by target."""
        return {target: build.image for target, build in self.builds.items()}

    @property
    def facts(self) -> dict[str, str]:
        """What an approver behind an air gap should see, name by name."""
        hashes = {f"app hash, {target}": image.digest().hex() for target, image in self.images.items()}
        return {
            "release": f"{self.app} {self.version} of {self.date}",
            **hashes,
            "rebuilt by": ", ".join(party.name for party in self.rebuilt_by) or "-",
        }


def collect_evidence(
    policy: ReleasePolicy,
    builds: Mapping[str, Build],
    sbom: bytes,
    attestations: Mapping[str, Envelope],
    date: datetime.date,
) -> tuple[dict[str, bytes], Envelope]:
    """The files and the unsigned statement about them; ``builds`` by target, ``attestations`` by builder.

    Raises:
        VerificationError: builds of different apps or versions.
    """
    files = {"policy.json": policy.to_json().encode(), "sbom.json": sbom}
    for builder, envelope in attestations.items():
        files[f"rebuilds/{builder}.json"] = envelope.to_json().encode()
    for target, build in builds.items():
        folder, manifest = f"targets/{target}", build.manifest
        files[f"{folder}/image.json"] = image_to_json(build.image)
        files[f"{folder}/manifest.json"] = manifest.to_json().encode()
        files[f"{folder}/report.json"] = build.report
        files[f"{folder}/provenance.json"] = provenance_statement(target, build.image, manifest.provenance)
    files["summary.txt"] = _summary(date, builds, sorted(attestations), policy).encode()
    app, version = _name(builds)
    images = {target: build.image for target, build in builds.items()}
    return files, release_statement(images, files, app=app, version=version, date=date)


def check_evidence(files: Mapping[str, bytes], release: Envelope, policy: ReleasePolicy) -> Evidence:
    """What the files say, if they are complete, fit together, fit ``policy``, and ``release`` names them all.

    Raises:
        ImageError: a file is malformed.
        VerificationError: something is missing, too much, or does not fit.
    """
    targets = sorted(match[1] for path in files if (match := _TARGET.fullmatch(path)))
    builders = sorted(match[1] for path in files if (match := _REBUILD.fullmatch(path)))
    expected = {"policy.json", "sbom.json", "summary.txt"}
    expected |= {f"rebuilds/{builder}.json" for builder in builders}
    expected |= {f"targets/{target}/{name}.json" for target in targets for name in _PER_TARGET}
    if files.keys() != expected or not targets:
        wrong = ", ".join(sorted(files.keys() ^ expected)) or "no target"
        raise VerificationError(f"the evidence is not complete: {wrong}")
    _check_hashes(files, release)
    if files["policy.json"] != policy.to_json().encode():
        raise VerificationError("the bundle was made under another policy")
    parse_canonical(files["sbom.json"], where="sbom.json")
    builds = {target: _read_build(files, target, policy) for target in targets}
    app, version = _name(builds)
    if app not in policy.apps:
        raise VerificationError(f"the policy is not about {app}")
    images = {target: build.image for target, build in builds.items()}
    attestations = {
        builder: Envelope.from_json(_text(files[f"rebuilds/{builder}.json"]), where=f"rebuild by {builder}")
        for builder in builders
    }
    provenance = {target: build.manifest.provenance for target, build in builds.items()}
    rebuilt_by = check_rebuilds(policy, list(attestations.values()), images, provenance)
    if [party.name for party in rebuilt_by] != builders:
        raise VerificationError("a rebuild lies under another builder's name")
    date = release_date(release)
    summary = _summary(date, builds, builders, policy)
    if files["summary.txt"] != summary.encode():
        raise VerificationError("the summary does not say what the evidence says")
    statement = release_statement(images, files, app=app, version=version, date=date)
    if (statement.payload_type, statement.payload) != (release.payload_type, release.payload):
        raise VerificationError("the release statement is not about this evidence")
    return Evidence(app, version, date, builds, rebuilt_by, summary)


def _check_hashes(files: Mapping[str, bytes], release: Envelope) -> None:
    """Before anything is parsed: every file is the one that the statement names."""
    predicate = open_payload(release, IN_TOTO, where="release statement").get("predicate")
    named = predicate.get("files") if isinstance(predicate, dict) else None
    hashes = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    if named != hashes:
        differ = sorted(
            path for path in hashes if not isinstance(named, dict) or named.get(path) != hashes[path]
        )
        raise VerificationError(
            f"the release statement is not about these files: {', '.join(differ) or 'some'}"
        )


def _read_build(files: Mapping[str, bytes], target: str, policy: ReleasePolicy) -> Build:
    where = f"targets/{target}"
    data = files[f"{where}/manifest.json"]
    image = image_from_json(files[f"{where}/image.json"], where=f"{where}/image.json")
    manifest = Manifest.from_json(_text(data), where=f"{where}/manifest.json")
    report = files[f"{where}/report.json"]
    problems = {
        "the manifest is not in its canonical form": manifest.to_json().encode() != data,
        "the manifest is signed already": manifest.signature is not None,
        "the manifest is about another build": (
            (manifest.target, manifest.app, manifest.version, manifest.image)
            != (target, image.name, image.version, ImageRecord.of(image))
        ),
        "the build used unsafe exceptions": bool(manifest.unsafe),
        "the build was not made from a commit": not manifest.provenance.commit or manifest.provenance.dirty,
        f"the app was not verified under the policy {policy.verification}": (
            manifest.verification.policy != policy.verification
        ),
        "the report is not the manifest's": (
            manifest.files.get("report.json") != hashlib.sha256(report).hexdigest()
        ),
        "the provenance is not the manifest's": (
            files[f"{where}/provenance.json"] != provenance_statement(target, image, manifest.provenance)
        ),
    }
    for problem, there in problems.items():
        if there:
            raise VerificationError(problem, where=where)
    return Build(image, manifest, report)


def _name(builds: Mapping[str, Build]) -> tuple[str, str]:
    names = {(build.image.name, build.image.version) for build in builds.values()}
    if len(names) != 1:
        raise VerificationError("a bundle is about one app and one version")
    ((app, version),) = names
    if not _NAME.fullmatch(app) or not _NAME.fullmatch(version):
        raise VerificationError("name and version of an app are plain words")
    return app, version


def _summary(
    date: datetime.date,
    builds: Mapping[str, Build],
    builders: Sequence[str],
    policy: ReleasePolicy,
) -> str:
    app, version = _name(builds)
    lines = [f"{app} {version}, proposed for release on {date}", ""]
    for target in sorted(builds):
        image, manifest = builds[target].image, builds[target].manifest
        checked, made = manifest.verification, manifest.provenance
        level = "-" if image.api_level is None else image.api_level
        waived = ", ".join(checked.waived) or "-"
        lines += [
            target,
            f"  app hash    {image.digest().hex()}",
            f"  target      {image.target_id:08x} {image.target_version}, API level {level}",
            f"  image       {image.span} bytes, flags {image.flags:#x}",
            f"  commit      {made.commit}",
            f"  compiler    {made.compiler}",
            f"  verified    policy {checked.policy}, {checked.findings} findings, waived: {waived}",
            "",
        ]
    lines += [
        f"rebuilt by    {', '.join(builders) or '-'}",
        f"approvals     {policy.threshold} of {len(policy.approvers)}",
        f"policy        {hashlib.sha256(policy.to_json().encode()).hexdigest()}",
        "",
    ]
    if not all(line.isprintable() for line in lines):
        raise VerificationError("the evidence has characters that cannot be shown")
    return "\n".join(lines)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
