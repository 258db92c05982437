"""What a device is about to ask its owner, in words, before it asks.

The questions are the device's own and differ between models and OS versions; subject and identifier are
what to compare on its screen. Which commands ask is loader protocol §5.3 (unverified on hardware); a host
that holds the key of the enrolled custom CA is not asked about.
"""

from collections.abc import Callable

from toolchain.image import Image
from toolchain.keys import PublicKey
from toolchain.load.inventory import InstalledApp

Announce = Callable[[str], None]
"""Told what the device will ask, just before it does."""


def silent(_question: str) -> None:
    """Nobody is there to be told."""


def foreign_host(key: PublicKey) -> str:
    """The first question of a session, unless the device knows the host."""
    return (
        'The device asks whether to allow an "unsafe" or unknown manager: that is this computer. '
        f"Compare the public key, {_ends(key.point.hex())}, and allow it."
    )


def install(image: Image) -> str:
    """The question behind a load."""
    title = f"{image.name} {image.version}".strip()
    return (
        f"The device asks whether to install {title}. Compare the identifier, "
        f"{_ends(image.digest().hex())}, allow it and enter your PIN."
    )


def replace(app: InstalledApp) -> str:
    """The question before an app makes room for its successor."""
    return f"The device asks whether to delete {app.name}, which the new one replaces. Allow it."


def not_both(app: InstalledApp) -> str:
    """No question: why one comes early, and what it means."""
    return (
        f"{app.name} is deleted before the new version is loaded: the device does not take both. "
        "If this load is cut, it has neither until the same command ran again."
    )


def delete(app: InstalledApp) -> str:
    """The question behind a deletion."""
    identifier = _ends(app.full_hash.hex())
    return f"The device asks whether to delete {app.name} (identifier {identifier}). Allow it."


def enroll(name: str, key: PublicKey) -> str:
    """The question behind the enrolment of a custom CA."""
    return (
        f"The device asks whether to trust the certificate {name!r}. Compare the public key, "
        f"{_ends(key.point.hex())}, allow it and enter your PIN."
    )


def remove() -> str:
    """The question behind the removal of a custom CA."""
    return "The device asks whether to remove the custom certificate. Allow it."


def _ends(text: str) -> str:
    """Beginning and end, as small screens show long identifiers."""
    return f"{text[:8]}…{text[-8:]}"
