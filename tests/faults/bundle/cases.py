"""Bundles that are good, and bundles that are bad in one way each, for all verifiers."""

import base64
import dataclasses
import datetime
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.unit.release import releases
from tests.unit.release.releases import (
    ALICE,
    APP_KEY,
    BILL,
    BOB,
    BUILDER_ONE,
    BUILDER_TWO,
    CAROL,
    DAVE,
    DAY,
    EVE,
    LOG_KEY,
    POLICY,
    PROVENANCE,
    SECOND_WITNESS,
    WITNESS,
    approver,
    attestation,
    build,
    draft,
    finished,
    image,
    logged,
    signatures,
    unchecked,
)
from toolchain.chain import ROTATION
from toolchain.dsse import Envelope, seal
from toolchain.keys import ORDER, PrivateKey, Signature
from toolchain.manifest import canonical_json
from toolchain.release.approvals import release_statement
from toolchain.release.bundle import Bundle, LogProof, write_bundle
from toolchain.release.evidence import Build, collect_evidence
from toolchain.release.images import image_to_json
from toolchain.release.log import HEAD
from toolchain.release.merkle import InclusionProof
from toolchain.release.policy import AppKey, ReleasePolicy
from toolchain.release.provenance import provenance_statement

Evidence = dict[str, bytes]


@dataclass(frozen=True)
class Case:
    """A bundle, the policy that it is held against, and whether it is good."""

    name: str
    data: bytes
    good: bool = False
    policy: ReleasePolicy = POLICY


def by(envelope: Envelope, *keys: PrivateKey) -> Envelope:
    for key in keys:
        envelope = envelope.with_signature(key, key.public_key)
    return envelope


def forged(
    builds: Mapping[str, Build] | None = None,
    edit: Callable[[Evidence], object] = lambda _: None,
    *,
    attestations: Mapping[str, Envelope] | None = None,
    policy: ReleasePolicy = POLICY,
    approvers: tuple[PrivateKey, ...] = (ALICE, BOB),
    day: datetime.date = DAY,
    **parameters: Any,  # noqa: ANN401 - other parameters of the statement
) -> Bundle:
    """Everything signed by everyone, as if nobody had looked."""
    builds = builds or {"nanosp": build(image())}
    if attestations is None:
        both = dict(builds)
        attestations = {
            "one": attestation(both, "one", BUILDER_ONE),
            "two": attestation(both, "two", BUILDER_TWO),
        }
    files, _ = collect_evidence(policy, builds, BILL, attestations, day)
    edit(files)
    app, version = parameters.pop("app", "Boilerplate"), parameters.pop("version", "2.3.1")
    images = {target: b.image for target, b in builds.items()}
    release = by(release_statement(images, files, app=app, version=version, date=day), *approvers)
    digests = {target: b.image.digest() for target, b in builds.items()}
    signed = {t: Signature(APP_KEY.public_key.key_id, APP_KEY.sign_digest(d)) for t, d in digests.items()}
    return logged(Bundle(files, release, None, signed), day=parameters.pop("logged", day))


def with_file(path: str, data: bytes | None) -> bytes:
    """Everything signed, with another file in the evidence, or without it."""

    def edit(files: Evidence) -> None:
        files.pop(path, None)
        if data is not None:
            files[path] = data

    return write_bundle(forged(edit=edit))


def in_file(path: str, change: Mapping[str, object]) -> bytes:
    """A file of the good bundle with other values, in canonical form."""
    return canonical_json(json.loads(finished().evidence[path]) | change).encode()


def changed(**fields: Any) -> dict[str, Build]:  # noqa: ANN401 - fields of Manifest
    good = build(image())
    return {"nanosp": dataclasses.replace(good, manifest=dataclasses.replace(good.manifest, **fields))}


def edited(edit: Callable[[dict[str, Any]], object]) -> bytes:
    """The good bundle, edited as a table and in canonical form again."""
    table = json.loads(write_bundle(finished()))
    edit(table)
    return (json.dumps(table, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


def high_s(signature: Signature) -> Signature:
    from cryptography.hazmat.primitives.asymmetric import utils

    r, s = utils.decode_dss_signature(signature.der)
    return Signature(signature.key_id, utils.encode_dss_signature(r, ORDER - s))


def with_log(proof: InclusionProof | None = None, head: Envelope | None = None) -> bytes:
    log = finished().log
    assert log is not None
    return write_bundle(dataclasses.replace(finished(), log=LogProof(proof or log.proof, head or log.head)))


def good() -> Iterator[Case]:
    yield Case("good", write_bundle(finished()), good=True)
    yield Case("good: two targets", write_bundle(finished(("nanosp", "nanos"))), good=True)
    two = logged(releases.approved(draft()), witnesses=(SECOND_WITNESS, WITNESS))
    yield Case("good: two witnesses", write_bundle(unchecked(two)), good=True)
    later = logged(releases.approved(draft()), day=DAY + datetime.timedelta(30))
    yield Case("good: logged a month later", write_bundle(unchecked(later)), good=True)


def unfinished() -> Iterator[Case]:
    plain = draft()
    approved = releases.approved(plain)
    yield Case("draft", write_bundle(plain))
    yield Case("not approved", write_bundle(unchecked(logged(plain))))
    yield Case("not logged", write_bundle(unchecked(approved)))
    yield Case("not signed", write_bundle(logged(approved)))


def approvals() -> Iterator[Case]:
    everyone = {
        "one approval": (ALICE,),
        "an outsider approves": (ALICE, EVE),
        "an outsider approves beside enough": (ALICE, BOB, EVE),
        "an expired approver": (ALICE, CAROL),
        "an expired approver beside enough": (ALICE, BOB, CAROL),
        "a revoked approver": (ALICE, DAVE),
        "a revoked approver beside enough": (ALICE, BOB, DAVE),
        "the app key approves": (ALICE, APP_KEY),
    }
    for name, keys in everyone.items():
        yield Case(name, write_bundle(forged(approvers=keys)))
    old = by(draft(version="2.3.0").release, ALICE, BOB)
    yield Case("approvals of another version", write_bundle(finished().with_release(old)))
    release = finished().release
    for name, signature in {
        "a signature under another's name": Signature(EVE.public_key.key_id, release.signatures[0].der),
        "a signature in the upper half": high_s(release.signatures[0]),
        "a signature that is no DER": Signature(release.signatures[0].key_id, b"\x30\x00"),
    }.items():
        pair = tuple(sorted((signature, release.signatures[1]), key=lambda s: s.key_id))
        bad = dataclasses.replace(release, signatures=pair)
        yield Case(name, write_bundle(finished().with_release(bad)))
    other_type = by(Envelope("application/json", draft().release.payload), ALICE, BOB)
    yield Case("approved as another type", write_bundle(finished().with_release(other_type)))
    yield Case("approved under another app's name", write_bundle(forged(app="Other")))
    yield Case("approved under another version", write_bundle(forged(version="2.3.2")))
    early = datetime.date(2023, 12, 31)
    yield Case("before the policy's time", write_bundle(forged(day=early)))
    late = datetime.date(2026, 1, 1)
    yield Case("logged after the policy's time", write_bundle(forged(logged=late)))
    yield Case("logged after an approver's time", write_bundle(forged(logged=datetime.date(2025, 7, 1))))


def policies() -> Iterator[Case]:
    lenient = dataclasses.replace(POLICY, approvers=(*POLICY.approvers, approver("eve", EVE)))
    own = forged(policy=lenient, approvers=(ALICE, EVE))
    yield Case("made under its own policy", write_bundle(own))
    yield Case("that policy, trusted", write_bundle(own), good=True, policy=lenient)
    yield Case("another policy than the bundle's", write_bundle(finished()), policy=lenient)
    other = dataclasses.replace(POLICY, apps=("Other",))
    yield Case("a policy about other apps", write_bundle(forged(policy=other)), policy=other)


def evidence() -> Iterator[Case]:
    for path in finished().evidence:
        files = {**finished().evidence, path: finished().evidence[path] + b" "}
        yield Case(f"{path} was changed", write_bundle(dataclasses.replace(finished(), evidence=files)))
    image_path = "targets/nanosp/image.json"
    for name, path, data in (
        ("a file too many", "extra.txt", b"x"),
        ("a path that leads out", "../x", b"x"),
        ("a path with a space", "rebuilds/a b.json", b""),
        ("no bill of materials", "sbom.json", None),
        ("a bill that is no JSON", "sbom.json", b"{"),
        ("no summary", "summary.txt", None),
        ("no policy", "policy.json", None),
        ("no report", "targets/nanosp/report.json", None),
        ("another report", "targets/nanosp/report.json", b"{}\n"),
        ("no image", image_path, None),
        ("an image that is no JSON", image_path, b"{"),
        ("an image that is empty", image_path, b"{}\n"),
        ("another image", image_path, image_to_json(image(fill=1))),
        ("provenance of nothing", "targets/nanosp/provenance.json", b"{}\n"),
        ("a manifest of nothing", "targets/nanosp/manifest.json", b"{}\n"),
        ("a manifest that is a list", "targets/nanosp/manifest.json", b"[]\n"),
        ("a manifest of no bytes", "targets/nanosp/manifest.json", b""),
        ("an image of no bytes", image_path, b""),
        ("provenance of no bytes", "targets/nanosp/provenance.json", b""),
        ("a bill of no bytes", "sbom.json", b""),
        ("a rebuild of no bytes", "rebuilds/two.json", b""),
        ("a policy of no bytes", "policy.json", b""),
    ):
        yield Case(name, with_file(path, data))
    for name, change in (
        ("starts behind its end", {"boot_offset": 1 << 33}),
        ("starts outside of its code", {"boot_offset": 65}),
        ("is longer than its bytes", {"code_length": 65}),
        ("is huge", {"code_length": 1 << 50}),
        ("has a negative length", {"data_length": -1, "code_length": 65}),
        (
            "lies high",
            {"segments": [{"address": (1 << 32) - 1, "data": "AAAA"}, {"address": 1 << 33, "data": "AA=="}]},
        ),
        ("overlaps", {"segments": [{"address": 8, "data": "AAAA"}, {"address": 9, "data": "AAAA"}]}),
        ("has no segments", {"segments": []}),
        ("has an empty segment", {"segments": [{"address": 8, "data": ""}]}),
        ("has a segment with a newline", {"segments": [{"address": 8, "data": "AAAA\nAAAA"}]}),
        ("has a segment that is no base64", {"segments": [{"address": 8, "data": "*"}]}),
        ("has a level that is true", {"api_level": True}),
        ("has a level above 255", {"api_level": 256}),
        ("has flags above 32 bits", {"flags": 1 << 32}),
        ("has a target version that is not ASCII", {"target_version": "é"}),
        ("has a name that plays tricks", {"name": "Boiler\x9bplate"}),
        ("has a version that is a number", {"version": 2}),
        ("has something more", {"extra": 1}),
    ):
        yield Case(f"an image {name}", with_file(image_path, in_file(image_path, change)))
    manifest_path = "targets/nanosp/manifest.json"
    good_manifest = json.loads(finished().evidence[manifest_path])
    for name, edit in (
        ("schema is true", {"schema": True}),
        ("flags are true", {"image": {**good_manifest["image"], "flags": True}}),
        ("table has more", {"extra": 1}),
        ("provenance has more", {"provenance": {**good_manifest["provenance"], "extra": 1}}),
        ("verification has more", {"verification": {**good_manifest["verification"], "extra": 1}}),
        ("verification is a list", {"verification": []}),
        ("files are null", {"files": None}),
    ):
        yield Case(f"a manifest whose {name}", with_file(manifest_path, in_file(manifest_path, edit)))
    bad_record = dataclasses.replace(build(image()).manifest.image, flags=0)
    bad_verification = dataclasses.replace(build(image()).manifest.verification, policy="development")
    manifests: dict[str, dict[str, Any]] = {
        "unsafe exceptions": {"unsafe": ("unsafe-unknown-issuer",)},
        "verified under another policy": {"verification": bad_verification},
        "uncommitted changes": {"provenance": dataclasses.replace(PROVENANCE, dirty=True)},
        "no commit": {"provenance": dataclasses.replace(PROVENANCE, commit="")},
        "a manifest of another image": {"image": bad_record},
        "a manifest of another target": {"target": "nanox"},
        "a manifest of another version": {"version": "2.3.0"},
        "a manifest without a report": {"files": {}},
    }
    for name, fields in manifests.items():
        yield Case(name, write_bundle(forged(changed(**fields))))
    old = build(image("nanos", version="2.3.0"), "nanos")

    def downgrade(files: Evidence) -> None:
        files["targets/nanos/image.json"] = image_to_json(old.image)
        files["targets/nanos/manifest.json"] = old.manifest.to_json().encode()
        files["targets/nanos/provenance.json"] = provenance_statement("nanos", old.image, PROVENANCE)

    two = {"nanosp": build(image()), "nanos": build(image("nanos"), "nanos")}
    yield Case("two versions", write_bundle(forged(two, downgrade)))


def rebuilds() -> Iterator[Case]:
    builds = {"nanosp": build(image())}
    one, two = attestation(builds, "one", BUILDER_ONE), attestation(builds, "two", BUILDER_TWO)
    other = {"nanosp": build(image(fill=1))}
    source = {"nanosp": build(image(), provenance=dataclasses.replace(PROVENANCE, commit="f" * 40))}
    for name, attestations in {
        "one rebuild": {"one": one},
        "no rebuild": {},
        "a rebuild that differs": {"one": one, "two": attestation(other, "two", BUILDER_TWO)},
        "a rebuild of another commit": {"one": one, "two": attestation(source, "two", BUILDER_TWO)},
        "a rebuild by nobody": {"one": one, "two": dataclasses.replace(two, signatures=())},
        "a rebuild by an outsider": {"one": one, "two": attestation(builds, "two", EVE)},
        "a rebuild under another's name": {"one": one, "two": attestation(builds, "two", BUILDER_ONE)},
        "a rebuild filed under another's name": {"one": one, "two": one},
        "an unknown builder": {"one": one, "two": two, "three": attestation(builds, "three", EVE)},
    }.items():
        yield Case(name, write_bundle(forged(attestations=attestations)))


def logs() -> Iterator[Case]:
    log = finished().log
    assert log is not None
    proof = log.proof
    for name, bad in {
        "a longer proof": dataclasses.replace(proof, hashes=(*proof.hashes, bytes(32))),
        "a shorter proof": dataclasses.replace(proof, hashes=proof.hashes[:-1]),
        "no proof": dataclasses.replace(proof, hashes=()),
        "another hash": dataclasses.replace(proof, hashes=(bytes(32), *proof.hashes[1:])),
        "a short hash": dataclasses.replace(proof, hashes=(bytes(31), *proof.hashes[1:])),
        "another index": dataclasses.replace(proof, index=proof.index - 1),
        "an index outside": dataclasses.replace(proof, index=proof.size),
        "another size": dataclasses.replace(proof, size=proof.size + 1),
    }.items():
        yield Case(f"log: {name}", with_log(bad))
    table = json.loads(log.head.payload)
    for name, change, keys in (
        ("another origin", {"origin": "log.example/other"}, (LOG_KEY, WITNESS)),
        ("another root", {"root": "0" * 64}, (LOG_KEY, WITNESS)),
        ("another size", {"size": 4}, (LOG_KEY, WITNESS)),
        ("in the future", {"date": "2999-01-01"}, (LOG_KEY, WITNESS)),
        ("older than the release", {"date": "2024-05-05"}, (LOG_KEY, WITNESS)),
        ("no date", {"date": "2024-02-31"}, (LOG_KEY, WITNESS)),
        ("something more", {"extra": 1}, (LOG_KEY, WITNESS)),
        ("no witness", {}, (LOG_KEY,)),
        ("witnesses only", {}, (WITNESS, SECOND_WITNESS)),
        ("an unknown witness", {}, (LOG_KEY, WITNESS, EVE)),
        ("an approver for a witness", {}, (LOG_KEY, ALICE)),
        ("nobody", {}, ()),
    ):
        yield Case(f"head: {name}", with_log(head=by(seal(HEAD, {**table, **change}), *keys)))
    yield Case("head: of another type", with_log(head=by(seal("application/json", table), LOG_KEY, WITNESS)))
    other = logged(releases.approved(draft(version="2.3.0"))).log
    yield Case("logged was another version", write_bundle(dataclasses.replace(finished(), log=other)))


def app_signatures() -> Iterator[Case]:
    bundle = finished(("nanosp", "nanos"))
    both = dict(bundle.signatures)
    one = dict(finished().signatures)
    swapped = {"nanosp": both["nanos"], "nanos": both["nanosp"]}
    for name, whole, found in (
        ("by another key", finished(), signatures(finished(), EVE)),
        ("under the app key's name", finished(), {
            "nanosp": Signature(APP_KEY.public_key.key_id, signatures(finished(), EVE)["nanosp"].der)
        }),
        ("in the upper half", finished(), {"nanosp": high_s(one["nanosp"])}),
        ("of the statement", finished(), {
            "nanosp": Signature(APP_KEY.public_key.key_id, APP_KEY.sign_message(finished().release.payload))
        }),
        ("with a byte behind it", finished(), {
            "nanosp": Signature(APP_KEY.public_key.key_id, one["nanosp"].der + b"\0")
        }),
        ("missing for a target", bundle, {"nanosp": both["nanosp"]}),
        ("for no target", finished(), {**one, "nanox": one["nanosp"]}),
        ("swapped", bundle, swapped),
    ):  # fmt: skip
        yield Case(f"signature: {name}", write_bundle(dataclasses.replace(whole, signatures=found)))


SECOND, THIRD = PrivateKey.from_int(0xB8), PrivateKey.from_int(0xB9)


def handed_over(*links: Envelope, by: PrivateKey = SECOND, policy: ReleasePolicy = POLICY) -> bytes:
    """Signed by another key than the policy's, with links that are to lead there."""
    whole = finished() if policy is POLICY else forged(policy=policy)
    return write_bundle(dataclasses.replace(whole, signatures=signatures(whole, by), issuers=links))


def link(
    old: PrivateKey, new: PrivateKey, /, *signers: PrivateKey, payload_type: str = ROTATION, **change: object
) -> Envelope:
    pems = {"old": old.public_key.pem(), "new": new.public_key.pem()}
    table = {"date": "2024-05-06", "reason": "planned", "role": "app-signing", **pems, **change}
    return by(seal(payload_type, table), *(signers or (old, new)))


def rotations() -> Iterator[Case]:
    first, second = link(APP_KEY, SECOND), link(SECOND, THIRD)
    yield Case("rotated", handed_over(first), good=True)
    yield Case("rotated twice", handed_over(first, second, by=THIRD), good=True)
    yield Case("rotated twice, signed by the key between", handed_over(first, second), good=True)
    yield Case("rotated, signed by the old key", handed_over(first, by=APP_KEY), good=True)
    given_up = dataclasses.replace(POLICY.app_keys[0], revoked="2024-05-01")
    keys = (given_up, AppKey("next", THIRD.public_key.pem(), None))
    revoked = dataclasses.replace(POLICY, app_keys=keys)
    yield Case("signed by a revoked key", handed_over(by=APP_KEY, policy=revoked), policy=revoked)
    yield Case("handed over by a revoked key", handed_over(first, policy=revoked), policy=revoked)
    yield Case(
        "signed by the key beside a revoked one",
        handed_over(by=THIRD, policy=revoked),
        good=True,
        policy=revoked,
    )
    bad = {
        "no link": (),
        "a link to another key": (link(APP_KEY, THIRD),),
        "a link from another key": (link(EVE, SECOND),),
        "a gap": (second,),
        "links in the wrong order": (second, first),
        "the same link twice": (first, first),
        "two successors": (first, link(APP_KEY, THIRD)),
        "signed by the old key alone": (link(APP_KEY, SECOND, APP_KEY),),
        "signed by the new key alone": (link(APP_KEY, SECOND, SECOND),),
        "signed by nobody": (dataclasses.replace(first, signatures=()),),
        "signed by an outsider, too": (link(APP_KEY, SECOND, APP_KEY, SECOND, EVE),),
        "signed by an outsider": (link(APP_KEY, SECOND, EVE, SECOND),),
        "another role": (link(APP_KEY, SECOND, role="log"),),
        "another type": (link(APP_KEY, SECOND, payload_type="application/json"),),
        "back in time": (first, link(SECOND, THIRD, date="2024-05-05")),
        "no date": (link(APP_KEY, SECOND, date="2024-05-32"),),
        "something more": (link(APP_KEY, SECOND, extra="x"),),
        "a reason with a newline": (link(APP_KEY, SECOND, reason="a\nb"),),
        "a reason that is long": (link(APP_KEY, SECOND, reason="x" * 201),),
        "a key that is none": (link(APP_KEY, SECOND, new="x"),),
        "a key that is a number": (link(APP_KEY, SECOND, new=1),),
        "in the upper half": (
            dataclasses.replace(first, signatures=(high_s(first.signatures[0]), first.signatures[1])),
        ),
    }  # fmt: skip
    for name, links in bad.items():
        yield Case(f"rotation: {name}", handed_over(*links))
    yield Case("rotation: to an approver", handed_over(link(APP_KEY, ALICE), by=ALICE))
    yield Case("rotation: to itself", handed_over(link(APP_KEY, APP_KEY, APP_KEY), by=APP_KEY))
    yield Case("rotation: and back", handed_over(first, link(SECOND, APP_KEY), by=APP_KEY))
    long = [link(PrivateKey.from_int(0x1000 + n), PrivateKey.from_int(0x1001 + n)) for n in range(64)]
    start = link(APP_KEY, PrivateKey.from_int(0x1000))
    yield Case("rotation: too many", handed_over(start, *long, by=PrivateKey.from_int(0x1000)))


def containers() -> Iterator[Case]:
    data = write_bundle(finished())
    text = data.decode()
    some = base64.b64encode(finished().evidence["summary.txt"]).decode()
    for name, bad in {
        "empty": b"",
        "no JSON": b"PK\x03\x04",
        "a list": b"[]\n",
        "cut off": data[:-1],
        "cut in the middle": data[: len(data) // 2],
        "a byte behind": data + b"\n",
        "twice": data + data,
        "a byte order mark": b"\xef\xbb\xbf" + data,
        "other spaces": json.dumps(json.loads(data), sort_keys=True).encode() + b"\n",
        "another order": json.dumps(dict(reversed(json.loads(data).items())), indent=2).encode() + b"\n",
        "a key twice": text.replace('{\n  "evidence"', '{\n  "evidence": {},\n  "evidence"', 1).encode(),
        "UTF-16": text.encode("utf-16"),
        "deep": b"[" * 100_000,
        "a base64 with a newline": text.replace(some, some[:8] + "\\n" + some[8:]).encode(),
        "a base64 cut": text.replace(some, some.rstrip("=")[:-1]).encode(),
        "too large": b'{\n  "a": "' + b"a" * (1 << 24) + b'"\n}\n',
    }.items():
        yield Case(f"container: {name}", bad)
    edits: dict[str, Callable[[dict[str, Any]], object]] = {
        "another schema": lambda t: t.update(schema="release-bundle/2"),
        "a schema that is a number": lambda t: t.update(schema=1),
        "something more": lambda t: t.update(extra=1),
        "something less": lambda t: t.pop("signatures"),
        "evidence is a list": lambda t: t.update(evidence=[]),
        "evidence is empty": lambda t: t.update(evidence={}),
        "evidence is a number": lambda t: t["evidence"].update({"sbom.json": 1}),
        "the log is a list": lambda t: t.update(log=[]),
        "the log is a word": lambda t: t.update(log="yes"),
        "the log has more": lambda t: t["log"].update(extra=1),
        "the index is true": lambda t: t["log"].update(index=True),
        "the index is negative": lambda t: t["log"].update(index=-1),
        "the index is broken": lambda t: t["log"].update(index=1.5),
        "the index is text": lambda t: t["log"].update(index="1"),
        "the index is huge": lambda t: t["log"].update(index=1 << 70),
        "hashes are one text": lambda t: t["log"].update(hashes=[" ".join(t["log"]["hashes"])]),
        "hashes are text": lambda t: t["log"].update(hashes="AAAA"),
        "issuers are null": lambda t: t.update(issuers=None),
        "issuers are a table": lambda t: t.update(issuers={}),
        "an issuer is a number": lambda t: t.update(issuers=[1]),
        "no issuers": lambda t: t.pop("issuers"),
        "signatures are null": lambda t: t.update(signatures=None),
        "a signature is text": lambda t: t["signatures"].update(nanosp="x"),
        "a key id that leads out": lambda t: t["signatures"]["nanosp"].update(key_id="../../policy"),
        "a signature has more": lambda t: t["signatures"]["nanosp"].update(extra=1),
        "the release is null": lambda t: t.update(release=None),
        "the release has more": lambda t: t["release"].update(extra=1),
        "approvals are a table": lambda t: t["release"].update(signatures={}),
        "approvals are reversed": lambda t: t["release"]["signatures"].reverse(),
        "an approval twice": lambda t: t["release"]["signatures"].append(t["release"]["signatures"][1]),
        "an approval has more": lambda t: t["release"]["signatures"][0].update(extra=1),
        "a payload that is a number": lambda t: t["release"].update(payload=1),
        "a payload with loose bits": lambda t: t["release"].update(payload=loose(t["release"]["payload"])),
    }
    for name, edit in edits.items():
        yield Case(f"container: {name}", edited(edit))


def loose(text: str) -> str:
    """Another base64 text of the same bytes: the bits behind the last byte are set. Needs a padded text."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    body = text.rstrip("=")
    if body == text:
        return "!"
    other = body[:-1] + alphabet[alphabet.index(body[-1]) | 1]
    return other + text[len(body) :]


GROUPS = (
    good, unfinished, approvals, policies, evidence, rebuilds, logs, app_signatures, rotations, containers
)  # fmt: skip


def all_cases() -> list[Case]:
    return [case for group in GROUPS for case in group()]
