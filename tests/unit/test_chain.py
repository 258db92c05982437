import datetime
import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolchain.chain import MAX_STATEMENTS, REVOCATION, ROTATION, SCHEMA, Chain
from toolchain.dsse import Envelope, seal
from toolchain.errors import ImageError, SigningError, ToolchainError
from toolchain.keys import PrivateKey, Signature
from toolchain.manifest import canonical_json

A, B, C, D, EVE = (PrivateKey.from_int(n) for n in range(0xE1, 0xE6))
DAY = datetime.date(2024, 5, 6)
LATER = DAY + datetime.timedelta(30)
ROLE = "app-signing"


def two() -> Chain:
    return Chain().rotated(A, B, ROLE, DAY, "planned").rotated(B, C, ROLE, LATER, "HSM replaced")


def signed(payload_type: str, table: object, *keys: PrivateKey) -> Envelope:
    envelope = seal(payload_type, table)
    for key in keys:
        envelope = envelope.with_signature(key, key.public_key)
    return envelope


def rotation(old: PrivateKey, new: PrivateKey, /, **change: object) -> dict[str, object]:
    points = {"old": old.public_key.pem(), "new": new.public_key.pem()}
    return {"date": "2024-05-06", "reason": "planned", "role": ROLE, **points, **change}


def revocation(key: PrivateKey, /, **change: object) -> dict[str, object]:
    return {"date": "2024-05-06", "key": key.public_key.pem(), "reason": "x", "role": ROLE, **change}


def test_whoever_trusts_a_key_trusts_what_came_after_it() -> None:
    chain = two()
    points = [key.public_key for key in (A, B, C)]
    assert Chain.from_json(chain.to_json()) == chain
    assert [list(chain.trusted_by(key, ROLE)) for key in points] == [points, points[1:], points[2:]]


def test_a_chain_is_about_its_own_keys_and_role() -> None:
    for key, role in ((EVE, ROLE), (A, "device-issuer")):
        with pytest.raises(SigningError, match="not about"):
            two().trusted_by(key.public_key, role)


@pytest.mark.parametrize("by", [A, B, C])
def test_a_key_that_is_revoked_leads_nowhere(by: PrivateKey) -> None:
    chain = two().revoking(A.public_key, by, ROLE, LATER, "stolen")
    assert Chain.from_json(chain.to_json()).revoked == {A.public_key: LATER}
    with pytest.raises(SigningError, match="was revoked on 2024-06-05"):
        chain.trusted_by(A.public_key, ROLE)
    # Who trusts its successor already, goes on.
    assert chain.trusted_by(B.public_key, ROLE)[-1] == C.public_key


def test_a_key_in_the_middle_or_at_the_end_that_is_revoked_stops_everyone_before_it() -> None:
    chain = two().revoking(C.public_key, C, ROLE, LATER, "stolen")
    for key in (A, B, C):
        with pytest.raises(SigningError, match="was revoked"):
            chain.trusted_by(key.public_key, ROLE)


def test_a_key_without_a_successor_can_revoke_itself() -> None:
    chain = Chain().revoking(A.public_key, A, ROLE, DAY, "lost")
    with pytest.raises(SigningError, match="was revoked"):
        Chain.from_json(chain.to_json()).trusted_by(A.public_key, ROLE)


ATTACKS: dict[str, Callable[[], list[Envelope]]] = {
    "signed by the old key alone": lambda: [signed(ROTATION, rotation(A, B), A)],
    "signed by the new key alone": lambda: [signed(ROTATION, rotation(A, B), B)],
    "signed by nobody": lambda: [seal(ROTATION, rotation(A, B))],
    "signed by an outsider, too": lambda: [signed(ROTATION, rotation(A, B), A, B, EVE)],
    "an outsider takes over": lambda: [signed(ROTATION, rotation(A, EVE), EVE)],
    "a signature under another name": lambda: [
        Envelope(
            ROTATION,
            seal(ROTATION, rotation(A, B)).payload,
            tuple(
                sorted(
                    (
                        Signature(
                            A.public_key.key_id, EVE.sign_digest(seal(ROTATION, rotation(A, B)).digest())
                        ),
                        *signed(ROTATION, rotation(A, B), B).signatures,
                    ),
                    key=lambda s: s.key_id,
                )
            ),
        )
    ],
    "a key that takes over from itself": lambda: [signed(ROTATION, rotation(A, A), A)],
    "a key that comes back": lambda: [
        signed(ROTATION, rotation(A, B), A, B), signed(ROTATION, rotation(B, A), A, B)
    ],
    "two successors": lambda: [
        signed(ROTATION, rotation(A, B), A, B), signed(ROTATION, rotation(A, C), A, C)
    ],
    "a link of another chain": lambda: [
        signed(ROTATION, rotation(A, B), A, B), signed(ROTATION, rotation(C, D), C, D)
    ],
    "a gap": lambda: [two().statements[1], two().statements[0]],
    "another role": lambda: [
        signed(ROTATION, rotation(A, B), A, B), signed(ROTATION, rotation(B, C, role="log"), B, C)
    ],
    "back in time": lambda: [
        signed(ROTATION, rotation(A, B), A, B),
        signed(ROTATION, rotation(B, C, date="2024-05-05"), B, C),
    ],
    "the same link twice": lambda: [*two().statements[:1], *two().statements[:1]],
    "revoked by an outsider": lambda: [signed(REVOCATION, revocation(A), EVE)],
    "revoked by a predecessor": lambda: [
        signed(ROTATION, rotation(A, B), A, B), signed(REVOCATION, revocation(B), A)
    ],
    "revoked by nobody": lambda: [seal(REVOCATION, revocation(A))],
    "revoked by two": lambda: [
        signed(ROTATION, rotation(A, B), A, B), signed(REVOCATION, revocation(A), A, B)
    ],
    "revoked twice": lambda: [signed(REVOCATION, revocation(A), A)] * 2,
    "rotated after it was revoked": lambda: [
        signed(REVOCATION, revocation(A), A), signed(ROTATION, rotation(A, B), A, B)
    ],
    "revoked by a key that is revoked": lambda: [
        signed(ROTATION, rotation(A, B), A, B),
        signed(REVOCATION, revocation(B), B),
        signed(REVOCATION, revocation(A), B),
    ],
    "a rotation sold as a revocation": lambda: [signed(REVOCATION, rotation(A, B), A, B)],
    "another payload type": lambda: [signed("application/json", rotation(A, B), A, B)],
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks(attack: str) -> None:
    with pytest.raises((SigningError, ImageError)):
        Chain.from_envelopes(ATTACKS[attack]())


@pytest.mark.parametrize(
    "change",
    [
        {"date": "2024-05-32"},
        {"date": 1},
        {"role": "App"},
        {"role": ""},
        {"reason": "a\nb"},
        {"reason": "x" * 201},
        {"reason": "\u00e9"},
        {"new": ""},
        {"new": B.public_key.pem() + "\n"},
        {"new": B.public_key.point.hex()},
        {"extra": "x"},
    ],
)
def test_statements_that_are_none(change: dict[str, object]) -> None:
    with pytest.raises(ImageError):
        Chain.from_envelopes([signed(ROTATION, rotation(A, B, **change), A, B)])


NO_STATEMENTS: list[object] = [[], {}, [1], [{}] * (MAX_STATEMENTS + 1)]


@pytest.mark.parametrize(
    "table",
    [
        [],
        {},
        {"schema": SCHEMA},
        {"schema": "x", "statements": [1]},
        *({"schema": SCHEMA, "statements": value} for value in NO_STATEMENTS),
    ],
)
def test_files_that_are_none(table: object) -> None:
    with pytest.raises(ImageError):
        Chain.from_json(canonical_json(table).encode())


def test_nobody_is_asked_to_sign_what_would_be_refused() -> None:
    class Untouched:
        public_key = A.public_key

        def sign_digest(self, digest: bytes) -> bytes:
            raise AssertionError(digest)

    with pytest.raises(SigningError, match="successor already"):
        two().rotated(Untouched(), D, ROLE, LATER, "again")
    with pytest.raises(SigningError):
        two().revoking(B.public_key, Untouched(), ROLE, LATER, "by a predecessor")


def test_a_chain_ends_somewhere() -> None:
    full = Chain(two().statements[:1] * MAX_STATEMENTS, ROLE, two().keys[:2])
    with pytest.raises(SigningError, match="at most"):
        full.rotated(B, C, ROLE, DAY, "")


DATA = Chain().rotated(A, B, ROLE, DAY, "planned").to_json()


def test_every_flipped_byte_is_refused() -> None:
    Chain.from_json(DATA)
    for at in range(len(DATA)):
        with pytest.raises((ImageError, SigningError)):
            Chain.from_json(DATA[:at] + bytes([DATA[at] ^ 1]) + DATA[at + 1 :])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda s: st.lists(s) | st.dictionaries(st.text(), s),
    )
)
@settings(max_examples=200)
def test_any_json_is_read_or_refused(value: object) -> None:
    for table in (value, {"schema": SCHEMA, "statements": [value]}):
        data = (json.dumps(table, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode(
            "utf-8", "replace"
        )
        with pytest.raises(ToolchainError):
            Chain.from_json(data)
