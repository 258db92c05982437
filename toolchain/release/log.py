"""An append-only transparency log in a folder, so that a build made for one victim shows.

::

    entries   one line per entry, appended, never changed: the log itself
    tree      hashes of all complete subtrees (``merkle``), 32 bytes each; derived
    ends      where each entry ends in ``entries``, 8 bytes each; derived
    head.json the newest signed tree head, with the co-signatures of witnesses

``entries`` is written first and forced to disk once a batch; the derived files follow without. Whoever opens
the log takes up what is missing in the derived files, and cuts off what a dying writer left of a batch. What
a signed head covers is never cut: a log that lost such entries, or changed them, is refused.
"""

import array
import contextlib
import datetime
import itertools
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from toolchain import dist
from toolchain.dsse import Envelope, open_payload, parse_date, seal
from toolchain.environment import file_lock
from toolchain.errors import ImageError, ToolchainError, VerificationError
from toolchain.keys import PublicKey, Signer
from toolchain.release import merkle
from toolchain.release.merkle import ConsistencyProof, InclusionProof

HEAD = "application/vnd.nano-toolchain.log-head+json"
"""Payload type of signed tree heads."""

MAX_ENTRY = 1 << 16
"""Bytes of one entry."""

MAX_SIZE = 1 << 40
"""Entries; a head that claims more is nonsense."""

_ENTRY = re.compile(rb"[\x20-\x7e\x80-\xff]+")
_HASH = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True)
class TreeHead:
    """How long the log called ``origin`` was on ``date``, and the root over all of it."""

    origin: str
    size: int
    root: bytes
    date: datetime.date

    def envelope(self) -> Envelope:
        """The head, ready to be signed."""
        return seal(
            HEAD,
            {
                "date": self.date.isoformat(),
                "origin": self.origin,
                "root": self.root.hex(),
                "size": self.size,
            },
        )

    @classmethod
    def from_envelope(cls, envelope: Envelope, *, where: str = "log head") -> Self:
        """Read a head. Says nothing about who signed it.

        Raises:
            ImageError: not a head.
        """
        table = open_payload(envelope, HEAD, where=where)
        origin, size, root, date = (table.pop(k, None) for k in ("origin", "size", "root", "date"))
        if (
            table
            or not (isinstance(origin, str) and _NAME.fullmatch(origin))
            or not (type(size) is int and 0 <= size <= MAX_SIZE)
            or not (isinstance(root, str) and _HASH.fullmatch(root))
            or not isinstance(date, str)
        ):
            raise ImageError("not the head of a log", where=where)
        return cls(origin, size, bytes.fromhex(root), parse_date(date, where=where))


class Log:
    """A log that is open. Not for several threads; several processes take turns at ``append``."""

    def __init__(self, folder: Path) -> None:
        self._entries = folder / "entries"
        self._tree = folder / "tree"
        self._offsets = folder / "ends"
        self._head = folder / "head.json"
        self._lock = folder / "lock"
        self._hashes = bytearray()
        self._ends = array.array("Q", [0])

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the log in ``folder``; an empty or missing folder is an empty log.

        Raises:
            ConfigError: the folder cannot be used.
            VerificationError: entries that a signed head covers are missing or were changed.
        """
        log = cls(folder)
        with file_lock(log._lock), _disk(folder):
            log._load_derived()
            log._catch_up(check=True)
        return log

    @property
    def size(self) -> int:
        """Number of entries."""
        return len(self._ends) - 1

    def append(self, entries: Sequence[bytes]) -> int:
        """Add entries, on disk when this returns; gives the index of the first.

        Raises:
            ImageError: an entry that is empty, too long, or holds control characters.
            ToolchainError: the disk refuses; open the log again to see what it holds.
            VerificationError: as ``open``, if another process left a torn batch.
        """
        for entry in entries:
            if len(entry) > MAX_ENTRY or not _ENTRY.fullmatch(entry):
                raise ImageError("an entry of the log is one line of text, at most 64 KiB")
        with file_lock(self._lock), _disk(self._entries):
            self._catch_up(check=False)
            first = self.size
            _put(self._entries, self._ends[-1], b"".join(entry + b"\n" for entry in entries), sync=True)
            self._take_up(entries)
            self._write_derived(first)
        return first

    def root(self, size: int | None = None) -> bytes:
        """Root over the first ``size`` entries; over all without it.

        Raises:
            VerificationError: the log is shorter.
        """
        return merkle.root(self._checked(size), self._hash_at)

    def inclusion(self, index: int, size: int | None = None) -> InclusionProof:
        """Proof that entry ``index`` is in the log of ``size`` entries, checked before it is handed out.

        Raises:
            VerificationError: no such entry, or the derived files are damaged.
        """
        size = self._checked(size)
        proof = merkle.prove_inclusion(index, size, self._hash_at)
        merkle.verify_inclusion(merkle.leaf_hash(self.entry(index)), proof, self.root(size))
        return proof

    def consistency(self, old_size: int, new_size: int | None = None) -> ConsistencyProof:
        """Proof that the log of ``old_size`` entries is the beginning of the one of ``new_size``.

        Raises:
            VerificationError: sizes that make no sense, or the derived files are damaged.
        """
        new_size = self._checked(new_size)
        proof = merkle.prove_consistency(old_size, new_size, self._hash_at)
        merkle.verify_consistency(proof, self.root(old_size), self.root(new_size))
        return proof

    def entry(self, index: int) -> bytes:
        """The entry at ``index``.

        Raises:
            VerificationError: there is none.
        """
        if not 0 <= index < self.size:
            raise VerificationError(f"a log of {self.size} entries has no entry {index}")
        with _disk(self._entries), self._entries.open("rb") as file:
            file.seek(self._ends[index])
            return file.read(self._ends[index + 1] - self._ends[index] - 1)

    def entries(self) -> Iterator[bytes]:
        """All entries, in their order."""
        with _disk(self._entries):
            yield from itertools.islice(_lines(self._entries, 0), self.size)

    def head(self) -> Envelope | None:
        """The newest signed head, None if nobody signed one yet. Check its signatures."""
        if not self._head.exists():
            return None
        text = dist.read(self._head, limit=1 << 20).decode("utf-8", "replace")
        return Envelope.from_json(text, where=str(self._head))

    def sign_head(self, origin: str, date: datetime.date, signer: Signer, key: PublicKey) -> Envelope:
        """Sign the log as it is now, read again from its entries, and keep that as its newest head.

        Raises:
            SigningError: the signer refuses or holds another key.
            VerificationError: another origin than before, or a date before the newest head's.
        """
        newest = self.head()
        if newest is not None:
            before = TreeHead.from_envelope(newest)
            if before.origin != origin:
                raise VerificationError(f"this log is called {before.origin}, not {origin}")
            if date < before.date:
                raise VerificationError(
                    f"the newest head is of {before.date}, later than {date}", hint="set the clock right"
                )
        with file_lock(self._lock), _disk(self._entries):
            self._forget()
            self._catch_up(check=True)
        head = TreeHead(origin, self.size, self.root(), date)
        envelope = head.envelope().with_signature(signer, key)
        self.keep_head(envelope)
        return envelope

    def keep_head(self, envelope: Envelope) -> None:
        """Keep ``envelope`` as the newest head, for example after witnesses signed it too.

        Raises:
            VerificationError: it is not a head of this log.
        """
        self._check_head(TreeHead.from_envelope(envelope))
        dist.write(self._head, envelope.to_json())

    # --- Files; the lock is held ------------------------------------------------------------------------

    def _load_derived(self) -> None:
        """Take the derived files as they are, unless their newest entry shows that they are torn."""
        ends, hashes = _bytes(self._offsets), _bytes(self._tree)
        size = len(ends) // 8
        while 32 * merkle.list_length(size) > len(hashes):
            size -= 1
        self._hashes = bytearray(hashes[: 32 * merkle.list_length(size)])
        self._ends = array.array("Q", [0])
        self._ends.frombytes(ends[: 8 * size])
        if size and not self._newest_is_known():
            self._forget()

    def _newest_is_known(self) -> bool:
        start, end = self._ends[-2:]
        if not 0 < end - start - 1 <= MAX_ENTRY or end > _length(self._entries):
            return False
        leaf = merkle.leaf_hash(self.entry(self.size - 1))
        return leaf == self._hash_at(merkle.list_length(self.size - 1))

    def _forget(self) -> None:
        self._hashes.clear()
        del self._ends[1:]

    def _catch_up(self, *, check: bool) -> None:
        """Take up entries that the derived files do not know; cut off a torn batch."""
        known = self.size
        self._take_up(_lines(self._entries, self._ends[-1]))
        torn = _length(self._entries) > self._ends[-1]
        if check or torn:
            head = self.head()
            if head is not None:
                self._check_head(TreeHead.from_envelope(head))
        if torn:
            os.truncate(self._entries, self._ends[-1])
        if self.size > known:
            self._write_derived(known)

    def _take_up(self, entries: Iterable[bytes]) -> None:
        for entry in entries:
            for node in merkle.grow(self.size, merkle.leaf_hash(entry), self._hash_at):
                self._hashes += node
            self._ends.append(self._ends[-1] + len(entry) + 1)

    def _write_derived(self, known: int) -> None:
        start = 32 * merkle.list_length(known)
        _put(self._tree, start, bytes(self._hashes[start:]), sync=False)
        _put(self._offsets, 8 * known, self._ends[known + 1 :].tobytes(), sync=False)

    def _check_head(self, head: TreeHead) -> None:
        if head.size > self.size or head.root != self.root(head.size):
            raise VerificationError(
                "the log is not the one that its signed head describes: entries are missing or were changed",
                where=str(self._entries),
                hint="restore the log from a copy; do not sign a new head",
            )

    def _hash_at(self, position: int) -> bytes:
        return bytes(self._hashes[32 * position : 32 * position + 32])

    def _checked(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise VerificationError(f"the log has {self.size} entries, not {size}")
        return size


def cosign(
    envelope: Envelope,
    log_key: PublicKey,
    signer: Signer,
    key: PublicKey,
    *,
    seen: TreeHead | None,
    proof: ConsistencyProof | None,
) -> Envelope:
    """A witness signs a head, if the log only grew since the head that the witness has ``seen``.

    ``proof`` leads from ``seen`` to the head; None only for the first head that a witness ever sees.

    Raises:
        VerificationError: the log did not sign the head, or it is not the one that was seen, grown.
        SigningError: the signer refuses or holds another key.
    """
    head = TreeHead.from_envelope(envelope)
    if not envelope.signed_by(log_key):
        raise VerificationError("the head is not signed by the log")
    if seen is not None:
        if head.origin != seen.origin or head.date < seen.date:
            raise VerificationError("the head is of another log, or older than one that was seen")
        if proof is None or (proof.old_size, proof.new_size) != (seen.size, head.size):
            raise VerificationError("the consistency proof is not about the heads at hand")
        merkle.verify_consistency(proof, seen.root, head.root)
    return envelope.with_signature(signer, key)


def _lines(path: Path, start: int) -> Iterator[bytes]:
    """Whole entries from ``start`` on, up to the end or to the first that is torn."""
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(start)
        while line := file.readline(MAX_ENTRY + 1):
            if not line.endswith(b"\n") or not _ENTRY.fullmatch(line[:-1]):
                return
            yield line[:-1]


def _put(path: Path, start: int, data: bytes, *, sync: bool) -> None:
    """Replace what the file holds from ``start`` on. If the disk refuses, the file ends there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            os.ftruncate(descriptor, start)
            os.lseek(descriptor, start, os.SEEK_SET)
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            if sync:
                os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, start)
            raise
    finally:
        os.close(descriptor)


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@contextlib.contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise ToolchainError(f"the log cannot be read or written: {e.strerror}", where=str(path)) from e
