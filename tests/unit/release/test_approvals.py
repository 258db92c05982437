"""The attack table: none of these is accepted."""

import dataclasses
import datetime

import pytest

from tests.unit.release.releases import (
    ALICE,
    APP_KEY,
    BOB,
    CAROL,
    DAVE,
    DAY,
    EVE,
    LOG_KEY,
    POLICY,
    approver,
    draft,
    image,
)
from toolchain.dsse import Envelope, seal
from toolchain.errors import ImageError, SigningError
from toolchain.keys import PrivateKey, Signature
from toolchain.release.approvals import ApprovalError, approve, check_approvals, release_statement

TOMORROW = DAY + datetime.timedelta(1)
YESTERDAY = DAY - datetime.timedelta(1)
DRAFT = draft().release


def by(envelope: Envelope, *keys: PrivateKey) -> Envelope:
    """Signed by whoever, without asking the policy."""
    for key in keys:
        envelope = envelope.with_signature(key, key.public_key)
    return envelope


GOOD = by(DRAFT, ALICE, BOB)


def test_two_approvers() -> None:
    assert [a.name for a in check_approvals(POLICY, [GOOD], DRAFT, DAY)] == ["alice", "bob"]
    apart = [by(DRAFT, BOB), by(DRAFT, ALICE)]
    assert {a.name for a in check_approvals(POLICY, apart, DRAFT, TOMORROW)} == {"alice", "bob"}


def test_approving_step_by_step() -> None:
    envelope = approve(POLICY, approve(POLICY, DRAFT, BOB, DAY), ALICE, TOMORROW)
    assert envelope == GOOD


def relabelled(key: PrivateKey, name: PrivateKey) -> Envelope:
    """A signature by ``key`` under the name of another key."""
    der = by(DRAFT, key).signatures[0].der
    return dataclasses.replace(DRAFT, signatures=(Signature(name.public_key.key_id, der),))


ATTACKS: dict[str, tuple[Envelope, ...]] = {
    "nobody": (),
    "unsigned": (DRAFT,),
    "k-1": (by(DRAFT, ALICE),),
    "one approver twice": (by(DRAFT, ALICE), by(DRAFT, ALICE)),
    "one approver twice in one envelope": (
        dataclasses.replace(DRAFT, signatures=(by(DRAFT, ALICE).signatures * 2)),
    ),
    "one approver under two names": (by(DRAFT, ALICE), relabelled(ALICE, BOB)),
    "somebody under an approver's name": (by(DRAFT, ALICE), relabelled(EVE, BOB)),
    "an outsider": (by(DRAFT, ALICE, EVE),),
    "an outsider beside enough approvers": (by(DRAFT, ALICE, BOB, EVE),),
    "the app key": (by(DRAFT, ALICE, APP_KEY),),
    "the log's key": (by(DRAFT, ALICE, LOG_KEY),),
    "expired": (by(DRAFT, ALICE, CAROL),),
    "expired beside enough approvers": (by(DRAFT, ALICE, BOB, CAROL),),
    "revoked": (by(DRAFT, ALICE, DAVE),),
    "revoked beside enough approvers": (by(DRAFT, ALICE, BOB, DAVE),),
    "replay from another version": (by(draft(version="2.3.0").release, ALICE, BOB),),
    "half of it replayed": (by(DRAFT, ALICE), by(draft(version="2.3.0").release, BOB)),
    "swapped payload": (dataclasses.replace(GOOD, payload=draft(version="2.3.0").release.payload),),
    "swapped payload type": (dataclasses.replace(GOOD, payload_type="application/json"),),
    "signed as another payload type": (
        by(dataclasses.replace(DRAFT, payload_type="application/json"), ALICE, BOB),
    ),
    "the same table in other bytes": (
        by(dataclasses.replace(DRAFT, payload=DRAFT.payload + b"\n"), ALICE, BOB),
    ),
    "a signature over the payload alone": (
        dataclasses.replace(
            DRAFT,
            signatures=tuple(
                Signature(k.public_key.key_id, k.sign_message(DRAFT.payload)) for k in (ALICE, BOB)
            ),
        ),
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks(attack: str) -> None:
    with pytest.raises(ApprovalError):
        check_approvals(POLICY, ATTACKS[attack], DRAFT, DAY)


def test_other_evidence_than_what_was_approved() -> None:
    files = dict(draft().evidence)
    for path, data in files.items():
        changed = {**files, path: data + b" "}
        statement = release_statement(
            {"nanosp": image()}, changed, app="Boilerplate", version="2.3.1", date=DAY
        )
        with pytest.raises(ApprovalError, match="something else"):
            check_approvals(POLICY, [GOOD], statement, DAY)


def test_other_parameters_than_what_was_approved() -> None:
    for change in ({"flags": 0x201}, {"boot_offset": 5}, {"api_level": 24}, {"target_version": "1.4.4"}):
        other = {"nanosp": dataclasses.replace(image(), **change)}
        statement = release_statement(other, draft().evidence, app="Boilerplate", version="2.3.1", date=DAY)
        with pytest.raises(ApprovalError, match="something else"):
            check_approvals(POLICY, [GOOD], statement, DAY)


def test_the_policy_itself_changed() -> None:
    """Who lowers the bar, or adds an approver, needs new approvals: the statement names the policy."""
    lenient = dataclasses.replace(
        POLICY, threshold=2, rebuilds=0, approvers=(*POLICY.approvers, approver("eve", EVE))
    )
    changed = draft(lenient).release
    with pytest.raises(ApprovalError, match="something else"):
        check_approvals(lenient, [GOOD], changed, DAY)


def test_clock_set_back() -> None:
    """Carol's key expired yesterday. Setting the clock back does not revive it."""
    old = by(DRAFT, ALICE, CAROL)
    with pytest.raises(ApprovalError, match="dated"):
        check_approvals(POLICY, [old], DRAFT, YESTERDAY)
    backdated = release_statement(
        {"nanosp": image()}, draft().evidence, app="Boilerplate", version="2.3.1", date=YESTERDAY
    )
    backdated = by(backdated, ALICE, CAROL)
    with pytest.raises(ApprovalError, match="dated"):
        check_approvals(POLICY, [backdated], backdated, YESTERDAY, seen=DAY)
    with pytest.raises(ApprovalError, match="dated"):
        approve(POLICY, backdated, BOB, YESTERDAY, seen=DAY)


@pytest.mark.parametrize("today", [datetime.date(2023, 12, 31), datetime.date(2026, 1, 1)])
def test_outside_of_the_policys_time(today: datetime.date) -> None:
    statement = release_statement(
        {"nanosp": image()},
        draft().evidence,
        app="Boilerplate",
        version="2.3.1",
        date=datetime.date(2023, 1, 1),
    )
    with pytest.raises(ApprovalError, match="the policy holds"):
        check_approvals(POLICY, [by(statement, ALICE, BOB)], statement, today)


@pytest.mark.parametrize("key", [EVE, CAROL, DAVE, APP_KEY])
def test_who_may_not_approve(key: PrivateKey) -> None:
    with pytest.raises(ApprovalError):
        approve(POLICY, DRAFT, key, DAY)


def test_nobody_approves_twice() -> None:
    with pytest.raises(SigningError, match="already"):
        approve(POLICY, GOOD, ALICE, DAY)


def test_every_reason_is_given() -> None:
    with pytest.raises(ApprovalError) as caught:
        check_approvals(POLICY, [by(DRAFT, EVE, DAVE, CAROL, ALICE)], DRAFT, DAY)
    assert len(caught.value.reasons) == 3


def test_a_statement_without_a_date() -> None:
    for value in ({}, {"predicate": 1}, {"predicate": {"date": 5}}, {"predicate": {"date": "today"}}):
        with pytest.raises(ImageError):
            approve(POLICY, seal(DRAFT.payload_type, value), ALICE, DAY)
