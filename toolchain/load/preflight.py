"""Before the first byte: whether a device can take an app, and what to do if it cannot.

Everything here is a look at values that the host has already. What it cannot know it lets pass: the device
has the last word.
"""

import functools
import itertools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolchain.device.session import Genuine, Verdict
from toolchain.errors import DeviceError, ImageError
from toolchain.formats.install_params import InstallParams, parse_install_params
from toolchain.image import Image
from toolchain.load.inventory import DeviceVersion, InstalledApp, Inventory
from toolchain.target import Target, target_by_id

_RELEASES = Path(__file__).with_name("releases.toml")


@dataclass(frozen=True)
class Preflight:
    """A load that the device can take: what is there already, and what goes.

    ``present`` is this very app, ``replaced`` another one of its name. ``needed`` and ``free`` are bytes
    of flash, in whole pages; what ``replaced`` frees is counted. ``both`` says that the new app fits beside
    ``replaced``, too.
    """

    present: InstalledApp | None
    replaced: InstalledApp | None
    needed: int
    free: int
    both: bool


def preflight(image: Image, there: Inventory, *, force: bool = False) -> Preflight:
    """Check space, slots, libraries and names before the first command of a load.

    Args:
        image: what is to be loaded.
        there: what the device has.
        force: load even what is there already.

    Raises:
        DeviceError: the device cannot take the app; the hint says what to delete or to load first.
        ImageError: the app's name and its install parameters disagree.
    """
    digest = image.digest()
    apps = [app for app in there.apps if not app.is_custom_ca]
    present = next((app for app in apps if app.full_hash == digest), None)
    replaced = next((app for app in apps if app.name == image.name), None)
    target = target_by_id(image.target_id)
    needed = _in_pages(image.span, target)
    free = there.memory.free + (_size(replaced, target) if replaced else 0)
    memory = there.memory
    both = needed <= memory.free and memory.slots_used < memory.slots
    found = Preflight(present, replaced, needed, free, both)
    if present is not None and not force:
        return found
    params = _params(image)
    if params is not None:
        if params.name != image.name:
            raise ImageError(
                f"the app is called {params.name!r} in its install parameters and {image.name!r} elsewhere",
                hint="build it again; the device goes by its install parameters",
            )
        _require_libraries(params, {app.name for app in apps})
    others = [app for app in apps if app is not replaced]
    if needed > free:
        raise DeviceError(
            f"the app needs {needed} bytes of flash, the device has {free}",
            hint=_what_to_delete(others, needed - free, target),
        )
    if there.memory.slots_used - (replaced is not None) >= there.memory.slots:
        raise DeviceError(
            f"all {there.memory.slots} places for apps are taken",
            hint=f"delete an app that is not needed: {', '.join(app.name for app in others)}",
        )
    return found


def require_compatible(image: Image, version: DeviceVersion, verdict: Verdict | None = None) -> None:
    """Check model, form of the create-app command, API level and sideloading, as far as they are known.

    Args:
        image: what is to be loaded.
        version: what the device says it is; a claim is enough, the device checks again.
        verdict: who made the device, once that is proved.

    Raises:
        DeviceError: this device does not take this app.
    """
    require_target(image, version.target_id)
    target = target_by_id(image.target_id)
    if target is None:
        return
    os = f"{target.title} with OS {version.os_version}"
    if (image.api_level is None) != (target.api_level is None):
        raise DeviceError(
            f"{target.title} {'needs' if target.api_level else 'has no'} API level, the app has "
            f"{'none' if image.api_level is None else image.api_level}",
            hint="build the app with the SDK of the device",
        )
    known = _releases().get(target.name, {})
    level = known.get("os", {}).get(version.os_version)
    if level is not None and level != image.api_level:
        raise DeviceError(
            f"{os} takes apps of API level {level}, the app has {image.api_level}",
            hint=f"build it with the SDK of API level {level}, or change the device's OS",
        )
    made = isinstance(verdict, Genuine) and verdict.issuer.kind == "production"
    if made and not known.get("sideload", True):
        raise DeviceError(
            f"{target.title} takes apps from its maker only",
            hint="use the emulator, the virtual device or another model; a developer unit: --force",
        )


def require_target(image: Image, target_id: int) -> None:
    """Check that the app is built for the device.

    Raises:
        DeviceError: it is built for another one.
    """
    if target_id != image.target_id:
        raise DeviceError(
            f"the app is built for {_title(image.target_id)}, the device is {_title(target_id)}",
            hint="build it for the device's target",
        )


@functools.cache
def _releases() -> dict[str, Any]:
    return tomllib.loads(_RELEASES.read_text("utf-8"))


def _title(target_id: int) -> str:
    target = target_by_id(target_id)
    return f"{target.title} ({target_id:08x})" if target else f"target {target_id:08x}"


def _params(image: Image) -> InstallParams | None:
    """The app's install parameters; None where there are none that we understand (rules judge them)."""
    if not image.params_length:
        return None
    try:
        return parse_install_params(image.data[-image.params_length :])
    except ImageError:
        return None


def _require_libraries(params: InstallParams, installed: set[str]) -> None:
    missing = sorted({library.name for library in params.dependencies} - installed)
    if missing:
        raise DeviceError(
            f"the app needs {' and '.join(missing)}, which the device does not have",
            hint=f"load {' and '.join(missing)} first",
        )


def _in_pages(size: int, target: Target | None) -> int:
    unit = max(target.page_size, target.list_block_size) if target else 1
    return -(-size // unit) * unit


def _size(app: InstalledApp, target: Target | None) -> int:
    return (app.blocks or 0) * (target.list_block_size if target else 0)


def _what_to_delete(apps: Sequence[InstalledApp], missing: int, target: Target | None) -> str:
    """The apps of which one is enough, else the fewest that are, else what there is to say."""
    sized = sorted(((_size(app, target), app.name) for app in apps), reverse=True)
    if not sized:
        return "the app does not fit this device"
    if not any(size for size, _ in sized):  # an old device does not tell sizes
        return f"delete one of: {', '.join(name for _, name in sized)}"
    enough = [entry for entry in sized if entry[0] >= missing]
    if enough:
        return f"delete one of: {_listed(enough)}"
    totals = itertools.accumulate(size for size, _ in sized)
    fewest = next((n for n, total in enumerate(totals, start=1) if total >= missing), 0)
    return f"delete {_listed(sized[:fewest])}" if fewest else "the app does not fit this device, even alone"


def _listed(sized: Sequence[tuple[int, str]]) -> str:
    return ", ".join(f"{name} ({size} bytes)" for size, name in sized)
