import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.release.releases import ALICE, APP_KEY, POLICY, approver
from toolchain.errors import ImageError
from toolchain.keys import PrivateKey
from toolchain.release.policy import AppKey, ReleasePolicy


def test_round_trip() -> None:
    assert ReleasePolicy.from_json(POLICY.to_json().encode()) == POLICY


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": 0},
        {"threshold": 1},
        {"threshold": 4},  # dave is revoked: three are left
        {"rebuilds": 3},
        {"rebuilds": -1},
        {"apps": ()},
        {"app_keys": ()},
        {"app_keys": (AppKey("app", ALICE.public_key.pem(), None),)},
        {"issued": "2026-1-1"},
        {"expires": "never"},
        {"approvers": (*POLICY.approvers, approver("alice", PrivateKey.from_int(7)))},
        {"approvers": (*POLICY.approvers, approver("alice-again", ALICE))},
        {"approvers": (*POLICY.approvers, approver("a b", PrivateKey.from_int(7)))},
        {"approvers": (*POLICY.approvers, approver("new", PrivateKey.from_int(7), expires="2027"))},
        {"approvers": (*POLICY.approvers, approver("new", PrivateKey.from_int(7), revoked="?"))},
        {"log": dataclasses.replace(POLICY.log, required=3)},
        {"log": dataclasses.replace(POLICY.log, origin="a log")},
        {"log": dataclasses.replace(POLICY.log, key=APP_KEY.public_key.pem())},
    ],
)
def test_policies_that_cannot_be(change: dict[str, Any]) -> None:
    with pytest.raises(ImageError):
        dataclasses.replace(POLICY, **change)


def edited(edit: Callable[[dict[str, Any]], object]) -> bytes:
    table = json.loads(POLICY.to_json())
    edit(table)
    return (json.dumps(table, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


P256 = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
"""


@pytest.mark.parametrize(
    "edit",
    [
        lambda t: t.update(schema="release-policy/2"),
        lambda t: t.pop("schema"),
        lambda t: t.pop("expires"),
        lambda t: t.update(extra=1),
        lambda t: t.update(threshold="2"),
        lambda t: t.update(threshold=True),
        lambda t: t["approvers"][0].update(key="no key"),
        lambda t: t["approvers"][0].update(key=P256),
        lambda t: t["approvers"][0].update(key=t["approvers"][0]["key"] + "\n"),
        lambda t: t["approvers"][0].pop("revoked"),
        lambda t: t["log"].update(witnesses={}),
    ],
)
def test_files_that_are_no_policy(edit: Callable[[dict[str, Any]], object]) -> None:
    assert ReleasePolicy.from_json(edited(lambda _: None)) == POLICY
    with pytest.raises(ImageError):
        ReleasePolicy.from_json(edited(edit))


def test_another_form_of_the_same_policy_is_refused() -> None:
    for data in (json.dumps(json.loads(POLICY.to_json())).encode(), POLICY.to_json().encode() + b"\n"):
        with pytest.raises(ImageError, match="canonical"):
            ReleasePolicy.from_json(data)
