import dataclasses
import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.release.releases import (
    ALICE,
    APP_KEY,
    BOB,
    DAY,
    EVE,
    LOG_KEY,
    ORIGIN,
    POLICY,
    WITNESS,
    approved,
    draft,
    finished,
    image,
    logged,
    signatures,
    signed,
)
from toolchain.chain import Chain
from toolchain.errors import ImageError, SigningError, ToolchainError, VerificationError
from toolchain.keys import PrivateKey
from toolchain.manifest import Manifest
from toolchain.release.bundle import (
    approve_bundle,
    check_ready,
    links,
    log_entry,
    merge_approvals,
    prove_logged,
    read_bundle,
    sign_bundle,
    verify_bundle,
    write_bundle,
)
from toolchain.release.evidence import check_evidence
from toolchain.release.log import Log, cosign
from toolchain.release.policy import AppKey

LATER = DAY + datetime.timedelta(200)


def test_a_release_step_by_step(tmp_path: Path) -> None:
    """Draft, two approvals on two machines, log, witness, signature: each step from bytes to bytes."""
    plain = write_bundle(draft(targets=("nanosp", "nanos")))
    by_alice = write_bundle(approve_bundle(read_bundle(plain), POLICY, ALICE, DAY))
    by_bob = write_bundle(approve_bundle(read_bundle(plain), POLICY, BOB, DAY))
    bundle = merge_approvals(read_bundle(by_alice), read_bundle(by_bob))
    log = Log.open(tmp_path)
    log.append([log_entry(bundle)])
    head = log.sign_head(ORIGIN, DAY, LOG_KEY, LOG_KEY.public_key)
    head = cosign(head, LOG_KEY.public_key, WITNESS, WITNESS.public_key, seen=None, proof=None)
    bundle = read_bundle(write_bundle(prove_logged(bundle, log, head)))
    evidence = check_ready(bundle, POLICY, DAY)
    assert {t: i.digest() for t, i in evidence.images.items()} == {
        t: image(t).digest() for t in ("nanosp", "nanos")
    }
    bundle = sign_bundle(bundle, signatures(bundle), POLICY)
    release = verify_bundle(read_bundle(write_bundle(bundle)), POLICY, LATER)
    assert {a.name for a in release.approvers} == {"alice", "bob"}
    assert release.head.date == DAY
    for target, app in release.apps.items():
        assert app.image == image(target)
        assert app.key == APP_KEY.public_key
        again = Manifest.from_json(app.manifest.to_json())
        assert again.signature is not None
        assert app.key.verifies(bytes.fromhex(again.signature.der), app.image.digest())
        assert again.signature.kind == "release"


def test_the_same_inputs_give_the_same_bytes() -> None:
    again = signed(logged(approved(draft())))
    assert write_bundle(again) == write_bundle(finished())
    reversed_order = dataclasses.replace(again, evidence=dict(reversed(list(again.evidence.items()))))
    assert write_bundle(reversed_order) == write_bundle(again)
    assert write_bundle(signed(logged(approved(draft(), POLICY, BOB, ALICE)))) == write_bundle(again)


def test_bytes_survive() -> None:
    for bundle in (draft(), approved(draft()), logged(approved(draft())), finished(("nanosp", "nanos"))):
        assert read_bundle(write_bundle(bundle)) == bundle


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ImageError):
        read_bundle(data)


@given(st.data())
def test_bytes_put_in_taken_out_or_moved(data: st.DataObject) -> None:
    good = write_bundle(finished())
    at = data.draw(st.integers(0, len(good) - 1))
    end = data.draw(st.integers(at, min(at + 40, len(good))))
    put = data.draw(st.binary(max_size=10))
    bad = good[:at] + put + good[end:]
    if bad == good:
        return
    with pytest.raises(ToolchainError):
        verify_bundle(read_bundle(bad), POLICY, LATER)


def test_nothing_is_signed_before_its_time() -> None:
    with pytest.raises(VerificationError, match="does not list"):
        verify_bundle(draft(), POLICY, DAY)
    with pytest.raises(VerificationError, match="log"):
        check_ready(approved(draft()), POLICY, DAY)
    with pytest.raises(SigningError, match="approvals"):
        check_ready(logged(draft()), POLICY, DAY)
    with pytest.raises(SigningError, match="dated"):
        check_ready(logged(approved(draft()), day=LATER), POLICY, DAY)
    with pytest.raises(SigningError, match="dated"):
        check_ready(logged(approved(draft())), POLICY, DAY, seen=LATER)
    with pytest.raises(VerificationError, match="not every target"):
        verify_bundle(logged(approved(draft())), POLICY, DAY)
    with pytest.raises(VerificationError, match="not every target"):
        sign_bundle(logged(approved(draft())), {}, POLICY)


def test_an_expired_approver_stops_a_new_signature_but_not_an_old_release() -> None:
    bundle = logged(approved(draft()))
    much_later = datetime.date(2025, 7, 1)
    with pytest.raises(SigningError, match="expired"):
        check_ready(bundle, POLICY, much_later)
    verify_bundle(finished(), POLICY, much_later)


def test_a_key_that_is_revoked_later_spoils_an_old_release() -> None:
    """Its holder could date back, so the policy decides; such a policy needs new approvals."""
    alice, *others = POLICY.approvers
    policy = dataclasses.replace(
        POLICY, approvers=(dataclasses.replace(alice, revoked="2024-12-01"), *others)
    )
    with pytest.raises(VerificationError, match="another policy"):
        verify_bundle(finished(), policy, LATER)


def test_a_bundle_from_the_future() -> None:
    with pytest.raises(VerificationError, match="today is"):
        verify_bundle(finished(), POLICY, DAY - datetime.timedelta(1))


def test_approvals_of_other_drafts_do_not_merge() -> None:
    with pytest.raises(VerificationError, match="not copies of one draft"):
        merge_approvals(draft(), approved(draft(version="2.3.0")))
    both = merge_approvals(approved(draft(), POLICY, ALICE), approved(draft(), POLICY, ALICE, BOB))
    assert len(both.release.signatures) == 2


def test_a_log_that_does_not_list_the_release(tmp_path: Path) -> None:
    log = Log.open(tmp_path)
    log.append([log_entry(draft(version="2.3.0"))])
    head = log.sign_head(ORIGIN, DAY, LOG_KEY, LOG_KEY.public_key)
    log.append([log_entry(draft())])  # too late for that head
    with pytest.raises(VerificationError, match="does not list"):
        prove_logged(approved(draft()), log, head)


def test_facts_for_an_approver() -> None:
    bundle = draft(targets=("nanosp", "nanos"))
    facts = check_evidence(bundle.evidence, bundle.release, POLICY).facts
    assert facts["release"] == f"Boilerplate 2.3.1 of {DAY}"
    assert facts["app hash, nanos"] == image("nanos").digest().hex()
    assert facts["rebuilt by"] == "one, two"


# --- Rotated app keys -----------------------------------------------------------------------------------

SECOND, THIRD = PrivateKey.from_int(0xB8), PrivateKey.from_int(0xB9)
CHAIN = (
    Chain()
    .rotated(PrivateKey.from_int(0xB7), APP_KEY, "app-signing", DAY, "before the policy")
    .rotated(APP_KEY, SECOND, "app-signing", DAY, "planned")
    .rotated(SECOND, THIRD, "app-signing", DAY, "planned")
)


@pytest.mark.parametrize(("key", "count"), [(APP_KEY, 0), (SECOND, 1), (THIRD, 2)])
def test_a_bundle_brings_the_links_that_lead_to_its_key(key: PrivateKey, count: int) -> None:
    ready = logged(approved(draft()))
    found = links(CHAIN, POLICY, key.public_key)
    assert len(found) == count
    bundle = sign_bundle(ready, signatures(ready, key), POLICY, found)
    assert read_bundle(write_bundle(bundle)) == bundle
    release = verify_bundle(bundle, POLICY, DAY)
    assert release.apps["nanosp"].key == key.public_key


def test_links_that_lead_nowhere_or_over_a_revoked_key() -> None:
    with pytest.raises(VerificationError, match="no rotation leads"):
        links(CHAIN, POLICY, EVE.public_key)
    with pytest.raises(VerificationError, match="no rotation leads"):
        links(Chain().rotated(EVE, SECOND, "app-signing", DAY, ""), POLICY, SECOND.public_key)
    stolen = CHAIN.revoking(SECOND.public_key, THIRD, "app-signing", DAY, "stolen")
    with pytest.raises(SigningError, match="was revoked"):
        links(stolen, POLICY, THIRD.public_key)
    given_up = dataclasses.replace(
        POLICY,
        app_keys=(
            dataclasses.replace(POLICY.app_keys[0], revoked="2024-05-01"),
            AppKey("other", EVE.public_key.pem(), None),
        ),
    )
    with pytest.raises(VerificationError, match="no rotation leads"):
        links(CHAIN, given_up, THIRD.public_key)


def test_a_policy_without_a_key_that_signs_is_none() -> None:
    with pytest.raises(ImageError, match="keys that sign"):
        dataclasses.replace(POLICY, app_keys=(dataclasses.replace(POLICY.app_keys[0], revoked="2024-05-01"),))
