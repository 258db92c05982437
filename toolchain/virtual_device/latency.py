"""How long an exchange takes on a real link: lets loads over TCP be timed as over a cable or the air."""

from collections.abc import Callable

from toolchain.errors import ConfigError

Latency = Callable[[int, int], float]
"""Bytes of the APDU, bytes of the reply with its status word; seconds."""

_SLOWEST = 60_000
"""Milliseconds."""


def frames(size: int, first: int, following: int) -> int:
    """Frames for a message whose first frame holds ``first`` bytes and each other one ``following``."""
    return 1 + max(0, -(-(size - first) // following))


def reports(size: int) -> int:
    """Reports of USB HID for a message: 64 bytes, 57 and then 59 of them payload (loader protocol §1.2)."""
    return frames(size, 57, 59)


def usb_hid(command: int, reply: int) -> float:
    """One report a millisecond each way."""
    return 0.001 * (reports(command) + reports(reply))


def ble(command: int, reply: int) -> float:
    """Frames of an MTU of 153, 5 and 3 bytes of them header (§1.3), one in each 15 ms connection interval."""
    return 0.015 * (frames(command, 148, 150) + frames(reply, 148, 150))


def fixed(seconds: float) -> Latency:
    """The same for every exchange."""
    return lambda _command, _reply: seconds


def latency(name: str) -> Latency | None:
    """The link of that name: ``none``, ``usb``, ``ble``, or milliseconds for each exchange.

    Raises:
        ConfigError: no such link.
    """
    links: dict[str, Latency | None] = {"none": None, "usb": usb_hid, "ble": ble}
    if name in links:
        return links[name]
    if not name.isascii() or not name.isdigit() or int(name) > _SLOWEST:
        raise ConfigError(f"no link is called {name!r}", hint="choose none, usb, ble, or milliseconds")
    return fixed(int(name) / 1000)
