import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolchain.errors import ImageError
from toolchain.manifest import (
    ImageRecord,
    Manifest,
    Provenance,
    SignatureRecord,
    VerificationRecord,
    canonical_json,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBER = st.integers(0, 2**64)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
TABLE = st.dictionaries(TEXT, TEXT, max_size=3)
MANIFESTS = st.builds(
    Manifest,
    app=TEXT,
    version=TEXT,
    target=TEXT,
    image=st.builds(
        ImageRecord,
        digest=TEXT,
        target_id=NUMBER,
        target_version=TEXT,
        api_level=st.none() | NUMBER,
        code_length=NUMBER,
        data_length=NUMBER,
        params_length=NUMBER,
        flags=NUMBER,
        boot_offset=NUMBER,
    ),
    provenance=st.builds(
        Provenance,
        commit=TEXT,
        dirty=st.booleans(),
        builder=TEXT,
        compiler=TEXT,
        sdk=TEXT,
        command=TEXTS,
        environment=TABLE,
        source_date_epoch=NUMBER,
        platform=TEXT,
    ),
    verification=st.builds(VerificationRecord, policy=TEXT, findings=NUMBER, waived=TEXTS),
    signature=st.none()
    | st.builds(
        SignatureRecord, key_id=TEXT, point=TEXT, der=TEXT, kind=st.sampled_from(["development", "release"])
    ),
    files=TABLE,
    unsafe=TEXTS,
)

MANIFEST = Manifest(
    app="Sample",
    version="1.2.3",
    target="nanosp",
    image=ImageRecord("ab" * 32, 0x33100004, "", 25, 512, 512, 30, 0, 1),
    provenance=Provenance("", False, "host", "clang", "shim", ("make",), {"LC_ALL": "C"}, 0, "linux"),
    verification=VerificationRecord("release", 0, ()),
    signature=SignatureRecord("ab", "04", "30", "release"),
    files={"app.elf": "cd" * 32},
)


@given(MANIFESTS)
def test_what_is_written_is_read(manifest: Manifest) -> None:
    text = manifest.to_json()
    assert Manifest.from_json(text) == manifest
    assert Manifest.from_json(text).to_json() == text


@given(MANIFESTS)
def test_the_text_is_canonical(manifest: Manifest) -> None:
    text = manifest.to_json()
    assert text.endswith("}\n")
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    text.encode("utf-8")


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    table = json.loads(MANIFEST.to_json())
    change(table)
    return json.dumps(table)


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "another schema": lambda t: t.update(schema=2),
    "no schema": lambda t: t.pop("schema"),
    "schema as text": lambda t: t.update(schema="1"),
    "schema as true": lambda t: t.update(schema=True),
    "schema as a fraction": lambda t: t.update(schema=1.0),
    "unknown key": lambda t: t.update(extra=1),
    "unknown key further in": lambda t: t["image"].update(extra=1),
    "missing key": lambda t: t.pop("app"),
    "missing key further in": lambda t: t["image"].pop("digest"),
    "missing default": lambda t: t.pop("unsafe"),
    "number for a text": lambda t: t.update(app=1),
    "text for a number": lambda t: t["image"].update(flags="0"),
    "truth for a number": lambda t: t["image"].update(flags=True),
    "number for a truth": lambda t: t["provenance"].update(dirty=0),
    "fraction for a number": lambda t: t["image"].update(flags=1.0),
    "nothing for a number": lambda t: t["image"].update(flags=None),
    "text for a list": lambda t: t["provenance"].update(command="make"),
    "number in a list": lambda t: t["provenance"].update(command=[1]),
    "object for a list": lambda t: t["provenance"].update(command={}),
    "list for a table": lambda t: t.update(files=[]),
    "number in a table": lambda t: t.update(files={"a": 1}),
    "another kind of key": lambda t: t["signature"].update(kind="gold"),
    "a list as kind": lambda t: t["signature"].update(kind=["release"]),
    "text for an object": lambda t: t.update(image="x"),
    "list for a signature": lambda t: t.update(signature=[]),
    "half a character": lambda t: t.update(app="\ud800"),
    "half a character in a key": lambda t: t.update(files={"\udfff": "x"}),
    "text for a level": lambda t: t["image"].update(api_level="25"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_not_exactly_a_manifest_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    assert Manifest.from_json(changed(lambda _: None)) == MANIFEST
    with pytest.raises(ImageError) as caught:
        Manifest.from_json(changed(change), where="x.json")
    assert caught.value.where.startswith("x.json")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "1",
        '"x"',
        "{",
        MANIFEST.to_json()[:-10],
        MANIFEST.to_json() + "x",
        MANIFEST.to_json().replace('"app": "Sample"', '"app": "Sample", "app": "Other"'),
        MANIFEST.to_json().replace('"LC_ALL": "C"', '"LC_ALL": "C", "LC_ALL": "D"'),
        MANIFEST.to_json().replace('"flags": 0', '"flags": NaN'),
        MANIFEST.to_json().replace('"flags": 0', '"flags": Infinity'),
        MANIFEST.to_json().replace('"flags": 0', '"flags": ' + "9" * 5000),
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"schema": 1, "image": ' + "[" * 5_000 + "]" * 5_000 + "}",
        "\ufeff" + MANIFEST.to_json(),
    ],
    ids=[
        "empty",
        "null",
        "list",
        "number",
        "text",
        "open",
        "cut",
        "more",
        "key twice",
        "key twice in a table",
        "NaN",
        "infinity",
        "a number of 5000 digits",
        "deep lists",
        "deep objects",
        "deep inside",
        "byte order mark",
    ],
)
def test_what_is_not_json_of_ours_is_refused(text: str) -> None:
    with pytest.raises(ImageError):
        Manifest.from_json(text)


@given(st.text(max_size=200))
def test_text_at_random_is_refused_and_never_crashes(text: str) -> None:
    with pytest.raises(ImageError):
        Manifest.from_json(text)


def test_errors_name_the_place() -> None:
    with pytest.raises(ImageError) as caught:
        Manifest.from_json(changed(lambda t: t["image"].update(flags="0")))
    assert caught.value.where == "manifest.json: image: flags"


@pytest.mark.parametrize("value", [0.5, {"a": [1.0]}, [{"b": float("nan")}], ({"c": 1e9},)])
def test_canonical_json_has_no_fractions(value: object) -> None:
    with pytest.raises(TypeError):
        canonical_json(value)
