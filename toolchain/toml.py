"""TOML from files that somebody else wrote, with bounds that the standard library's reader does not have."""

import tomllib
from typing import Any

_MAX_DOTS = 200
"""In one line: the reader's memory grows with the square of a key's parts, to gigabytes for a short file."""


def parse_toml(text: str) -> dict[str, Any]:
    """The tables in ``text``.

    Raises:
        ValueError: not TOML, nested too deep, or a number or key without an end.
    """
    if any(line.count(".") > _MAX_DOTS for line in text.split("\n")):
        raise ValueError(f"a line with more than {_MAX_DOTS} dots")
    try:
        return tomllib.loads(text)
    except RecursionError as e:
        raise ValueError("nested too deep") from e
