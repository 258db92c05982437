"""Status words in the output of loaders, ours and others', with the step that they belong to."""

import functools
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolchain.device.apdu import OK
from toolchain.device.status import SOURCES, StatusWord, Step, explain

_TABLE = Path(__file__).with_name("logs.toml")

_SENT = re.compile(r"=>\s*(?:b')?e0([0-9a-f]{2})", re.IGNORECASE)
_RECEIVED = re.compile(r"<=\s*(?:b')?(?:[0-9a-f]{2})*?'?([0-9a-f]{4})\s*$", re.IGNORECASE)
_NAMED = re.compile(r"\b(?:status|sw|code|error)\b\W{0,4}(?:0x)?([0-9a-f]{4})\b", re.IGNORECASE)

_MAX_TEXT = 1000
"""Characters of a line in which texts are looked for."""

_STEPS = {
    0x01: Step.VERSION,
    0x04: Step.TARGET,
    0x50: Step.NONCE,
    0x51: Step.HOST_CERTIFICATE,
    0x52: Step.DEVICE_CERTIFICATE,
    0x53: Step.OPEN,
    0xC0: Step.ENDORSE,
    0xC2: Step.OWNER,
    0xD8: Step.RUN,
    0xDE: Step.LIST,
    0xDF: Step.LIST,
}
"""Instructions that tell the step. What is wrapped (00) cannot be read from a log."""

_CALLS = {
    "getdeployedsecretv2": Step.TARGET,
    "validate_certificate": Step.HOST_CERTIFICATE,
    "deleteapp(?:byhash)?|delete_app": Step.DELETE,
    "createapp(?:noinstallparams)?|create_app": Step.CREATE,
    "selectsegment|set_load_offset": Step.SELECT,
    "loadsegmentchunk": Step.LOAD,
    "flushsegment": Step.FLUSH,
    "crcsegment": Step.CRC,
    "commit": Step.COMMIT,
    "listapp|list_apps": Step.LIST,
    "getmeminfo|get_memory_info": Step.MEMORY,
    "getversion": Step.VERSION,
    "setupcustomca|setup_custom_certificate": Step.ENROLL_CA,
    "resetcustomca|reset_custom_certificate": Step.REMOVE_CA,
    "runapp|run_app": Step.RUN,
}
"""Functions in the tracebacks of the official loaders that tell the step, ledgerblue's and ledgerctl's."""

_ABOUT_HOSTS = {0x6802, 0x6805, 0x6982, 0x6985, 0x69D5}
"""In a handshake, one function in ledgerblue, these answer the host's certificates; others its start."""

_TRACED = re.compile(
    r"\b(?:in |LedgerSecureIns\.|LedgerIns\.|loader\.|client\.)"
    "(?:" + "|".join(f"(?P<s{n}>{names})" for n, names in enumerate(_CALLS)) + r")\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Statement:
    """What a log line means: the meaning, its likely cause, what to do, and whose word that is."""

    name: str
    meaning: str
    cause: str
    next_step: str
    source: str
    sw: int | None = None

    @classmethod
    def of(cls, word: StatusWord) -> "Statement":
        """What the table says of a status word."""
        source = SOURCES[word.source]
        return cls(word.name, word.meaning, word.cause, word.next_step, source, word.sw)


@dataclass(frozen=True)
class Mention:
    """Something in line ``line`` (from 1) of a log that can be explained, and the step that it belongs to."""

    line: int
    statement: Statement
    step: Step | None


@functools.cache
def _texts() -> tuple[tuple[re.Pattern[str], Statement, Step | None], ...]:
    table = tomllib.loads(_TABLE.read_text("utf-8"))
    return tuple(
        (re.compile(entry["match"], re.IGNORECASE), _statement(entry), _step(entry))
        for entry in table["text"]
    )


def _step(entry: dict[str, Any]) -> Step | None:
    return Step(entry["step"]) if "step" in entry else None


def _statement(entry: dict[str, Any]) -> Statement:
    if "sw" in entry:
        return Statement.of(explain(entry["sw"], _step(entry)))
    source = f"text of {entry['tool']}, read in its code"
    return Statement("", entry["meaning"], entry["cause"], entry["next"], source)


def read_log(log: str) -> Iterator[Mention]:
    """Everything in the output of a loader that can be explained, in order.

    It reads ``status 6985`` and the like, traces of APDUs (``=> e0…``, ``<= …6985``) and tracebacks as
    ledgerblue and ledgerctl print them, and texts of theirs that hide a status word or never had one.
    """
    step: Step | None = None
    for number, line in enumerate(log.splitlines(), start=1):
        if sent := _SENT.search(line):
            step = _STEPS.get(int(sent[1], 16))
        elif traced := _TRACED.search(line[:_MAX_TEXT]):
            step = list(_CALLS.values())[int((traced.lastgroup or "s0")[1:])]
        elif found := _RECEIVED.search(line) or _NAMED.search(line):
            sw = int(found[1], 16)
            if sw != OK:
                here = _named_step(line) or step
                if here is Step.TARGET and sw in _ABOUT_HOSTS:
                    here = Step.HOST_CERTIFICATE
                yield Mention(number, Statement.of(explain(sw, here)), here)
        else:
            for pattern, statement, where in _texts():
                if pattern.search(line[:_MAX_TEXT]):
                    yield Mention(number, statement, where)
                    break


def _named_step(line: str) -> Step | None:
    """The step in front of an error of ours."""
    return next((step for step in Step if f"{step}: " in line), None)
