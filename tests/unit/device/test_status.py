import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolchain.device.status import Step, explain, known, require_ok
from toolchain.errors import StatusWordError

# Loader protocol §18, and the codes that users report.
PROTOCOL = (
    0x5515, 0x511F, 0x5120, 0x6484, 0x6814, 0x6512, 0x661E, 0x6802, 0x6982, 0x6984, 0x6985, 0x69D5, 0x6A80,
    0x6A81, 0x6A83, 0x6A84, 0x6A85, 0x6D00, 0x6E00, 0x6700, 0x6986, 0x5103,
)  # fmt: skip


@given(st.integers(0, 0xFFFF), st.none() | st.sampled_from(Step))
def test_every_code_has_an_honest_answer(sw: int, step: Step | None) -> None:
    word = explain(sw, step)
    assert word.sw == sw
    assert word.meaning
    assert word.cause
    assert word.next_step
    assert (word.source == "class") == (sw not in known())


@pytest.mark.parametrize("sw", PROTOCOL, ids=lambda sw: f"{sw:04x}")
def test_codes_of_the_protocol_are_known(sw: int) -> None:
    assert sw in known()
    assert explain(sw).source != "class"


def named() -> dict[int, set[str]]:
    """Every name that the SDK's headers give to a number (errors.h, status_words.h; v25, v26, Nano S)."""
    path = Path(__file__).parents[2] / "vectors" / "status_words.csv"
    found: dict[int, set[str]] = {}
    for row in csv.DictReader(path.read_text("utf-8").splitlines()):
        found.setdefault(int(row["code"], 16), set()).add(row["name"])
    return found


def test_every_name_of_the_sdks_headers() -> None:
    names = named()
    assert sum(map(len, names.values())) == 488
    for sw, called in names.items():
        assert sw in known() or sw == 0x9000, called
        word = explain(sw)
        assert word.name in called
        assert word.source != "class"
        assert "unknown" not in f"{word.meaning} {word.cause} {word.next_step}".lower().replace(
            "unknown host", ""
        )


def test_no_known_code_is_called_unknown() -> None:
    for sw in known():
        word = explain(sw)
        assert "unknown" not in f"{word.meaning} {word.cause} {word.next_step}".lower().replace(
            "unknown host", ""
        )


def test_the_step_changes_the_meaning() -> None:
    assert explain(0x6A84).meaning == "not enough space"
    assert explain(0x6A84, Step.REMOVE_CA).meaning == "no custom CA is enrolled"
    assert explain(0x6982, Step.ENROLL_CA).meaning == "a custom CA is enrolled already"


def test_every_step_in_the_table_exists() -> None:
    from toolchain.device.status import _table

    steps = {step for entry in _table()["word"].values() for step in entry.get("at", {})}
    assert steps <= set(Step)


def test_names_of_numbered_families() -> None:
    assert explain(0x510A).name == "SWO_SEC_APP_0A"
    assert explain(0x511C).source == "class"
    assert explain(0x63C3).cause.endswith("3")


def test_require_ok() -> None:
    require_ok(0x9000, Step.LOAD)
    with pytest.raises(StatusWordError) as caught:
        require_ok(0x6985, Step.COMMIT)
    error = caught.value
    assert (error.sw, error.step, error.exit_code) == (0x6985, Step.COMMIT, 7)
    assert str(error).startswith("commit app: refused on the device")
    assert str(error).endswith("(status 6985)")
    assert "accept on the device" in error.hint


@pytest.mark.parametrize("sw", [0x6100, 0x6C00, 0x9001, 0x9100, 0x0000])
def test_only_9000_is_success(sw: int) -> None:
    with pytest.raises(StatusWordError):
        require_ok(sw, Step.LOAD)
