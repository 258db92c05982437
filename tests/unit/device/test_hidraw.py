from pathlib import Path

import pytest

from toolchain.device.transport.hidraw import UDEV_RULE, install_rule, nodes, rule_installed
from toolchain.errors import ConfigError


def plug_in(system: Path, name: str, vendor: str) -> None:
    folder = system / name / "device"
    folder.mkdir(parents=True)
    (folder / "uevent").write_text(f"DRIVER=hid-generic\nHID_ID=0003:{vendor}:00005011\nHID_NAME=Nano\n")


@pytest.fixture
def system(tmp_path: Path) -> Path:
    plug_in(tmp_path / "sys", "hidraw0", "0000046D")
    plug_in(tmp_path / "sys", "hidraw1", "00002c97")
    plug_in(tmp_path / "sys", "hidraw2", "00002C97")
    (tmp_path / "sys" / "hidraw3").mkdir()
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "hidraw1").touch()
    return tmp_path


def test_who_is_plugged_in_and_who_may_open_it(system: Path) -> None:
    found = nodes(system / "sys", system / "dev")
    assert [(node.path.name, node.accessible) for node in found] == [("hidraw1", True), ("hidraw2", False)]
    assert nodes(system / "nowhere") == ()


def test_the_rule(tmp_path: Path) -> None:
    path = tmp_path / "70-test.rules"
    assert rule_installed((tmp_path,)) is None
    install_rule(path)
    assert path.read_text() == UDEV_RULE
    assert rule_installed((tmp_path / "nowhere", tmp_path)) == path
    with pytest.raises(ConfigError, match="cannot write the udev rule"):
        install_rule(tmp_path / "no" / "folder")
