"""Devices in a smart-card reader: PC/SC through pyscard, which is imported only here.

ledgerblue's class for these drops the status words 61xx and 6Cxx, so it is not used.
"""

import importlib
from types import ModuleType
from typing import Protocol

from toolchain.device.transport import TIMEOUT, Closing, NoDeviceError
from toolchain.errors import ConfigError, TransportError

INSTALL = "apt-get install pcscd libpcsclite-dev swig gcc, then .venv/bin/pip install pyscard"


class Card(Protocol):
    """A connection of pyscard's."""

    def transmit(self, apdu: list[int]) -> tuple[list[int], int, int]:
        """Data and the two bytes of the status word."""
        ...

    def disconnect(self) -> None:
        """Let go of the card."""
        ...


class PcscTransport(Closing):
    """One card. Its service has deadlines of its own."""

    max_data = 255

    def __init__(self, card: Card, errors: type[Exception]) -> None:
        self._card: Card | None = card
        self._errors = errors

    def exchange(self, apdu: bytes) -> bytes:
        """Send an encoded command, return data and status word.

        Raises:
            TransportError: the card is gone or does not answer.
        """
        if self._card is None:
            raise TransportError("the card is disconnected", hint="insert it again")
        try:
            data, high, low = self._card.transmit(list(apdu))
        except self._errors as e:
            self.close()
            raise TransportError(f"the card does not answer: {e}", hint="insert it again") from e
        return bytes((*data, high, low))

    def close(self) -> None:
        """Let go of the card."""
        card, self._card = self._card, None
        if card is not None:
            card.disconnect()


def _packages() -> tuple[ModuleType, type[Exception]]:
    try:
        system = importlib.import_module("smartcard.System")
        errors: type[Exception] = importlib.import_module("smartcard.Exceptions").SmartcardException
    except ImportError as e:
        raise ConfigError(
            "PC/SC needs a package that is not installed, and that has no wheel for Linux", hint=INSTALL
        ) from e
    return system, errors


def open_pcsc(reader: str = "", *, timeout: float = TIMEOUT) -> PcscTransport:  # noqa: ARG001 - of all transports
    """Connect to the card in the reader of that name, or in the only one that has a card.

    Raises:
        ConfigError: pyscard is missing, or several readers have cards and none is named.
        TransportError: no reader, no card.
    """
    system, errors = _packages()
    try:
        names = {str(found): found for found in system.readers()}
    except errors as e:
        raise NoDeviceError(f"the PC/SC service does not answer: {e}", hint="start pcscd") from e
    cards: dict[str, Card] = {}
    for name, found in names.items():
        if reader in ("", name):
            connection = found.createConnection()
            try:
                connection.connect()
            except errors:  # an empty reader
                continue
            cards[name] = connection
    listed = ", ".join(f"pcsc:{name}" for name in names) or "no reader"
    if not cards:
        raise NoDeviceError(
            "no card is inserted", hint=f"insert it; there is: {listed}", where=f"pcsc:{reader}"
        )
    if len(cards) > 1:
        for card in cards.values():
            card.disconnect()
        raise ConfigError("several readers have a card", hint=f"choose one of: {listed}")
    (card,) = cards.values()
    return PcscTransport(card, errors)
