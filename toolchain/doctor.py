"""What is there to work with: device, permission, compilers, container engine, emulator, HSM."""

import contextlib
import importlib.metadata
import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toolchain.build.toolchains import Compiler, compilers
from toolchain.device.transport.hidraw import UDEV_ADVICE, UDEV_RULE, nodes, rule_installed
from toolchain.device.transport.pcsc import INSTALL as PCSC_INSTALL
from toolchain.load.diagnose import Condition, Diagnosis, diagnose

Status = Literal["ok", "missing"]

_HSM_MODULES = ("softhsm/libsofthsm2.so", "opensc-pkcs11.so", "libykcs11.so", "p11-kit-client.so")
_LIBRARIES = (Path("/usr/lib"), Path("/usr/local/lib"), *sorted(Path("/usr/lib").glob("*-linux-gnu*")))


@dataclass(frozen=True)
class Check:
    """One thing that some task needs: whether it is there, what it is, how to get it."""

    name: str
    status: Status
    detail: str
    advice: str


def environment(project: Path) -> Iterator[Check]:
    """What tasks need on this machine, beside a device. Nothing here is an error by itself.

    Args:
        project: its folder, in which the tasks keep environments for tools.
    """
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check("Python", "ok", version, "")
    yield _program("git", "git", "apt-get install git")
    yield _program("make", "make", "apt-get install make")
    for compiler in compilers():
        yield _compiler(compiler)
    yield _program("container engine", "docker podman", "apt-get install podman")
    yield _program("QEMU", "qemu-arm-static qemu-arm", "apt-get install qemu-user-static")
    for name in ("speculos", "speculos-nanos"):
        folder = project / f".venv-{name}"
        made = (folder / "environment.ok").is_file()
        yield _check(
            f"emulator {name}", folder if made else None, "the first task that emulates an app makes it"
        )
    yield _check(
        "HSM module",
        next((f / m for f in _LIBRARIES for m in _HSM_MODULES if (f / m).is_file()), None),
        "install your HSM's software; to try signing with one: apt-get install softhsm2",
    )
    packages = ("hid", "ledgerblue")
    usb = all(importlib.util.find_spec(name) is not None for name in packages)
    advice = "the first task with a usb: device installs them"
    yield _check("USB packages", " ".join(packages) if usb else None, advice)
    card = "smartcard" if importlib.util.find_spec("smartcard") else None
    yield _check("PC/SC package", card, f"for pcsc: devices: {PCSC_INSTALL}")
    if sys.platform == "linux":
        yield _check("udev rule", rule_installed(), UDEV_ADVICE)


def _check(name: str, found: object, advice: str) -> Check:
    return Check(name, "missing", "", advice) if found is None else Check(name, "ok", str(found), "")


def _program(name: str, programs: str, advice: str) -> Check:
    return _check(name, next(filter(None, map(shutil.which, programs.split())), None), advice)


def _compiler(compiler: Compiler) -> Check:
    name = f"compiler {compiler.name}"
    if compiler.kind == "wheel":
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found = importlib.metadata.version(compiler.package)
            return _check(name, f"{compiler.package} {found}", "")
        return _check(name, None, compiler.install)
    missing = [program for program in compiler.programs.values() if shutil.which(program) is None]
    return _check(name, None if missing else shutil.which(compiler.programs["clang"]), compiler.install)


def device(uri: str, *, target_id: int | None = None, prepare: Callable[[str], None]) -> Diagnosis:
    """In what condition the device is; with ``usb:`` on Linux, permission is looked at without any package.

    Args:
        uri: as for ``open_transport``.
        target_id: what the device should be, if that matters.
        prepare: called with the URI before the device is opened, to install what that needs.

    Raises:
        ConfigError: the URI is wrong, or a package for it is missing.
    """
    if uri.startswith("usb:") and sys.platform == "linux":
        found = nodes()
        if not found:
            return Diagnosis(
                Condition.NO_DEVICE,
                "no device is plugged in",
                "plug it in and unlock it; the cable must carry data",
            )
        if not any(node.accessible for node in found):
            listed = " ".join(str(node.path) for node in found)
            return Diagnosis(
                Condition.NO_PERMISSION, f"this user may not open {listed}", f"{UDEV_ADVICE}:\n{UDEV_RULE}"
            )
    prepare(uri)
    return diagnose(uri, target_id=target_id)
