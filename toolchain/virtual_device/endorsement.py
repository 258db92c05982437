"""Endorsement (loader protocol §14.4): a key of the device's own, signed by the device, then by an owner."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from toolchain.errors import SigningError
from toolchain.keys import low_s
from toolchain.virtual_device.config import random_key
from toolchain.virtual_device.core import Core, exact_length
from toolchain.virtual_device.state import Endorsement
from toolchain.virtual_device.status import RefusedError, Status


class Endorsements:
    """The commands over ``core``, between handshake messages 6 and 7; ``actions`` by instruction.

    Nothing in a virtual device signs with the key, so only its public half is kept.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self.actions: Mapping[int, Callable[[int, bytes], bytes]] = {0xC0: self._start, 0xC2: self._commit}

    def _start(self, slot: int, args: bytes) -> bytes:
        exact_length(args, 0)
        core = self._core
        if core.session.handshake is None or not core.session.handshake.authenticated:
            raise RefusedError(Status.SECURITY)
        key = random_key(core.random).public_key
        core.session.endorsement = Endorsement(slot, key, b"")
        return key.point + core.config.identity.key.sign_message(b"\xff" + key.point)

    def _commit(self, _slot: int, args: bytes) -> bytes:
        core, endorsement = self._core, self._core.session.endorsement
        core.session.endorsement = None
        if endorsement is None:
            raise RefusedError(Status.SECURITY)
        try:
            low_s(args)
        except SigningError as e:
            raise RefusedError(Status.INVALID) from e
        kept = (other for other in core.state.endorsements if other.slot != endorsement.slot)
        core.state = replace(core.state, endorsements=(*kept, replace(endorsement, owner_signature=args)))
        return b""
