"""The ceremony of docs/release.md with everyone in place: an HSM, an air gap, a log, a witness, outsiders."""

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.release.releases import (
    ALICE,
    BOB,
    BUILDER_ONE,
    BUILDER_TWO,
    DAY,
    LOG_KEY,
    ORIGIN,
    POLICY,
    WITNESS,
    draft,
)
from tests.unit.sign import softhsm
from tests.unit.sign.softhsm import PIN, Hsm
from toolchain.keys import Signature
from toolchain.release.bundle import (
    approve_bundle,
    check_ready,
    log_entry,
    merge_approvals,
    prove_logged,
    read_bundle,
    sign_bundle,
    write_bundle,
)
from toolchain.release.evidence import check_evidence
from toolchain.release.log import Log, TreeHead, cosign
from toolchain.release.policy import AppKey
from toolchain.sign import open_signer
from toolchain.sign.external import AwaitingSignatureError, SigningRequest, open_external, write_request
from toolchain.sign.pkcs11 import Pkcs11Signer, create_key

ROOT = Path(__file__).parents[3]

pytestmark = [pytest.mark.component(name) for name in ("softhsm", "openssl", "jq")]


def ask_pin(name: str) -> str:
    assert name == "PIN of token release"
    return PIN


def no_secret(name: str) -> str:
    raise AssertionError(name)


@pytest.fixture
def hsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hsm]:
    with softhsm.softhsm(tmp_path, softhsm.module(), monkeypatch) as hsm:
        yield hsm


def test_ceremony(hsm: Hsm, tmp_path: Path) -> None:
    # Once: the app key is made in the HSM, and the policy names everyone.
    app_key = create_key(hsm.uri(extra=";id=%01"), ask_pin)
    policy = dataclasses.replace(POLICY, app_keys=(AppKey("app", app_key.pem(), None),))
    policy_file = tmp_path / "policy.json"
    policy_file.write_text(policy.to_json())

    # Draft and rebuilds.
    plain = draft(policy, targets=("nanosp", "nanos"))
    assert {BUILDER_ONE.public_key, BUILDER_TWO.public_key} == {p.public_key for p in policy.builders}

    # Alice approves with a key on her machine, Bob behind an air gap, each from a copy of the draft.
    by_alice = approve_bundle(plain, policy, ALICE, DAY)
    gap = tmp_path / "gap"
    gap.mkdir()
    (gap / "bob.pem").write_bytes(BOB.pem(None))
    (gap / "public.pem").write_text(BOB.public_key.pem())
    bob = open_external(str(gap), no_secret)
    with pytest.raises(AwaitingSignatureError):
        approve_bundle(plain, policy, bob, DAY)
    facts = check_evidence(plain.evidence, plain.release, policy).facts
    request = SigningRequest(plain.release.digest(), bob.public_key, facts)
    _, text, digest = write_request(gap, request)
    assert all(fact in text.read_text() for fact in facts.values())
    command = ["openssl", "pkeyutl", "-sign", "-inkey", "bob.pem", "-in", digest.name]
    subprocess.run([*command, "-out", f"{digest.stem}.sig"], cwd=gap, check=True)
    by_bob = approve_bundle(plain, policy, bob, DAY)
    bundle = merge_approvals(by_alice, by_bob)

    # The log lists it; the witness has seen the log before.
    log = Log.open(tmp_path / "log")
    log.append([b'{"app":"Other"}'])
    head = log.sign_head(ORIGIN, DAY, LOG_KEY, LOG_KEY.public_key)
    seen = TreeHead.from_envelope(head)
    log.append([log_entry(bundle)])
    head = log.sign_head(ORIGIN, DAY, LOG_KEY, LOG_KEY.public_key)
    proof = log.consistency(seen.size)
    head = cosign(head, LOG_KEY.public_key, WITNESS, WITNESS.public_key, seen=seen, proof=proof)
    log.keep_head(head)
    bundle = prove_logged(bundle, log, head)

    # The HSM signs, last.
    evidence = check_ready(bundle, policy, DAY, seen=TreeHead.from_envelope(head).date)
    digests = {target: image.digest() for target, image in evidence.images.items()}
    signer = open_signer(f"pkcs11:{hsm.uri()}", ask_pin)
    assert isinstance(signer, Pkcs11Signer)
    with signer:
        answers = signer.sign_digests(digests.values())
    signatures = {
        target: Signature(app_key.key_id, der) for target, der in zip(digests, answers, strict=True)
    }
    bundle = sign_bundle(bundle, signatures, policy)
    bundle_file = tmp_path / "release.bundle"
    bundle_file.write_bytes(write_bundle(bundle))
    assert read_bundle(bundle_file.read_bytes()) == bundle

    # Somebody with nothing of ours but two files.
    for program in (
        [sys.executable, "-I", str(ROOT / "verify_bundle.py")],
        ["sh", str(ROOT / "verify_bundle.sh")],
    ):
        run = subprocess.run(
            [*program, bundle_file, policy_file], check=False, capture_output=True, text=True
        )
        assert (run.returncode, run.stderr) == (0, "")
        assert "Boilerplate 2.3.1: good" in run.stdout
