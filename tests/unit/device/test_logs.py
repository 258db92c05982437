import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolchain.device.logs import read_log
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


def found(log: str) -> list[tuple[int, int | None, Step | None]]:
    return [(mention.line, mention.statement.sw, mention.step) for mention in read_log(log)]


def test_trace_of_ledgerblue() -> None:
    step = Step.HOST_CERTIFICATE
    assert found(LEDGERBLUE) == [(5, 0x6985, step), (7, 0x6985, step)]
    first = next(read_log(LEDGERBLUE))
    assert first.statement.meaning == "the secure channel was refused on the device"


@pytest.mark.parametrize(
    ("line", "sw"),
    [
        ("ledgerwallet.client.CommException: Exception : Invalid status 6512 (Unknown reason)", 0x6512),
        ("SW: 0x5515", 0x5515),
        ("TransportStatusError: Ledger device: status 0x6D00", 0x6D00),
        ("<= 31100004deadbeef6e00", 0x6E00),
        ("[BLE] <= 6a81", 0x6A81),
        ("<= b''6985", 0x6985),
        ("<= b'3110000400'9004", 0x9004),
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
    list(read_log(log))


def test_trace_of_ledgerblue_over_tcp() -> None:
    log = "=> b'e05100008904'\n<= b''6985\n=> b'e00000001e00'\n<= b''6a84\n"
    assert found(log) == [(2, 0x6985, Step.HOST_CERTIFICATE), (4, 0x6A84, None)]


@pytest.mark.parametrize(
    ("line", "sw"),
    [
        ("Operation has been canceled by the user.", 0x6985),
        ("An application with the same name is already installed.", 0x6A80),
        ("Application is already installed.", 0x6A81),
        ("Application Bitcoin is not installed.", 0x6984),
        ("A certificate is already installed on the device.", 0x6982),
        ("The provided certificate is invalid.", 0x6802),
        ("The device is not in recovery mode.", 0x661E),
        ("Exception: No dongle found", None),
        ("No Ledger device has been found.", None),
        ("Broken certificate chain - loading from user key", None),
        ("BaseException: Invalid SCP MAC", None),
        ("struct.error: unpack requires a buffer of 4 bytes", None),
        ("ModuleNotFoundError: No module named 'hid'", None),
    ],
)
def test_texts_of_the_official_loaders(line: str, sw: int | None) -> None:
    (mention,) = read_log(f"something else\n{line}\n")
    assert (mention.line, mention.statement.sw) == (2, sw)
    assert mention.statement.next_step
    assert mention.statement.source


def test_our_own_errors_name_the_step() -> None:
    line = "error: remove custom CA: no custom CA is enrolled; likely cause: x (status 6a84)"
    assert found(line) == [(1, 0x6A84, Step.REMOVE_CA)]


def test_a_longer_text_is_not_taken_for_a_shorter_one() -> None:
    (usual,) = read_log("Broken certificate chain - loading from user key")
    (refused,) = read_log("Exception: Broken certificate chain")
    assert usual.statement.meaning != refused.statement.meaning
