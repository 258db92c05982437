import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolchain.device import certificate
from toolchain.device.certificate import DeviceCertificate
from toolchain.device.fields import lv, split_lv
from toolchain.errors import AuthenticationError
from toolchain.keys import PrivateKey

KEY = PrivateKey.from_int(7).public_key


@given(st.lists(st.binary(max_size=255), max_size=5))
def test_lv_round_trip(fields: list[bytes]) -> None:
    assert list(split_lv(b"".join(lv(f) for f in fields))) == fields


@given(st.binary(max_size=300))
def test_any_bytes_are_a_certificate_or_refused(data: bytes) -> None:
    try:
        DeviceCertificate.parse(data)
    except AuthenticationError:
        return
    pytest.fail("random bytes are no certificate")


def test_parse() -> None:
    data = lv(b"header") + lv(KEY.point) + lv(b"signature")
    assert DeviceCertificate.parse(data) == DeviceCertificate(b"header", KEY, b"signature")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        lv(b"") + lv(KEY.point),
        lv(b"") + lv(KEY.point) + lv(b"s") + lv(b"more"),
        lv(b"") + lv(KEY.point) + lv(b"signature")[:-1],
        lv(b"") + lv(b"\x02" + KEY.point[1:33]) + lv(b"s"),
        lv(b"") + lv(b"\x05" + KEY.point[1:]) + lv(b"s"),
        lv(b"") + lv(KEY.point[:-1] + bytes([KEY.point[-1] ^ 1])) + lv(b"s"),
        lv(b"") + lv(bytes(65)) + lv(b"s"),
    ],
    ids=["empty", "two fields", "four fields", "cut", "compressed", "prefix", "off curve", "zeros"],
)
def test_malformed(data: bytes) -> None:
    with pytest.raises(AuthenticationError, match="malformed"):
        DeviceCertificate.parse(data)


def test_roles_and_order_of_nonces() -> None:
    host, device = b"hosthost", b"devidevi"
    assert certificate.host_static_signed(KEY) == b"\x01" + KEY.point
    assert certificate.host_ephemeral_signed(host, device, KEY) == b"\x11hosthostdevidevi" + KEY.point
    assert certificate.device_static_signed(b"h", KEY) == b"\x02h" + KEY.point
    assert certificate.device_ephemeral_signed(device, host, KEY) == b"\x12devidevihosthost" + KEY.point
    assert certificate.endorsement_signed(KEY) == b"\xff" + KEY.point
    assert certificate.owner_signed(KEY) == b"\xfe" + KEY.point
