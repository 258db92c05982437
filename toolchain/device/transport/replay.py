"""A recorded conversation in the place of a device, for tests and for reading traces again."""

from collections.abc import Iterable

from toolchain.device.transport import Closing
from toolchain.errors import TransportError


class ReplayTransport(Closing):
    """Gives the recorded answers as long as the commands are the recorded ones, byte for byte."""

    def __init__(self, conversation: Iterable[tuple[bytes, bytes]], *, max_data: int = 255) -> None:
        self._conversation = iter(conversation)
        self.max_data = max_data

    def exchange(self, apdu: bytes) -> bytes:
        """The answer that was recorded for this command.

        Raises:
            TransportError: the recording has another command here, or is over.
        """
        expected, answer = next(self._conversation, (None, b""))
        if expected is None:
            raise TransportError("the recording is over")
        if apdu != expected:
            raise TransportError(f"the recording has {expected.hex()} here, not {apdu.hex()}")
        return answer

    def close(self) -> None:
        """Nothing to let go of."""
