#!/usr/bin/env python3
"""Verify a release bundle with nothing else at hand: python3 verify_bundle.py BUNDLE POLICY.

Needs Python 3.11 and the package ``cryptography``, nothing of the toolchain that made the bundle, and no
network. POLICY is the release policy. Have it from somebody you trust, not from whoever gave you the bundle:
everything is measured against it. The format is described in docs/bundle.md.

Prints what the bundle holds and exits with 0 if nothing at all is wrong with it; else says what is wrong and
exits with 1. Whatever this program does not know, it refuses.
"""

import base64
import datetime
import hashlib
import json
import re
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

MAX_BUNDLE = 1 << 24
MAX_IMAGE = 1 << 22
NAME = r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,63}"
ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
IN_TOTO = "application/vnd.in-toto+json"
HEAD = "application/vnd.nano-toolchain.log-head+json"
STATEMENT = "https://in-toto.io/Statement/v1"
RELEASE = "urn:nano-toolchain:release:v1"
REBUILD = "urn:nano-toolchain:rebuild:v1"
ROTATION = "application/vnd.nano-toolchain.issuer-rotation+json"

Table = dict[str, object]
Files = dict[str, bytes]


class RefusedError(Exception):
    """The bundle is not good, or not known to be good."""


def need(condition: object, message: str) -> None:
    """Refuse unless the condition holds."""
    if not condition:
        raise RefusedError(message)


# --- Bytes and types ------------------------------------------------------------------------------------


def canonical(value: object) -> bytes:
    """The one JSON text of a value: sorted keys, two spaces, a newline at the end."""
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


def parse(data: bytes, what: str) -> Table:
    """A table from canonical JSON; any other spelling of the same table is refused."""

    def no_float(number: str) -> None:
        raise RefusedError(f"{what}: a number that is not whole: {number:.20}")

    try:
        value = json.loads(data.decode(), parse_float=no_float, parse_constant=no_float)
        same = canonical(value) == data
    except (ValueError, RecursionError) as e:
        raise RefusedError(f"{what}: not JSON in UTF-8") from e
    need(same, f"{what}: not canonical JSON")
    return table(value, what)


def table(value: object, what: str, keys: str = "") -> Table:
    """A table, with exactly these keys if any are named."""
    if not isinstance(value, dict):
        raise RefusedError(f"{what}: not a table")
    if keys:
        need(value.keys() == set(keys.split()), f"{what}: has {sorted(value)}, should have {keys}")
    return value


def items(value: object, what: str) -> list[object]:
    """A list."""
    if not isinstance(value, list):
        raise RefusedError(f"{what}: not a list")
    return value


def text(value: object, what: str, pattern: str = r"[^\x00-\x1f\x7f]*") -> str:
    """Text that matches the whole pattern."""
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise RefusedError(f"{what}: not the text that belongs here")
    return value


def number(value: object, what: str, low: int = 0, high: int = 1 << 40) -> int:
    """A whole number in the range; True is none."""
    if type(value) is not int or not low <= value <= high:
        raise RefusedError(f"{what}: not a number from {low} to {high}")
    return value


def b64(value: object, what: str) -> bytes:
    """Bytes from base64 in its one form."""
    try:
        data = base64.b64decode(text(value, what), validate=True)
    except ValueError as e:
        raise RefusedError(f"{what}: not base64") from e
    need(base64.b64encode(data).decode() == value, f"{what}: not base64 in its one form")
    return data


def date(value: object, what: str) -> datetime.date:
    """A date as YYYY-MM-DD."""
    try:
        return datetime.date.fromisoformat(text(value, what, r"[0-9]{4}-[0-9]{2}-[0-9]{2}"))
    except ValueError as e:
        raise RefusedError(f"{what}: not a date") from e


def sha256(data: bytes) -> str:
    """In hex."""
    return hashlib.sha256(data).hexdigest()


# --- Keys and signatures --------------------------------------------------------------------------------


class Key:
    """A secp256k1 public key from PEM."""

    def __init__(self, pem: object, what: str) -> None:
        try:
            key = serialization.load_pem_public_key(text(pem, what, r"[\x0a\x20-\x7e]{1,1000}").encode())
        except (ValueError, UnsupportedAlgorithm) as e:
            raise RefusedError(f"{what}: not a public key") from e
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256K1):
            raise RefusedError(f"{what}: not a secp256k1 key")
        spki = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        need(key.public_bytes(*spki).decode() == pem, f"{what}: not plain PEM")
        point = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        self.key, self.id = key, sha256(key.public_bytes(*point))[:16]

    def verifies(self, signature: bytes, digest: bytes) -> bool:
        """Strict DER, S in the lower half, over the 32-byte digest itself."""
        try:
            r, s = utils.decode_dss_signature(signature)
            if not (0 < r < ORDER and 0 < s <= ORDER // 2):
                return False
            self.key.verify(signature, digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
        except (ValueError, InvalidSignature):
            return False
        return True


def open_envelope(value: object, payload_type: str, keys: list[Key], what: str) -> tuple[bytes, list[str]]:
    """The payload of a DSSE envelope and the ids of those who signed it: all of ``keys``, each once.

    A signature that does not verify, or that nobody of ``keys`` made, spoils the envelope.
    """
    it = table(value, what, "payload payloadType signatures")
    need(it["payloadType"] == payload_type, f"{what}: holds something else than {payload_type}")
    payload = b64(it["payload"], what)
    name = payload_type.encode()
    encoded = b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)
    digest = hashlib.sha256(encoded).digest()
    by_id = {key.id: key for key in keys}
    ids = []
    for record in items(it["signatures"], what):
        signature = table(record, what, "keyid sig")
        key = by_id.get(text(signature["keyid"], what))
        if key is None:
            raise RefusedError(f"{what}: signed by someone who has no business here")
        need(key.verifies(b64(signature["sig"], what), digest), f"{what}: a signature is not good")
        ids.append(key.id)
    need(ids == sorted(set(ids)), f"{what}: signatures are not in order, or one stands twice")
    return payload, ids


# --- The policy -----------------------------------------------------------------------------------------


def parties(value: object, what: str, keys: str = "key name") -> dict[str, tuple[Key, Table]]:
    """Keys and records by name."""
    found = {}
    for record in items(value, what):
        party = table(record, what, keys)
        name = text(party["name"], what, r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
        need(name not in found, f"{what}: {name} stands twice")
        found[name] = (Key(party["key"], f"{what}: {name}"), party)
    return found


class Policy:
    """Who must have approved, rebuilt, logged and signed."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        p = table(
            parse(data, "policy"),
            "policy",
            "schema app_keys approvers apps builders expires issued log rebuilds threshold verification",
        )
        need(p["schema"] == "release-policy/1", "policy: of another schema")
        self.apps = [text(app, "policy") for app in items(p["apps"], "policy")]
        self.issued, self.expires = date(p["issued"], "policy"), date(p["expires"], "policy")
        self.verification = text(p["verification"], "policy")
        self.approvers = parties(p["approvers"], "policy: approvers", "expires key name revoked")
        self.builders = parties(p["builders"], "policy: builders")
        self.app_keys = parties(p["app_keys"], "policy: app_keys", "key name revoked")
        log = table(p["log"], "policy: log", "key origin required witnesses")
        self.origin, self.log_key = text(log["origin"], "policy: log"), Key(log["key"], "policy: log")
        self.witnesses = parties(log["witnesses"], "policy: witnesses")
        self.threshold = number(p["threshold"], "policy: threshold", 2, len(self.approvers))
        self.rebuilds = number(p["rebuilds"], "policy: rebuilds", 0, len(self.builders))
        self.required = number(log["required"], "policy: required", 0, len(self.witnesses))
        groups = (self.approvers, self.builders, self.app_keys, self.witnesses)
        self.ids = [key.id for group in groups for key, _ in group.values()] + [self.log_key.id]
        need(len(set(self.ids)) == len(self.ids), "policy: a key has two roles, or stands twice")
        for _, record in (*self.approvers.values(), *self.app_keys.values()):
            date(record.get("expires", "2000-01-01"), "policy: expires")
            if record["revoked"] is not None:
                date(record["revoked"], "policy: revoked")


# --- The evidence ---------------------------------------------------------------------------------------

IMAGE_KEYS = (
    "schema name version target_id target_version api_level segments code_length data_length params_length "
    "flags boot_offset"
)
MANIFEST_KEYS = "app files image provenance schema signature target unsafe verification version"
PROVENANCE_KEYS = "builder command commit compiler dirty environment platform sdk source_date_epoch"
PARAMETERS = "target_id target_version api_level code_length data_length params_length flags boot_offset"


class Image:
    """An app for one target: its parameters and the hash that the device shows."""

    def __init__(self, data: bytes, what: str) -> None:
        self.file = sha256(data)
        it = table(parse(data, what), what, IMAGE_KEYS)
        need(it["schema"] == "app-image/1", f"{what}: of another schema")
        self.name, self.version = (text(it[key], what, NAME) for key in ("name", "version"))
        self.parameters = {key: it[key] for key in PARAMETERS.split()}
        target_id = number(it["target_id"], what, 0, (1 << 32) - 1)
        target_version = text(it["target_version"], what, r"[\x20-\x7e]*").encode()
        lengths = [number(it[f"{part}_length"], what, 0, MAX_IMAGE) for part in ("code", "data", "params")]
        boot = number(it["boot_offset"], what, 0, MAX_IMAGE) | 1
        need(boot - 1 < lengths[0], f"{what}: does not start in its code")
        numbers = [*lengths, number(it["flags"], what, 0, (1 << 32) - 1), boot]
        level = it["api_level"]
        start = b"" if level is None else bytes([number(level, what, 0, 255)])
        blocks, first, end = [], None, 0
        for value in items(it["segments"], what):
            segment = table(value, what, "address data")
            address = number(segment["address"], what, end, (1 << 32) - 1)
            blocks.append(b64(segment["data"], what))
            first = address if first is None else first
            end = address + len(blocks[-1])
        whole = first is not None and all(blocks) and sum(lengths) == end - first
        need(whole, f"{what}: lengths do not add up")
        create = start + b"".join(n.to_bytes(4, "big") for n in numbers)
        prefix = target_id.to_bytes(4, "big") + target_version if target_id & 15 > 3 else b""
        self.app_hash = hashlib.sha256(prefix + create + b"".join(blocks)).hexdigest()


def subjects(images: dict[str, Image]) -> list[object]:
    """What in-toto statements about these images say of them."""
    return [
        {
            "name": f"targets/{target}/image.json",
            "digest": {"appHash": images[target].app_hash, "sha256": images[target].file},
        }
        for target in sorted(images)
    ]


def check_evidence(files: Files, policy: Policy) -> dict[str, Image]:
    """The images by target, if all files are there and fit together."""
    paths = sorted(files)
    targets = [m[1] for p in paths if (m := re.fullmatch(r"targets/([a-z0-9_]{1,32})/image\.json", p))]
    builders = [m[1] for p in paths if (m := re.fullmatch(r"rebuilds/([A-Za-z0-9._-]{1,64})\.json", p))]
    wanted = {"policy.json", "sbom.json", "summary.txt", *(f"rebuilds/{name}.json" for name in builders)}
    for target in targets:
        wanted |= {f"targets/{target}/{n}.json" for n in ("image", "manifest", "report", "provenance")}
    need(targets and files.keys() == wanted, f"evidence: not complete: {sorted(files.keys() ^ wanted)}")
    need(files["policy.json"] == policy.data, "evidence: made under another policy")
    parse(files["sbom.json"], "sbom")
    images = {t: Image(files[f"targets/{t}/image.json"], f"image for {t}") for t in targets}
    apps = {(image.name, image.version) for image in images.values()}
    need(len(apps) == 1, "evidence: several apps or versions")
    commits = {target: check_build(files, target, images[target], policy) for target in targets}
    check_rebuilds(files, builders, images, commits, policy)
    return images


def check_build(files: Files, target: str, image: Image, policy: Policy) -> str:
    """The commit of one build, if manifest, report and provenance fit its image."""
    what = f"manifest for {target}"
    manifest = table(parse(files[f"targets/{target}/manifest.json"], what), what, MANIFEST_KEYS)
    number(manifest["schema"], what, 1, 1)
    need(manifest["signature"] is None, f"{what}: signed already")
    record = {**image.parameters, "digest": image.app_hash}
    need(canonical(manifest["image"]) == canonical(record), f"{what}: about another image")
    names = (manifest["app"], manifest["version"], manifest["target"])
    need(names == (image.name, image.version, target), f"{what}: about another app or target")
    need(manifest["unsafe"] == [], f"{what}: made with unsafe exceptions")
    report = table(manifest["files"], what).get("report.json")
    need(report == sha256(files[f"targets/{target}/report.json"]), f"{what}: the report is another one")
    verified = table(manifest["verification"], what, "findings policy waived")
    need(verified["policy"] == policy.verification, f"{what}: verified under another policy")
    made = table(manifest["provenance"], what, PROVENANCE_KEYS)
    need(made["dirty"] is False, f"{what}: made from uncommitted changes")
    commit = text(made["commit"], what, r"[0-9a-f]{40,64}")
    provenance = parse(files[f"targets/{target}/provenance.json"], f"provenance for {target}")
    same = provenance.get("subject") == subjects({target: image})
    need(same, f"provenance for {target}: about another image")
    return commit


def check_rebuilds(
    files: Files, builders: list[str], images: dict[str, Image], commits: dict[str, str], policy: Policy
) -> None:
    """Every attestation is by the builder that it is named after, and about these images and commits."""
    need(len(builders) >= policy.rebuilds, f"rebuilds: {len(builders)}, needed are {policy.rebuilds}")
    for builder in builders:
        what = f"rebuild by {builder}"
        need(builder in policy.builders, f"{what}: not a builder of the policy")
        key, _ = policy.builders[builder]
        payload, ids = open_envelope(parse(files[f"rebuilds/{builder}.json"], what), IN_TOTO, [key], what)
        need(ids == [key.id], f"{what}: not signed")
        claim = table(parse(payload, what), what, "_type predicate predicateType subject")
        need((claim["_type"], claim["predicateType"]) == (STATEMENT, REBUILD), f"{what}: not a rebuild")
        need(claim["subject"] == subjects(images), f"{what}: not the same images")
        predicate = table(claim["predicate"], what, "builder builds names")
        names = {target: {"app": image.name, "version": image.version} for target, image in images.items()}
        need((predicate["builder"], predicate["names"]) == (builder, names), f"{what}: about something else")
        builds = {target: table(build, what) for target, build in table(predicate["builds"], what).items()}
        sources = {target: build.get("commit") for target, build in builds.items()}
        need(sources == commits, f"{what}: other source")
        need(all(build.get("dirty") is False for build in builds.values()), f"{what}: uncommitted changes")


# --- Statement, log, signatures -------------------------------------------------------------------------


def check_statement(
    envelope: object, files: Files, images: dict[str, Image], policy: Policy
) -> tuple[datetime.date, bytes, list[str]]:
    """Date, payload and approvers of the release statement, if it is about exactly this evidence."""
    keys = [key for key, _ in policy.approvers.values()]
    payload, ids = open_envelope(envelope, IN_TOTO, keys, "approvals")
    statement = parse(payload, "release statement")
    image = next(iter(images.values()))
    predicate = table(statement.get("predicate"), "release statement")
    proposed = date(predicate.get("date"), "release statement")
    expected = {
        "_type": STATEMENT,
        "subject": subjects(images),
        "predicateType": RELEASE,
        "predicate": {
            "app": image.name,
            "version": image.version,
            "date": proposed.isoformat(),
            "files": {path: sha256(data) for path, data in files.items()},
            "parameters": {target: image.parameters for target, image in images.items()},
        },
    }
    need(payload == canonical(expected), "release statement: not about this evidence")
    need(image.name in policy.apps, f"policy: not about {image.name}")
    return proposed, payload, ids


def check_log(
    value: object, proposed: datetime.date, payload: bytes, images: dict[str, Image], policy: Policy
) -> datetime.date:
    """The date of the log's head, if the log lists the statement and enough witnesses saw that head."""
    log = table(value, "log", "hashes head index size")
    keys = [policy.log_key, *(key for key, _ in policy.witnesses.values())]
    data, ids = open_envelope(log["head"], HEAD, keys, "log head")
    need(policy.log_key.id in ids, "log head: not signed by the log")
    need(len(ids) - 1 >= policy.required, f"log head: {len(ids) - 1} witnesses, needed are {policy.required}")
    head = table(parse(data, "log head"), "log head", "date origin root size")
    need(head["origin"] == policy.origin, "log head: of another log")
    size = number(head["size"], "log head", 1)
    index = number(log["index"], "log", 0, size - 1)
    need(number(log["size"], "log") == size, "log: the proof is for another head")
    seen = date(head["date"], "log head")
    need(seen >= proposed, "log head: older than the release")
    image = next(iter(images.values()))
    entry = {"app": image.name, "statement": sha256(payload), "version": image.version}
    line = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    path = [b64(value, "log") for value in items(log["hashes"], "log")]
    need(merkle_root(line, index, size, path).hex() == head["root"], "log: does not list this release")
    return seen


def merkle_root(entry: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root that an audit path leads to (RFC 9162, section 2.1.3.2)."""
    node, last = hashlib.sha256(b"\0" + entry).digest(), size - 1
    for sibling in path:
        need(last and len(sibling) == 32, "log: the proof is too long or malformed")
        if index & 1 or index == last:
            node = hashlib.sha256(b"\1" + sibling + node).digest()
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\1" + node + sibling).digest()
        index, last = index >> 1, last >> 1
    need(last == 0, "log: the proof is too short")
    return node


def check_approvers(ids: list[str], seen: datetime.date, policy: Policy) -> list[str]:
    """Names of the approvers, if they are enough and all of them counted on the day of the log's head."""
    need(policy.issued <= seen <= policy.expires, "policy: not in force when the release was logged")
    approvers = {key.id: (name, record) for name, (key, record) in policy.approvers.items()}
    for name, record in (approvers[i] for i in ids):
        need(record["revoked"] is None, f"approvals: the key of {name} was revoked")
        need(seen <= date(record["expires"], "policy"), f"approvals: the key of {name} had expired")
    need(len(ids) >= policy.threshold, f"approvals: {len(ids)}, needed are {policy.threshold}")
    return sorted(approvers[i][0] for i in ids)


def signing_keys(links: list[object], policy: Policy) -> dict[str, Key]:
    """Who may sign apps, by key id: the policy's keys, and those that one of them handed over to in turn."""
    what = "issuers"
    keys = {key.id: key for key, record in policy.app_keys.values() if record["revoked"] is None}
    holders, newest = set(keys), datetime.date.min
    need(len(links) <= 64, f"{what}: too many")
    for link in links:
        payload = b64(table(link, what, "payload payloadType signatures")["payload"], what)
        claim = table(parse(payload, what), what, "date new old reason role")
        old, new = Key(claim["old"], what), Key(claim["new"], what)
        _, ids = open_envelope(link, ROTATION, [old, new], what)
        need(old.id in holders and len(ids) == 2, f"{what}: not handed over by a key that signs apps")
        need(new.id not in [*policy.ids, *keys], f"{what}: the new key has a role already")
        text(claim["reason"], what, r"[ -~]{0,200}")
        need(claim["role"] == "app-signing", f"{what}: of keys for something else")
        need(date(claim["date"], what) >= newest, f"{what}: not in order")
        holders, newest, keys[new.id] = {new.id}, date(claim["date"], what), new
    return keys


def check_signatures(value: object, images: dict[str, Image], keys: dict[str, Key]) -> None:
    """Every target, and nothing else, is signed by one of the keys."""
    signatures = table(value, "signatures")
    need(signatures.keys() == images.keys(), "signatures: not one for every target")
    for target, image in images.items():
        what = f"signature for {target}"
        it = table(signatures[target], what, "key_id sig")
        key = keys.get(text(it["key_id"], what))
        good = key and key.verifies(b64(it["sig"], what), bytes.fromhex(image.app_hash))
        need(good, f"{what}: not good, or by a key that does not sign apps")


def verify(bundle: bytes, policy_data: bytes, today: datetime.date) -> str:
    """A report for people about a good bundle. RefusedError says what is wrong with any other."""
    need(len(bundle) <= MAX_BUNDLE, f"bundle: more than {MAX_BUNDLE} bytes")
    policy = Policy(policy_data)
    it = table(parse(bundle, "bundle"), "bundle", "evidence issuers log release schema signatures")
    need(it["schema"] == "release-bundle/1", "bundle: of another schema")
    files = {path: b64(data, "evidence") for path, data in table(it["evidence"], "evidence").items()}
    images = check_evidence(files, policy)
    proposed, payload, ids = check_statement(it["release"], files, images, policy)
    seen = check_log(it["log"], proposed, payload, images, policy)
    need(seen <= today, f"log head: of {seen}, and today is {today}; is the clock right?")
    approvers = check_approvers(ids, seen, policy)
    check_signatures(it["signatures"], images, signing_keys(items(it["issuers"], "issuers"), policy))
    app = next(iter(images.values()))
    lines = [f"{app.name} {app.version}: good", f"approved by {', '.join(approvers)}; logged on {seen}"]
    lines += [f"{target}: app hash {image.app_hash}" for target, image in images.items()]
    return "\n".join(lines)


def read(name: str) -> bytes:
    """At most one byte more than a bundle may have."""
    with Path(name).open("rb") as file:
        return file.read(MAX_BUNDLE + 1)


def main(arguments: list[str]) -> int:
    """Exit code: 0 good, 1 refused, 2 called wrongly."""
    if len(arguments) != 2:
        print("usage: verify_bundle.py BUNDLE POLICY", file=sys.stderr)
        return 2
    try:
        bundle, policy = (read(name) for name in arguments)
        print(verify(bundle, policy, datetime.datetime.now(datetime.UTC).date()))
    except (RefusedError, OSError) as e:
        print(f"REFUSED: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
