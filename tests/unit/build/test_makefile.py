from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.build.conftest import MAKEFILE
from toolchain.build.host import build, describe
from toolchain.build.workplace import Job

JobMaker = Callable[..., Job]

ASKING = """\
INCLUDES_PATH = $(shell echo headers >>asked; ls include)
APP_VERSION_TEXT = $(shell echo version >>asked)
DEFINES += $(INCLUDES_PATH)$(APP_VERSION_TEXT)
$(OBJECTS): include/made.h
include/made.h:
\t@mkdir -p include; touch $@
"""
"""A question of the SDK's and one of the app's own, expanded for each object and once to be written down."""


def test_what_an_sdk_asks_again_and_again_is_asked_once(job: JobMaker, app: Path, tmp_path: Path) -> None:
    makefile = (MAKEFILE + ASKING).replace("DEFINES", "CFLAGS")
    (app / "Makefile").write_text(makefile)
    result = build(job(), root=tmp_path / "work")

    asked = (result.sources / "asked").read_text().split()
    assert asked.count("headers") == 1
    assert asked.count("version") == 3


def test_it_is_asked_when_it_is_first_needed(job: JobMaker, app: Path, tmp_path: Path) -> None:
    """Headers that make makes before it compiles are found, as by an SDK that asks for each object."""
    makefile = MAKEFILE.replace("$(addprefix -D,$(DEFINES))", "$(addprefix -D,$(INCLUDES_PATH))")
    (app / "Makefile").write_text(makefile + ASKING.replace("DEFINES", "UNUSED"))
    result = build(job(), root=tmp_path / "work")
    assert all("-Dmade.h" in c.arguments for c in result.commands if c.file)


HEAD = "BIN_DIR=bin\nAPPNAME=a\nAPPVERSION=1\n"

VALUES = [
    "plain",
    "$$dollar $$(not a variable)",
    "\\#hash",
    "'single' \"double\" back\\slash; && | >file",
    "unbalanced ( , comma",
    "$(shell echo '$$HOME \\#x')",
    "$(if $(TARGET),{$(TARGET)},)",
    "ends in a backslash\\\\",
    "",
]


@pytest.mark.parametrize("value", VALUES)
def test_what_is_remembered_is_what_make_says(value: str, job: JobMaker, app: Path, tmp_path: Path) -> None:
    (app / "Makefile").write_text(f"{HEAD}DEFINES = {value}\nCFLAGS = $(WEBUSB_URL)\nWEBUSB_URL = {value}\n")
    variables = describe(job(), root=tmp_path / "work")
    assert variables["CFLAGS"] == variables["DEFINES"]


def test_a_value_of_several_lines_is_remembered_whole(job: JobMaker, app: Path, tmp_path: Path) -> None:
    text = "CFLAGS = $(SYSROOT)\ndefine SYSROOT\none\ntwo \\ # three\nendef\n"
    (app / "Makefile").write_text(HEAD + text)
    assert describe(job(), root=tmp_path / "work")["CFLAGS"] == "one\ntwo \\ # three"


def test_what_is_given_to_make_counts(job: JobMaker, app: Path, tmp_path: Path) -> None:
    text = "CFLAGS = $(SYSROOT)\nSYSROOT = $(shell echo mine)\n"
    (app / "Makefile").write_text(HEAD + text)
    assert describe(job(SYSROOT="given"), root=tmp_path / "work")["CFLAGS"] == "given"
    assert describe(job(), root=tmp_path / "work")["CFLAGS"] == "mine"
