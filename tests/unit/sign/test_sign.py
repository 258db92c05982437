import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolchain.errors import ConfigError, SigningError
from toolchain.image import Image, Segment, VerifiedImage, seal
from toolchain.keys import ORDER, PrivateKey, PublicKey
from toolchain.sign import open_signer, sign

KEY = PrivateKey.from_int(0x1234)
OTHER = PrivateKey.from_int(0x5678)


def verified(code: bytes = b"\x00\xbf" * 8) -> VerifiedImage:
    image = Image(
        name="App",
        version="1.0.0",
        target_id=0x33100004,
        target_version="",
        api_level=25,
        segments=(Segment(0xC0DE0000, code),),
        code_length=len(code),
        data_length=0,
        params_length=0,
        flags=0,
        boot_offset=1,
    )
    return seal(image, "development", ())


class Answering:
    """A signer that holds KEY and answers what it is told to."""

    public_key = KEY.public_key

    def __init__(self, answer: bytes) -> None:
        self.answer = answer

    def sign_digest(self, digest: bytes) -> bytes:
        return self.answer


@given(st.binary(min_size=2, max_size=64))
def test_signature_verifies_over_the_digest_and_has_a_low_s(code: bytes) -> None:
    image = verified(code)
    signature = sign(image, KEY, KEY.public_key)
    assert KEY.public_key.verifies(signature.der, image.image.digest())
    assert signature.key_id == KEY.public_key.key_id
    s_length = signature.der[5 + signature.der[3]]
    assert int.from_bytes(signature.der[-s_length:], "big") <= ORDER // 2


def test_a_high_s_of_the_signer_is_brought_low() -> None:
    image = verified()
    low = KEY.sign_digest(image.image.digest())
    r_length = low[3]
    r = low[4 : 4 + r_length]
    s = int.from_bytes(low[6 + r_length :], "big")
    high = (ORDER - s).to_bytes(33, "big")
    answer = bytes([0x30, 4 + r_length + 33, 2, r_length]) + r + bytes([2, 33]) + high
    assert KEY.public_key.verifies(answer, image.image.digest())
    assert sign(image, Answering(answer), KEY.public_key).der == low


def test_a_signer_with_another_key_is_refused_before_it_signs() -> None:
    class Refusing(Answering):
        def sign_digest(self, digest: bytes) -> bytes:
            raise AssertionError("must not be asked")

    with pytest.raises(SigningError, match="holds the key"):
        sign(verified(), Refusing(b""), OTHER.public_key)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00" * 64,
        OTHER.sign_digest(verified().image.digest()),
        KEY.sign_digest(bytes(32)),
        bytes.fromhex("3006020100020101"),
    ],
    ids=["empty", "not DER", "another key's", "over another digest", "zero"],
)
def test_an_answer_that_does_not_verify_is_refused(answer: bytes) -> None:
    with pytest.raises(SigningError):
        sign(verified(), Answering(answer), KEY.public_key)


def ask_nothing(name: str) -> str:
    raise AssertionError(f"asked for the {name}")


@pytest.mark.parametrize("uri", ["", "issuer.pem", "azure:token=x", "/some/issuer.pem", "FILE:x", "a" * 9])
def test_an_unknown_scheme_names_the_known_ones_and_repeats_nothing(uri: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_signer(uri, ask_nothing)
    assert "file:" in caught.value.hint
    assert not uri or uri not in str(caught.value)


def test_a_uri_without_a_path_is_refused() -> None:
    with pytest.raises(ConfigError, match="names nothing"):
        open_signer("file:", ask_nothing)


def test_public_keys_are_compared_by_value() -> None:
    assert sign(verified(), KEY, PublicKey(KEY.public_key.point)).key_id == KEY.public_key.key_id
