"""Power cuts, where a test wants them."""

from dataclasses import dataclass
from enum import Enum, auto

from toolchain.errors import TransportError


class Moment(Enum):
    """When power fails: before a command has any effect, after it has but unanswered, within the answer."""

    BEFORE = auto()
    UNANSWERED = auto()
    WITHIN_ANSWER = auto()


@dataclass
class PowerCut:
    """Power fails at ``moment`` of the command that comes after ``commands`` more."""

    commands: int
    moment: Moment


class PowerLostError(TransportError):
    """The device is off, and on again. ``reply`` is the answer of which only a part arrived, if any did."""

    def __init__(self, reply: bytes = b"") -> None:
        super().__init__("the device lost power", hint="connect it again and repeat the command")
        self.reply = reply
