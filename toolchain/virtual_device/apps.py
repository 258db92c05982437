"""Secured commands about apps: list, load, delete, space (loader protocol §8 to §13)."""

from dataclasses import replace
from types import MappingProxyType

from toolchain.virtual_device import replies
from toolchain.virtual_device.application import (
    FLAG_ENABLED,
    FLAG_ISSUER,
    FLAG_SIGNED,
    CreateRequest,
    Description,
    InstalledApp,
    hash_prefix,
    read_create,
    read_install_params,
)
from toolchain.virtual_device.config import PromptKind
from toolchain.virtual_device.core import Action, Actions, Core, exact_length
from toolchain.virtual_device.fields import read_lvs, read_name
from toolchain.virtual_device.flash import Construction, allocate, page_count
from toolchain.virtual_device.handshake import Trust
from toolchain.virtual_device.status import RefusedError, Status


class Apps:
    """The commands over ``core``; ``actions`` by sub-instruction."""

    def __init__(self, core: Core) -> None:
        self._core = core
        load: dict[int, Action] = {
            0x05: self._select,
            0x06: self._write,
            0x07: self._flush,
            0x08: self._check,
            0x09: self._commit,
        }
        self.actions: Actions = {
            **{sub: self._or_drop(action) for sub, action in load.items()},
            0x0B: self._create,
            0x0C: self._delete_by_name,
            0x0E: self.list_first,
            0x0F: self.list_next,
            0x11: self._memory,
            0x15: self._delete_by_hash,
        }

    def _or_drop(self, action: Action) -> Action:
        """A load ends with the first of its commands that is refused."""

        def run(args: bytes) -> bytes:
            try:
                return action(args)
            except RefusedError:
                self._core.session.construction = None
                raise

        return run

    def _construction(self) -> Construction:
        if self._core.session.construction is None:
            raise RefusedError(Status.SECURITY)
        return self._core.session.construction

    def _create(self, args: bytes) -> bytes:
        core, config, session = self._core, self._core.config, self._core.session
        session.construction = None
        if not config.sideload and session.trust is not Trust.ISSUER:
            raise RefusedError(Status.NO_SIDELOAD)
        request = read_create(args, config.api_level, config.generation)
        request.check(issuer=session.trust is Trust.ISSUER)
        self._restore(request.size)
        if len(core.state.apps) - len(session.replaced) >= config.slots:
            raise RefusedError(Status.NO_SLOT)
        pages = allocate(core.state.apps, request.size, config.erase_size, config.page_count)
        worn = {page: core.state.wear.get(page, 0) + 1 for page in pages}
        core.state = replace(core.state, wear=MappingProxyType({**core.state.wear, **worn}))
        prefix = hash_prefix(config.target_id, config.target_version, request)
        session.construction = Construction(request, prefix, pages)
        return b""

    def _restore(self, size: int) -> None:
        """Bring back what this session deleted, to be replaced at commit, if there is room for both.

        So the version before keeps working until the new one is committed, although hosts delete first.
        """
        core, session = self._core, self._core.session
        deleted, session.deleted = session.deleted, []
        apps = (*core.state.apps, *deleted)
        try:
            allocate(apps, size, core.config.erase_size, core.config.page_count)
        except RefusedError:
            return
        session.replaced |= {app.name for app in deleted}
        core.state = replace(core.state, apps=apps)

    def _select(self, args: bytes) -> bytes:
        exact_length(args, 4)
        self._construction().select(int.from_bytes(args, "big"))
        return b""

    def _write(self, args: bytes) -> bytes:
        self._construction().write(int.from_bytes(args[:2], "big"), args[2:])
        return b""

    def _flush(self, args: bytes) -> bytes:
        exact_length(args, 0)
        self._construction().flush()
        return b""

    def _check(self, args: bytes) -> bytes:
        exact_length(args, 8)
        offset, length, crc = (int.from_bytes(part, "big") for part in (args[:2], args[2:6], args[6:]))
        self._construction().check(offset, length, crc)
        return b""

    def _commit(self, args: bytes) -> bytes:
        core, session = self._core, self._core.session
        construction = self._construction()
        request, signature = _read_commit(args, construction.request)
        segments, full_hash = construction.finish()
        flags = request.flags | FLAG_ENABLED
        if session.trust is Trust.ISSUER:
            flags |= FLAG_ISSUER
        if signature is not None:
            if not core.signed(full_hash, signature):
                raise RefusedError(Status.SECURITY)
            flags |= FLAG_SIGNED
        # Room was made for padding in front of the parameters, which few images have.
        pages = construction.pages[: page_count(segments[-1].end, core.config.erase_size)]
        app = InstalledApp("", "", flags, request, segments, full_hash, pages, b"")
        image = app.contents
        description = request.description or read_install_params(image[len(image) - request.params_length :])
        self._check_others(description, full_hash)
        if session.trust is Trust.FOREIGN:
            title = f"{description.name} {description.version}".strip()
            core.ask(PromptKind.INSTALL, title, full_hash.hex())
        nvm = image[request.code_length : request.code_length + request.data_length]
        app = replace(app, name=description.name, version=description.version, nvm=nvm)
        core.state = replace(core.state, apps=(*self._kept(), app))
        session.construction, session.replaced = None, set()
        return b""

    def _kept(self) -> tuple[InstalledApp, ...]:
        return tuple(app for app in self._core.state.apps if app.name not in self._core.session.replaced)

    def _check_others(self, description: Description, full_hash: bytes) -> None:
        others = self._kept()
        if any(app.full_hash == full_hash for app in others):
            raise RefusedError(Status.ALREADY_INSTALLED)
        if any(app.name == description.name for app in others):
            raise RefusedError(Status.NAME_TAKEN)
        for library in description.dependencies:
            if not any(app.name == library.name and library.version in (None, app.version) for app in others):
                raise RefusedError(Status.MISSING_LIBRARY)

    def _delete_by_name(self, args: bytes) -> bytes:
        (name,) = read_lvs(args, 1)
        return self._delete(self._core.state.find(read_name(name)))

    def _delete_by_hash(self, args: bytes) -> bytes:
        exact_length(args, 32)
        return self._delete(next((app for app in self._core.state.apps if app.full_hash == args), None))

    def _delete(self, app: InstalledApp | None) -> bytes:
        """Deleting what is not there succeeds (§8). During a load, ``delete_in_load`` says what it means."""
        core, session = self._core, self._core.session
        policy = core.config.delete_in_load if session.construction is not None else None
        if app is None:
            return b""
        if policy == "refused":
            raise RefusedError(Status.SECURITY)
        if session.trust is Trust.FOREIGN:
            core.ask(PromptKind.DELETE, app.name, app.full_hash.hex())
        if policy == "at commit":
            session.replaced.add(app.name)
            return b""
        if policy == "ends load":
            session.construction = None
        if policy is None:
            session.deleted.append(app)
        core.state = replace(core.state, apps=tuple(other for other in core.state.apps if other is not app))
        return b""

    def list_first(self, args: bytes) -> bytes:
        """First page of the list; also in the clear (``DE``)."""
        exact_length(args, 0)
        self._core.session.pages = replies.list_pages(self._core.config, self._core.state)
        return self.list_next(args)

    def list_next(self, args: bytes) -> bytes:
        """Next page, empty at the end; also in the clear (``DF``)."""
        exact_length(args, 0)
        pages = self._core.session.pages
        return pages.pop(0) if pages else b""

    def _memory(self, args: bytes) -> bytes:
        exact_length(args, 0)
        return replies.memory(self._core.config, self._core.state)


def _read_commit(args: bytes, request: CreateRequest) -> tuple[CreateRequest, bytes | None]:
    """The request as committed, and the signature. The legacy form starts with the boot address (§8)."""
    if request.description is not None:
        boot_offset, args = int.from_bytes(args[:4], "big"), args[4:]
        if boot_offset & ~1 >= request.code_length:
            raise RefusedError(Status.INVALID)
        request = replace(request, boot_offset=boot_offset)
    fields = read_lvs(args, 0, 1)
    return request, fields[0] if fields else None
