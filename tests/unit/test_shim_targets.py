"""The files of sdk-shim/target are what the target descriptions make."""

from toolchain import shim
from toolchain.target import get_target


def test_checked_in_files_are_what_the_generator_makes() -> None:
    checked_in = {
        path.relative_to(shim.FOLDER).as_posix(): path.read_text("utf-8")
        for path in shim.FOLDER.rglob("*")
        if path.is_file()
    }
    assert checked_in == shim.render_all()


def test_linker_script_has_the_regions_of_the_target() -> None:
    script = shim.render(get_target("nanox"))["script.ld"]
    assert "FLASH (rx) : ORIGIN = 0xc0de0000, LENGTH = 0x64000" in script
    assert "SRAM  (rw) : ORIGIN = 0xda7a0000, LENGTH = 0x7000" in script


def test_touch_targets_are_left_to_the_official_sdk() -> None:
    assert {path.split("/")[0] for path in shim.render_all()} == {"nanos", "nanos2", "nanox"}
