"""Whatever a host sends, the device answers with a status word and goes on."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.virtual_device.host import CA, Host, apdu, config, lv, make_image
from toolchain.virtual_device import DeviceState, VirtualDevice

TARGET_ID = config().target_id
HANDSHAKE = list(Host(VirtualDevice(config()).handle, TARGET_ID).handshake())

known_apdus = st.builds(
    apdu,
    st.sampled_from([0, 1, 4, 0x50, 0x51, 0x52, 0x53, 0xD8, 0xDE, 0xDF]),
    st.binary(max_size=40),
    st.sampled_from([0, 0, 0, 2, 0x80]),
    st.sampled_from([0, 0, 0, 1]),
)
sub_commands = st.tuples(
    st.sampled_from([5, 6, 7, 8, 9, 0x0B, 0x0C, 0x0E, 0x0F, 0x10, 0x11, 0x12, 0x13, 0x15, 0xD2]),
    st.one_of(
        st.binary(max_size=40),
        st.just(make_image().create_app_params()),
        st.just(bytes(4)),
        st.builds(lambda chunk: bytes(2) + chunk, st.binary(min_size=1, max_size=200)),
        st.just(lv(b"App")),
        st.just(lv(b"ca") + lv(CA.public_key.point)),
    ),
)


@settings(deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=270), known_apdus, st.sampled_from(HANDSHAKE)), max_size=12))
def test_garbage_gets_a_status_word(messages: list[bytes]) -> None:
    device = VirtualDevice(config())
    for message in messages:
        assert len(device.handle(message)) >= 2
    Host(device.handle, TARGET_ID).connect()


@settings(deadline=None)
@given(st.lists(sub_commands, max_size=25))
def test_garbage_inside_the_channel(commands: list[tuple[int, bytes]]) -> None:
    """The channel stays alive, the state stays one that can be saved and loaded."""
    device = VirtualDevice(config(recovery=True))
    host = Host(device.handle, TARGET_ID).connect()
    for sub, args in commands:
        reply = host.send(host.wrap(sub, args))
        if host.status == 0x9000 and reply:
            assert host.channel is not None
            host.channel.unwrap(reply)
    host.run(0x10)
    assert DeviceState.load(device.state.dump()) == device.state
