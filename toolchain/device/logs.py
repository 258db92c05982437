"""Status words in the output of loaders, ours and others', with the step that they belong to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from toolchain.device.apdu import OK
from toolchain.device.status import StatusWord, Step, explain

_SENT = re.compile(r"=>\s*e0([0-9a-f]{2})", re.IGNORECASE)
_RECEIVED = re.compile(r"<=\s*(?:[0-9a-f]{2})*?([0-9a-f]{4})\s*$", re.IGNORECASE)
_NAMED = re.compile(r"\b(?:status|sw|code|error)\b\W{0,4}(?:0x)?([0-9a-f]{4})\b", re.IGNORECASE)

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


@dataclass(frozen=True)
class Mention:
    """A status word in line ``line`` (from 1) of a log, explained."""

    line: int
    word: StatusWord
    step: Step | None


def find_status_words(log: str) -> Iterator[Mention]:
    """Every status word but 9000 that a log names, in order.

    It reads ``status 6985`` and the like, and traces of APDUs (``=> e0…``, ``<= …6985``) as ledgerblue
    and ledgerctl print them.
    """
    step: Step | None = None
    for number, line in enumerate(log.splitlines(), start=1):
        if sent := _SENT.search(line):
            step = _STEPS.get(int(sent[1], 16))
            continue
        if found := _RECEIVED.search(line) or _NAMED.search(line):
            sw = int(found[1], 16)
            if sw != OK:
                yield Mention(number, explain(sw, step), step)
