"""Replay of ``app.apdu``: the commands of a load, recorded before wrapping (loader protocol §15.2).

A script is a list of arbitrary commands, so only those of one load pass, and only over the channel.
"""

import hashlib
from collections.abc import Sequence

from toolchain.device.apdu import CLA, Command
from toolchain.device.session import SECURED, Session
from toolchain.device.status import Step
from toolchain.errors import ImageError
from toolchain.load import plan
from toolchain.load.install import Installed, Progress, quiet, run_and_confirm
from toolchain.load.inventory import inventory
from toolchain.load.plan import LoadCommand
from toolchain.target import target_by_id

_STEPS = {
    plan.DELETE: Step.DELETE,
    plan.CREATE: Step.CREATE,
    plan.SELECT: Step.SELECT,
    plan.CHUNK: Step.LOAD,
    plan.FLUSH: Step.FLUSH,
    plan.CRC: Step.CRC,
    plan.COMMIT: Step.COMMIT,
}
_CHUNK_HEADER = 3


def load_commands(apdus: Sequence[bytes]) -> tuple[LoadCommand, ...]:
    """The load that a script holds.

    Raises:
        ImageError: another command than those of a load, or not exactly one create and, last, one commit.
    """
    commands = tuple(_command(apdu, line) for line, apdu in enumerate(apdus, start=1))
    steps = [command.step for command in commands]
    if steps.count(Step.CREATE) != 1 or steps.count(Step.COMMIT) != 1 or steps[-1:] != [Step.COMMIT]:
        raise ImageError("the script is not one whole load: one create, and one commit at its end")
    return commands


def _command(apdu: bytes, line: int) -> LoadCommand:
    command = Command.decode(apdu)
    header = (command.cla, command.ins, command.p1, command.p2)
    step = _STEPS.get(command.data[0]) if command.data else None
    if header != (CLA, SECURED, 0, 0) or step is None:
        raise ImageError("not a command of a load", where=f"line {line}")
    payload = max(0, len(command.data) - _CHUNK_HEADER) if step == Step.LOAD else 0
    return LoadCommand(step, command.data, payload)


def script_digest(commands: Sequence[LoadCommand], target_id: int) -> bytes:
    """The full hash of the app that these commands load on a device of that target (§13)."""
    hashed = hashlib.sha256()
    target = target_by_id(target_id)
    if target_id & 0xF > 3:
        hashed.update(target_id.to_bytes(4, "big") + (target.version if target else "").encode("ascii"))
    for command in commands:
        if command.step == Step.CREATE:
            hashed.update(command.plaintext[1:])
        elif command.step == Step.LOAD:
            hashed.update(command.plaintext[_CHUNK_HEADER:])
    return hashed.digest()


def replay_script(session: Session, apdus: Sequence[bytes], *, progress: Progress = quiet) -> Installed:
    """Load what a script holds, unless the device has it, and make the device confirm it.

    Raises:
        ImageError: not the script of one load.
        DeviceError: refused, not confirmed, not authentic, or the link failed.
    """
    commands = load_commands(apdus)
    digest = script_digest(commands, session.target_id)
    for app in inventory(session).apps:
        if app.full_hash == digest:
            return Installed(app, 0)
    return run_and_confirm(session, commands, digest, progress)
