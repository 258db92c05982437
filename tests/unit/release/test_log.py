import datetime
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolchain.dsse import Envelope, seal
from toolchain.errors import ImageError, ToolchainError, VerificationError
from toolchain.keys import PrivateKey
from toolchain.release import log as log_module
from toolchain.release.log import HEAD, Log, TreeHead, cosign
from toolchain.release.merkle import leaf_hash, verify_consistency, verify_inclusion

KEY, WITNESS, OTHER = (PrivateKey.from_int(n) for n in (0x106, 0x817, 0x07E))
DAY = datetime.date(2026, 11, 21)
ENTRIES = [f'{{"app": "app{n}"}}'.encode() for n in range(40)]


def filled(folder: Path, entries: list[bytes] = ENTRIES) -> Log:
    log = Log.open(folder)
    log.append(entries)
    return log


def test_append_and_prove(tmp_path: Path) -> None:
    log = Log.open(tmp_path)
    assert log.size == 0
    assert log.append(ENTRIES[:3]) == 0
    assert log.append(ENTRIES[3:]) == 3
    again = Log.open(tmp_path)
    assert list(again.entries()) == ENTRIES
    assert again.root() == log.root()
    for size in range(1, len(ENTRIES) + 1):
        for index in range(size):
            proof = again.inclusion(index, size)
            verify_inclusion(leaf_hash(again.entry(index)), proof, log.root(size))
            verify_consistency(log.consistency(index + 1, size), log.root(index + 1), log.root(size))


@pytest.mark.parametrize("entry", [b"", b"a\nb", b"a\0", b"x" * 65537])
def test_an_entry_is_one_line(tmp_path: Path, entry: bytes) -> None:
    log = filled(tmp_path)
    with pytest.raises(ImageError, match="one line"):
        log.append([b"good", entry])
    assert Log.open(tmp_path).size == len(ENTRIES)
    log.append([b"x" * 65536])
    assert Log.open(tmp_path).size == len(ENTRIES) + 1


def test_two_writers_take_turns(tmp_path: Path) -> None:
    one, other = Log.open(tmp_path), Log.open(tmp_path)
    assert one.append(ENTRIES[:2]) == 0
    assert other.append(ENTRIES[2:5]) == 2
    assert one.append(ENTRIES[5:]) == 5
    assert list(Log.open(tmp_path).entries()) == ENTRIES
    assert one.root() == Log.open(tmp_path).root()


# --- Killed at any moment -------------------------------------------------------------------------------


def test_cut_at_every_byte_of_a_batch(tmp_path: Path) -> None:
    """A writer that died left a prefix of its batch, and the derived files in any older state."""
    source = tmp_path / "source"
    expected = filled(tmp_path / "whole").root()
    filled(source, ENTRIES[:5])
    before = {name: (source / name).read_bytes() for name in ("entries", "tree", "ends")}
    Log.open(source).append(ENTRIES[5:8])
    after = {name: (source / name).read_bytes() for name in ("entries", "tree", "ends")}
    for length in range(len(before["entries"]), len(after["entries"]) + 1):
        folder = tmp_path / "cut"
        folder.mkdir()
        (folder / "entries").write_bytes(after["entries"][:length])
        for name in ("tree", "ends"):
            (folder / name).write_bytes(before[name])
        log = Log.open(folder)
        assert list(log.entries()) == ENTRIES[: log.size]
        assert log.size == after["entries"][:length].count(b"\n")
        log.append(ENTRIES[log.size :])
        assert list(Log.open(folder).entries()) == ENTRIES
        assert log.root() == expected
        shutil.rmtree(folder)


@given(st.data())
@settings(max_examples=60)
def test_derived_files_in_any_state(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("log")
    expected = filled(folder).root()
    for name in ("tree", "ends"):
        whole = (folder / name).read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        tail = data.draw(st.binary(max_size=70) | st.just(bytes(len(whole) - cut)))
        (folder / name).write_bytes(whole[:cut] + tail)
    log = Log.open(folder)
    assert list(log.entries()) == ENTRIES
    log.sign_head("log.example", DAY, KEY, KEY.public_key)
    assert log.root() == expected
    assert Log.open(folder).root() == expected


@pytest.mark.parametrize("tail", [b"\0" * 50, b"torn", b"a\0b\n", b"x" * 70000 + b"\n", b"\n"])
def test_a_tail_that_nobody_wrote_is_cut_off(tmp_path: Path, tail: bytes) -> None:
    filled(tmp_path)
    with (tmp_path / "entries").open("ab") as file:
        file.write(tail)
    log = Log.open(tmp_path)
    assert list(log.entries()) == ENTRIES
    assert (tmp_path / "entries").read_bytes() == b"".join(entry + b"\n" for entry in ENTRIES)


WRITER = """
import sys
from pathlib import Path
from toolchain.release.log import Log
log = Log.open(Path(sys.argv[1]))
while True:
    first = log.append([f"entry {log.size + n} {'x' * 500}".encode() for n in range(20)])
    print(log.size, flush=True)
"""


@pytest.mark.parametrize("after", [1, 3, 4, 7])
def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path: Path, after: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        for _ in range(after):
            acknowledged = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
    log = Log.open(tmp_path)
    assert log.size >= acknowledged
    assert list(log.entries()) == [f"entry {n} {'x' * 500}".encode() for n in range(log.size)]
    again = Log.open(tmp_path)
    again.append([b"more"])
    assert again.consistency(log.size).new_size == log.size + 1


def append_one_by_one(folder: Path, name: str) -> None:
    log = Log.open(folder)
    for n in range(25):
        log.append([f"{name} {n}".encode()])


def test_processes_that_append_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=append_one_by_one, args=(tmp_path, name)) for name in ("a", "b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    entries = list(Log.open(tmp_path).entries())
    assert sorted(entries) == sorted(f"{name} {n}".encode() for name in "ab" for n in range(25))


def test_a_full_disk_adds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = filled(tmp_path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ToolchainError, match="No space left"):
        log.append([b"lost"])
    monkeypatch.undo()
    assert list(Log.open(tmp_path).entries()) == ENTRIES
    log.append([b"more"])
    assert list(Log.open(tmp_path).entries()) == [*ENTRIES, b"more"]


def test_damage_in_the_middle_of_the_tree_is_seen_before_a_proof_leaves(tmp_path: Path) -> None:
    filled(tmp_path)
    tree = bytearray((tmp_path / "tree").read_bytes())
    tree[32 * 1] ^= 1  # leaf 1, the first step of the proof for leaf 0
    (tmp_path / "tree").write_bytes(tree)
    log = Log.open(tmp_path)
    with pytest.raises(VerificationError):
        log.inclusion(0)
    log.sign_head("log.example", DAY, KEY, KEY.public_key)
    verify_inclusion(leaf_hash(ENTRIES[0]), log.inclusion(0), log.root())


# --- Heads and witnesses --------------------------------------------------------------------------------


def test_heads_survive(tmp_path: Path) -> None:
    log = filled(tmp_path)
    assert log.head() is None
    envelope = log.sign_head("log.example", DAY, KEY, KEY.public_key)
    assert log.head() == envelope
    assert TreeHead.from_envelope(envelope) == TreeHead("log.example", len(ENTRIES), log.root(), DAY)
    assert envelope.signed_by(KEY.public_key)
    log.append([b"more"])
    Log.open(tmp_path)


def test_what_a_head_covers_cannot_be_changed_or_lost(tmp_path: Path) -> None:
    filled(tmp_path).sign_head("log.example", DAY, KEY, KEY.public_key)
    entries = (tmp_path / "entries").read_bytes()
    for bad in (entries[:-1], entries[:-20], b"", entries.replace(b"app7", b"evil"), b"\0" * len(entries)):
        (tmp_path / "entries").write_bytes(bad)
        for name in ("tree", "ends"):
            (tmp_path / name).unlink(missing_ok=True)
        with pytest.raises(VerificationError, match="missing or were changed"):
            Log.open(tmp_path)
        assert (tmp_path / "entries").read_bytes() == bad, "evidence is not cut off"
    (tmp_path / "entries").write_bytes(entries)
    assert Log.open(tmp_path).size == len(ENTRIES)


def test_no_head_back_in_time_or_of_another_name(tmp_path: Path) -> None:
    log = filled(tmp_path)
    log.sign_head("log.example", DAY, KEY, KEY.public_key)
    with pytest.raises(VerificationError, match="later than"):
        log.sign_head("log.example", DAY - datetime.timedelta(1), KEY, KEY.public_key)
    with pytest.raises(VerificationError, match="this log is called"):
        log.sign_head("other.example", DAY, KEY, KEY.public_key)
    foreign = TreeHead("log.example", 3, bytes(32), DAY).envelope()
    with pytest.raises(VerificationError, match="not the one"):
        log.keep_head(foreign)


def test_a_witness_signs_only_what_grew(tmp_path: Path) -> None:
    log = filled(tmp_path / "a", ENTRIES[:10])
    first = log.sign_head("log.example", DAY, KEY, KEY.public_key)
    signed = cosign(first, KEY.public_key, WITNESS, WITNESS.public_key, seen=None, proof=None)
    assert signed.signed_by(WITNESS.public_key)
    assert signed.signed_by(KEY.public_key)
    log.keep_head(signed)
    seen = TreeHead.from_envelope(signed)
    log.append(ENTRIES[10:])
    second = log.sign_head("log.example", DAY, KEY, KEY.public_key)
    proof = log.consistency(10)
    good = cosign(second, KEY.public_key, WITNESS, WITNESS.public_key, seen=seen, proof=proof)
    assert good.signed_by(WITNESS.public_key)

    forked = filled(tmp_path / "b", [b"one for the victim", *ENTRIES[1:]])
    forged = forked.sign_head("log.example", DAY, KEY, KEY.public_key)
    renamed = filled(tmp_path / "c").sign_head("other.example", DAY, KEY, KEY.public_key)
    unsigned = Envelope(second.payload_type, second.payload)
    for head, evidence in (
        (forged, forked.consistency(10)),
        (forged, proof),
        (renamed, proof),
        (unsigned, proof),
        (second, None),
        (second, log.consistency(9)),
        (first, proof),
    ):
        with pytest.raises(VerificationError):
            cosign(head, KEY.public_key, WITNESS, WITNESS.public_key, seen=seen, proof=evidence)


@pytest.mark.parametrize(
    "change",
    [
        {"size": -1},
        {"size": True},
        {"size": 1 << 41},
        {"size": "1"},
        {"root": "00"},
        {"root": "A" * 64},
        {"date": "2026-11-32"},
        {"date": "20261121"},
        {"date": 1},
        {"origin": ""},
        {"origin": "a b"},
        {"origin": None},
        {"extra": 1},
    ],
)
def test_heads_that_are_no_heads(change: dict[str, object]) -> None:
    good = {"date": "2026-11-21", "origin": "log.example", "root": "0" * 64, "size": 1}
    TreeHead.from_envelope(seal(HEAD, good))
    with pytest.raises(ImageError):
        TreeHead.from_envelope(seal(HEAD, {**good, **change}))


def test_the_biggest_entry_bounds_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "MAX_ENTRY", 100)
    (tmp_path / "entries").write_bytes(b"good\n" + b"x" * 10_000_000)
    assert list(Log.open(tmp_path).entries()) == [b"good"]
