"""Bundles and logs: what checking a release costs, and keeping a log of a hundred thousand."""

import datetime
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.figures import (
    US,
    Figure,
    Measured,
    NotMeasured,
    Result,
    Sample,
    Series,
    Target,
    compare,
    interleave,
)
from bench.process import INV, PROJECT, environment, measure
from toolchain.image import Image, Segment
from toolchain.keys import PrivateKey, Signature
from toolchain.manifest import ImageRecord, Manifest, Provenance, VerificationRecord, canonical_json
from toolchain.release import bundle as bundles
from toolchain.release import merkle
from toolchain.release.attestation import attest
from toolchain.release.evidence import Build
from toolchain.release.log import Log, cosign
from toolchain.release.policy import AppKey, Approver, LogPolicy, Party, ReleasePolicy
from toolchain.release.sbom import Part, sbom
from toolchain.target import targets

ENTRIES = 100_000

_STANDALONE, _SHELL = "verify_bundle.py", "verify_bundle.sh"
_ANEW, _BARE = "all hashes anew", "write and fsync"
_DAY = datetime.date(2024, 5, 6)
_ORIGIN = "log.example/bench"
_SIZE = 60 << 10
_BATCHES, _BATCH = 10, 100


def verification(folder: Path, runs: int) -> Iterator[Result]:
    """A bundle for every target, checked by our task and by both standalone verifiers: whole processes."""
    path, policy, count = _release(folder)
    subject = f"{count} targets, {path.stat().st_size / 1e6:.1f} MB"
    files = (str(path), str(policy))
    commands: dict[str, list[str]] = {
        US: [INV, "bundle.verify", files[0], "--policy", files[1]],
        _STANDALONE: [sys.executable, "-I", str(PROJECT / _STANDALONE), *files],
    }
    if shutil.which("jq") and shutil.which("openssl"):
        commands[_SHELL] = ["sh", str(PROJECT / _SHELL), *files]
    else:
        yield NotMeasured("verification", _SHELL, "no jq or no openssl", "apt-get install jq openssl")
    home, log = environment(folder), folder / "verification.log"

    def contender(command: list[str]) -> Callable[[], Sample]:
        return lambda: measure(command, folder=folder, environment=home, log=log)

    series = interleave({name: contender(command) for name, command in commands.items()}, runs)
    yield Measured("verification", f"bundle.verify, {subject}", _limits(series, _STANDALONE), series)
    if _SHELL in series:
        alone = {US: series[_STANDALONE], _SHELL: series[_SHELL]}
        yield Measured("verification", f"{_STANDALONE}, {subject}", _limits(alone, _SHELL), alone)


def _limits(series: Series, peer: str) -> tuple[Figure, ...]:
    return (
        compare(series, "wall", peer, Target(1, "median", strict=True)),
        compare(series, "memory", peer, Target(100e6, "median", strict=True)),
    )


def log(folder: Path, runs: int, entries: int = ENTRIES) -> Iterator[Result]:
    """Proofs in a large log, beside the definition of the tree; appending, beside bare writes."""
    lines = [f'{{"app":"App","statement":"{n:064x}","version":"1.0.{n}"}}'.encode() for n in range(entries)]
    path = folder / "log"
    Log.open(path).append(lines)
    index = entries // 3
    root = Log.open(path).root()
    proof = Log.open(path).inclusion(index)
    leaf = merkle.leaf_hash(lines[index])
    proving = {US: lambda: Log.open(path).inclusion(index), _ANEW: lambda: _root(lines)}
    checking = {US: lambda: merkle.verify_inclusion(leaf, proof, root), _ANEW: lambda: _root(lines)}
    for what, contenders, limit in (
        ("proof made, log opened anew", proving, 50e-3),
        ("proof verified", checking, 5e-3),
    ):
        series = interleave({name: _timed(work) for name, work in contenders.items()}, runs)
        figures = (compare(series, "wall", _ANEW, Target(limit, "median", strict=True)),)
        yield Measured("log", f"{what}, {entries} entries", figures, series)

    grown, bare = Log.open(path), folder / "bare"
    batches = [lines[n * _BATCH : (n + 1) * _BATCH] for n in range(_BATCHES)]

    def append() -> None:
        for batch in batches:
            grown.append(batch)

    def write() -> None:
        for batch in batches:
            with bare.open("ab") as file:
                file.write(b"\n".join(batch))
                file.flush()
                os.fsync(file.fileno())

    series = interleave({US: _timed(append), _BARE: _timed(write)}, runs)
    figures = (compare(series, "wall", _BARE, Target(1, "median")),)
    yield Measured("log", f"{_BATCHES * _BATCH} entries appended, {_BATCHES} batches", figures, series)


def _timed(work: Callable[[], object]) -> Callable[[], Sample]:
    def run() -> Sample:
        start = time.perf_counter()
        work()
        return {"wall": time.perf_counter() - start}

    return run


def _root(lines: list[bytes]) -> bytes:
    """The root by the definition of RFC 6962, section 2.1, level by level."""
    level = [hashlib.sha256(b"\0" + line).digest() for line in lines]
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [hashlib.sha256(b"\1" + left + right).digest() for left, right in pairs] + odd
    return level[0]


def _release(folder: Path) -> tuple[Path, Path, int]:
    """A complete bundle and its policy, and for how many targets it is."""
    names = ("alice", "bob", "one", "two", "app", "log", "witness")
    keys = {name: PrivateKey.generate() for name in names}
    pem = {name: key.public_key.pem() for name, key in keys.items()}
    policy = ReleasePolicy(
        apps=("App",),
        issued="2024-01-01",
        expires="2999-12-31",
        verification="store",
        threshold=2,
        approvers=tuple(Approver(name, pem[name], "2999-12-31", None) for name in ("alice", "bob")),
        rebuilds=2,
        builders=tuple(Party(name, pem[name]) for name in ("one", "two")),
        app_keys=(AppKey("app", pem["app"], None),),
        log=LogPolicy(_ORIGIN, pem["log"], (Party("witness", pem["witness"]),), 1),
    )
    builds = {target.name: _build(target.name, target.id, target.version) for target in targets()}
    images = {name: build.image for name, build in builds.items()}
    made = {name: build.manifest.provenance for name, build in builds.items()}
    rebuilds = {
        name: attest(images, made, name).with_signature(keys[name], keys[name].public_key)
        for name in ("one", "two")
    }
    sources = [Part("source", f"src/{n}.c", "", f"{n:064x}") for n in range(100)]
    bill = sbom("App", "1.0.0", sources, source_date_epoch=1_714_000_000)
    bundle = bundles.draft_bundle(policy, builds, bill, rebuilds, _DAY)
    for name in ("alice", "bob"):
        bundle = bundles.approve_bundle(bundle, policy, keys[name], _DAY)
    listed = Log.open(folder / "small")
    listed.append([bundles.log_entry(bundle)])
    log_key, witness = keys["log"].public_key, keys["witness"].public_key
    head = listed.sign_head(_ORIGIN, _DAY, keys["log"], log_key)
    head = cosign(head, log_key, keys["witness"], witness, seen=None, proof=None)
    key = keys["app"]
    signatures = {
        name: Signature(key.public_key.key_id, key.sign_digest(image.digest()))
        for name, image in images.items()
    }
    bundle = bundles.sign_bundle(bundles.prove_logged(bundle, listed, head), signatures, policy)
    path, policy_path = folder / "app.bundle", folder / "policy.json"
    path.write_bytes(bundles.write_bundle(bundle))
    policy_path.write_text(policy.to_json(), "utf-8")
    return path, policy_path, len(images)


def _build(target: str, target_id: int, target_version: str) -> Build:
    body = hashlib.shake_256(target.encode()).digest(_SIZE)
    image = Image(
        name="App",
        version="1.0.0",
        target_id=target_id,
        target_version=target_version,
        api_level=25 if target_id & 15 > 3 else None,
        segments=(Segment(0xC0DE0000, body),),
        code_length=_SIZE - 64,
        data_length=0,
        params_length=64,
        flags=0,
        boot_offset=1,
    )
    report = canonical_json([]).encode()
    provenance = Provenance(
        "c0ffee" + "0" * 34, False, "bench", "none", "none", (), {}, 1_714_000_000, "linux-x86_64"
    )
    manifest = Manifest(
        app=image.name,
        version=image.version,
        target=target,
        image=ImageRecord.of(image),
        provenance=provenance,
        verification=VerificationRecord("store", 0, ()),
        signature=None,
        files={"report.json": hashlib.sha256(report).hexdigest()},
    )
    return Build(image, manifest, report)
