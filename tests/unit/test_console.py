"""Errors → two lines and an exit code; results on stdout; secrets from stdin."""

import io
import json

import pytest
from invoke.exceptions import Exit

from toolchain import console
from toolchain.errors import (
    BuildError,
    ConfigError,
    DeviceError,
    ImageError,
    SigningError,
    ToolchainError,
    VerificationError,
)


@pytest.fixture(autouse=True)
def fresh_consoles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test prints to its own captured streams."""
    console._stdout.cache_clear()
    console._stderr.cache_clear()
    monkeypatch.setenv("COLUMNS", "200")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ToolchainError, 1),
        (ConfigError, 2),
        (BuildError, 3),
        (ImageError, 4),
        (VerificationError, 5),
        (SigningError, 6),
        (DeviceError, 7),
    ],
)
def test_an_error_is_two_lines_and_its_code(
    error: type[ToolchainError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    @console.command
    def fails(json: bool) -> None:
        raise error("what failed", hint="what to do", where="src/main.c:3")

    with pytest.raises(Exit) as caught:
        fails(json=False)
    assert caught.value.code == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error: src/main.c:3: what failed\n  fix: what to do\n"


def test_with_json_the_error_is_the_last_object(capsys: pytest.CaptureFixture[str]) -> None:
    @console.command
    def fails(json: bool) -> None:
        raise ImageError("bad", hint="look", where="app.hex:2")

    with pytest.raises(Exit):
        fails(json=True)
    assert json.loads(capsys.readouterr().out) == {
        "schema": 1,
        "type": "error",
        "error": "ImageError",
        "exit_code": 4,
        "message": "bad",
        "where": "app.hex:2",
        "hint": "look",
    }


def test_markup_in_a_message_is_only_text(capsys: pytest.CaptureFixture[str]) -> None:
    @console.command
    def fails() -> None:
        raise ImageError("[bold]not bold[/bold] [/]")

    with pytest.raises(Exit):
        fails()
    assert "[bold]not bold[/bold] [/]" in capsys.readouterr().err


def test_a_message_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    console._show_error(BuildError("make failed: \033[2J", hint="\x9b1m", log="\a"), as_json=False)
    shown = capsys.readouterr().err
    assert "make failed: \N{REPLACEMENT CHARACTER}[2J" in shown
    assert not {"\033", "\x9b", "\a"} & set(shown)


def test_ctrl_c_is_130() -> None:
    @console.command
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(Exit) as caught:
        interrupted()
    assert caught.value.code == 130


def test_a_bug_keeps_its_traceback() -> None:
    @console.command
    def buggy() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        buggy()


def test_no_progress_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with console.Output(as_json=False).progress("load") as progress:
        progress(1, 2)
        progress(2, 2)
    assert capsys.readouterr() == ("", "")


def test_notes_go_to_stderr_and_not_with_json(capsys: pytest.CaptureFixture[str]) -> None:
    console.Output(as_json=False).note("a note")
    console.Output(as_json=True).note("no note")
    assert capsys.readouterr() == ("", "a note\n")


@pytest.mark.parametrize("as_json", [False, True])
def test_a_line_is_written_at_once(as_json: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several threads speak: a line written in pieces would end after another's."""

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            pieces.append(text)
            return len(text)

    pieces: list[str] = []
    monkeypatch.setattr("sys.stdout", Stream())
    monkeypatch.setattr("sys.stderr", Stream())
    out = console.Output(as_json=as_json)
    out.result("name", {}, "result")
    out.show("shown")
    out.note("note")
    console.say("said")
    assert len(pieces) == (2 if as_json else 4)
    assert all(piece.endswith("\n") for piece in pieces)


def test_a_secret_is_the_next_line_of_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("one\r\ntwo\n"))
    assert [console.ask_secret("passphrase"), console.ask_secret("passphrase")] == ["one", "two"]
    with pytest.raises(SigningError, match="nobody gives the passphrase"):
        console.ask_secret("passphrase")


@pytest.mark.parametrize(("answer", "yes"), [("y\n", True), ("YES\n", True), ("n\n", False), ("", False)])
def test_only_yes_is_a_yes(answer: str, yes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert console.confirm("really?") is yes
