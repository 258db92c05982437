import dataclasses
import datetime
import hashlib
import json
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolchain.errors import ConfigError, ImageError, ToolchainError, VerificationError
from toolchain.keys import PrivateKey
from toolchain.sign.ceremony import JSON_FILE, TEXT_FILE, CeremonyLog, read_log, record_step
from toolchain.sign.record import KeyRecord

KEY = PrivateKey.from_int(0xCE)
RECORD = KeyRecord("release", "app-signing", KEY.public_key, datetime.date(2024, 5, 6), development=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "release.toml").write_text(RECORD.to_toml())
    for action in ("made", "backed up", "rotated"):
        record_step(
            tmp_path, action, RECORD, [tmp_path / "release.toml"], witnesses=["Ada", "Émile"], note="x"
        )
    return tmp_path


def test_steps_are_dated_witnessed_and_carry_digests(folder: Path) -> None:
    log = read_log(folder)
    assert [step.action for step in log.steps] == ["made", "backed up", "rotated"]
    step = log.steps[0]
    digest = hashlib.sha256((folder / "release.toml").read_bytes()).hexdigest()
    assert step.files == {"release.toml": digest}
    assert step.witnesses == ("Ada", "Émile")
    made = datetime.datetime.strptime(step.time, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.UTC)
    assert abs(datetime.datetime.now(tz=datetime.UTC) - made) < datetime.timedelta(minutes=5)
    text = (folder / TEXT_FILE).read_text("utf-8")
    assert all(part in text for part in (digest, "Ada, Émile", KEY.public_key.key_id, step.time, "made"))


def edited(folder: Path, edit: Callable[[list[dict[str, Any]]], object]) -> None:
    table = json.loads((folder / JSON_FILE).read_text())
    edit(table["steps"])
    (folder / JSON_FILE).write_text(json.dumps(table, sort_keys=True, indent=2, ensure_ascii=False) + "\n")


CHANGES: dict[str, Callable[[list[dict[str, Any]]], object]] = {
    "a step is missing": lambda steps: steps.pop(1),
    "the first step is missing": lambda steps: steps.pop(0),
    "steps change places": lambda steps: steps.reverse(),
    "another witness": lambda steps: steps[0].update(witnesses=["Eve"]),
    "another digest": lambda steps: steps[1]["files"].update({"release.toml": "0" * 64}),
    "another time": lambda steps: steps[0].update(time="2020-01-01T00:00:00Z"),
    "a step twice": lambda steps: steps.append(steps[-1]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_log_that_was_changed_is_refused_and_not_continued(folder: Path, name: str) -> None:
    edited(folder, CHANGES[name])
    with pytest.raises(VerificationError, match="does not follow"):
        read_log(folder)
    with pytest.raises(VerificationError, match="does not follow"):
        record_step(folder, "made", RECORD, [])


@pytest.mark.parametrize(
    "change",
    [{"time": "yesterday"}, {"action": "a\nb"}, {"witnesses": "Ada"}, {"extra": 1}, {"files": {"a": 1}}],
)
def test_steps_that_are_none(folder: Path, change: dict[str, Any]) -> None:
    edited(folder, lambda steps: steps[0].update(change))
    with pytest.raises(ImageError):
        read_log(folder)


@pytest.mark.parametrize(
    "data", [b"", b"{}\n", b'{\n  "schema": "ceremony-log/1",\n  "steps": 1\n}\n', b"\xff"]
)
def test_files_that_are_none(data: bytes) -> None:
    with pytest.raises(ImageError):
        CeremonyLog.from_json(data)


def test_the_newest_step_cut_off_is_for_the_text_to_tell(folder: Path) -> None:
    edited(folder, lambda steps: steps.pop())
    with pytest.raises(VerificationError, match="text of the log"):
        read_log(folder)


def test_a_text_that_was_left_behind_is_made_anew(folder: Path) -> None:
    (folder / TEXT_FILE).unlink()
    record_step(folder, "restored", RECORD, [])
    assert read_log(folder).steps[-1].action == "restored"


@pytest.mark.parametrize("text", ["", " ", "a\x1b[2J", "x" * 201])
def test_names_that_cannot_be_shown_are_refused_before_anything_is_written(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError):
        record_step(tmp_path, "made", RECORD, [], witnesses=[text])
    assert not list(tmp_path.iterdir())


def test_a_clock_that_was_set_back_is_noticed(folder: Path) -> None:
    log = CeremonyLog.from_json((folder / JSON_FILE).read_bytes())
    last = dataclasses.replace(log.steps[-1], time="2999-01-01T00:00:00Z")
    (folder / JSON_FILE).write_text(CeremonyLog((*log.steps[:-1], last)).to_json())
    with pytest.raises(VerificationError, match="newest step"):
        record_step(folder, "made", RECORD, [])


def _step(folder: Path) -> None:
    record_step(folder, "made", RECORD, [])


def test_two_at_once_take_turns(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(_step, [tmp_path] * 8, chunksize=1)
    assert len(read_log(tmp_path).steps) == 8


def test_no_log_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="cannot read"):
        read_log(tmp_path)
