"""An app in the emulator, by hand: screens as lines, buttons as lines."""

import signal
import socket
import subprocess

import pytest

from tests.system.inv import inv
from tests.system.test_interrupt import start
from toolchain.emulator import free_ports

pytestmark = pytest.mark.component("qemu")


def test_screens_and_buttons_are_lines_until_the_app_ends() -> None:
    apdu, api = map(str, free_ports(2))
    keys = "left\nnothing\nb\n"
    run = inv("emulate", "--app", "notary", "--apdu-port", apdu, "--api-port", api, "--json", stdin=keys)
    assert run.code == 0, run.err
    assert run.only("emulator")["apdu"] == f"tcp://127.0.0.1:{apdu}"
    assert [line["texts"] for line in run.lines("screen")][-1:] == [["Quit"]]
    shown = inv("emulate", "--app", "notary", "--apdu-port", apdu, "--api-port", api, stdin=keys)
    assert (shown.code, shown.out.split()[-1]) == (0, "Quit")
    assert "no button is called 'nothing'" in shown.err
    assert "the app has ended" in shown.err


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run = inv("emulate", "--app", "notary", "--apdu-port", port)
    assert run.code == 7
    assert f"port {port} cannot be used: Address already in use" in run.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--display", "gui"), "no display is called 'gui'"),
        (("--apdu-port", "70000"), "--apdu-port 70000 is not a port"),
        (("--apdu-port", "0"), "--apdu-port 0 is not a port"),
        (("--apdu-port", "5000", "--api-port", "5000"), "the same port"),
        (("--elf", "/nowhere/app.elf"), "cannot read the app"),
        (("--target", "stax"), "does not declare Stax"),
    ],
)
def test_what_cannot_be_run(arguments: tuple[str, ...], message: str) -> None:
    run = inv("emulate", *arguments)
    assert run.code == 2
    assert message in run.err


@pytest.mark.parametrize("display", ["text", "headless"])
def test_ctrl_c_ends_it(display: str) -> None:
    apdu, api = map(str, free_ports(2))
    ports = ("--apdu-port", apdu, "--api-port", api)
    with start("emulate", "--display", display, *ports, "--json", stdin=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert '"type": "emulator"' in run.stdout.readline()
        run.send_signal(signal.SIGINT)
        try:
            run.communicate(timeout=60)
        finally:
            run.kill()
    assert run.returncode == 0
    with socket.create_server(("127.0.0.1", int(apdu))):
        pass
