"""How we talk to the emulator; none runs here."""

import contextlib
import http.client
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from toolchain import emulator
from toolchain.emulator import Emulator
from toolchain.target import get_target

ANSWER = b'{"events": [{"text": "Ready"}]}'


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        pass


def test_no_answer_is_left_open_for_python_to_close(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C within what Python closes by itself would be lost."""
    seen: list[http.client.HTTPResponse] = []

    class Response(http.client.HTTPResponse):
        def begin(self) -> None:
            seen.append(self)
            super().begin()

    monkeypatch.setattr(http.client.HTTPConnection, "response_class", Response)
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        process = subprocess.Popen(["true"])
        with Emulator(process, tmp_path / "log", get_target("nanosp"), 1, server.server_port) as running:
            assert running.screen() == ("Ready",)
        server.shutdown()
    assert [response.closed for response in seen] == [True]


TARGET = get_target("nanosp")
PYTHON = Path(sys.executable)


@pytest.mark.parametrize(
    "begin",
    [
        lambda: emulator.run(Path("app.elf"), TARGET, python=PYTHON, apdu_port=1, api_port=2),
        lambda: emulator.start(Path("app.elf"), TARGET, python=PYTHON),
    ],
    ids=["run", "start"],
)
def test_ctrl_c_while_it_starts_leaves_no_process(
    begin: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Popen(subprocess.Popen[bytes]):
        def __init__(self, words: list[str], **_: object) -> None:
            del words
            super().__init__(["sleep", "1000"])
            started.append(self)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Popen)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            begin()
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        assert [process.poll() for process in started] == [-signal.SIGTERM]
    finally:
        started[0].kill()
