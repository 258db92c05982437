"""Three hosts in this process: ours, and the official two, unmodified, over a link that a test controls.

Each loads one app and returns if it believes that the app is installed, or raises.
"""

import contextlib
import io
import itertools
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from ledgerblue import loadApp
from ledgerblue.commTCP import DongleServer
from ledgerwallet.client import LedgerClient

from tests.conformance.clients import write_hex
from tests.unit.device.small_device import HOST_KEY, ISSUER
from tests.unit.load.test_plan_parity import Manifest
from toolchain.device.session import open_session
from toolchain.device.transport import Closing
from toolchain.image import Image
from toolchain.load.install import install

Exchange = Callable[[bytes], bytes]
"""Carries a command, gives data and status word; may raise anything."""

Host = Callable[[Exchange, Image, Path], None]
"""Loads the image over the link; files go to the folder."""


class Link(Closing):
    """For our host: a transport."""

    max_data = 255

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def exchange(self, apdu: bytes) -> bytes:
        return self._exchange(apdu)

    def close(self) -> None:
        pass


def ours(exchange: Exchange, image: Image, _folder: Path) -> None:
    session = open_session(Link(exchange), image.target_id, HOST_KEY, [ISSUER])
    install(session, image, None)


class Socket:
    """For ledgerblue: what its TCP transport sends to and reads from."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._sent = b""
        self._answer = b""

    def send(self, data: bytes) -> None:
        self._sent += bytes(data)
        size = int.from_bytes(self._sent[:4], "big")
        if len(self._sent) > 4 and len(self._sent) == 4 + size:
            answer = self._exchange(self._sent[4:])
            self._answer = max(0, len(answer) - 2).to_bytes(4, "big") + answer
            self._sent = b""

    def recv(self, size: int) -> bytes:
        taken, self._answer = self._answer[:size], self._answer[size:]
        return taken

    def close(self) -> None:
        pass


def ledgerblue(exchange: Exchange, image: Image, folder: Path) -> None:
    dongle = DongleServer.__new__(DongleServer)
    dongle.socket, dongle.debug, dongle.opened = Socket(exchange), False, True
    level = () if image.api_level is None else ("--apiLevel", str(image.api_level))
    options = {
        "--fileName": str(write_hex(image, folder / "ledgerblue.hex")),
        "--appName": image.name,
        "--targetId": hex(image.target_id),
        "--targetVersion": image.target_version,
        "--appFlags": hex(image.flags),
        "--dataSize": str(image.data_length),
        "--installparamsSize": str(image.params_length),
    }
    arguments = [*itertools.chain.from_iterable(options.items()), *level, "--tlv", "--delete"]
    with (
        mock.patch("ledgerblue.comm.getDongle", return_value=dongle),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        loadApp.main(arguments, debug=False)


class Device:
    """For ledgerctl: a device that it has found."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass


def ledgerctl(exchange: Exchange, image: Image, folder: Path) -> None:
    binary = write_hex(image, folder / "ledgerctl.hex", without_params=True)
    client = LedgerClient(Device(exchange))
    client.delete_app(image.name)
    client.install_app(Manifest(image, binary))


HOSTS: dict[str, Host] = {"ours": ours, "ledgerblue": ledgerblue, "ledgerctl": ledgerctl}
