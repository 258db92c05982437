import dataclasses
import datetime
import json
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.unit.release import releases
from tests.unit.release.releases import (
    ALICE,
    BILL,
    BUILDER_ONE,
    BUILDER_TWO,
    DAY,
    POLICY,
    PROVENANCE,
    attestation,
    build,
    image,
)
from toolchain.dsse import IN_TOTO, Envelope, open_payload, seal
from toolchain.errors import ImageError, VerificationError
from toolchain.release.attestation import check_rebuilds
from toolchain.release.bundle import draft_bundle
from toolchain.release.evidence import Build
from toolchain.release.images import image_from_json, image_to_json
from toolchain.release.provenance import provenance_statement
from toolchain.release.sbom import Part, sbom

BUILDS = {target: build(image(target), target) for target in ("nanosp", "nanos")}
IMAGES = {target: b.image for target, b in BUILDS.items()}
SOURCES = {target: b.manifest.provenance for target, b in BUILDS.items()}
ONE, TWO = attestation(BUILDS, "one", BUILDER_ONE), attestation(BUILDS, "two", BUILDER_TWO)


# --- Images ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["nanosp", "nanos"])
def test_images_survive(target: str) -> None:
    data = image_to_json(image(target))
    assert image_from_json(data) == image(target)
    assert image_from_json(data).digest() == image(target).digest()


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "app-image/2"},
        {"flags": -1},
        {"flags": 1.5},
        {"code_length": 1},
        {"api_level": 256},
        {"segments": []},
        {"segments": [{"address": 0, "data": "!"}]},
        {"segments": [{"address": 0, "data": "AAAA", "extra": 1}]},
        {"target_version": "é"},
        {"extra": 1},
    ],
)
def test_what_is_no_image(change: dict[str, Any]) -> None:
    table = json.loads(image_to_json(image())) | change
    data = (json.dumps(table, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()
    with pytest.raises(ImageError):
        image_from_json(data)


# --- Rebuilds -------------------------------------------------------------------------------------------


def test_two_equal_rebuilds() -> None:
    assert [p.name for p in check_rebuilds(POLICY, [ONE, TWO], IMAGES, SOURCES)] == ["one", "two"]


def other(**change: Any) -> dict[str, Build]:  # noqa: ANN401 - fields of Provenance
    return {t: build(IMAGES[t], t, provenance=dataclasses.replace(PROVENANCE, **change)) for t in BUILDS}


ONE_BIT = {**BUILDS, "nanosp": build(image(fill=0x5B), "nanosp")}
WRONG: dict[str, list[Envelope]] = {
    "too few": [ONE],
    "one builder twice": [ONE, ONE],
    "not a builder": [ONE, attestation(BUILDS, "two", ALICE)],
    "under another's name": [ONE, attestation(BUILDS, "one", BUILDER_TWO)],
    "unsigned": [ONE, dataclasses.replace(TWO, signatures=())],
    "signed by both": [ONE, TWO.with_signature(BUILDER_ONE, BUILDER_ONE.public_key)],
    "one byte differs": [ONE, attestation(ONE_BIT, "two", BUILDER_TWO)],
    "a target is missing": [ONE, attestation({"nanosp": BUILDS["nanosp"]}, "two", BUILDER_TWO)],
    "another commit": [ONE, attestation(other(commit="f" * 40), "two", BUILDER_TWO)],
    "uncommitted changes": [ONE, attestation(other(dirty=True), "two", BUILDER_TWO)],
    "another version": [
        ONE,
        attestation({t: build(image(t, version="2.3.0"), t) for t in BUILDS}, "two", BUILDER_TWO),
    ],
    "another statement": [
        ONE,
        seal(IN_TOTO, {"predicate": {}}).with_signature(BUILDER_TWO, BUILDER_TWO.public_key),
    ],
}


@pytest.mark.parametrize("name", WRONG)
def test_rebuilds_that_do_not_count(name: str) -> None:
    with pytest.raises(VerificationError):
        check_rebuilds(POLICY, WRONG[name], IMAGES, SOURCES)


def test_a_rebuild_may_use_another_machine() -> None:
    elsewhere = attestation(
        other(platform="linux-aarch64", compiler="clang 22 (aarch64)"), "two", BUILDER_TWO
    )
    check_rebuilds(POLICY, [ONE, elsewhere], IMAGES, SOURCES)


# --- Provenance and bill of materials -------------------------------------------------------------------


def test_provenance_is_slsa_and_claims_level_one_only() -> None:
    data = provenance_statement("nanosp", image(), PROVENANCE)
    table = json.loads(data)
    assert table["_type"] == "https://in-toto.io/Statement/v1"
    assert table["predicateType"] == "https://slsa.dev/provenance/v1"
    assert table["subject"][0]["digest"]["appHash"] == image().digest().hex()
    assert table["predicate"].keys() == {"buildDefinition", "runDetails"}
    definition = table["predicate"]["buildDefinition"]
    assert definition.keys() == {
        "buildType",
        "externalParameters",
        "internalParameters",
        "resolvedDependencies",
    }
    assert table["predicate"]["runDetails"]["builder"]["id"]
    assert {"name": "source", "digest": {"gitCommit": PROVENANCE.commit}} in definition[
        "resolvedDependencies"
    ]
    assert data.count(b"LEVEL") == 1
    assert b"SLSA_BUILD_LEVEL_1" in data


PARTS = [
    Part("source", "src/main.c", "", "0" * 64),
    Part("icon", "icons/app.gif", "", "1" * 64),
    Part("sdk", "sdk-shim", "25", "2" * 64),
    Part("compiler", "ziglang", "0.17.0"),
    Part("library", "newlib", "4.3", "3" * 64),
]


def test_the_bill_of_materials_is_valid_and_whole() -> None:
    data = sbom("Boilerplate", "2.3.1", PARTS, source_date_epoch=1_790_000_000)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(data.decode()) is None
    table = json.loads(data)
    assert {c["name"] for c in table["components"]} == {p.name for p in PARTS}
    hashes = {c["name"]: c["hashes"][0]["content"] for c in table["components"] if "hashes" in c}
    assert hashes == {p.name: p.sha256 for p in PARTS if p.sha256}
    assert table["metadata"]["component"]["name"] == "Boilerplate"
    assert table["metadata"]["timestamp"].startswith("2026-09-21")


def test_the_bill_depends_on_its_content_only() -> None:
    data = sbom("Boilerplate", "2.3.1", PARTS, source_date_epoch=1)
    assert sbom("Boilerplate", "2.3.1", [*PARTS[::-1], PARTS[0]], source_date_epoch=1) == data
    changed = sbom("Boilerplate", "2.3.1", PARTS[1:], source_date_epoch=1)
    assert json.loads(changed)["serialNumber"] != json.loads(data)["serialNumber"]


# --- A draft --------------------------------------------------------------------------------------------


def draft_of(builds: dict[str, Build]) -> object:
    attestations = {
        "one": attestation(builds, "one", BUILDER_ONE),
        "two": attestation(builds, "two", BUILDER_TWO),
    }
    return draft_bundle(POLICY, builds, BILL, attestations, DAY)


def with_manifest(**change: Any) -> dict[str, Build]:  # noqa: ANN401 - fields of Manifest
    good = BUILDS["nanosp"]
    return {"nanosp": dataclasses.replace(good, manifest=dataclasses.replace(good.manifest, **change))}


GOOD_MANIFEST = BUILDS["nanosp"].manifest
BAD_BUILDS: dict[str, dict[str, Build]] = {
    "no target": {},
    "two versions": {"nanosp": BUILDS["nanosp"], "nanos": build(image("nanos", version="2.3.0"), "nanos")},
    "dirty": {"nanosp": build(image(), provenance=dataclasses.replace(PROVENANCE, dirty=True))},
    "no commit": {"nanosp": build(image(), provenance=dataclasses.replace(PROVENANCE, commit=""))},
    "unsafe": with_manifest(unsafe=("unsafe-unknown-issuer",)),
    "another target": with_manifest(target="nanox"),
    "another app": with_manifest(app="Other"),
    "other figures": with_manifest(image=dataclasses.replace(GOOD_MANIFEST.image, flags=1)),
    "another report": with_manifest(files={"report.json": "0" * 64}),
    "no report": with_manifest(files={}),
    "another policy": with_manifest(
        verification=dataclasses.replace(GOOD_MANIFEST.verification, policy="development")
    ),
    "an app that the policy does not name": {
        "nanosp": build(dataclasses.replace(image(), name="Other")),
    },
    "a name that plays tricks": {"nanosp": build(dataclasses.replace(image(), name="Boiler\x1bplate"))},
    "a compiler that plays tricks": {
        "nanosp": build(image(), provenance=dataclasses.replace(PROVENANCE, compiler="clang\n  approved"))
    },
}


@pytest.mark.parametrize("name", BAD_BUILDS)
def test_builds_that_cannot_be_released(name: str) -> None:
    with pytest.raises(VerificationError):
        draft_of(BAD_BUILDS[name])


def test_the_summary_names_what_matters() -> None:
    summary = releases.draft(targets=("nanosp", "nanos")).evidence["summary.txt"].decode()
    for target in ("nanosp", "nanos"):
        assert image(target).digest().hex() in summary
    assert PROVENANCE.commit in summary
    assert "2 of 4" in summary


def test_a_draft_depends_on_its_inputs_only() -> None:
    assert releases.draft() == releases.draft()
    later = draft_bundle(
        POLICY,
        {"nanosp": BUILDS["nanosp"]},
        BILL,
        {
            "one": attestation({"nanosp": BUILDS["nanosp"]}, "one", BUILDER_ONE),
            "two": attestation({"nanosp": BUILDS["nanosp"]}, "two", BUILDER_TWO),
        },
        DAY + datetime.timedelta(1),
    )
    assert open_payload(later.release, IN_TOTO) != open_payload(releases.draft().release, IN_TOTO)
