"""Any node of a bundle replaced by anything: refused by both Python verifiers, with their own errors."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.bundle.cases import forged
from tests.faults.bundle.test_verifiers import DATA, accepted_by_standalone, accepted_by_toolchain
from tests.unit.release.releases import POLICY, finished
from toolchain.errors import ImageError
from toolchain.release.bundle import write_bundle
from toolchain.release.policy import ReleasePolicy

Place = tuple[str | int, ...]

NUMBERS = [0, 1, -1, 2, 1 << 31, 1 << 40, 1 << 80, 1.5]
TEXTS = ["", "x", "2024-05-06", "AAAA", "../x", "\u202e", "é"]
TABLES: list[object] = [[], {}, [None], [[]], ["x"], {"a": 1}, {"key": "", "name": "x"}]
ANYTHING = st.sampled_from([None, True, False, *NUMBERS, *TEXTS, *TABLES])


def places(node: Any, here: Place = ()) -> Iterator[Place]:  # noqa: ANN401 - any JSON
    yield here
    if isinstance(node, dict):
        for key in sorted(node):
            yield from places(node[key], (*here, key))
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from places(item, (*here, index))


def replaced(tree: Any, place: Place, value: object) -> Any:  # noqa: ANN401 - any JSON
    if not place:
        return value
    changed = copy.deepcopy(tree)
    node = changed
    for step in place[:-1]:
        node = node[step]
    if isinstance(node, dict) and value == "dropped":
        del node[place[-1]]
    else:
        node[place[-1]] = value
    return changed


def text(tree: object) -> bytes:
    return (json.dumps(tree, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


BUNDLE = json.loads(DATA)
PLACES = list(places(BUNDLE))


@given(st.sampled_from(PLACES), ANYTHING | st.just("dropped"))
@settings(max_examples=400, deadline=None)
def test_nodes_of_the_bundle(place: Place, value: object) -> None:
    bad = text(replaced(BUNDLE, place, value))
    if bad != DATA:
        assert not accepted_by_toolchain(bad)
        assert not accepted_by_standalone(bad)


FILES = {path: json.loads(data) for path, data in finished().evidence.items() if path.endswith(".json")}
INNER = [(path, place) for path, tree in FILES.items() for place in places(tree)]
LOOSER = ("manifest.json", "provenance.json", "report.json", "sbom.json")
"""Files of which the standalone verifier reads the parts that count, and leaves the rest to the approvers."""


@given(st.sampled_from(INNER), ANYTHING | st.just("dropped"))
@settings(max_examples=300, deadline=None)
def test_nodes_of_files_that_everybody_signed(where: tuple[str, Place], value: object) -> None:
    path, place = where
    bad = text(replaced(FILES[path], place, value))
    if bad == finished().evidence[path]:
        return
    data = write_bundle(forged(edit=lambda files: files.update({path: bad})))
    toolchain, standalone = accepted_by_toolchain(data), accepted_by_standalone(data)
    assert not toolchain or path.endswith("sbom.json")
    assert not standalone or path.endswith(LOOSER)


@given(st.sampled_from(list(places(json.loads(POLICY.to_json())))), ANYTHING | st.just("dropped"))
@settings(max_examples=300, deadline=None)
def test_nodes_of_the_policy(place: Place, value: object) -> None:
    """Another policy than the bundle's, or none at all."""
    bad = text(replaced(json.loads(POLICY.to_json()), place, value))
    if bad == POLICY.to_json().encode():
        return
    assert not accepted_by_standalone(DATA, bad)
    try:
        policy = ReleasePolicy.from_json(bad)
    except ImageError:
        return
    assert not accepted_by_toolchain(DATA, policy)


def test_the_trees_are_the_ones_that_are_read() -> None:
    assert text(BUNDLE) == DATA
    assert ReleasePolicy.from_json(POLICY.to_json().encode()) == POLICY
