"""Load an app so that in the end it is known to be there.

Each command of a load is answered by a status word alone, which nothing protects: a relay that swallows
every command can make a loader report success. So nothing counts here but the list of apps that the
device sends back over the channel, with the app's full hash in it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from toolchain.device.session import Session
from toolchain.device.status import Step
from toolchain.errors import DeviceError, StatusWordError
from toolchain.image import Image
from toolchain.load import consent
from toolchain.load.consent import Announce, silent
from toolchain.load.inventory import InstalledApp, find_app, inventory
from toolchain.load.plan import Delete, LoadCommand, Packing, plan_load
from toolchain.load.preflight import preflight, require_target

Progress = Callable[[int, int], None]
"""Called with the commands that are done and the commands in all, after each one."""


def quiet(_done: int, _total: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class Installed:
    """The device lists ``app`` with the image's hash. ``commands`` is 0 if it did so from the start."""

    app: InstalledApp
    commands: int


_NOT_BOTH = {
    Step.CREATE: {0x6A84, 0x6A85},
    Step.COMMIT: {0x6A80, 0x6A81},
}
"""Refusals that say: not beside the version before. No room, no place; the name is taken all the same."""

_NOT_THE_ORDER = {0x6985, 0x5515}
"""Refusals of a deletion that have nothing to do with its place: the owner's, and a lock's."""


class KeepingRefusedError(DeviceError):
    """The device does not keep the version before until the commit; with ``delete_first`` it may load."""


def install(
    session: Session,
    image: Image,
    signature: bytes | None,
    *,
    progress: Progress = quiet,
    announce: Announce = silent,
    force: bool = False,
    delete_first: bool = False,
) -> Installed:
    """Load ``image`` unless the device has it, and make the device confirm it.

    An app of the same name is deleted just before the commit, so that a load that is cut leaves it as it was;
    before everything else if the device has no room for both. The device asks its owner before it deletes
    and loads, unless the host's key is its custom CA.

    Args:
        session: an open channel to a device of the image's target.
        image: what to load.
        signature: DER, over ``image.digest()``; None for an unsigned app.
        progress: called after each command.
        announce: called before each command that the device may ask its owner about.
        force: load even if the device has this very app.
        delete_first: delete before everything else in any case, as ledgerblue does.

    Raises:
        KeepingRefusedError: the device does not delete within a load; only without ``delete_first``.
        DeviceError: another target, no room, no library, refused, not confirmed, not authentic, or the
            link failed.
        ImageError: name or signature do not fit their commands.
    """
    require_target(image, session.target_id)
    found = preflight(image, inventory(session), force=force)
    if found.present is not None and not force:
        return Installed(found.present, 0)
    packing = Packing.fewest(session.transport.max_data, authenticated=session.authenticated)
    delete = None
    questions = {Step.COMMIT: consent.install(image)}
    if found.replaced is not None:
        delete = Delete.LAST if found.both and not delete_first else Delete.FIRST
        questions[Step.DELETE] = consent.replace(found.replaced)
        if delete is Delete.FIRST:
            announce(consent.not_both(found.replaced))
    plan = plan_load(image, signature=signature, delete=delete, packing=packing)
    try:
        return run_and_confirm(
            session, plan.commands, image.digest(), progress, announce=announce, questions=questions
        )
    except StatusWordError as e:
        if delete is Delete.LAST and _for_its_order(e):
            raise KeepingRefusedError(
                f"the device does not keep the version before until the new one is complete: {e}",
                hint="delete it first (delete_first)",
            ) from e
        raise


def _for_its_order(refusal: StatusWordError) -> bool:
    """Whether a load whose deletion comes last was refused for that."""
    if refusal.step == Step.DELETE:
        return refusal.sw not in _NOT_THE_ORDER
    return any(refusal.step == step and refusal.sw in words for step, words in _NOT_BOTH.items())


def run_and_confirm(
    session: Session,
    commands: Sequence[LoadCommand],
    digest: bytes,
    progress: Progress,
    *,
    announce: Announce = silent,
    questions: Mapping[Step, str] = MappingProxyType({}),
) -> Installed:
    """Send the commands of a load and make the device list the app.

    ``questions`` are what the device asks at which step; ``announce`` hears of each before it comes.

    Raises:
        DeviceError: refused, not confirmed, not authentic, or the link failed.
    """
    for done, command in enumerate(commands, start=1):
        if command.step in questions:
            announce(questions[command.step])
        session.send(command.plaintext, step=command.step, answer="none")
        progress(done, len(commands))
    app = find_app(session, digest)
    if app is None:
        raise DeviceError(
            "the device did not confirm: it does not list the app that was loaded",
            hint="load again; if it stays, something on the way swallows or alters commands",
        )
    return Installed(app, len(commands))
