"""Status words, explained: what each means, its likely cause, what to do next (``status.toml``)."""

import functools
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from toolchain.device.apdu import OK
from toolchain.errors import ConfigError, StatusWordError

_TABLE = Path(__file__).with_name("status.toml")

Source = Literal["documented", "client", "reported", "class"]
"""Where a statement comes from."""

SOURCES: dict[Source, str] = {
    "documented": "documented: named in the SDK's headers or ISO/IEC 7816-4",
    "client": "an official loader or wallet explains it so",
    "reported": "reported by users in this situation",
    "class": "no source describes the code; only its range says something",
}
"""The same for people."""


class Step(StrEnum):
    """What the host was about when the device answered; the text is for people."""

    TARGET = "select target"
    NONCE = "exchange nonces"
    HOST_CERTIFICATE = "send host certificate"
    DEVICE_CERTIFICATE = "get device certificate"
    OPEN = "open secure channel"
    DELETE = "delete app"
    CREATE = "create app"
    SELECT = "select segment"
    LOAD = "load chunk"
    FLUSH = "flush segment"
    CRC = "check CRC"
    COMMIT = "commit app"
    LIST = "list apps"
    VERSION = "get version"
    MEMORY = "get memory information"
    ENROLL_CA = "enrol custom CA"
    REMOVE_CA = "remove custom CA"
    RUN = "run app"
    ENDORSE = "set up endorsement"
    OWNER = "store owner certificate"
    LANGUAGE = "handle language pack"
    SCRIPT = "replay script"


def get_step(text: str) -> Step:
    """The step of that text.

    Raises:
        ConfigError: no such step.
    """
    for step in Step:
        if text.lower() == step:
            return step
    raise ConfigError(f"no step is called {text!r}", hint=f"choose one of: {', '.join(Step)}")


@dataclass(frozen=True)
class StatusWord:
    """One status word, explained. ``cause`` and ``next_step`` are sentences without a full stop."""

    sw: int
    name: str
    meaning: str
    cause: str
    next_step: str
    source: Source


@functools.cache
def _table() -> dict[str, Any]:
    return tomllib.loads(_TABLE.read_text("utf-8"))


def explain(sw: int, step: Step | None = None) -> StatusWord:
    """What ``sw`` means, at ``step`` where that matters. Every 16-bit code gets an honest answer."""
    table, code = _table(), f"{sw:04x}"
    if code.startswith("63c"):
        left = sw & 0xF
        return _word(sw, table["word"]["63c0"] | {"cause": f"a wrong PIN or key; attempts left: {left}"})
    if entry := table["word"].get(code):
        return _word(sw, entry | entry.get("at", {}).get(step, {}))
    family = table["family"].get(code[:2])
    if family and 0 < sw & 0xFF <= family["count"]:
        cause = "the SDK names this code without describing it"
        name = f"{family['name']}_{code[2:].upper()}"
        return _word(sw, family | {"name": name, "cause": cause, "source": "documented"})
    entry = table["class"].get(code[:2]) or table["range"].get(code[0]) or table["range"]["other"]
    cause = "no source describes this code, only its range says something"
    return _word(sw, entry | {"name": code.upper(), "cause": cause, "source": "class"})


def _word(sw: int, entry: dict[str, Any]) -> StatusWord:
    return StatusWord(
        sw, entry["name"], entry["meaning"], entry["cause"], entry["next"], source=entry["source"]
    )


def known() -> frozenset[int]:
    """Every code that has a name of its own."""
    table = _table()
    families = {
        (int(high, 16) << 8) + low
        for high, family in table["family"].items()
        for low in range(1, family["count"] + 1)
    }
    return frozenset(families | {int(code, 16) for code in table["word"]} | set(range(0x63C0, 0x63D0)))


def require_ok(sw: int, step: Step) -> None:
    """Let 9000 pass.

    Raises:
        StatusWordError: any other status word, explained.
    """
    if sw != OK:
        word = explain(sw, step)
        raise StatusWordError(sw, step, f"{word.meaning}; likely cause: {word.cause}", hint=word.next_step)
