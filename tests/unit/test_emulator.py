"""How we talk to the emulator; none runs here."""

import http.client
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

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
        with Emulator(process, tmp_path / "log", get_target("nanosp"), 1, server.server_port) as emulator:
            assert emulator.screen() == ("Ready",)
        server.shutdown()
    assert [response.closed for response in seen] == [True]
