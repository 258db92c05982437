"""Secured commands about certificates: the custom CA (loader protocol §14.1) and the recover CA (§8)."""

from dataclasses import replace

from toolchain.virtual_device.config import PromptKind
from toolchain.virtual_device.core import Actions, Core, exact_length
from toolchain.virtual_device.fields import read_key, read_lvs, read_name
from toolchain.virtual_device.state import Authority
from toolchain.virtual_device.status import RefusedError, Status


class Authorities:
    """The commands over ``core``: ``actions`` on the classic channels, ``siv_actions`` on SIV."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.actions: Actions = {0x12: self._enrol, 0x13: self._remove}
        self.siv_actions: Actions = {0xD2: self._enrol_recover, 0xD3: self._remove_recover}

    def _enrol(self, args: bytes) -> bytes:
        if not self._core.recovery:
            raise RefusedError(Status.NOT_IN_RECOVERY)
        if self._core.state.custom_ca is not None:
            raise RefusedError(Status.SECURITY)
        authority = self._confirmed(PromptKind.ENROL_CA, _read(args))
        self._core.state = replace(self._core.state, custom_ca=authority)
        return b""

    def _remove(self, args: bytes) -> bytes:
        exact_length(args, 0)
        if self._core.state.custom_ca is None:
            raise RefusedError(Status.NOTHING_TO_DELETE)
        self._confirmed(PromptKind.REMOVE_CA, self._core.state.custom_ca)
        self._core.state = replace(self._core.state, custom_ca=None)
        return b""

    def _enrol_recover(self, args: bytes) -> bytes:
        authority = _read(args)
        if self._core.state.recover_ca is not None:
            raise RefusedError(Status.SECURITY)
        self._confirmed(PromptKind.ENROL_CA, authority)
        self._core.state = replace(self._core.state, recover_ca=authority)
        return b""

    def _remove_recover(self, args: bytes) -> bytes:
        authority = _read(args)
        if self._core.state.recover_ca != authority:
            raise RefusedError(Status.NOTHING_TO_DELETE)
        self._confirmed(PromptKind.REMOVE_CA, authority)
        self._core.state = replace(self._core.state, recover_ca=None)
        return b""

    def _confirmed(self, kind: PromptKind, authority: Authority) -> Authority:
        self._core.ask(kind, authority.name, authority.key.point.hex())
        return authority


def _read(args: bytes) -> Authority:
    name, key = read_lvs(args, 2)
    return Authority(read_name(name), read_key(key))
