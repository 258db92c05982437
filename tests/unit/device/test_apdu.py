import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolchain.device.apdu import Command, Response
from toolchain.errors import ImageError, TransportError

byte = st.integers(0, 255)
commands = st.builds(Command, byte, byte, byte, byte, st.binary(max_size=255))


@given(commands)
def test_command_round_trip(command: Command) -> None:
    assert Command.decode(command.encode()) == command


@given(st.binary(max_size=270))
def test_any_bytes_decode_or_are_refused(apdu: bytes) -> None:
    try:
        command = Command.decode(apdu)
    except ImageError:
        return
    assert command.encode() == apdu


@given(st.builds(Response, st.binary(max_size=300), st.integers(0, 0xFFFF)))
def test_response_round_trip(response: Response) -> None:
    assert Response.decode(response.encode()) == response


@pytest.mark.parametrize("answer", [b"", b"\x90"])
def test_answer_without_status_word(answer: bytes) -> None:
    with pytest.raises(TransportError, match="cut short"):
        Response.decode(answer)


def test_commands_without_data_still_carry_their_length() -> None:
    assert Command(0xE0, 0x01).encode() == bytes.fromhex("e001000000")


def test_too_much_data() -> None:
    with pytest.raises(ImageError, match="255 bytes at most"):
        Command(0xE0, 0, 0, 0, bytes(256))
    with pytest.raises(ImageError, match="not a byte"):
        Command(0xE0, 256)
