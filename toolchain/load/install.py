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
from toolchain.errors import DeviceError
from toolchain.image import Image
from toolchain.load import consent
from toolchain.load.consent import Announce, silent
from toolchain.load.inventory import InstalledApp, find_app, inventory
from toolchain.load.plan import LoadCommand, Packing, plan_load
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


def install(
    session: Session,
    image: Image,
    signature: bytes | None,
    *,
    progress: Progress = quiet,
    announce: Announce = silent,
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
        announce: called before each command that the device may ask its owner about.
        force: load even if the device has this very app.

    Raises:
        DeviceError: another target, no room, no library, refused, not confirmed, not authentic, or the
            link failed.
        ImageError: name or signature do not fit their commands.
    """
    require_target(image, session.target_id)
    found = preflight(image, inventory(session), force=force)
    if found.present is not None and not force:
        return Installed(found.present, 0)
    packing = Packing.fewest(session.transport.max_data, authenticated=session.authenticated)
    plan = plan_load(image, signature=signature, delete_first=found.replaced is not None, packing=packing)
    questions = {Step.COMMIT: consent.install(image)}
    if found.replaced is not None:
        questions[Step.DELETE] = consent.replace(found.replaced)
    return run_and_confirm(
        session, plan.commands, image.digest(), progress, announce=announce, questions=questions
    )


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
