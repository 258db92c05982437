"""Commands about language packs (loader protocol §16.3): own instructions, bodies through the channel."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from toolchain.virtual_device import replies
from toolchain.virtual_device.core import Core, PackConstruction, exact_length
from toolchain.virtual_device.fields import read_lvs
from toolchain.virtual_device.state import LanguagePack
from toolchain.virtual_device.status import RefusedError, Status

MAX_PACK = 1 << 20


class Languages:
    """The commands over ``core``; ``actions`` by instruction take P1 and the body in the clear."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.actions: Mapping[int, Callable[[int, bytes], bytes]] = {
            0x30: self._create,
            0x31: self._load,
            0x32: self._commit,
            0x33: self._delete,
            0x34: self._list,
        }

    def _create(self, language: int, args: bytes) -> bytes:
        exact_length(args, 4)
        size = int.from_bytes(args, "big")
        self._core.session.pack = None
        if not 0 < size <= MAX_PACK:
            raise RefusedError(Status.INVALID)
        self._core.session.pack = PackConstruction(language, size)
        return b""

    def _load(self, language: int, args: bytes) -> bytes:
        pack = self._pack(language)
        offset, chunk = int.from_bytes(args[:4], "big"), args[4:]
        if not chunk or offset != len(pack.data) or offset + len(chunk) > pack.size:
            self._core.session.pack = None
            raise RefusedError(Status.INVALID)
        pack.data += chunk
        return b""

    def _commit(self, language: int, args: bytes) -> bytes:
        core, pack = self._core, self._pack(language)
        core.session.pack = None
        signature = read_lvs(args, 0, 1)
        if len(pack.data) != pack.size:
            raise RefusedError(Status.INVALID)
        made = LanguagePack(language, core.config.os_version, bytes(pack.data))
        if signature and not core.signed(made.digest, signature[0]):
            raise RefusedError(Status.SECURITY)
        core.state = replace(core.state, packs=(*self._others(language), made))
        return b""

    def _delete(self, language: int, args: bytes) -> bytes:
        exact_length(args, 0)
        self._core.state = replace(self._core.state, packs=self._others(language))
        return b""

    def _list(self, following: int, args: bytes) -> bytes:
        exact_length(args, 0)
        session = self._core.session
        if not following:
            session.pack_pages = replies.pack_pages(self._core.state)
        return session.pack_pages.pop(0) if session.pack_pages else b""

    def _pack(self, language: int) -> PackConstruction:
        pack = self._core.session.pack
        if pack is None or pack.language != language:
            raise RefusedError(Status.SECURITY)
        return pack

    def _others(self, language: int) -> tuple[LanguagePack, ...]:
        return tuple(pack for pack in self._core.state.packs if pack.language != language)
