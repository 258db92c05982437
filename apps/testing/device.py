"""An app on an emulated device, with the few words that the functional tests need."""

import contextlib
import io
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from toolchain.emulator import Button, Emulator, Screen
from toolchain.errors import DeviceError


class Answer(NamedTuple):
    """Data and status word."""

    data: bytes
    status: int

    @classmethod
    def of(cls, raw: bytes) -> "Answer":
        """Split what came over the link."""
        return cls(raw[:-2], int.from_bytes(raw[-2:], "big"))


def apdu(cla: int, ins: int, p1: int = 0, p2: int = 0, data: bytes = b"") -> bytes:
    """An encoded command."""
    return bytes([cla, ins, p1, p2, len(data)]) + data


def sample_commands() -> Iterator[tuple[int, int, bytes]]:
    """Class, instruction and zeros as data: a sample of what unit tests send to the app on the PC in full."""
    for cla in (0x00, 0x7F, 0xB1, 0xDF, 0xE0, 0xE1, 0xFF):
        for ins in (*range(12), 0x7F, 0x80, 0xFF):
            for length in (0, 1, 255):
                yield cla, ins, bytes(length)


@dataclass(frozen=True)
class Device:
    """The app under test. ``pictures`` is the folder of golden pictures, None if they are not compared."""

    emulator: Emulator
    pictures: Path | None
    renew_pictures: bool

    def raw(self, command: bytes) -> Answer:
        """Send bytes as they are."""
        return Answer.of(self.emulator.exchange(command))

    def send(self, cla: int, ins: int, p1: int = 0, p2: int = 0, data: bytes = b"") -> Answer:
        """Send a command that is answered at once."""
        return self.raw(apdu(cla, ins, p1, p2, data))

    @contextlib.contextmanager
    def asking(self, command: bytes) -> Iterator[Callable[[], Answer]]:
        """Send a command that a person decides on; inside, press buttons, then call what is given."""
        future: Future[bytes] = self.emulator.ask(command)
        yield lambda: Answer.of(future.result(timeout=15))

    def press(self, button: Button) -> Screen:
        """Press and release."""
        return self.emulator.press(button)

    def walk(self, until: str) -> list[Screen]:
        """Right, until a screen says so; all screens on the way."""
        return self.emulator.walk(until)

    def home(self) -> None:
        """Go to the home screen; after a test that failed half-way, by way of whatever is before it."""
        try:
            self.emulator.wait_for("is ready")
        except DeviceError:
            self.emulator.walk("is ready", "left")

    def leave_result(self) -> None:
        """Go on from the screen that says what became of a request; it would go by itself, later."""
        if self.emulator.screen()[0] in ("Approved", "Rejected"):
            self.press("both")

    def compare(self, name: str) -> None:
        """The screen is the golden picture of that name, pixel by pixel."""
        if self.pictures is None:
            return
        seen = self.emulator.screenshot()
        golden = self.pictures / f"{name}.png"
        if self.renew_pictures:
            golden.parent.mkdir(parents=True, exist_ok=True)
            golden.write_bytes(seen)
        assert golden.exists(), f"no golden picture {golden}; --golden makes it"
        assert _pixels(seen) == _pixels(golden.read_bytes()), f"the screen is not {golden}"


def _pixels(png: bytes) -> tuple[tuple[int, int], bytes]:
    with Image.open(io.BytesIO(png)) as picture:
        plain = picture.convert("RGB")
        return plain.size, plain.tobytes()


def read_fields(screens: list[Screen]) -> dict[str, str]:
    """Titles and texts of review screens, pages put together: ``To (2/3)`` continues ``To (1/3)``."""
    fields: dict[str, str] = {}
    for title, *lines in screens:
        name = title.rsplit(" (", 1)[0]
        fields[name] = fields.get(name, "") + "".join(lines)
    return fields
