"""The known answers of tests/vectors/loader.json that concern devices."""

import json
from functools import cache
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parents[2] / "vectors" / "loader.json"


@cache
def loader_vectors() -> dict[str, Any]:
    vectors: dict[str, Any] = json.loads(VECTORS.read_text("utf-8"))
    return vectors


def group(name: str) -> list[dict[str, Any]]:
    members: list[dict[str, Any]] = loader_vectors()[name]
    assert members
    return members
