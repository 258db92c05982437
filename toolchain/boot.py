"""Boot in the emulator what was installed: the bytes from a virtual device's flash, not those of the build.

The ELF gives the emulator symbols and metadata; every byte that it maps comes from the flash. What the app
writes into its data section goes back into the device's state, if that is kept in a file: settings survive a
restart, and go when the app is deleted.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from toolchain import dist, emulator
from toolchain.device.apdu import OK, Response
from toolchain.device.fields import split_lv
from toolchain.emulator import Emulator
from toolchain.errors import ConfigError, DeviceError
from toolchain.formats.elf import read_elf, replace_contents
from toolchain.image import Image
from toolchain.package import Loaded, Package
from toolchain.served import keep_settings

_ERASED = 0xFF
_SETTINGS = "main_nvram.bin"
"""Where Speculos keeps the data section of the app that it was started with, from ``_nvram_data`` on."""

_NAME_AND_VERSION = bytes.fromhex("b001000000")


@dataclass(frozen=True)
class Booted:
    """An installed app that ran: what it calls itself over its link, and the texts of its first screen."""

    name: str
    version: str
    screen: tuple[str, ...]


def bootable(elf: bytes, image: Image, flash: bytes) -> bytes:
    """The app as the emulator takes it, with the bytes of ``flash``.

    Args:
        elf: the ELF of the build.
        image: what was signed.
        flash: what the device holds, from the image's first address on, holes erased.

    Raises:
        DeviceError: the flash does not hold, byte for byte, what was signed.
        ImageError: the ELF is another app's.
    """
    signed = bytearray([_ERASED] * image.span)
    for segment in image.segments:
        start = segment.address - image.base
        signed[start : start + len(segment.data)] = segment.data
    if flash != signed:
        raise DeviceError("the device's flash does not hold what was signed")
    made = replace_contents(elf, flash)
    if read_elf(made, flags=image.flags)[0].digest() != image.digest():
        raise DeviceError("the app that is to be booted is not the one that was signed")
    return made


@contextlib.contextmanager
def booted(package: Package, loaded: Loaded, python: Path) -> Iterator[Emulator]:
    """Run what ``loaded`` has installed while the context lasts, with the settings that it has left before.

    Args:
        package: what was loaded.
        loaded: onto a virtual device of this process.
        python: interpreter of the emulator's environment.

    Raises:
        ConfigError: loaded onto another device, whose flash nobody can read.
        DeviceError: the flash holds something else, or the app does not start.
    """
    flash = loaded.flash
    if flash is None:
        raise ConfigError(
            "only what a virtual device holds can be read back and booted", hint="load onto virtual:"
        )
    elf = bootable(dist.read(package.folder / "app.elf"), package.image, flash.contents)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, settings = folder / "installed.elf", folder / _SETTINGS
        path.write_bytes(elf)
        # The whole section, since the emulator writes into what there is, and makes up what is not there.
        settings.write_bytes(flash.settings)
        options = ("--load-nvram", "--save-nvram") if flash.settings else ()
        with emulator.start(path, python=python, folder=folder, options=options) as running:
            yield running
        if flash.state is not None:
            keep_settings(flash.state, package.image.digest(), settings.read_bytes())


def look(package: Package, running: Emulator) -> Booted:
    """Ask a running app for its name and version, and look at its screen.

    Raises:
        DeviceError: it does not answer, calls itself something else, or shows nothing.
    """
    response = Response.decode(running.exchange(_NAME_AND_VERSION))
    try:
        name, version, *_ = (field.decode("ascii") for field in split_lv(response.data[1:]))
    except ValueError as e:
        raise DeviceError("the booted app does not say its name and version") from e
    if response.sw != OK or (name, version) != (package.manifest.app, package.manifest.version):
        raise DeviceError(f"the booted app calls itself {name} {version}")
    screen = running.screen()
    if not screen:
        raise DeviceError("the booted app shows nothing")
    return Booted(name, version, screen)
