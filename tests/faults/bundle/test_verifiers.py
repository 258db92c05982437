"""Three verifiers, written apart, one verdict: the toolchain's, verify_bundle.py, verify_bundle.sh."""

import datetime
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.faults.bundle.cases import Case, all_cases
from tests.unit.release.releases import DAY, POLICY, finished
from toolchain.errors import ImageError, ToolchainError
from toolchain.release.bundle import read_bundle, verify_bundle, write_bundle
from toolchain.release.policy import ReleasePolicy

ROOT = Path(__file__).parents[3]
TODAY = datetime.date(2024, 12, 1)
CASES = all_cases()


def load_standalone() -> ModuleType:
    spec = importlib.util.spec_from_file_location("standalone_verifier", ROOT / "verify_bundle.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


STANDALONE = load_standalone()
POLICY_DATA = POLICY.to_json().encode()


def accepted_by_toolchain(data: bytes, policy: ReleasePolicy = POLICY) -> bool:
    try:
        verify_bundle(read_bundle(data), policy, TODAY)
    except ToolchainError:
        return False
    return True


def accepted_by_standalone(data: bytes, policy: bytes = POLICY_DATA) -> bool:
    try:
        STANDALONE.verify(data, policy, TODAY)
    except STANDALONE.RefusedError:
        return False
    return True


def accepted_by_shell(folder: Path, data: bytes, policy: bytes = POLICY_DATA) -> bool:
    (folder / "bundle.json").write_bytes(data)
    (folder / "policy.json").write_bytes(policy)
    run = subprocess.run(
        ["sh", str(ROOT / "verify_bundle.sh"), "bundle.json", "policy.json"],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if run.returncode == 0:
        assert run.stdout.endswith(": good\n")
        return True
    assert run.returncode == 1, run.stderr
    assert "REFUSED: " in run.stderr
    assert not run.stdout
    return False


def test_names_of_cases_are_different() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_toolchain_and_standalone(case: Case) -> None:
    assert accepted_by_toolchain(case.data, case.policy) == case.good
    assert accepted_by_standalone(case.data, case.policy.to_json().encode()) == case.good


@pytest.mark.component("openssl")
@pytest.mark.component("jq")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_shell(case: Case, tmp_path: Path) -> None:
    assert accepted_by_shell(tmp_path, case.data, case.policy.to_json().encode()) == case.good


DATA = write_bundle(finished())

# A brainpool key: a curve that libraries may not know at all.
STRANGE_KEY = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MFswFQYHKoZIzj0CAQYKKoF6AYFfZYIAAQNCAATx/ReMCzrVjxASbejOQkNbOWGtvKvIym3o/PNT\n"
    "2G6cAyR+ntsqYzIB38aPvTRVZpDbOO92cy+KkFLuQNhOLsNb\n"
    "-----END PUBLIC KEY-----\n"
)


def bad_policies() -> dict[str, bytes]:
    good = json.loads(POLICY_DATA)
    alice, *others = good["approvers"]
    tables: dict[str, object] = {
        "a threshold of one": {**good, "threshold": 1},
        "a threshold out of reach": {**good, "threshold": 9},
        "something more": {**good, "extra": 1},
        "another schema": {**good, "schema": "release-policy/2"},
        "a date that is none": {**good, "issued": "2024-02-31"},
        "an approver revoked on no day": {**good, "approvers": [{**alice, "revoked": ""}, *others]},
        "an app key revoked on no day": {**good, "app_keys": [{**good["app_keys"][0], "revoked": "x"}]},
        "an app key revoked by a number": {**good, "app_keys": [{**good["app_keys"][0], "revoked": 0}]},
        "an app key without a word about that": {**good, "app_keys": [{"name": "app", "key": alice["key"]}]},
        "an approver twice": {**good, "approvers": [alice, alice, *others]},
        "a key with two roles": {**good, "app_keys": [{"name": "app", "key": alice["key"], "revoked": None}]},
        "no key": {**good, "approvers": [{**alice, "key": ""}, *others]},
        "a strange key": {**good, "approvers": [{**alice, "key": STRANGE_KEY}, *others]},
        "a key that is a number": {**good, "approvers": [{**alice, "key": 1}, *others]},
        "approvers are text": {**good, "approvers": "everyone"},
        "a list": [],
    }
    texts = {name: json.dumps(table, sort_keys=True, indent=2) + "\n" for name, table in tables.items()}
    return {name: text.encode() for name, text in texts.items()} | {
        "not canonical": json.dumps(good).encode(),
        "empty": b"",
        "no JSON": b"\xff",
    }


@pytest.mark.parametrize("name", bad_policies())
def test_policies_that_are_none(name: str) -> None:
    policy = bad_policies()[name]
    with pytest.raises(ImageError):
        ReleasePolicy.from_json(policy)
    assert not accepted_by_standalone(DATA, policy)


@pytest.mark.component("openssl")
@pytest.mark.component("jq")
@pytest.mark.parametrize("name", bad_policies())
def test_policies_that_are_none_and_the_shell(name: str, tmp_path: Path) -> None:
    assert not accepted_by_shell(tmp_path, DATA, bad_policies()[name])


@pytest.mark.parametrize("part", range(8))
def test_every_flipped_byte_is_refused(part: int) -> None:
    """Every byte of a bundle, one at a time."""
    assert accepted_by_toolchain(DATA)
    assert accepted_by_standalone(DATA)
    for at in range(part, len(DATA), 8):
        bad = DATA[:at] + bytes([DATA[at] ^ (1 << at // 8 % 8)]) + DATA[at + 1 :]
        assert not accepted_by_toolchain(bad), at
        assert not accepted_by_standalone(bad), at


@pytest.mark.component("openssl")
@pytest.mark.component("jq")
@pytest.mark.parametrize("at", range(7, len(DATA), len(DATA) // 12))
def test_flipped_bytes_and_the_shell(at: int, tmp_path: Path) -> None:
    bad = DATA[:at] + bytes([DATA[at] ^ 1]) + DATA[at + 1 :]
    assert not accepted_by_shell(tmp_path, bad)


def test_the_program(tmp_path: Path) -> None:
    (tmp_path / "bundle.json").write_bytes(DATA)
    (tmp_path / "policy.json").write_bytes(POLICY_DATA)
    command = [sys.executable, "-I", str(ROOT / "verify_bundle.py"), "bundle.json", "policy.json"]
    run = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    image = next(iter(verify_bundle(finished(), POLICY, DAY).evidence.images.values()))
    assert image.digest().hex() in run.stdout
    (tmp_path / "bundle.json").write_bytes(DATA + b" ")
    run = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("REFUSED: ")
    run = subprocess.run(
        [*command[:-1], "missing"], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert run.returncode == 1
    run = subprocess.run(command[:-1], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert run.returncode == 2


def test_it_can_be_read_in_one_sitting_and_needs_nothing_else() -> None:
    source = (ROOT / "verify_bundle.py").read_text()
    assert len(source.splitlines()) < 500
    imported = {
        line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import", "from"))
    }
    assert imported - {"cryptography"} <= sys.stdlib_module_names
