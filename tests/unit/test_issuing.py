"""Statements about keys behind an air gap, whose answer takes its time."""

import datetime
from pathlib import Path

import pytest

from toolchain.chain import Chain
from toolchain.dsse import open_payload
from toolchain.issuing import Ceremony, Secrets, record, revoke, rotate
from toolchain.keys import PrivateKey
from toolchain.sign.external import AwaitingSignatureError

EVE = PrivateKey.from_int(0xE5)
DAY = datetime.date(2024, 5, 6)
PASSPHRASE = "correct horse battery"
SECRETS = Secrets(lambda _name: PASSPHRASE, lambda _name: PASSPHRASE)
WATCHED = Ceremony()


@pytest.fixture
def gap(tmp_path: Path) -> Path:
    """The folder of Eve's air gap; she has a record."""
    folder = tmp_path / "gap"
    folder.mkdir()
    (folder / "public.pem").write_text(EVE.public_key.pem())
    record(folder / "public.pem", "app-signing", SECRETS, WATCHED, public=True)
    return folder


def answer(gap: Path) -> None:
    for digest in gap.glob("*.digest"):
        digest.with_suffix(".sig").write_bytes(EVE.sign_digest(digest.read_bytes()))


def dates(chain: Chain) -> list[object]:
    return [open_payload(e, e.payload_type)["date"] for e in chain.statements]


def hand_over(gap: Path, days: int, reason: str = "planned") -> Chain:
    old, new = gap / "public.pem", gap.parent / "new.pem"
    date = DAY + datetime.timedelta(days)
    return rotate(
        old, new, f"external:{gap}", "", reason=reason, date=date, secrets=SECRETS, watched=WATCHED
    ).chain


def give_up(gap: Path, days: int) -> Chain:
    date = DAY + datetime.timedelta(days)
    return revoke(
        gap / "public.pem",
        None,
        f"external:{gap}",
        reason="stolen",
        date=date,
        secrets=SECRETS,
        watched=WATCHED,
    ).chain


def test_an_answer_on_a_later_day_is_about_the_day_of_the_request(gap: Path) -> None:
    (gap / "0.request.json").write_text("not a request")
    with pytest.raises(AwaitingSignatureError):
        hand_over(gap, 0)
    (text,) = gap.glob("*.request.txt")
    assert "date      2024-05-06" in text.read_text()
    answer(gap)
    chain = hand_over(gap, 3)
    assert dates(chain) == ["2024-05-06"]
    assert chain.keys[0] == EVE.public_key

    with pytest.raises(AwaitingSignatureError):
        give_up(gap, 4)
    answer(gap)
    assert dates(give_up(gap, 9)) == ["2024-05-06", "2024-05-10"]


def test_a_request_for_something_else_or_of_a_day_to_come_gives_no_day(gap: Path) -> None:
    with pytest.raises(AwaitingSignatureError):
        hand_over(gap, 2)
    answer(gap)
    for days, reason in ((2, "another"), (1, "planned")):
        with pytest.raises(AwaitingSignatureError):
            hand_over(gap, days, reason)
    assert len(list(gap.glob("*.request.txt"))) == 3
