"""The person with the device: onboarding (loader protocol §4, ``D0``), PIN, try counter, wipe."""

from dataclasses import replace

from toolchain.virtual_device.core import Core, Session
from toolchain.virtual_device.fields import read_lvs
from toolchain.virtual_device.state import PIN_TRIES, DeviceState
from toolchain.virtual_device.status import RefusedError, Status

TEMPORARY = 2
"""The identity that lasts until the next restart."""

WORD_COUNTS = (0, 12, 18, 24)
"""Of a recovery phrase; none lets the device make one."""


class Owner:
    """Onboarding by wire, unlocking by hand."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def onboard(self, identity: int, args: bytes) -> bytes:
        """``LV(pin) LV(prefix) LV(passphrase) LV(words)``, in recovery mode; only the PIN is kept.

        Identity 0 is the device's first, 1 another one with its own PIN, 2 a temporary one without.
        """
        core = self._core
        if not core.recovery:
            raise RefusedError(Status.NOT_IN_RECOVERY)
        if core.state.onboarded != (identity > 0):
            raise RefusedError(Status.SECURITY)
        pin, _prefix, _passphrase, words = read_lvs(args, 4)
        right_pin = not pin if identity == TEMPORARY else 4 <= len(pin) <= 8 and pin.isdigit()
        if not right_pin or len(words.split()) not in WORD_COUNTS:
            raise RefusedError(Status.INVALID)
        if identity == 0:
            core.state = replace(core.state, onboarded=True, pin=pin.decode("ascii"), tries=PIN_TRIES)
        return b""

    def unlock(self, pin: str) -> bool:
        """Enter a PIN. The last wrong try wipes the device; only flash wear survives that."""
        core = self._core
        if pin == core.state.pin:
            core.state = replace(core.state, tries=PIN_TRIES)
            core.locked = False
            return True
        if core.state.tries > 1:
            core.state = replace(core.state, tries=core.state.tries - 1)
            return False
        core.state = DeviceState(wear=core.state.wear, onboarded=False)
        core.session, core.running, core.locked = Session(), None, False
        return False
