"""Why a device cannot be used right now, told apart, with what to do about it."""

from dataclasses import dataclass
from enum import StrEnum

from toolchain.device.apdu import CLA, Command
from toolchain.device.session import TARGET, call
from toolchain.device.status import Step
from toolchain.device.transport import (
    BusyError,
    NoAnswerError,
    NoDeviceError,
    NoPermissionError,
    Transport,
    open_transport,
)
from toolchain.errors import DeviceError, StatusWordError, TransportError
from toolchain.load.inventory import BootLoaderError, DeviceVersion, device_version
from toolchain.target import target_by_id

ANSWER_TIME = 5.0
"""Seconds; nothing that is asked here waits for a person."""


class Condition(StrEnum):
    """What state the device is in, seen from outside."""

    READY = "ready"
    NO_DEVICE = "no device"
    NO_PERMISSION = "no permission"
    SILENT = "no answer"
    LINK = "bad link"
    LOCKED = "locked"
    APP_OPEN = "an app is open"
    BOOT_LOADER = "boot loader"
    RECOVERY = "recovery mode"
    BUSY = "busy"
    WRONG_TARGET = "another target"
    OTHER = "refuses"


_BY_STATUS_WORD = {
    0x5515: Condition.LOCKED,
    0x9004: Condition.LOCKED,
    0x9804: Condition.LOCKED,
    0x6D00: Condition.APP_OPEN,
    0x6E00: Condition.APP_OPEN,
    0x6E01: Condition.APP_OPEN,
    0x9001: Condition.BUSY,
    0x6484: Condition.WRONG_TARGET,
    0x6814: Condition.WRONG_TARGET,
}


EXIT_CODES = {
    Condition.NO_DEVICE: 70,
    Condition.NO_PERMISSION: 71,
    Condition.SILENT: 72,
    Condition.LINK: 73,
    Condition.LOCKED: 74,
    Condition.APP_OPEN: 75,
    Condition.BOOT_LOADER: 76,
    Condition.RECOVERY: 77,
    Condition.BUSY: 78,
    Condition.WRONG_TARGET: 79,
}
"""How a script tells the conditions apart; the rest is 7, as for any other trouble with a device."""


@dataclass(frozen=True)
class Diagnosis:
    """The device's condition, what led to it, what to do, and what the device says it is, if it does."""

    condition: Condition
    detail: str
    advice: str
    version: DeviceVersion | None = None


class NotReadyError(DeviceError):
    """The device is in another condition than ready; each condition has an exit code of its own."""

    def __init__(self, diagnosis: Diagnosis) -> None:
        super().__init__(f"{diagnosis.condition}: {diagnosis.detail}", hint=diagnosis.advice)
        self.condition = diagnosis.condition
        self.exit_code = EXIT_CODES.get(diagnosis.condition, DeviceError.exit_code)


def diagnose(uri: str, *, target_id: int | None = None, timeout: float = ANSWER_TIME) -> Diagnosis:
    """Look at the device behind ``uri`` without changing it.

    Args:
        uri: as for ``open_transport``.
        target_id: what the device should be, if that matters.
        timeout: seconds that one answer may take.

    Raises:
        ConfigError: the URI is wrong, or its package is not installed.
    """
    try:
        with open_transport(uri, timeout=timeout) as transport:
            return _look(transport, target_id)
    except DeviceError as e:
        return Diagnosis(_condition(e), str(e), e.hint)


def _look(transport: Transport, target_id: int | None) -> Diagnosis:
    version = device_version(transport)
    if target_id is not None and version.target_id != target_id:
        is_, should = (_title(n) for n in (version.target_id, target_id))
        return Diagnosis(
            Condition.WRONG_TARGET, f"the device is {is_}, not {should}", "connect the right device", version
        )
    try:
        # A locked device still tells its version, but refuses to begin a session.
        call(transport, Command(CLA, TARGET, data=version.target_id.to_bytes(4, "big")), Step.TARGET)
    except StatusWordError as e:
        return Diagnosis(_condition(e), str(e), e.hint, version)
    title = f"{_title(version.target_id)}, OS {version.os_version}"
    if version.recovery_mode:
        advice = "restart the device to leave recovery mode, or enrol a custom CA now"
        return Diagnosis(Condition.RECOVERY, title, advice, version)
    return Diagnosis(Condition.READY, title, "nothing to do", version)


def _title(target_id: int) -> str:
    target = target_by_id(target_id)
    return target.title if target else f"{target_id:08x}"


def _condition(error: DeviceError) -> Condition:
    if isinstance(error, StatusWordError):
        return _BY_STATUS_WORD.get(error.sw, Condition.OTHER)
    for kind, condition in (
        (NoDeviceError, Condition.NO_DEVICE),
        (NoPermissionError, Condition.NO_PERMISSION),
        (BusyError, Condition.BUSY),
        (NoAnswerError, Condition.SILENT),
        (TransportError, Condition.LINK),
        (BootLoaderError, Condition.BOOT_LOADER),
    ):
        if isinstance(error, kind):
            return condition
    return Condition.OTHER
