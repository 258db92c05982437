"""The life of issuers' keys, as a person leads it: files, an HSM, an air gap; rotated, revoked, restored."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.system.inv import Run, inv
from tests.unit.release.releases import EVE
from tests.unit.sign import softhsm
from tests.unit.sign.softhsm import PIN
from toolchain.chain import Chain
from toolchain.keys import PublicKey

FIRST, SECOND, THIRD = ("a passphrase of the first", "another one of the second", "and one of the third")
WATCHED = ("--witness", "Ada Lovelace", "--witness", "Émile Borel")


def call(*arguments: str | Path, said: str = "", code: int = 0) -> Run:
    run = inv(*arguments, "--json", stdin=said)
    assert run.code == code, (arguments, run.out, run.err)
    return run


def issuer(*arguments: str | Path, said: str = "") -> dict[str, Any]:
    return call(*arguments, said=said).only("issuer")


def test_a_key_in_a_file_from_beginning_to_end(tmp_path: Path) -> None:
    first, second, third = (tmp_path / f"{name}.pem" for name in ("first", "second", "third"))
    made = issuer("issuer.new", first, *WATCHED, said=f"{FIRST}\n")
    assert (made["role"], made["status"]) == ("app-signing", "in use")
    pinned = tmp_path / "elsewhere"
    pinned.mkdir()
    shutil.copy(tmp_path / "first.toml", pinned)
    target = ("--app", "boilerplate", "--target", "nanosp", "--dist", tmp_path / "dist")
    by_first = ("sign", *target, "--policy", "release", "--signer", f"file:{first}")
    call(*by_first, said=f"{FIRST}\n")
    manifest = tmp_path / "dist" / "boilerplate" / "nanosp" / "manifest.json"
    loading = ("load", "--manifest", manifest, "--device", "virtual:nanosp", "--issuer-key")

    # A new key takes over: both sign that, and whoever pinned the first one finds the second.
    rotated = call(
        "issuer.rotate", first, "--to", second, "--reason", "yearly", *WATCHED, said=f"{FIRST}\n{SECOND}\n"
    ).only("rotated")
    chain = Chain.from_json(Path(rotated["chain"]).read_bytes())
    assert [key.key_id for key in chain.keys] == [made["key_id"], rotated["key_id"]]
    shown = issuer("issuer.show", first)
    assert (shown["status"], shown["successor"]) == ("rotated", rotated["key_id"])
    assert shown["chain"] == [key.key_id for key in chain.keys]
    refused = call(*by_first, said=f"{FIRST}\n", code=6).only("error")
    assert f"its successor is {rotated['key_id']}" in refused["message"]
    call(*loading, pinned / "first.toml")
    call("sign", *target, "--policy", "release", "--signer", f"file:{second}", said=f"{SECOND}\n")
    call(*loading, pinned / "first.toml", code=6)
    shutil.copy(tmp_path / "first.chain.json", pinned)
    call(*loading, pinned / "first.toml")

    # Once more, and then the second one is stolen.
    call("issuer.rotate", second, "--to", third, said=f"{SECOND}\n{THIRD}\n")
    call("issuer.rotate", second, "--to", tmp_path / "other.pem", said=f"{SECOND}\n{THIRD}\n", code=6)
    assert not (tmp_path / "other.pem").exists()
    call("issuer.revoke", third, "--by", first, said=f"{FIRST}\n", code=6)
    revoked = call("issuer.revoke", second, "--by", third, "--reason", "laptop stolen", said=f"{THIRD}\n")
    assert revoked.only("revoked")["status"] == "revoked"
    assert issuer("issuer.show", second)["revoked"]
    message = call(*loading, tmp_path / "second.toml", code=6).only("error")["message"]
    assert "was revoked on" in message
    shutil.copy(tmp_path / "second.chain.json", pinned / "first.chain.json")
    assert "was revoked on" in call(*loading, pinned / "first.toml", code=6).only("error")["message"]
    call("issuer.revoke", second, said=f"{SECOND}\n", code=6)

    # All of it stands in the log, for people and for programs.
    steps = call("issuer.log", tmp_path).lines("step")
    assert [step["action"] for step in steps] == ["made", "made", "rotated", "made", "rotated", "revoked"]
    assert steps[0]["witnesses"] == ["Ada Lovelace", "Émile Borel"]
    text = inv("issuer.log", tmp_path).out
    assert text.rstrip() == (tmp_path / "ceremony.txt").read_text("utf-8").rstrip()
    assert "laptop stolen" in text
    said = text + (tmp_path / "ceremony.json").read_text("utf-8")
    assert not any(secret in said for secret in (FIRST, SECOND, THIRD))
    table = json.loads((tmp_path / "ceremony.json").read_text("utf-8"))
    table["steps"][0]["witnesses"] = ["Eve"]
    (tmp_path / "ceremony.json").write_text(
        json.dumps(table, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    )
    call("issuer.log", tmp_path, code=5)


def test_a_backup_restores_a_key_that_signs(tmp_path: Path) -> None:
    key, backup, again = tmp_path / "alice.pem", tmp_path / "alice.backup", tmp_path / "again.pem"
    made = issuer("issuer.new", key, "--role", "release-approval", said=f"{FIRST}\n")
    call("issuer.backup", key, "--to", backup, said=f"{FIRST}\nshort\n", code=6)
    assert not backup.exists()
    written = call("issuer.backup", key, "--to", backup, *WATCHED, said=f"{FIRST}\n{SECOND}\n").only("backup")
    assert (written["key_id"], backup.stat().st_mode & 0o777) == (made["key_id"], 0o600)
    call("issuer.backup", key, "--to", backup, said=f"{FIRST}\n{SECOND}\n", code=6)

    key.unlink()
    record = (tmp_path / "alice.toml").read_text()
    (tmp_path / "alice.toml").unlink()
    call("issuer.restore", backup, "--to", again, said=f"{FIRST}\n{THIRD}\n", code=6)
    assert not again.exists()
    restored = issuer("issuer.restore", backup, "--to", again, said=f"{SECOND}\n{THIRD}\n")
    assert (restored["key_id"], restored["role"]) == (made["key_id"], "release-approval")
    assert (tmp_path / "again.toml").read_text() == record
    assert again.stat().st_mode & 0o777 == 0o600
    # It is the key itself: it can hand over to another.
    rotated = call("issuer.rotate", again, "--to", tmp_path / "b.pem", said=f"{THIRD}\n{FIRST}\n")
    assert rotated.only("rotated")["role"] == "release-approval"
    actions = [step["action"] for step in call("issuer.log", tmp_path).lines("step")]
    assert actions == ["made", "backed up", "restored", "made", "rotated"]


def test_wrong_secrets_leave_everything_as_it_was(tmp_path: Path) -> None:
    key = tmp_path / "a.pem"
    issuer("issuer.new", key, said=f"{FIRST}\n")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    calls: list[tuple[list[str | Path], str, int]] = [
        (["issuer.new", key], f"{FIRST}\n", 6),
        (["issuer.new", tmp_path / "b.pem"], "short\n", 6),
        (["issuer.new", tmp_path / "b.pem", "--role", "king"], f"{FIRST}\n", 2),
        (["issuer.new", tmp_path / "b.pem", "--witness", "\x1b[2J"], f"{FIRST}\n", 2),
        (["issuer.new", tmp_path / "b.pem", "--hsm", "file:x"], f"{FIRST}\n", 2),
        (["issuer.rotate", key, "--to", tmp_path / "b.pem"], f"{SECOND}\n{SECOND}\n", 6),
        (["issuer.rotate", key, "--to", tmp_path / "b.pem"], f"{FIRST}\nshort\n", 6),
        (["issuer.rotate", key, "--to", key], f"{FIRST}\n{FIRST}\n", 6),
        (["issuer.rotate", tmp_path / "no.pem", "--to", tmp_path / "b.pem"], "", 6),
        (["issuer.revoke", key], f"{SECOND}\n", 6),
        (["issuer.revoke", key, "--reason", "a\nb"], f"{FIRST}\n", 2),
        (["issuer.backup", key, "--to", tmp_path / "b"], f"{SECOND}\n{SECOND}\n", 6),
        (["issuer.backup", "pkcs11:token=a", "--to", tmp_path / "b"], "", 2),
        (["issuer.restore", key, "--to", tmp_path / "b"], f"{FIRST}\n{SECOND}\n", 4),
        (["issuer.log", tmp_path / "nowhere"], "", 2),
    ]
    for arguments, said, code in calls:
        call(*arguments, said=said, code=code)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before, arguments


@pytest.mark.component("softhsm")
def test_a_key_in_an_hsm_hands_over_to_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    with softhsm.softhsm(tmp_path, softhsm.module(), monkeypatch) as hsm:
        old = f"pkcs11:{hsm.uri(extra=';id=%01')}"
        new = f"pkcs11:{hsm.uri(key='app-2', extra=';id=%02')}"
        made = issuer("issuer.new", keys / "app.pem", "--hsm", old, *WATCHED, said=f"{PIN}\n")
        assert not (keys / "app.pem").exists()
        call("issuer.new", keys / "app.pem", "--hsm", old, said=f"{PIN}\n", code=6)
        call("issuer.new", keys / "b.pem", "--hsm", old, said=f"{PIN}\n", code=6)
        call("issuer.rotate", keys / "app.pem", "--to", keys / "app-2.pem", "--hsm", new, code=2)
        rotated = call(
            "issuer.rotate", keys / "app.pem", "--to", keys / "app-2.pem", "--signer", old, "--hsm", new,
            said=f"{PIN}\n{PIN}\n{PIN}\n",
        ).only("rotated")  # fmt: skip
        chain = Chain.from_json(Path(rotated["chain"]).read_bytes())
        assert chain.keys[0] == PublicKey(bytes.fromhex(made["point"]))
        known = (
            "--app",
            "boilerplate",
            "--target",
            "nanosp",
            "--dist",
            tmp_path / "dist",
            "--policy",
            "release",
        )
        record = ("--issuer-key", keys / "app-2.toml")
        call("sign", *known, "--signer", new, *record, said=f"{PIN}\n")
        call("sign", *known, "--signer", old, "--issuer-key", keys / "app.toml", said=f"{PIN}\n", code=6)
        call("issuer.revoke", keys / "app.pem", "--signer", new, said=f"{PIN}\n", code=6)
        call("issuer.revoke", keys / "app.pem", "--by", keys / "app-2.pem", "--signer", new, said=f"{PIN}\n")
        assert issuer("issuer.show", keys / "app.toml")["status"] == "revoked"
    actions = [step["action"] for step in call("issuer.log", keys).lines("step")]
    assert actions == ["made in an HSM", "made in an HSM", "rotated", "revoked"]


@pytest.mark.component("openssl")
def test_an_old_key_behind_an_air_gap_is_asked_in_writing(tmp_path: Path) -> None:
    gap, there = tmp_path / "gap", tmp_path / "there.pem"
    gap.mkdir()
    there.write_bytes(EVE.pem(None))
    (gap / "public.pem").write_text(EVE.public_key.pem())
    call("issuer.record", gap / "public.pem", "--public")
    rotating = (
        "issuer.rotate", gap / "public.pem", "--to", tmp_path / "new.pem", "--signer", f"external:{gap}"
    )  # fmt: skip
    assert call(*rotating, said=f"{FIRST}\n", code=6).only("error")["error"] == "AwaitingSignatureError"
    (request,) = gap.glob("*.request.txt")
    assert f"rotation  of the key {EVE.public_key.key_id}" in request.read_text()
    (digest,) = gap.glob("*.digest")
    command = ["openssl", "pkeyutl", "-sign", "-inkey", str(there), "-in", str(digest)]
    subprocess.run([*command, "-out", str(digest.with_suffix(".sig"))], check=True)
    rotated = call(*rotating, said=f"{FIRST}\n").only("rotated")
    assert Chain.from_json(Path(rotated["chain"]).read_bytes()).keys[0] == EVE.public_key


def test_a_rotation_that_was_cut_off_is_repeated(tmp_path: Path) -> None:
    old, new = tmp_path / "old.pem", tmp_path / "new.pem"
    issuer("issuer.new", old, said=f"{FIRST}\n")
    record = (tmp_path / "old.toml").read_bytes()
    call("issuer.rotate", old, "--to", new, said=f"{FIRST}\n{SECOND}\n")
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir() if "ceremony" not in path.name}
    (tmp_path / "old.toml").write_bytes(record)  # as if it had been killed before this was written
    call("issuer.rotate", old, "--to", new)
    assert after == {p.name: p.read_bytes() for p in tmp_path.iterdir() if "ceremony" not in p.name}
