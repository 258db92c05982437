"""The tasks about releases: bundles, the air gap, and the whole ceremony of docs/release.md."""

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.inv import PROJECT, Run, inv
from tests.unit.release.releases import (
    ALICE,
    APP_KEY,
    BOB,
    BUILDER_ONE,
    DAY,
    POLICY,
    approved,
    approver,
    draft,
    finished,
    logged,
)
from tests.unit.sign import softhsm
from tests.unit.sign.softhsm import PIN
from toolchain.keys import PublicKey
from toolchain.release.bundle import write_bundle
from toolchain.release.log import Log
from toolchain.release.policy import AppKey, Approver, LogPolicy, Party, ReleasePolicy
from toolchain.sign import open_signer
from toolchain.sign.files import write_new
from toolchain.sign.pkcs11 import create_key

LASTING = dataclasses.replace(
    POLICY,
    expires="2999-12-31",
    approvers=tuple(approver(name, key, "2999-12-31") for name, key in (("alice", ALICE), ("bob", BOB))),
)
"""Holds today, too."""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.json"
    path.write_text(POLICY.to_json())
    return path


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample app in a repository of its own, committed."""
    folder = tmp_path_factory.mktemp("apps") / "boilerplate"
    shutil.copytree(PROJECT / "apps" / "boilerplate", folder, ignore=shutil.ignore_patterns("build", "bin"))
    identity = {
        f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "source"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True, env=os.environ | identity)
    return folder


def test_a_good_bundle_is_shown_and_verified(policy: Path, tmp_path: Path) -> None:
    path = tmp_path / "app.bundle"
    path.write_bytes(write_bundle(finished()))
    shown = inv("bundle.show", path, "--json").only("bundle")
    assert (shown["app"], shown["version"], shown["stage"]) == ("Boilerplate", "2.3.1", "signed")
    run = inv("bundle.verify", path, "--policy", policy, "--json")
    assert run.code == 0, run.err
    good = run.only("bundle-verified")
    assert good["digests"] == shown["digests"]
    assert good["approved_by"] == shown["approved_by"] == ["alice", "bob"]
    text = inv("bundle.show", path).out
    assert good["digests"]["nanosp"] in text
    assert "approved by   alice, bob" in text


def test_what_is_wrong_with_a_bundle_decides_the_exit_code(policy: Path, tmp_path: Path) -> None:
    path = tmp_path / "app.bundle"
    path.write_bytes(write_bundle(draft()))
    assert inv("bundle.show", path, "--json").only("bundle")["stage"] == "draft"
    for data, code in ((write_bundle(draft()), 5), (write_bundle(finished())[:-1], 4)):
        path.write_bytes(data)
        assert inv("bundle.verify", path, "--policy", policy).code == code
    assert inv("bundle.verify", path).code == 2
    other = tmp_path / "other.json"
    other.write_text(POLICY.to_json().replace('"threshold": 2', '"threshold": 3'))
    path.write_bytes(write_bundle(finished()))
    assert inv("bundle.verify", path, "--policy", other).code == 5


@pytest.mark.component("openssl")
def test_an_app_is_signed_over_an_air_gap(app: Path, tmp_path: Path) -> None:
    gap, there = tmp_path / "gap", tmp_path / "there.pem"
    gap.mkdir()
    there.write_bytes(APP_KEY.pem(None))
    (gap / "public.pem").write_text(APP_KEY.public_key.pem())
    signer = f"external:{gap}"
    asked = inv("sign.digest", "--app", app, "--target", "nanosp", "--dist", tmp_path / "dist",
                "--signer", signer, "--json")  # fmt: skip
    assert asked.code == 0, asked.err
    request = asked.only("request")
    digest = request["digest"]
    text = Path(request["text"]).read_text()
    assert "Boilerplate 1.0.0" in text
    file = gap / f"{digest}.request.json"
    assert inv("sign.attach", file).code == 2

    answer = tmp_path / "answer"
    bare = gap / f"{digest}.digest"
    command = ["openssl", "pkeyutl", "-sign", "-inkey", str(there), "-in", str(bare), "-out", str(answer)]
    subprocess.run(command, check=True)
    attached = inv("sign.attach", file, "--signature", answer, "--json")
    assert attached.code == 0, attached.err
    signature = Path(attached.only("attached")["path"])
    assert APP_KEY.public_key.verifies(signature.read_bytes(), bytes.fromhex(digest))

    assert inv("issuer.record", gap / "public.pem", "--public").code == 0
    known = ("--signer", signer, "--issuer-key", gap / "public.toml", "--policy", "release")
    signed = inv(
        "sign", "--app", app, "--target", "nanosp", "--dist", tmp_path / "dist", *known, "--json"
    ).only("signed")
    assert (signed["digest"], signed["kind"]) == (digest, "release")

    answer.write_bytes(APP_KEY.sign_digest(bytes(32)))
    before = signature.read_bytes()
    assert inv("sign.attach", file, "--signature", answer).code == 6
    assert signature.read_bytes() == before


ROLES = {
    "one": "builder",
    "two": "builder",
    "alice": "release-approval",
    "bob": "release-approval",
    "log": "log",
    "witness": "witness",
    "app": "app-signing",
}
PASSPHRASE = "eleven plus two words\n"


def make_policy(keys: Path) -> Path:
    """A policy whose parties have fresh keys in ``keys``."""
    points: dict[str, str] = {}
    for name, role in ROLES.items():
        path = keys / f"{name}.pem"
        made = inv("issuer.new", path, "--role", role, "--json", stdin=PASSPHRASE)
        assert made.code == 0, made.err
        points[name] = PublicKey(bytes.fromhex(made.only("issuer")["point"])).pem()
    made_policy = ReleasePolicy(
        apps=("Boilerplate",),
        issued="2024-01-01",
        expires="2999-12-31",
        verification="release",
        threshold=2,
        approvers=tuple(Approver(name, points[name], "2999-12-31", None) for name in ("alice", "bob")),
        rebuilds=2,
        builders=tuple(Party(name, points[name]) for name in ("one", "two")),
        app_keys=(AppKey("app", points["app"], None),),
        log=LogPolicy("log.example/apps", points["log"], (Party("witness", points["witness"]),), 1),
    )
    path = keys / "policy.json"
    path.write_text(made_policy.to_json())
    return path


def test_the_whole_ceremony(app: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    policy, path = make_policy(keys), tmp_path / "app.bundle"

    def call(*arguments: str | Path, key: str = "", said: str = PASSPHRASE, code: int = 0) -> Run:
        signer = ("--signer", f"file:{keys / key}.pem") if key else ()
        run = inv(*arguments, *signer, "--json", stdin=said)
        assert run.code == code, (arguments, run.err)
        return run

    known = ("--policy", policy)
    build = ("--app", app, "--target", "nanosp", "--target", "nanox", "--dist", tmp_path / "dist", *known)
    rebuilds: list[str] = []
    for name in ("one", "two"):
        made = call("attest", *build, key=name).only("attestation")
        assert made["builder"] == name
        rebuilds += ["--rebuild", made["path"]]
    call("attest", *build, key="alice", code=6)
    call("bundle.draft", *build, *rebuilds[:2], "--out", path, code=5)
    made_draft = call("bundle.draft", *build, *rebuilds, "--out", path).only("bundle")
    assert (made_draft["stage"], made_draft["rebuilt_by"]) == ("draft", ["one", "two"])

    # Alice reads and says yes; Bob signs a copy of the draft; somebody brings the two together.
    copy = Path(shutil.copy(path, tmp_path / "bob.bundle"))
    before = path.read_bytes()
    call("approve", path, *known, key="alice", said="no\n", code=6)
    call("approve", path, *known, "--yes", key="one", code=6)
    assert path.read_bytes() == before
    by_alice = call("approve", path, *known, key="alice", said=f"y\n{PASSPHRASE}")
    assert by_alice.only("bundle")["approved_by"] == ["alice"]
    assert made_draft["digests"]["nanox"] in by_alice.err
    call("approve", copy, *known, "--yes", key="bob")
    assert call("bundle.merge", path, "--other", copy).only("bundle")["stage"] == "approved"

    log, memory = tmp_path / "log", tmp_path / "memory.json"
    call("bundle.sign", path, *known, key="app", code=5)
    call("log.append", path, "--log", log, *known, key="log")
    assert call("log.append", path, "--log", log, *known, key="log").only("log-head")["size"] == 1
    watch = ("log.witness", "--log", log, "--memory", memory, *known)
    call(*watch, key="witness", code=2)
    head = call(*watch, "--first", key="witness").only("log-head")
    assert len(head["signatures"]) == 2
    assert call("log.prove", path, "--log", log).only("bundle")["stage"] == "logged"

    call("bundle.verify", path, *known, code=5)
    call("load", path, *known, "--device", "virtual:nanosp", code=5)
    call("bundle.sign", path, *known, key="log", code=6)
    rotated = Path(shutil.copy(path, tmp_path / "rotated.bundle"))
    logged_bytes = rotated.read_bytes()
    assert call("bundle.sign", path, *known, key="app").only("bundle")["stage"] == "signed"
    good = call("bundle.verify", path, *known).only("bundle-verified")
    assert good["digests"] == made_draft["digests"]
    assert good["approved_by"] == ["alice", "bob"]
    loading = ("load", path, *known, "--device", "virtual:nanosp", "--state", tmp_path / "device.json")
    installed = call(*loading).only("installed")
    assert (installed["target"], installed["digest"]) == ("nanosp", good["digests"]["nanosp"])
    assert call(*loading).only("installed")["unchanged"]
    program = [sys.executable, "-I", str(PROJECT / "verify_bundle.py"), str(path), str(policy)]
    assert subprocess.run(program, check=False, capture_output=True).returncode == 0

    # In one command, and by the key that the policy's own one handed over to: the bundle brings the link.
    new = ("issuer.rotate", keys / "app.pem", "--to", keys / "app-2.pem")
    chain = call(*new, said=PASSPHRASE * 2).only("rotated")["chain"]
    plain = ("release", *build[:-2], "--policy", "release", "--out", rotated)
    call(*plain, "--chain", chain, key="app-2", code=2)
    release = (*plain, "--release-policy", policy)
    refused = call(*release, key="app-2", code=6).only("error")
    assert "app key" in refused["message"]
    call(*release, "--chain", chain, key="app", code=6)
    assert rotated.read_bytes() == logged_bytes
    done = call(*release, "--chain", chain, key="app-2")
    assert {row["target"] for row in done.lines("installed")} == {"nanosp", "nanox"}
    program[-2] = str(rotated)
    assert subprocess.run(program, check=False, capture_output=True).returncode == 0


def test_keys_made_elsewhere_are_recorded_and_shown(tmp_path: Path) -> None:
    private, public = tmp_path / "builder.pem", tmp_path / "hsm.pem"
    write_new(private, BUILDER_ONE.pem(PASSPHRASE.strip().encode()), mode=0o600)
    public.write_text(APP_KEY.public_key.pem())
    assert inv("issuer.show", private).code == 6
    recorded = inv("issuer.record", private, "--role", "builder", "--json", stdin=PASSPHRASE).only("issuer")
    assert (recorded["role"], recorded["key_id"]) == ("builder", BUILDER_ONE.public_key.key_id)
    assert inv("issuer.show", private, "--json").only("issuer").items() >= recorded.items()
    assert inv("issuer.record", public, "--public").code == 0
    assert inv("issuer.record", public, "--public").code == 6
    shown = inv("issuer.show", tmp_path / "hsm.toml")
    assert APP_KEY.public_key.pem() in shown.out
    assert inv("issuer.record", public, "--role", "king").code == 2


def test_a_witness_does_not_sign_a_log_that_forgot(tmp_path: Path) -> None:
    log, memory = tmp_path / "log", tmp_path / "memory.json"
    keys = tmp_path / "keys"
    keys.mkdir()
    policy = make_policy(keys)
    rules = ReleasePolicy.from_json(policy.read_bytes())
    known = ("--log", log, "--memory", memory, "--policy", policy, "--signer", f"file:{keys / 'witness.pem'}")
    signer = open_signer(f"file:{keys / 'log.pem'}", lambda _name: PASSPHRASE.strip(), "log")

    def grow(entry: bytes) -> None:
        opened = Log.open(log)
        opened.append([entry])
        opened.sign_head(rules.log.origin, DAY, signer, signer.public_key)

    grow(b"one")
    assert inv("log.witness", *known, "--first", stdin=PASSPHRASE).code == 0
    shutil.rmtree(log)
    grow(b"another")
    grow(b"two")
    before = memory.read_bytes()
    run = inv("log.witness", *known, stdin=PASSPHRASE)
    assert (run.code, memory.read_bytes()) == (5, before), run.err


def test_an_approver_behind_an_air_gap_is_asked_in_writing(policy: Path, tmp_path: Path) -> None:
    gap, path = tmp_path / "gap", tmp_path / "app.bundle"
    gap.mkdir()
    (gap / "public.pem").write_text(ALICE.public_key.pem())
    rules = dataclasses.replace(
        POLICY,
        expires="2999-12-31",
        approvers=(approver("alice", ALICE, "2999-12-31"), *POLICY.approvers[1:]),
    )
    policy.write_text(rules.to_json())
    path.write_bytes(write_bundle(draft(rules)))
    asking = ("approve", path, "--policy", policy, "--signer", f"external:{gap}", "--yes", "--json")
    waiting = inv(*asking)
    assert (waiting.code, waiting.only("error")["error"]) == (6, "AwaitingSignatureError")
    (text,) = gap.glob("*.request.txt")
    assert "Boilerplate 2.3.1 of 2024-05-06" in text.read_text()
    (digest,) = gap.glob("*.digest")
    digest.with_suffix(".sig").write_bytes(ALICE.sign_digest(digest.read_bytes()))
    assert inv(*asking).only("bundle")["approved_by"] == ["alice"]


@pytest.mark.component("softhsm")
def test_an_hsm_signs_what_is_ready(policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "app.bundle"
    with softhsm.softhsm(tmp_path, softhsm.module(), monkeypatch) as hsm:
        key = create_key(hsm.uri(extra=";id=%01"), lambda _name: PIN)
        rules = dataclasses.replace(LASTING, app_keys=(AppKey("app", key.pem(), None),))
        policy.write_text(rules.to_json())
        path.write_bytes(write_bundle(logged(approved(draft(rules, targets=("nanosp", "nanos")), rules))))
        ready = path.read_bytes()
        call = ("bundle.sign", path, "--policy", policy, "--signer", f"pkcs11:{hsm.uri()}")
        assert inv(*call, stdin="not the PIN\n").code == 6
        assert path.read_bytes() == ready
        signed = inv(*call, stdin=f"{PIN}\n")
    assert signed.code == 0, signed.err
    assert PIN not in signed.out + signed.err
    good = inv("bundle.verify", path, "--policy", policy, "--json").only("bundle-verified")
    assert set(good["digests"]) == {"nanosp", "nanos"}
