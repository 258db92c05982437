"""The tasks about releases: bundles, the air gap, and the whole ceremony of docs/release.md."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.system.inv import PROJECT, inv
from tests.unit.release.releases import APP_KEY, POLICY, draft, finished
from toolchain.release.bundle import write_bundle


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

    answer.write_bytes(APP_KEY.sign_digest(bytes(32)))
    before = signature.read_bytes()
    assert inv("sign.attach", file, "--signature", answer).code == 6
    assert signature.read_bytes() == before
