"""A small release, made from fixed test keys: every call gives the same bytes."""

import dataclasses
import datetime
import functools
import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

from toolchain.dsse import Envelope
from toolchain.image import Image, Segment
from toolchain.keys import PrivateKey, Signature
from toolchain.manifest import ImageRecord, Manifest, Provenance, VerificationRecord, canonical_json
from toolchain.release.attestation import attest
from toolchain.release.bundle import (
    Bundle,
    approve_bundle,
    draft_bundle,
    log_entry,
    prove_logged,
    sign_bundle,
)
from toolchain.release.evidence import Build
from toolchain.release.log import Log, cosign
from toolchain.release.policy import AppKey, Approver, LogPolicy, Party, ReleasePolicy
from toolchain.release.sbom import Part, sbom

DAY = datetime.date(2024, 5, 6)
"""In the past, so that the machine's clock does not matter."""

ALICE, BOB, CAROL, DAVE, EVE = (PrivateKey.from_int(n) for n in range(0xA1, 0xA6))
BUILDER_ONE, BUILDER_TWO, APP_KEY, LOG_KEY, WITNESS, SECOND_WITNESS = (
    PrivateKey.from_int(n) for n in range(0xB1, 0xB7)
)
ORIGIN = "log.example/apps"


def party(name: str, key: PrivateKey) -> Party:
    return Party(name, key.public_key.pem())


def approver(name: str, key: PrivateKey, expires: str = "2025-06-30", revoked: str | None = None) -> Approver:
    return Approver(name, key.public_key.pem(), expires, revoked)


POLICY = ReleasePolicy(
    apps=("Boilerplate",),
    issued="2024-01-01",
    expires="2025-12-31",
    verification="store",
    threshold=2,
    approvers=(
        approver("alice", ALICE),
        approver("bob", BOB),
        approver("carol", CAROL, expires="2024-05-05"),
        approver("dave", DAVE, revoked="2024-05-01"),
    ),
    rebuilds=2,
    builders=(party("one", BUILDER_ONE), party("two", BUILDER_TWO)),
    app_keys=(AppKey("app", APP_KEY.public_key.pem(), None),),
    log=LogPolicy(
        ORIGIN,
        LOG_KEY.public_key.pem(),
        (party("witness", WITNESS), party("second", SECOND_WITNESS)),
        1,
    ),
)

PROVENANCE = Provenance(
    commit="c0ffee" + "0" * 34,
    dirty=False,
    builder="host",
    compiler="clang 22",
    sdk="sdk-shim",
    command=("make",),
    environment={"LC_ALL": "C"},
    source_date_epoch=1_714_000_000,
    platform="linux-x86_64",
)


def image(target: str = "nanosp", *, version: str = "2.3.1", fill: int = 0x5A, size: int = 96) -> Image:
    generation_four = target != "nanos"
    return Image(
        name="Boilerplate",
        version=version,
        target_id=0x33100004 if generation_four else 0x31100004,
        target_version="1.4.3" if generation_four else "",
        api_level=25 if generation_four else None,
        segments=(
            Segment(0xC0DE0000, bytes([fill]) * (size - 32)),
            Segment(0xC0DE0000 + size - 32, b"\1" * 32),
        ),
        code_length=size - 32,
        data_length=0,
        params_length=32,
        flags=0x200,
        boot_offset=1,
    )


REPORT = canonical_json([]).encode()


def build(built: Image, target: str = "nanosp", *, provenance: Provenance = PROVENANCE) -> Build:
    manifest = Manifest(
        app=built.name,
        version=built.version,
        target=target,
        image=ImageRecord.of(built),
        provenance=provenance,
        verification=VerificationRecord("store", 0, ()),
        signature=None,
        files={"report.json": hashlib.sha256(REPORT).hexdigest()},
    )
    return Build(built, manifest, REPORT)


def attestation(builds: dict[str, Build], name: str, key: PrivateKey) -> Envelope:
    images = {target: b.image for target, b in builds.items()}
    provenance = {target: b.manifest.provenance for target, b in builds.items()}
    return attest(images, provenance, name).with_signature(key, key.public_key)


BILL = sbom(
    "Boilerplate", "2.3.1", [Part("source", "src/main.c", "", "0" * 64)], source_date_epoch=1_714_000_000
)


def draft(
    policy: ReleasePolicy = POLICY, *, version: str = "2.3.1", targets: Sequence[str] = ("nanosp",)
) -> Bundle:
    builds = {target: build(image(target, version=version), target) for target in targets}
    attestations = {
        "one": attestation(builds, "one", BUILDER_ONE),
        "two": attestation(builds, "two", BUILDER_TWO),
    }
    return draft_bundle(policy, builds, BILL, attestations, DAY)


def approved(bundle: Bundle, policy: ReleasePolicy = POLICY, *keys: PrivateKey) -> Bundle:
    for key in keys or (ALICE, BOB):
        bundle = approve_bundle(bundle, policy, key, DAY)
    return bundle


def logged(
    bundle: Bundle, *, day: datetime.date = DAY, witnesses: Sequence[PrivateKey] = (WITNESS,)
) -> Bundle:
    """Listed in a log of its own, between other entries."""
    with tempfile.TemporaryDirectory() as folder:
        log = Log.open(Path(folder))
        log.append([b'{"app":"Other","version":"1"}', log_entry(bundle), b'{"app":"Other","version":"2"}'])
        head = log.sign_head(ORIGIN, day, LOG_KEY, LOG_KEY.public_key)
        for witness in witnesses:
            head = cosign(head, LOG_KEY.public_key, witness, witness.public_key, seen=None, proof=None)
        return prove_logged(bundle, log, head)


def signatures(bundle: Bundle, key: PrivateKey = APP_KEY) -> dict[str, Signature]:
    from toolchain.release.images import image_from_json

    found = {
        path.split("/")[1]: data for path, data in bundle.evidence.items() if path.endswith("/image.json")
    }
    return {
        target: Signature(key.public_key.key_id, key.sign_digest(image_from_json(data).digest()))
        for target, data in found.items()
    }


def signed(bundle: Bundle, policy: ReleasePolicy = POLICY) -> Bundle:
    return sign_bundle(bundle, signatures(bundle), policy)


@functools.cache
def finished(targets: Sequence[str] = ("nanosp",)) -> Bundle:
    return signed(logged(approved(draft(targets=targets))))


def unchecked(bundle: Bundle) -> Bundle:
    """As ``signed``, but nothing is checked before."""
    return dataclasses.replace(bundle, signatures=signatures(bundle))
