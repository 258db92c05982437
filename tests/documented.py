"""What docs/json.md promises about the lines that ``--json`` prints."""

import functools
import re
from collections.abc import Mapping
from pathlib import Path

_PAGE = Path(__file__).parents[1] / "docs" / "json.md"
_ROW = re.compile(r"^\| `(?!type`)([\w-]+)` \| (.*?) \| (.*) \|$", re.MULTILINE)
_KEY = re.compile(r"`([a-z_]+)`")


@functools.cache
def types() -> Mapping[str, frozenset[str]]:
    """Type → its further keys. What stands in brackets explains a key, ★ is explained below the table."""
    text = _PAGE.read_text().partition("## Exit codes")[0]
    table, _, star = text.partition("\n★")
    common = _keys(star.partition("\n\n")[0])
    return {
        kind: _keys(keys) | (common if "★" in keys else frozenset()) for kind, _, keys in _ROW.findall(table)
    }


def _keys(text: str) -> frozenset[str]:
    return frozenset(_KEY.findall(re.sub(r"\([^)]*\)", "", text)))


def undocumented(line: Mapping[str, object]) -> set[str]:
    """What a printed line has that the page does not know: its type, or keys."""
    if line.get("schema") != 1 or line.get("type") not in types():
        return {f"type {line.get('type')}"}
    return line.keys() - {"schema", "type"} - types()[str(line["type"])]
