"""What is booted is what the flash holds, and that is what was signed; nothing else gets as far."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.formats.elf_builder import ElfBuilder
from tests.unit.virtual_device.host import Host, config
from toolchain.boot import bootable, booted
from toolchain.devices import DeviceOptions, Flash, connect
from toolchain.errors import ConfigError, DeviceError, ImageError
from toolchain.formats.elf import read_elf, replace_contents
from toolchain.load.install import Installed
from toolchain.load.inventory import InstalledApp
from toolchain.manifest import ImageRecord, Manifest, Provenance, SignatureRecord, VerificationRecord
from toolchain.package import Loaded, Package
from toolchain.served import keep_settings
from toolchain.virtual_device import DeviceState, VirtualDevice

ELF = ElfBuilder().build()
IMAGE = read_elf(ELF)[0]


def in_flash() -> bytes:
    """The app as a virtual device holds it after a load."""
    device = VirtualDevice(replace(config(), api_level=IMAGE.api_level))
    Host(device.handle, IMAGE.target_id).connect().load(IMAGE)
    return device.state.apps[0].contents


def test_the_bytes_of_the_flash_are_those_that_are_booted() -> None:
    made = bootable(ELF, IMAGE, in_flash())
    assert made == ELF
    # The same with an ELF whose own code is something else: only the flash counts.
    other = ElfBuilder(code=bytes(len(ElfBuilder().code))).build()
    assert read_elf(other)[0].digest() != IMAGE.digest()
    assert read_elf(bootable(other, IMAGE, in_flash()))[0] == IMAGE


@pytest.mark.parametrize("offset", [0, 1, 700, -1])
def test_a_flash_that_holds_something_else_is_not_booted(offset: int) -> None:
    flash = bytearray(in_flash())
    flash[offset] ^= 1
    with pytest.raises(DeviceError, match="does not hold what was signed"):
        bootable(ELF, IMAGE, bytes(flash))
    with pytest.raises(DeviceError, match="does not hold what was signed"):
        bootable(ELF, IMAGE, in_flash() + b"\xff")


def test_the_elf_of_another_app_is_not_booted() -> None:
    larger = ElfBuilder(code=bytes(5000)).build()
    with pytest.raises(ImageError, match="spans"):
        bootable(larger, IMAGE, in_flash())
    renamed = ElfBuilder(entry=0xC0DE0009).build()
    with pytest.raises(DeviceError, match="not the one that was signed"):
        bootable(renamed, IMAGE, in_flash())


def test_contents_are_replaced_at_their_places() -> None:
    marked = bytes(range(256)) * (IMAGE.span // 256) + bytes(IMAGE.span % 256)
    made, _ = read_elf(
        replace_contents(ELF, marked[: -IMAGE.params_length] + IMAGE.data[-IMAGE.params_length :])
    )
    for segment in made.segments:
        start = segment.address - made.base
        expected = marked[start : start + len(segment.data)]
        assert segment.data[: -IMAGE.params_length] == expected[: -IMAGE.params_length]
    with pytest.raises(ImageError):
        replace_contents(b"no ELF", marked)
    with pytest.raises(ImageError, match="spans"):
        replace_contents(ELF, marked[1:])


def test_the_flash_of_a_device_of_this_process() -> None:
    options = DeviceOptions("virtual:")
    with connect(options, IMAGE) as connection:
        assert connection.virtual
        assert connection.flash(IMAGE.digest()) is None
        Host(connection.virtual.handle, IMAGE.target_id).connect().load(IMAGE)
        start = IMAGE.code_length
        settings = in_flash()[start : start + IMAGE.data_length]
        assert connection.flash(IMAGE.digest()) == Flash(in_flash(), settings, None)


def test_settings_go_into_the_state_file_and_with_the_app(tmp_path: Path) -> None:
    device = VirtualDevice(replace(config(), api_level=IMAGE.api_level))
    host = Host(device.handle, IMAGE.target_id).connect()
    host.load(IMAGE)
    state = tmp_path / "state.json"
    state.write_bytes(device.state.dump())
    written = bytes(range(IMAGE.data_length % 256)).ljust(IMAGE.data_length, b"!")
    keep_settings(state, IMAGE.digest(), written)
    kept = DeviceState.load(state.read_bytes())
    assert kept.apps[0].nvm == written
    assert kept.apps[0].contents == in_flash()
    again = VirtualDevice(device.config, kept)
    host = Host(again.handle, IMAGE.target_id).connect()
    host.run(0x15, IMAGE.digest())
    host.connect().load(IMAGE)
    assert again.state.apps[0].nvm == device.state.apps[0].nvm != written
    for digest, settings in ((bytes(32), written), (IMAGE.digest(), written[1:])):
        with pytest.raises(ImageError, match="no app with such a data section"):
            keep_settings(state, digest, settings)


def test_a_device_that_nobody_can_read_is_not_booted() -> None:
    record = SignatureRecord("k", "04", "30", "development")
    manifest = Manifest(
        app=IMAGE.name,
        version=IMAGE.version,
        target="nanosp",
        image=ImageRecord.of(IMAGE),
        provenance=Provenance("", False, "host", "clang", "shim", ("make",), {}, 0, "linux"),
        verification=VerificationRecord("development", 0, ()),
        signature=record,
        files={},
    )
    installed = Installed(InstalledApp(IMAGE.name, 0, IMAGE.digest()), 1)
    loaded = Loaded(installed, "usb:", "maker", ())
    with (
        pytest.raises(ConfigError, match="only what a virtual device holds"),
        booted(Package(manifest, IMAGE, b"", record), loaded, Path("python")),
    ):
        pytest.fail("booted")
