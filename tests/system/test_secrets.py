"""Canary secrets go through the tasks, and are looked for everywhere they must not be."""

import os
import signal
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.system.inv import PROJECT, inv
from tests.unit.sign import softhsm

PASSPHRASE = "canary-in-the-coal-mine-7f3a"


class ProcessWatch(threading.Thread):
    """Collects arguments and environments of every process of this user, again and again."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[bytes] = set()
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.is_set():
            for folder in Path("/proc").glob("[0-9]*"):
                # Not this process: it holds the canary itself, though in neither of the two.
                for name in ("cmdline", "environ"):
                    try:
                        self.seen.add((folder / name).read_bytes())
                    except OSError:
                        continue

    def stop(self) -> bytes:
        """End, and give everything that was seen."""
        self._stopped.set()
        self.join()
        return b"\n".join(self.seen)


def files_below(*folders: Path) -> Iterator[tuple[Path, bytes]]:
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                yield path, path.read_bytes()


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="processes are looked at through /proc")
def test_neither_key_nor_passphrase_shows_up_anywhere(tmp_path: Path, user_data_folder: Path) -> None:
    key = tmp_path / "issuer.pem"
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {"TMPDIR": str(temporary)}
    watch = ProcessWatch()
    watch.start()
    try:
        runs = [inv("issuer.new", key, stdin=f"{PASSPHRASE}\n", environment=environment)]
        named = ("--app", "boilerplate", "--target", "nanosp", "--dist", tmp_path / "dist")
        for task in (["sign"], ["load", "--state", str(tmp_path / "device.json")], ["release", "--json"]):
            arguments: list[str | Path] = [*task, *named, "--signer", f"file:{key}"]
            runs.append(inv(*arguments, stdin=f"{PASSPHRASE}\n", environment=environment))
        # Errors, too: a wrong passphrase, and a key file where a URI belongs.
        for uri, secret in ((f"file:{key}", f"wrong-{PASSPHRASE}"), (str(key), PASSPHRASE)):
            runs.append(inv("sign", "--signer", uri, stdin=f"{secret}\n", environment=environment))
    finally:
        processes = watch.stop()
    assert [run.code for run in runs] == [0, 0, 0, 0, 6, 2], [run.err for run in runs]

    loaded = load_pem_private_key(key.read_bytes(), PASSPHRASE.encode())
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    scalar = loaded.private_numbers().private_value.to_bytes(32, "big")
    forms = [
        PASSPHRASE.encode(),
        scalar,
        scalar.hex().encode(),
        scalar.hex().upper().encode(),
        str(loaded).encode(),
    ]
    said = "".join(run.out + run.err for run in runs).encode()
    work = PROJECT / ".work" / "builds"
    places = [(Path("output"), said), (Path("processes"), processes)]
    for path, data in [*places, *files_below(tmp_path, user_data_folder, work)]:
        assert not any(form in data for form in forms), path


@pytest.mark.component("softhsm")
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="processes are looked at through /proc")
def test_pins_and_passphrases_of_a_keys_whole_life_show_up_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin, old, new, safe = (f"canary-{word}-5d1e" for word in ("pin", "old", "new", "safe"))
    keys, hsm_folder, temporary = (tmp_path / name for name in ("keys", "hsm", "tmp"))
    for folder in (keys, hsm_folder, temporary):
        folder.mkdir()
    monkeypatch.setattr(softhsm, "PIN", pin)
    watch = ProcessWatch()
    watch.start()
    try:
        with softhsm.softhsm(hsm_folder, softhsm.module(), monkeypatch) as hsm:
            uri = f"pkcs11:{hsm.uri(extra=';id=%01')}"
            calls: list[tuple[list[str | Path], str]] = [
                (["issuer.new", keys / "a.pem"], f"{old}\n"),
                (["issuer.rotate", keys / "a.pem", "--to", keys / "b.pem"], f"{old}\n{new}\n"),
                (["issuer.backup", keys / "b.pem", "--to", keys / "b.backup"], f"{new}\n{safe}\n"),
                (["issuer.restore", keys / "b.backup", "--to", keys / "c.pem"], f"{safe}\n{old}\n"),
                (["issuer.revoke", keys / "a.pem"], f"{old}\n"),
                (["issuer.new", keys / "h.pem", "--hsm", uri], f"{pin}\n"),
                (
                    ["issuer.rotate", keys / "h.pem", "--to", keys / "i.pem", "--signer", uri],
                    f"{pin}\n{new}\n",
                ),
                (["issuer.log", keys], ""),
            ]
            # The tool that makes the token has its PIN in its arguments: what was seen so far does not count.
            watch.seen.clear()
            runs = [
                inv(*arguments, stdin=said, environment={"TMPDIR": str(temporary)})
                for arguments, said in calls
            ]
    finally:
        processes = watch.stop()
    assert [run.code for run in runs] == [0] * len(calls), [run.err for run in runs]
    said = "".join(run.out + run.err for run in runs).encode()
    places = [(Path("output"), said), (Path("processes"), processes)]
    for path, data in [*places, *files_below(keys, temporary)]:
        assert not any(secret.encode() in data for secret in (pin, old, new, safe)), path


def test_private_files_are_private(tmp_path: Path, user_data_folder: Path) -> None:
    previous = os.umask(0)
    try:
        run = inv("release", "--app", "boilerplate", "--target", "nanosp", "--dist", tmp_path)
        assert run.code == 0, run.err
    finally:
        os.umask(previous)
    keys = list(user_data_folder.rglob("*.pem"))
    assert len(keys) == 2, "a development key for apps, and the virtual devices' issuer"
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in keys)
    assert stat.S_IMODE((user_data_folder / "nano-toolchain").stat().st_mode) == 0o700


def test_no_core_file_can_hold_a_key(tmp_path: Path) -> None:
    """It crashes while it holds a key, and was started where core files are wanted."""
    start = ["sh", "-c", 'ulimit -S -c "$(ulimit -H -c)" && exec "$@"', "sh"]
    with subprocess.Popen(
        [*start, PROJECT / "inv", "virtual-device", "--port", "0", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        limits = Path(f"/proc/{process.pid}/limits").read_text().splitlines()
        process.send_signal(signal.SIGABRT)
    (core,) = [line.split() for line in limits if line.startswith("Max core file size")]
    assert core[4] == ("0" if core[5] == "0" else "1")
    assert process.returncode == -signal.SIGABRT
    assert not list(tmp_path.iterdir())
