"""Load an app so that in the end it is known to be there.

Each command of a load is answered by a status word alone, which nothing protects: a relay that swallows
every command can make a loader report success. So nothing counts here but the list of apps that the
device sends back over the channel, with the app's full hash in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from toolchain.device.session import Session
from toolchain.errors import DeviceError
from toolchain.image import Image
from toolchain.load.inventory import InstalledApp, Inventory, find_app, inventory
from toolchain.load.plan import LoadCommand, Packing, plan_load
from toolchain.target import Target, target_by_id

Progress = Callable[[int, int], None]
"""Called with the commands that are done and the commands in all, after each one."""


def quiet(_done: int, _total: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class Installed:
    """The device lists ``app`` with the image's hash. ``commands`` is 0 if it did so from the start."""

    app: InstalledApp
    commands: int


def install(
    session: Session,
    image: Image,
    signature: bytes | None,
    *,
    progress: Progress = quiet,
    force: bool = False,
) -> Installed:
    """Load ``image`` unless the device has it, and make the device confirm it.

    An app of the same name is deleted first. The device asks its owner before it deletes and loads,
    unless the host's key is its custom CA.

    Args:
        session: an open channel to a device of the image's target.
        image: what to load.
        signature: DER, over ``image.digest()``; None for an unsigned app.
        progress: called after each command.
        force: load even if the device has this very app.

    Raises:
        DeviceError: another target, no room, refused, not confirmed, not authentic, or the link failed.
        ImageError: name or signature do not fit their commands.
    """
    if session.target_id != image.target_id:
        raise DeviceError(
            f"the app is built for {_name(image.target_id)}, the device is {_name(session.target_id)}",
            hint="build it for the device's target",
        )
    digest = image.digest()
    before = inventory(session)
    there = next((app for app in before.apps if app.full_hash == digest), None)
    if there is not None and not force:
        return Installed(there, 0)
    replaced = next((app for app in before.apps if app.name == image.name and not app.is_custom_ca), None)
    require_room(image, before, replaced)

    packing = Packing.fewest(session.transport.max_data, authenticated=session.authenticated)
    plan = plan_load(image, signature=signature, delete_first=replaced is not None, packing=packing)
    return run_and_confirm(session, plan.commands, digest, progress)


def run_and_confirm(
    session: Session, commands: Sequence[LoadCommand], digest: bytes, progress: Progress
) -> Installed:
    """Send the commands of a load and make the device list the app.

    Raises:
        DeviceError: refused, not confirmed, not authentic, or the link failed.
    """
    for done, command in enumerate(commands, start=1):
        session.send(command.plaintext, step=command.step, answer="none")
        progress(done, len(commands))
    app = find_app(session, digest)
    if app is None:
        raise DeviceError(
            "the device did not confirm: it does not list the app that was loaded",
            hint="load again; if it stays, something on the way swallows or alters commands",
        )
    return Installed(app, len(commands))


def _name(target_id: int) -> str:
    target = target_by_id(target_id)
    return f"{target.title} ({target_id:08x})" if target else f"target {target_id:08x}"


def require_room(image: Image, there: Inventory, replaced: InstalledApp | None) -> None:
    """Check space and slots before the first command.

    Args:
        image: what is to be loaded.
        there: what the device has.
        replaced: the app that goes first.

    Raises:
        DeviceError: not enough; the hint says what to delete.
    """
    target = target_by_id(image.target_id)
    unit = max(target.page_size, target.list_block_size) if target else 1
    needed = -(-image.span // unit) * unit
    free = there.memory.free + (_size(replaced, target) if replaced else 0)
    if needed > free:
        others = [app for app in there.apps if app is not replaced and not app.is_custom_ca]
        raise DeviceError(
            f"the app needs {needed} bytes of flash, the device has {free}", hint=_advice(others, target)
        )
    if there.memory.slots_used - (replaced is not None) >= there.memory.slots:
        raise DeviceError(
            f"all {there.memory.slots} places for apps are taken", hint="delete an app that is not needed"
        )


def _size(app: InstalledApp, target: Target | None) -> int:
    return (app.blocks or 0) * (target.list_block_size if target else 0)


def _advice(apps: list[InstalledApp], target: Target | None) -> str:
    sized = sorted(((_size(app, target), app.name) for app in apps), reverse=True)
    listed = ", ".join(f"{name} ({size} bytes)" if size else name for size, name in sized)
    return f"delete one of: {listed}" if listed else "the app does not fit this device"
