"""What no published loader should have done, looked for in our own sources (docs/pitfalls.md)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.namespace import task_copies
from tests.unit.test_docs import ROOT
from toolchain.device.transport import open_transport, usb
from toolchain.errors import TransportError

SOURCES = (*sorted((ROOT / "toolchain").rglob("*.py")), *sorted(ROOT.glob("tasks*.py")))
PARSED = {path: ast.parse(path.read_text("utf-8")) for path in SOURCES}


def nodes(kind: type[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    for path, tree in PARSED.items():
        for node in ast.walk(tree):
            if isinstance(node, kind):
                yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", node


def imported() -> dict[str, set[str]]:
    """Modules, and the files that import them."""
    found: dict[str, set[str]] = {}
    for where, node in nodes(ast.AST):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            found.setdefault(name, set()).add(where.split(":")[0])
    return found


def test_randomness_is_the_operating_systems() -> None:
    assert "random" not in imported()
    assert {"toolchain/device/session.py", "toolchain/virtual_device/config.py"} <= imported()["os"]


def test_no_check_goes_with_an_option_of_the_interpreter() -> None:
    assert [where for where, _ in nodes(ast.Assert)] == []


def test_errors_can_be_caught() -> None:
    raised = [
        where
        for where, node in nodes(ast.Raise)
        if isinstance(node, ast.Raise)
        and re.match(r"(BaseException|Exception)\b", ast.unparse(node.exc or node))
    ]
    derived = [
        where
        for where, node in nodes(ast.ClassDef)
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "BaseException" for base in node.bases)
    ]
    assert (raised, derived) == ([], [])


def test_nothing_swallows_ctrl_c() -> None:
    """A handler for everything is there to clean up and raise again, or to carry a bug to another thread."""
    for where, node in nodes(ast.ExceptHandler):
        assert isinstance(node, ast.ExceptHandler)
        caught = ast.unparse(node.type) if node.type else ""
        assert caught, where
        if re.search(r"\bBaseException\b", caught):
            again = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
            carried = "_Bug" in ast.unparse(node)
            assert again or carried, where


def test_tags_are_compared_in_constant_time() -> None:
    for name, function in (("device", "compare_digest"), ("virtual_device", "bytes_eq")):
        tree = PARSED[ROOT / "toolchain" / name / "channel.py"]
        calls = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Call)]
        assert any(call.split("(")[0].endswith(function) and "tag" in call for call in calls)
        plain = [
            ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Compare) and "tag" in ast.unparse(n)
        ]
        assert [text for text in plain if re.search(r"tag\w*\)? ?[!=]=|[!=]= ?\w*tag", text)] == []


def test_no_option_takes_a_secret() -> None:
    copies = task_copies()
    options = {argument.name for name in copies.task_names for argument in copies[name].get_arguments()}
    assert {"device", "signer", "issuer_key"} <= options
    assert [
        name for name in options if name and re.search("pin|passphrase|password|words|secret|private", name)
    ] == []


def test_nothing_speaks_to_a_server() -> None:
    """What speaks HTTP does so with the emulator of this machine."""
    clients = {"ssl", "requests", "urllib.request", "http.client", "websocket", "aiohttp"}
    speaking = {(name, file) for name, files in imported().items() if name in clients for file in files}
    assert speaking == {("http.client", "toolchain/emulator.py")}


def test_no_variable_redirects_a_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """ledgerblue would talk to that port; nobody is plugged in here."""
    monkeypatch.setenv("LEDGER_PROXY_ADDRESS", "127.0.0.1")
    monkeypatch.setenv("LEDGER_PROXY_PORT", "1")
    monkeypatch.setenv("LEDGER_PROXY_USB_PORT", "/dev/hidraw99")
    monkeypatch.setenv("LEDGER_BLE_MAC", "AA:BB:CC:DD:EE:FF")
    opened: list[bytes] = []

    class Hid:
        @staticmethod
        def enumerate(_vendor: int, _product: int) -> list[usb.HidInfo]:
            return [
                usb.HidInfo(
                    path=b"/dev/1", serial_number="1", product_string="", interface_number=0, usage_page=0
                )
            ]

        class device:  # noqa: N801 - hidapi's name
            def open_path(self, path: bytes) -> None:
                opened.append(path)
                raise OSError

    monkeypatch.setattr(usb, "_packages", lambda: (usb, Hid))
    with pytest.raises(TransportError):
        open_transport("usb:")
    assert opened == [b"/dev/1"]
    mentions = [path for path in SOURCES if re.search("LEDGER_(PROXY|BLE|NFC)", Path(path).read_text())]
    assert mentions == []
