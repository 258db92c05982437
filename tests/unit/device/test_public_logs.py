# ruff: noqa: E501 - a table
"""What people posted when a loader failed: each is explained, by step where the log tells it.

The logs are written here in the form in which the loaders print them, and shortened to what matters; codes,
tools and steps are those of the public issues that are named.
"""

import pytest

from toolchain.device.logs import read_log
from toolchain.device.status import Step


def blue(sw: str, *calls: str, text: str = "Unknown reason", script: str = "loadApp") -> str:
    """A traceback of ledgerblue's, innermost call last."""
    frames = "".join(
        f'  File "/lib/python3.9/site-packages/ledgerblue/{script}.py", line 1, in {call}\n' for call in calls
    )
    return (
        f"Traceback (most recent call last):\n{frames}"
        f"ledgerblue.commException.CommException: Exception : Invalid status {sw} ({text})\n"
    )


def ctl(sw: str, *calls: str) -> str:
    """A traceback of ledgerctl's."""
    frames = "".join(
        f'  File "/lib/python3.9/site-packages/ledgerwallet/client.py", line 1, in x\n    {call}\n'
        for call in calls
    )
    return (
        "[WARNING] JSON files will be deprecated in future version\nTraceback (most recent call last):\n"
        f"{frames}ledgerwallet.client.CommException: Exception : Invalid status {sw} (Unknown reason)\n"
    )


DENIED = "Condition of use not satisfied (denied by the user?)"
HANDSHAKE = Step.HOST_CERTIFICATE
CREATE_CTL = "self.apdu_secure_exchange(LedgerSecureIns.CREATE_APP, data)"

LOGS: dict[str, tuple[str, int, Step | None, str]] = {
    "blue-loader-python#20": (blue("6a84", "getDeployedSecretV2", script="checkGenuine"), 0x6A84, Step.TARGET, ""),
    "blue-loader-python#26": (blue("6d00", "getDeployedSecretV2"), 0x6D00, Step.TARGET, "menu"),
    "blue-loader-python#31": (blue("6d00", "runApp", "exchange", script="hexLoader"), 0x6D00, Step.RUN, "menu"),
    "blue-loader-python#34": (blue("6700", "createAppNoInstallParams"), 0x6700, Step.CREATE, ""),
    "blue-loader-python#42": (
        f"HID => e05180008a41\nHID <= 6985\n{blue('6985', 'getDeployedSecretV2', text=DENIED)}",
        0x6985, HANDSHAKE, "accept",
    ),
    "blue-loader-python#51": ('With 0x31000004, I get "Invalid status 6484".\n', 0x6484, None, "target"),
    "blue-loader-python#61": (blue("69d5", "getDeployedSecretV2"), 0x69D5, HANDSHAKE, ""),
    "blue-loader-python#67": (blue("6e00", "exchange", script="comm"), 0x6E00, None, "menu"),
    "blue-loader-python#71": (blue("6986", "commit", "exchange", script="hexLoader"), 0x6986, Step.COMMIT, ""),
    "blue-loader-python#74": (blue("6984", script="loadMCU"), 0x6984, None, ""),
    "blue-loader-python#86": (blue("69d5", "getDeployedSecretV2"), 0x69D5, HANDSHAKE, ""),
    "blue-loader-python#96": (blue("6814", "getDeployedSecretV2", script="checkGenuine"), 0x6814, Step.TARGET, "target"),
    "blue-loader-python#98": (blue("6d06", "getDeployedSecretV2", script="checkGenuine"), 0x6D06, Step.TARGET, "unlock"),
    "blue-loader-python#128": (blue("6512", "createAppNoInstallParams"), 0x6512, Step.CREATE, "SDK"),
    "ledgerctl#16": (ctl("6805", "self.apdu_exchange(LedgerIns.VALIDATE_CERTIFICATE, chain[0])"), 0x6805, HANDSHAKE, "another model"),
    "ledgerctl#22": (ctl("6805", "self.apdu_exchange(LedgerIns.VALIDATE_CERTIFICATE, chain[0])"), 0x6805, HANDSHAKE, "another model"),
    "ledgerctl#42": ("The device is not in recovery mode.\n", 0x661E, Step.ENROLL_CA, "recovery"),
    "ledgerctl#65": (ctl("6512", CREATE_CTL), 0x6512, Step.CREATE, "SDK"),
    "ledgerctl#86": (ctl("5120", CREATE_CTL), 0x5120, Step.CREATE, "virtual device"),
    "cargo-ledger#20": (ctl("6512", CREATE_CTL), 0x6512, Step.CREATE, "SDK"),
    "cargo-ledger#28": ("Then got `Invalid status 511f (Unknown reason)` with 1.\n", 0x511F, None, "SDK"),
    "app-ethereum#417": (blue("6512", "createApp"), 0x6512, Step.CREATE, "SDK"),
    "app-ethereum#426": (blue("6811", "commit", script="hexLoader"), 0x6811, Step.COMMIT, "load the app that it needs"),
    "ledger-live#5808": ("UNKNOWN_ERROR: status code 0x6811\n", 0x6811, None, "load the app that it needs"),
    "ledger-nano-s#49": ('D/Global:   "data": "Exception : Invalid status 6a83"\n', 0x6A83, None, "load"),
    "nanos-nonsecure-firmware-releases#1": (blue("6982", "boot", script="hexLoader"), 0x6982, None, ""),
    "trezor-agent#59": (blue("6e00", "exchange", script="comm"), 0x6E00, None, "menu"),
    "trezor-agent#245": ('D/Global:   "data": "Exception : Invalid status 6e00"\n', 0x6E00, None, "menu"),
    "bolos-app-otp2fa#1": (blue("6a84", "createApp"), 0x6A84, Step.CREATE, "delete"),
    "ledger-namada#30": (blue("6512", "createApp"), 0x6512, Step.CREATE, "SDK"),
    "ledger-polkadot#187": (blue("6512", "createApp"), 0x6512, Step.CREATE, "SDK"),
    "ledger-zcash#45": (blue("5103", "createApp"), 0x5103, Step.CREATE, "delete"),
    "ledger-kusama#199": (blue("6814", "getDeployedSecretV2"), 0x6814, Step.TARGET, "target"),
    "ledger-app-mina#3": (blue("6484", "getDeployedSecretV2"), 0x6484, Step.TARGET, "target"),
    "iota#6898": (ctl("5103", CREATE_CTL), 0x5103, Step.CREATE, "delete"),
    "lib-ledger-core#238": (blue("69d5", "getDeployedSecretV2", script="checkGenuine"), 0x69D5, HANDSHAKE, ""),
    "monero-gui#3507": ("Wrong Device Status: 0x6e00 (SW_CLA_NOT_SUPPORTED), EXPECTED 0x9000\n", 0x6E00, None, "menu"),
    "device-sdk-ts#1773": ("[exchange] <= 6901\n", 0x6901, None, "unlock"),
    "metamask-extension#17606": ("the device was returning error code `0x6b0c` when locked\n", 0x6B0C, None, "unlock"),
    "oxen-core#1613": ("Wrong Device Status: 0x5515, EXPECTED 0x9000\n", 0x5515, None, "unlock"),
}  # fmt: skip


@pytest.mark.parametrize("issue", LOGS)
def test_what_was_posted_is_explained(issue: str) -> None:
    log, sw, step, advice = LOGS[issue]
    mentions = [mention for mention in read_log(log) if mention.statement.sw is not None]
    assert {mention.statement.sw for mention in mentions} == {sw}
    last = mentions[-1]
    assert last.step == step
    said = f"{last.statement.meaning} {last.statement.cause} {last.statement.next_step}"
    assert advice in said
    assert "unknown reason" not in said.lower()
    assert "no source describes" not in said


def test_a_traceback_names_the_step_of_its_status_only() -> None:
    log = blue("6985", "commit", text=DENIED) + "HID => e0d8000004\nHID <= 6984\n"
    assert [m.step for m in read_log(log) if m.statement.sw] == [Step.COMMIT, Step.RUN]
