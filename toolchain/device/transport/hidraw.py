"""Devices on a cable as Linux sees them, without any package: who is plugged in, and who may open it."""

import os
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import ConfigError

VENDOR = "00002C97"
RULES = Path("/etc/udev/rules.d/70-nano-toolchain.rules")
"""Before 73: that is where systemd acts on the tag."""

UDEV_RULE = """\
# Devices of vendor 2c97 (Nano, Stax, Flex, Apex) belong to whoever sits at this computer.
SUBSYSTEM=="hidraw", ATTRS{idVendor}=="2c97", MODE="0660", TAG+="uaccess"
SUBSYSTEM=="usb", ATTR{idVendor}=="2c97", MODE="0660", TAG+="uaccess"
"""

UDEV_ADVICE = (
    "unlock the device and close its app; on Linux the user needs a udev rule: "
    "`./inv doctor --install-udev` as root writes it"
)

_SYSTEM = Path("/sys/class/hidraw")
_FOLDERS = (Path("/etc/udev/rules.d"), Path("/run/udev/rules.d"), Path("/usr/lib/udev/rules.d"))


@dataclass(frozen=True)
class Node:
    """One HID interface of a device: its file, and whether this user may read and write it."""

    path: Path
    accessible: bool


def nodes(system: Path = _SYSTEM, devices: Path = Path("/dev")) -> tuple[Node, ...]:
    """Every interface of the vendor's devices, in order. Empty where there is no Linux."""
    found = []
    for folder in sorted(system.glob("hidraw*")):
        try:
            described = (folder / "device" / "uevent").read_text("utf-8", "replace")
        except OSError:  # unplugged meanwhile
            continue
        if f":{VENDOR}:" in described.upper():
            path = devices / folder.name
            found.append(Node(path, os.access(path, os.R_OK | os.W_OK)))
    return tuple(found)


def rule_installed(folders: tuple[Path, ...] = _FOLDERS) -> Path | None:
    """The first rule file that speaks of the vendor, or None."""
    for path in sorted(path for folder in folders for path in folder.glob("*.rules")):
        try:
            if "2c97" in path.read_text("utf-8", "replace").lower():
                return path
        except OSError:
            continue
    return None


def install_rule(path: Path = RULES) -> None:
    """Write the udev rule. It holds from the next time that a device is plugged in, once udev has read it.

    Raises:
        ConfigError: not allowed.
    """
    try:
        path.write_text(UDEV_RULE, "utf-8")
        path.chmod(0o644)
    except OSError as e:
        raise ConfigError(
            f"cannot write the udev rule: {e.strerror}", hint="run it as root", where=str(path)
        ) from e
