"""The log of a ceremony: when, what was done with which key, the digests of its files, and who witnessed it.

::

    ceremony.json   {"schema": "ceremony-log/1", "steps": […]}; each step names the hash of the one before
    ceremony.txt    the same for people, made from it

Both lie in the folder of the keys. Nothing in them is secret.
"""

import dataclasses
import datetime
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from toolchain import dist
from toolchain.dsse import parse_canonical
from toolchain.environment import file_lock
from toolchain.errors import ConfigError, ImageError, VerificationError
from toolchain.manifest import canonical_json, read_as
from toolchain.sign.record import KeyRecord

SCHEMA = "ceremony-log/1"
JSON_FILE, TEXT_FILE = "ceremony.json", "ceremony.txt"

_LOCK_FILE = ".ceremony.lock"
_MAX_LOG = 1 << 22
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_MAX_TEXT = 200


@dataclass(frozen=True)
class Step:
    """One thing that was done.

    ``time`` is UTC, ``files`` maps names to SHA-256, ``previous`` is the hash of the step before, empty for
    the first.
    """

    time: str
    action: str
    role: str
    key_id: str
    files: Mapping[str, str]
    witnesses: tuple[str, ...]
    note: str
    previous: str

    def digest(self) -> str:
        """SHA-256 of the step in canonical JSON, in hex."""
        return hashlib.sha256(canonical_json(dataclasses.asdict(self)).encode()).hexdigest()


@dataclass(frozen=True)
class CeremonyLog:
    """All steps, oldest first."""

    steps: tuple[Step, ...] = ()

    def to_json(self) -> str:
        """Canonical JSON."""
        return canonical_json({"schema": SCHEMA, "steps": [dataclasses.asdict(step) for step in self.steps]})

    def to_text(self) -> str:
        """For people."""
        lines = []
        for number, step in enumerate(self.steps, 1):
            lines += [
                f"{number}. {step.time}  {step.action}, {step.role} key {step.key_id}",
                f"   witnessed by  {', '.join(step.witnesses) or 'nobody'}",
                *([f"   note          {step.note}"] if step.note else []),
                *(f"   {digest}  {name}" for name, digest in sorted(step.files.items())),
                f"   step          {step.digest()}",
                "",
            ]
        return "\n".join(lines)

    @classmethod
    def from_json(cls, data: bytes, *, where: str = JSON_FILE) -> Self:
        """Read what ``to_json`` wrote, byte for byte.

        Raises:
            ImageError: anything else.
            VerificationError: a step is missing, was changed, or is not where it belongs.
        """
        table = parse_canonical(data, where=where)
        if table.keys() != {"schema", "steps"} or table["schema"] != SCHEMA:
            raise ImageError(f"not a {SCHEMA}", where=where)
        records = table["steps"]
        if not isinstance(records, list):
            raise ImageError("the steps of a ceremony are a list", where=where)
        steps = tuple(read_as(Step, record, where=where) for record in records)
        previous, time = "", ""
        for number, step in enumerate(steps, 1):
            if not _TIME.fullmatch(step.time) or not all(map(_is_plain, _texts(step))):
                raise ImageError(f"step {number} is not one that can be shown", where=where)
            if step.previous != previous or step.time < time:
                raise VerificationError(
                    f"step {number} does not follow the one before it: the log was changed", where=where
                )
            previous, time = step.digest(), step.time
        return cls(steps)


def read_log(folder: Path) -> CeremonyLog:
    """The log in ``folder``; its text must say what its JSON says.

    Raises:
        ConfigError: there is none, or it cannot be read.
        ImageError, VerificationError: it is malformed, or was changed.
    """
    path, text = folder / JSON_FILE, folder / TEXT_FILE
    log = CeremonyLog.from_json(dist.read(path, limit=_MAX_LOG), where=str(path))
    if dist.read(text, limit=_MAX_LOG) != log.to_text().encode():
        raise VerificationError("the text of the log does not say what its JSON says", where=str(text))
    return log


def record_step(
    folder: Path,
    action: str,
    record: KeyRecord,
    files: Iterable[Path],
    *,
    witnesses: Sequence[str] = (),
    note: str = "",
) -> Step:
    """Add a step about the key of ``record`` to the log in ``folder``; ``files`` are those that it left.

    Raises:
        ConfigError: a name or note that cannot be shown.
        ImageError, VerificationError: the log is malformed, or was changed.
        ToolchainError: the disk refuses.
    """
    files = tuple(files)
    require_plain((*witnesses, *(path.name for path in files)), note)
    digests = {path.name: hashlib.sha256(dist.read(path)).hexdigest() for path in files}
    path = folder / JSON_FILE
    with file_lock(folder / _LOCK_FILE):
        log = CeremonyLog()
        if path.exists():  # The text is made anew: a writer that was killed may have left it behind.
            log = CeremonyLog.from_json(dist.read(path, limit=_MAX_LOG), where=str(path))
        last = log.steps[-1] if log.steps else None
        now = datetime.datetime.now(tz=datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if last is not None and now < last.time:
            raise VerificationError(
                f"it is {now}, but the newest step is of {last.time}", hint="set the clock right"
            )
        previous = last.digest() if last else ""
        step = Step(now, action, record.role, record.key.key_id, digests, tuple(witnesses), note, previous)
        log = CeremonyLog((*log.steps, step))
        dist.write(path, log.to_json())
        dist.write(folder / TEXT_FILE, log.to_text())
    return step


def require_plain(witnesses: Sequence[str], note: str = "") -> None:
    """Refuse what the log could not show, before anything is done.

    Raises:
        ConfigError: an empty or long text, or one with control characters.
    """
    for text in (*witnesses, *([note] if note else [])):
        if not _is_plain(text) or not text.strip():
            raise ConfigError(
                f"names and notes of a ceremony are one printable line of at most {_MAX_TEXT} characters"
            )


def _is_plain(text: str) -> bool:
    return text.isprintable() and len(text) <= _MAX_TEXT


def _texts(step: Step) -> tuple[str, ...]:
    return (
        step.action,
        step.role,
        step.key_id,
        step.note,
        *step.witnesses,
        *step.files,
        *step.files.values(),
    )
