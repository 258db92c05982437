"""Tasks about devices: what is on them, whether they are genuine, why they refuse."""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context

from toolchain.console import Output, command, task

if TYPE_CHECKING:
    from toolchain.package import Loaded, Package

PROJECT = Path(__file__).resolve().parent

_DEVICE = "usb:, ble:ADDRESS, pcsc: or tcp://HOST:PORT, or virtual: with --state (docs/load.md)"
_TARGET = "what the device must be, or the virtual device is: nanos nanosp nanox stax flex apex_p"
_JSON = "results as one JSON object a line (docs/json.md)"
_HELP = {
    "device": _DEVICE,
    "target": _TARGET,
    "state": "file in which a virtual device keeps what is installed",
    "timeout": "seconds that one answer of the device may take",
    "json": _JSON,
}
_SESSION_HELP = {
    **_HELP,
    "unsafe-unknown-issuer": "go on with a device that no pinned issuer vouches for; recorded in the result",
}


def prepare(*uris: str) -> None:
    """Install what the transports of these URIs need, the first time that they are used."""
    if any(uri.startswith(("usb:", "ble:")) for uri in uris):
        from toolchain.environment import add_lock

        add_lock(PROJECT / "requirements" / "usb.lock")


@task(help=_SESSION_HELP)
@command
def info(
    _context: Context,
    device: str = "usb:",
    target: str = "",
    state: str = "",
    unsafe_unknown_issuer: bool = False,
    timeout: float = 60.0,
    json: bool = False,
) -> None:
    """Show what the device says it is, over the authenticated channel."""
    from toolchain import devices, views_device
    from toolchain.load.inventory import secured_version

    out = Output(as_json=json)
    prepare(device)
    options = devices.options(device, target, state, timeout, unsafe_unknown_issuer=unsafe_unknown_issuer)
    with devices.connect(options, announce=out.note) as connection:
        views_device.info(out, connection, secured_version(connection.session))


@task(help=_SESSION_HELP)
@command
def apps(
    _context: Context,
    device: str = "usb:",
    target: str = "",
    state: str = "",
    unsafe_unknown_issuer: bool = False,
    timeout: float = 60.0,
    json: bool = False,
) -> None:
    """List the installed apps with their hashes and sizes."""
    from toolchain import devices, views_device
    from toolchain.load.inventory import inventory

    out = Output(as_json=json)
    prepare(device)
    options = devices.options(device, target, state, timeout, unsafe_unknown_issuer=unsafe_unknown_issuer)
    with devices.connect(options, announce=out.note) as connection:
        views_device.apps(out, connection, inventory(connection.session))


@task(help=_SESSION_HELP)
@command
def memory(
    _context: Context,
    device: str = "usb:",
    target: str = "",
    state: str = "",
    unsafe_unknown_issuer: bool = False,
    timeout: float = 60.0,
    json: bool = False,
) -> None:
    """Show how much room there is for apps."""
    from toolchain import devices, views_device
    from toolchain.load.inventory import memory_info

    out = Output(as_json=json)
    prepare(device)
    options = devices.options(device, target, state, timeout, unsafe_unknown_issuer=unsafe_unknown_issuer)
    with devices.connect(options, announce=out.note) as connection:
        views_device.memory(out, connection, memory_info(connection.session))


@task(help={**_SESSION_HELP, "app": "its name, or its full hash (64 hex digits)"})
@command
def delete(
    _context: Context,
    app: str,
    device: str = "usb:",
    target: str = "",
    state: str = "",
    unsafe_unknown_issuer: bool = False,
    timeout: float = 60.0,
    json: bool = False,
) -> None:
    """Delete an app; one that is not there is no error. Done only when the device no longer lists it."""
    from toolchain import devices, views_device
    from toolchain.load.consent import delete as question
    from toolchain.load.inventory import delete_app_by_hash, inventory

    out = Output(as_json=json)
    prepare(device)
    options = devices.options(device, target, state, timeout, unsafe_unknown_issuer=unsafe_unknown_issuer)
    with devices.connect(options, announce=out.note) as connection:
        listed = inventory(connection.session).apps
        found = next((a for a in listed if not a.is_custom_ca and app in (a.name, a.full_hash.hex())), None)
        if found is not None:
            out.note(question(found))
            delete_app_by_hash(connection.session, found.full_hash)
        views_device.deleted(out, connection, app, found)


@task(help={**_HELP, "app": "its name"})
@command
def run(
    _context: Context,
    app: str,
    device: str = "usb:",
    target: str = "",
    state: str = "",
    timeout: float = 60.0,
    json: bool = False,
) -> None:
    """Start an installed app. The command goes in clear: that it runs is to be seen on the device."""
    from toolchain import devices, views_device
    from toolchain.load.inventory import run_app

    out = Output(as_json=json)
    prepare(device)
    with devices.link(devices.options(device, target, state, timeout)) as link:
        run_app(link.transport, app)
        views_device.running(out, link, app)


@task(help=_HELP)
@command
def genuine(
    _context: Context,
    device: str = "usb:",
    target: str = "",
    state: str = "",
    timeout: float = 60.0,
    json: bool = False,
) -> None:
    """Check that a pinned issuer made the device: exit code 0 if so, 7 if not or if nobody can tell."""
    from toolchain import devices, views_device

    out = Output(as_json=json)
    prepare(device)
    views_device.genuine(out, devices.genuine(devices.options(device, target, state, timeout), out.note))


@task(
    help={
        **_SESSION_HELP,
        "key": "public record (.toml; its newest successor) or PEM file; default: your development key",
        "name": "what the device calls it",
    }
)
@command
def enroll(
    _context: Context,
    device: str = "usb:",
    key: str = "",
    name: str = "development",
    target: str = "",
    state: str = "",
    unsafe_unknown_issuer: bool = False,
    timeout: float = 60.0,
    json: bool = False,
) -> None:
    """Make the device trust a key for loading apps (custom CA). Only in recovery mode."""
    from toolchain import devices, views_device
    from toolchain.package import trusted_signers

    out = Output(as_json=json)
    prepare(device)
    ca = trusted_signers(key)[-1]
    options = devices.options(device, target, state, timeout, unsafe_unknown_issuer=unsafe_unknown_issuer)
    devices.enroll(options, name, ca, out.note)
    views_device.enrolled(out, device, name, ca)


@task(help=_SESSION_HELP)
@command
def remove(
    _context: Context,
    device: str = "usb:",
    target: str = "",
    state: str = "",
    unsafe_unknown_issuer: bool = False,
    timeout: float = 60.0,
    json: bool = False,
) -> None:
    """Make the device forget its custom CA."""
    from toolchain import devices, views_device

    out = Output(as_json=json)
    prepare(device)
    options = devices.options(device, target, state, timeout, unsafe_unknown_issuer=unsafe_unknown_issuer)
    views_device.removed(out, device, was_there=devices.remove_ca(options, out.note))


@task(
    help={
        "device": "usb:, ble:ADDRESS, pcsc: or tcp://HOST:PORT",
        "target": "what the device should be, if that matters",
        "install-udev": "write the udev rule that lets users open the device; as root",
        "json": _JSON,
    }
)
@command
def doctor(
    _context: Context, device: str = "usb:", target: str = "", install_udev: bool = False, json: bool = False
) -> None:
    """Say why a device cannot be used and what to do (exit codes 70 to 79), and what this machine has."""
    from toolchain import doctor as checks
    from toolchain import views_device
    from toolchain.device.transport import hidraw
    from toolchain.errors import ConfigError
    from toolchain.target import get_target

    out = Output(as_json=json)
    if install_udev:
        if os.geteuid() != 0:
            raise ConfigError("only root may write udev rules", hint="sudo ./inv doctor --install-udev")
        hidraw.install_rule()
        out.note(f"{hidraw.RULES} is written; run `udevadm control --reload`, then plug the device in again")
    views_device.checks(out, tuple(checks.environment(PROJECT)))
    target_id = get_target(target).id if target else None
    views_device.diagnosis(out, device, checks.device(device, target_id=target_id, prepare=prepare))


@task(
    positional=["what"],
    help={
        "what": "a status word (6985), a file with the output of a loader, or - for stdin",
        "step": "what the loader was about, for a status word: 'commit app', 'load chunk' …",
        "json": _JSON,
    },
)
@command
def explain(_context: Context, what: str, step: str = "", json: bool = False) -> None:
    """Explain a status word, or everything in a log of ours, of ledgerblue or of ledgerctl."""
    from toolchain import dist, views_device
    from toolchain.device.logs import Mention, Statement, read_log
    from toolchain.device.status import explain as explain_word
    from toolchain.device.status import get_step

    out = Output(as_json=json)
    if code := re.fullmatch(r"(?:0x)?([0-9A-Fa-f]{4})", what):
        chosen = get_step(step) if step else None
        views_device.word(out, Statement.of(explain_word(int(code[1], 16), chosen)), chosen)
        return
    if what == "-":
        text = sys.stdin.buffer.read(views_device.MAX_LOG).decode("utf-8", "replace")
    else:
        text = dist.read(Path(what).expanduser(), limit=views_device.MAX_LOG).decode("utf-8", "replace")
    mentions: tuple[Mention, ...] = tuple(read_log(text))
    views_device.log(out, what, mentions)


@task(
    iterable=["only"],
    help={
        "seconds": "how long for each parser",
        "only": "name of a parser; may be given several times; default: all",
        "json": _JSON,
    },
)
@command
def fuzz(_context: Context, seconds: int = 60, only: list[str] | None = None, json: bool = False) -> None:
    """Feed every parser, and the apps, with what a fuzzer makes up; what crashes one is kept."""
    from toolchain import fuzzing, views_device
    from toolchain.environment import ensure_environment

    out = Output(as_json=json)
    chosen = fuzzing.choose(only or (), PROJECT)
    python = Path(sys.executable)
    if any(fuzzer.folder is None for fuzzer in chosen):
        lock = PROJECT / "requirements" / "fuzz.lock"
        python = ensure_environment(lock, PROJECT / ".venv-fuzz") / "python3"
    with out.progress("fuzz") as progress:
        found = fuzzing.run(chosen, seconds, python, PROJECT, progress)
    views_device.fuzzed(out, found)


def require_virtual(uris: Sequence[str]) -> None:
    """Refuse to emulate what nobody can read back, before anything is built or loaded.

    Raises:
        ConfigError: a device that is not virtual.
    """
    from toolchain.devices import VIRTUAL
    from toolchain.errors import ConfigError

    for uri in uris:
        if not uri.startswith(VIRTUAL):
            raise ConfigError("only what a virtual device of this command holds can be booted", where=uri)


def boot_all(out: Output, installs: "Sequence[tuple[Package, Loaded]]") -> None:
    """Boot what was installed, one after the other, and show what it says."""
    from toolchain import boot, views_device
    from toolchain.emulator import environment_name
    from toolchain.environment import ensure_environment
    from toolchain.target import get_target

    for package, loaded in installs:
        name = environment_name(get_target(package.manifest.target))
        folder = ensure_environment(PROJECT / "requirements" / f"{name}.lock", PROJECT / f".venv-{name}")
        with boot.booted(package, loaded, folder / "python") as running:
            views_device.booted(out, package, boot.look(package, running))


device_collection = Collection("device", info, apps, delete, run, genuine, memory)

__all__ = [
    "boot_all",
    "device_collection",
    "doctor",
    "enroll",
    "explain",
    "fuzz",
    "prepare",
    "remove",
    "require_virtual",
]
