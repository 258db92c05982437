"""Our plan against what ledgerblue and ledgerctl, unmodified, write for the same image."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from intelhex import IntelHex
from ledgerblue import loadApp
from ledgerwallet.client import LedgerClient
from ledgerwallet.manifest import AppManifest
from ledgerwallet.transport import FileDevice

from tests.unit.load.samples import BASE, sample_image
from toolchain.image import Image
from toolchain.load.plan import Delete, Packing, plan_load

LEDGERCTL = Packing(full=128, last=128, checked=False)
SIGNATURE = bytes.fromhex("3006020101020101")


def write_hex(image: Image, path: Path, *, params: bool) -> None:
    """The image as llvm-objcopy would write it, with or without the install parameters at its end."""
    file = IntelHex()
    for segment in image.segments:
        file.puts(segment.address, segment.data)
    if not params and image.params_length:
        file = file[: image.base + image.code_length + image.data_length]
    file.start_addr = {"EIP": image.base + image.boot_offset}
    file.write_hex_file(str(path))


def ledgerblue_arguments(image: Image, folder: Path, *, delete: bool, signature: bytes | None) -> list[str]:
    write_hex(image, folder / "app.hex", params=True)
    arguments = [
        "--offline", str(folder / "app.apdu"), "--fileName", str(folder / "app.hex"), "--tlv",
        "--appName", image.name, "--targetId", f"{image.target_id:#x}",
        "--targetVersion", image.target_version,
        "--apiLevel", str(-1 if image.api_level is None else image.api_level),
        "--appFlags", f"{image.flags:#x}", "--dataSize", str(image.data_length),
        "--installparamsSize", str(image.params_length),
    ]  # fmt: skip
    if delete:
        arguments.append("--delete")
    if signature:
        arguments += ["--signature", signature.hex()]
    return arguments


def script_of(path: Path) -> list[str]:
    return path.read_text("ascii").splitlines()


def script_plan(image: Image, *, delete: bool, signature: bytes | None) -> list[str]:
    plan = plan_load(image, signature=signature, delete=Delete.FIRST if delete else None)
    return [apdu.hex() for apdu in plan.script_apdus()]


lengths = st.integers(80, 2000) | st.integers(208, 240) | st.sampled_from([0xFFFF, 0x10000, 0x10001, 0x20000])


examples = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

embedded = st.builds(
    sample_image,
    lengths,
    name=st.just("Some App"),
    base=st.sampled_from([BASE, BASE + 0xFF80, 0xC0DE1234]),
    holes=st.sampled_from([(), ((10, 20),)]),
    target_id=st.sampled_from([0x31100004, 0x33000004, 0x33100004]),
    api_level=st.none() | st.integers(0, 255),
    flags=st.sampled_from([0, 0x10, 0x240, 0xA50]),
    data=st.integers(0, 32),
    params=st.integers(1, 40),
)


@examples
@given(image=embedded, delete=st.booleans(), signature=st.sampled_from([None, SIGNATURE]))
def test_script_equals_ledgerblues(
    tmp_path: Path, image: Image, delete: bool, signature: bytes | None
) -> None:
    loadApp.main(ledgerblue_arguments(image, tmp_path, delete=delete, signature=signature), debug=False)
    assert script_plan(image, delete=delete, signature=signature) == script_of(tmp_path / "app.apdu")


def test_script_equals_that_of_the_command_line_tool(tmp_path: Path) -> None:
    image = sample_image(1500, data=64, params=40)
    arguments = ledgerblue_arguments(image, tmp_path, delete=True, signature=None)
    done = subprocess.run(
        [sys.executable, "-m", "ledgerblue.loadApp", *arguments],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert script_plan(image, delete=True, signature=None) == script_of(tmp_path / "app.apdu")
    assert f"Application full hash : {image.digest().hex()}" in done.stdout


class Manifest(AppManifest):  # type: ignore[misc] # ledgerwallet has no types
    """What ledgerctl asks a manifest for, answered from an image."""

    def __init__(self, image: Image, binary: Path) -> None:
        self.image, self.binary = image, binary

    def data_size(self, device: str) -> int:
        return self.image.data_length

    def get_application_flags(self, device: str) -> int:
        return self.image.flags

    def get_api_level(self, device: str) -> int | None:
        return self.image.api_level

    def get_binary(self, device: str) -> str:
        return str(self.binary)

    def serialize_parameters(self, device: str) -> bytes:
        return self.image.data[-self.image.params_length :]

    def assert_compatible_device(self, device_id: int) -> None:
        assert device_id == self.image.target_id


@st.composite
def appended(draw: st.DrawFn) -> Image:
    """What ledgerctl takes: code in whole units of 64 bytes, parameters behind the file."""
    data, params = draw(st.integers(0, 100)), draw(st.integers(1, 200))
    return sample_image(
        64 * draw(st.integers(1, 20) | st.sampled_from([1023, 1024, 1025])) + data + params,
        api_level=draw(st.none() | st.integers(0, 255)),
        data=data,
        params=params,
        flags=draw(st.sampled_from([0, 0x10, 0x240])),
    )


@examples
@given(image=appended())
def test_plan_in_ledgerctls_packing_equals_ledgerctls(tmp_path: Path, image: Image) -> None:
    write_hex(image, tmp_path / "app.hex", params=False)
    out = io.StringIO()
    LedgerClient(FileDevice(f"{image.target_id:#x}", out=out)).install_app(
        Manifest(image, tmp_path / "app.hex")
    )
    plan = plan_load(image, signature=None, delete=None, packing=LEDGERCTL)
    assert [apdu.hex() for apdu in plan.script_apdus()] == out.getvalue().splitlines()


@pytest.mark.parametrize("length", [27203, 131072])
def test_we_need_fewer_commands_than_both(length: int) -> None:
    image = sample_image(length, params=64)
    ours = len(plan_load(image, signature=None, delete=None, packing=Packing.fewest(255)).commands)
    ledgerblue = len(plan_load(image, signature=None, delete=None).commands)
    ledgerctl = len(plan_load(image, signature=None, delete=None, packing=LEDGERCTL).commands)
    assert ours < ledgerblue < ledgerctl
