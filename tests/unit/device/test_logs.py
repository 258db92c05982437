import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolchain.device.logs import find_status_words
from toolchain.device.status import Step

LEDGERBLUE = """\
Generated random root public key : b'04aa'
HID => e00400000433100004
HID <= 9000
HID => e05100008904
HID <= 6985
Traceback (most recent call last):
ledgerblue.commException.CommException: Exception : Invalid status 6985 (Condition of use not satisfied (denied by the user?))
"""  # noqa: E501 - as it is printed


def found(log: str) -> list[tuple[int, int, Step | None]]:
    return [(mention.line, mention.word.sw, mention.step) for mention in find_status_words(log)]


def test_trace_of_ledgerblue() -> None:
    step = Step.HOST_CERTIFICATE
    assert found(LEDGERBLUE) == [(5, 0x6985, step), (7, 0x6985, step)]
    first = next(find_status_words(LEDGERBLUE))
    assert first.word.meaning == "the secure channel was refused on the device"


@pytest.mark.parametrize(
    ("line", "sw"),
    [
        ("ledgerwallet.client.CommException: Exception : Invalid status 6512 (Unknown reason)", 0x6512),
        ("Error: create app: not enough space; likely cause: x (status 6a84)", 0x6A84),
        ("SW: 0x5515", 0x5515),
        ("TransportStatusError: Ledger device: status 0x6D00", 0x6D00),
        ("<= 31100004deadbeef6e00", 0x6E00),
        ("[BLE] <= 6a81", 0x6A81),
    ],
)
def test_one_line(line: str, sw: int) -> None:
    assert found(line) == [(1, sw, None)]


@pytest.mark.parametrize(
    "line", ["HID <= 9000", "version 1.2.3", "[2026] loaded 5103 bytes", "", "=> e001000000"]
)
def test_lines_without_a_status_word(line: str) -> None:
    assert found(line) == []


@given(st.text())
def test_any_text(log: str) -> None:
    list(find_status_words(log))
