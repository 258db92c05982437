import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sign import softhsm
from tests.unit.sign.softhsm import PIN, Hsm
from toolchain.errors import ConfigError, SigningError
from toolchain.keys import ORDER, PublicKey, low_s
from toolchain.sign import open_signer
from toolchain.sign.pkcs11 import Cause, Pkcs11Error, Pkcs11Signer, Pkcs11Uri, create_key, open_pkcs11

needs_softhsm = pytest.mark.component("softhsm")
DIGESTS = [n.to_bytes(32, "big") for n in range(1, 301)]


def ask_pin(name: str) -> str:
    assert name == "PIN of token release"
    return PIN


def never_ask(name: str) -> str:
    raise AssertionError(name)


@pytest.fixture
def hsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hsm]:
    with softhsm.softhsm(tmp_path, softhsm.module(), monkeypatch) as hsm:
        yield hsm


@pytest.fixture(scope="session")
def faulty_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return softhsm.build_faulty(tmp_path_factory.mktemp("faulty"))


@pytest.fixture
def faulty(faulty_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hsm]:
    with softhsm.softhsm(tmp_path, faulty_library, monkeypatch) as hsm:
        create_key(hsm.uri(extra=";id=%01"), ask_pin)
        yield hsm


def cause_of(caught: pytest.ExceptionInfo[Pkcs11Error]) -> Cause:
    assert PIN not in f"{caught.value} {caught.value.hint}"
    return caught.value.cause


# --- URIs -----------------------------------------------------------------------------------------------


def test_a_uri_with_everything() -> None:
    uri = Pkcs11Uri.parse(
        "token=My%20token;manufacturer=Snake%20Oil%2C%20Inc.;serial=DECC;model=1.0;slot-id=42"
        ";object=app%3Bkey;type=private;id=%69%95%3E%00?module-path=/usr/lib/x.so&pin-source=file:/run/pin"
    )
    assert uri == Pkcs11Uri(
        module_path=Path("/usr/lib/x.so"),
        token="My token",
        manufacturer="Snake Oil, Inc.",
        serial="DECC",
        model="1.0",
        slot_id=42,
        object="app;key",
        id=bytes.fromhex("69953e00"),
        pin_source=Path("/run/pin"),
    )


@pytest.mark.parametrize("prefix", ["file:///", "file:/", "/"])
def test_forms_of_pin_source(prefix: str) -> None:
    uri = Pkcs11Uri.parse(f"object=a?pin-source={prefix}run/pin&module-path=/m.so")
    assert uri.pin_source == Path("/run/pin")


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ("token=a", "names no module"),
        ("token=a?module-path=relative.so", "names no module"),
        ("token=a?module-name=opensc", "not known"),
        ("tokn=a?module-path=/m.so", "not known"),
        ("token=a;token=b?module-path=/m.so", "twice"),
        ("token=a?module-path=/m.so&module-path=/n.so", "twice"),
        ("token=?module-path=/m.so", "empty or not percent-encoded"),
        ("token=a b?module-path=/m.so", "empty or not percent-encoded"),
        ("token=%2?module-path=/m.so", "empty or not percent-encoded"),
        ("token=é?module-path=/m.so", "empty or not percent-encoded"),
        ("token=%ff?module-path=/m.so", "not UTF-8"),
        ("token?module-path=/m.so", "not known"),
        ("token=a;?module-path=/m.so", "not known"),
        ("token=a;type=public?module-path=/m.so", "only a private key"),
        ("token=a;slot-id=x?module-path=/m.so", "not a number"),
        ("token=a?module-path=/m.so&pin-source=|cat", "not a file"),
        ("token=a?module-path=/m.so&pin-source=file:pin", "not a file"),
        ("x-vendor=a?module-path=/m.so", "not known"),
        ("", "names no module"),
    ],
)
def test_uris_that_are_refused(rest: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        Pkcs11Uri.parse(rest)


@pytest.mark.parametrize("rest", ["a?pin-value=4711&module-path=/m.so", "pin-value=4711?module-path=/m.so"])
def test_a_pin_in_the_uri_is_refused_and_not_repeated(rest: str) -> None:
    with pytest.raises(ConfigError, match="does not belong into a URI") as caught:
        Pkcs11Uri.parse(rest)
    assert "4711" not in f"{caught.value} {caught.value.hint}"


@given(st.text())
def test_any_text_is_read_or_refused(rest: str) -> None:
    try:
        uri = Pkcs11Uri.parse(rest)
    except ConfigError:
        return
    assert uri.module_path.is_absolute()


# --- A token in software --------------------------------------------------------------------------------


@needs_softhsm
def test_sign_with_a_key_made_on_the_token(hsm: Hsm) -> None:
    public = create_key(hsm.uri(extra=";id=%01"), ask_pin)
    with open_pkcs11(hsm.uri(), ask_pin) as signer:
        assert signer.public_key == public
        for der in (signer.sign_digest(DIGESTS[3]) for _ in range(8)):
            assert public.verifies(der, DIGESTS[3])
            assert low_s(der) == der


@needs_softhsm
def test_the_scheme_is_known(hsm: Hsm) -> None:
    public = create_key(hsm.uri(extra=";id=%01"), ask_pin)
    assert open_signer(f"pkcs11:{hsm.uri()}", ask_pin).public_key == public


@needs_softhsm
def test_a_batch_keeps_its_order(hsm: Hsm) -> None:
    public = create_key(hsm.uri(extra=";id=%01"), ask_pin)
    with open_pkcs11(hsm.uri(), ask_pin) as signer:
        signatures = signer.sign_digests(DIGESTS)
    assert len(signatures) == len(DIGESTS)
    assert all(public.verifies(der, digest) for der, digest in zip(signatures, DIGESTS, strict=True))


@needs_softhsm
@pytest.mark.parametrize("size", [0, 31, 33])
def test_only_digests_are_signed(hsm: Hsm, size: int) -> None:
    create_key(hsm.uri(extra=";id=%01"), ask_pin)
    with (
        open_pkcs11(hsm.uri(), ask_pin) as signer,
        pytest.raises(SigningError, match="32 bytes"),
    ):
        signer.sign_digests([DIGESTS[0], bytes(size)])


@needs_softhsm
def test_two_keys_of_one_token_at_once(hsm: Hsm) -> None:
    first = create_key(hsm.uri(key="first", extra=";id=%01"), ask_pin)
    second = create_key(hsm.uri(key="second", extra=";id=%02"), ask_pin)
    with (
        open_pkcs11(hsm.uri(key="first"), ask_pin) as one,
        open_pkcs11(hsm.uri(key="second"), ask_pin) as other,
    ):
        assert (one.public_key, other.public_key) == (first, second)
        assert first.verifies(one.sign_digest(DIGESTS[0]), DIGESTS[0])
        assert second.verifies(other.sign_digest(DIGESTS[0]), DIGESTS[0])


@needs_softhsm
def test_pin_from_a_file(hsm: Hsm) -> None:
    create_key(hsm.uri(extra=";id=%01"), ask_pin)
    pin = hsm.folder / "pin"
    pin.write_text(f"{PIN}\n")
    pin.chmod(0o600)
    with open_pkcs11(f"{hsm.uri()}&pin-source=file:{pin}", never_ask) as signer:
        assert signer.public_key.verifies(signer.sign_digest(DIGESTS[0]), DIGESTS[0])


@needs_softhsm
@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [(PIN, 0o640, "others may"), (PIN, 0o604, "others may"), ("", 0o600, "one line"),
     ("1" * 300, 0o600, "one line"), ("ü", 0o600, "one line")],
)  # fmt: skip
def test_pin_files_that_are_refused(hsm: Hsm, content: str, mode: int, why: str) -> None:
    pin = hsm.folder / "pin"
    pin.write_text(content)
    pin.chmod(mode)
    with pytest.raises(SigningError, match=why):
        open_pkcs11(f"{hsm.uri()}&pin-source=file:{pin}", never_ask)
    pin.unlink()
    with pytest.raises(SigningError, match="cannot be opened"):
        open_pkcs11(f"{hsm.uri()}&pin-source=file:{pin}", never_ask)


def test_no_module(tmp_path: Path) -> None:
    text = tmp_path / "text.so"
    text.write_text("not a library")
    for path in (tmp_path / "missing.so", text):
        with pytest.raises(Pkcs11Error) as caught:
            open_pkcs11(f"token=a?module-path={path}", never_ask)
        assert cause_of(caught) == Cause.NO_MODULE


@needs_softhsm
def test_no_token_and_several(hsm: Hsm) -> None:
    with pytest.raises(Pkcs11Error) as caught:
        open_pkcs11(hsm.uri(label="other"), never_ask)
    assert cause_of(caught) == Cause.NO_TOKEN
    assert "release" in caught.value.hint

    import pkcs11

    pkcs11.unload(str(hsm.library))  # it looks for tokens when it starts
    hsm.add_token("release")
    with pytest.raises(Pkcs11Error) as caught:
        open_pkcs11(hsm.uri(), never_ask)
    assert cause_of(caught) == Cause.SEVERAL_TOKENS
    serial = caught.value.hint.split("(serial ")[1].split(")")[0]
    with pytest.raises(Pkcs11Error) as caught:
        open_pkcs11(hsm.uri(extra=f";serial={serial}"), ask_pin)
    assert cause_of(caught) == Cause.NO_KEY


@needs_softhsm
def test_no_key_and_several(hsm: Hsm) -> None:
    with pytest.raises(Pkcs11Error) as caught:
        open_pkcs11(hsm.uri(), ask_pin)
    assert cause_of(caught) == Cause.NO_KEY
    create_key(hsm.uri(extra=";id=%01"), ask_pin)
    second = create_key(hsm.uri(extra=";id=%02"), ask_pin)
    with pytest.raises(Pkcs11Error) as caught:
        open_pkcs11(hsm.uri(), ask_pin)
    assert cause_of(caught) == Cause.SEVERAL_KEYS
    assert "object=app;id=02" in caught.value.hint
    with open_pkcs11(hsm.uri(extra=";id=%02"), ask_pin) as signer:
        assert signer.public_key == second


@needs_softhsm
def test_a_key_is_never_made_twice(hsm: Hsm) -> None:
    create_key(hsm.uri(extra=";id=%01"), ask_pin)
    with pytest.raises(Pkcs11Error) as caught:
        create_key(hsm.uri(extra=";id=%01"), ask_pin)
    assert cause_of(caught) == Cause.KEY_EXISTS
    with pytest.raises(ConfigError, match="a name and a number"):
        create_key(hsm.uri(), ask_pin)


@needs_softhsm
def test_wrong_pin(hsm: Hsm) -> None:
    with pytest.raises(Pkcs11Error) as caught:
        open_pkcs11(hsm.uri(), lambda _: "11111111")
    assert cause_of(caught) == Cause.WRONG_PIN
    assert caught.value.tries_left is None
    with pytest.raises(Pkcs11Error) as caught:
        open_pkcs11(hsm.uri(), ask_pin)
    assert cause_of(caught) == Cause.NO_KEY


@needs_softhsm
def test_the_pin_is_nowhere(hsm: Hsm, caplog: pytest.LogCaptureFixture) -> None:
    """Neither right nor wrong: not in an error, its causes, a log, or what stays in memory of the signer."""
    caplog.set_level(logging.DEBUG)
    create_key(hsm.uri(extra=";id=%01"), ask_pin)
    pin = hsm.folder / "pin"
    pin.write_text("canary-31337")
    pin.chmod(0o600)
    with pytest.raises(Pkcs11Error) as caught:
        open_pkcs11(f"{hsm.uri()}&pin-source=file:{pin}", never_ask)
    with open_pkcs11(hsm.uri(), ask_pin) as signer:
        kept = repr(vars(signer))
    said = "".join(traceback.format_exception(caught.value)) + caught.value.hint + caplog.text + kept
    assert "canary-31337" not in said
    assert PIN not in said


def make_pair(hsm: Hsm, oid: str, private: dict[Any, Any], *, store_public: bool = True) -> None:
    """A key pair that ``create_key`` would not make."""
    import pkcs11
    from pkcs11 import Attribute, KeyType
    from pkcs11.util.ec import encode_named_curve_parameters

    token = pkcs11.lib(str(hsm.library)).get_token(token_label="release")
    with token.open(rw=True, user_pin=PIN) as session:
        parameters = {Attribute.EC_PARAMS: encode_named_curve_parameters(oid)}
        curve = session.create_domain_parameters(KeyType.EC, parameters, local=True)
        curve.generate_keypair(
            id=b"\x01",
            label="app",
            private_template={Attribute.TOKEN: True} | private,
            public_template={Attribute.TOKEN: store_public},
        )


@needs_softhsm
def test_keys_that_are_refused(hsm: Hsm, subtests: pytest.Subtests) -> None:
    import pkcs11
    from pkcs11 import Attribute

    secp256k1, p256 = "1.3.132.0.10", "1.2.840.10045.3.1.7"
    cases: list[tuple[Cause, str, dict[Any, Any], bool]] = [
        (Cause.WRONG_CURVE, p256, {}, True),
        (Cause.EXTRACTABLE, secp256k1, {Attribute.EXTRACTABLE: True}, True),
        (Cause.EXTRACTABLE, secp256k1, {Attribute.SENSITIVE: False}, True),
        (Cause.REFUSED, secp256k1, {Attribute.SIGN: False}, True),
        (Cause.NO_PUBLIC_KEY, secp256k1, {}, False),
    ]
    for cause, oid, template, store_public in cases:
        with subtests.test(cause=cause):
            make_pair(hsm, oid, template, store_public=store_public)
            with pytest.raises(Pkcs11Error) as caught:
                open_pkcs11(hsm.uri(), ask_pin)
            assert cause_of(caught) == cause
        token = pkcs11.lib(str(hsm.library)).get_token(token_label="release")
        with token.open(rw=True, user_pin=PIN) as session:
            for found in list(session.get_objects({Attribute.LABEL: "app"})):
                found.destroy()


# --- A token that misbehaves ----------------------------------------------------------------------------


@needs_softhsm
@pytest.mark.parametrize(
    ("fault", "cause", "tries_left"),
    [("count-low", Cause.WRONG_PIN, None), ("final-try", Cause.WRONG_PIN, 1)],
)
def test_tries_left(
    faulty: Hsm, monkeypatch: pytest.MonkeyPatch, fault: str, cause: Cause, tries_left: int | None
) -> None:
    monkeypatch.setenv("FAULTY_PKCS11", fault)
    with pytest.raises(Pkcs11Error) as caught:
        open_pkcs11(faulty.uri(), lambda _: "11111111")
    assert cause_of(caught) == cause
    assert caught.value.tries_left == tries_left


@needs_softhsm
def test_a_locked_token_is_not_asked_for_its_pin(faulty: Hsm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAULTY_PKCS11", "locked")
    with pytest.raises(Pkcs11Error) as caught:
        open_pkcs11(faulty.uri(), never_ask)
    assert cause_of(caught) == Cause.LOCKED
    assert caught.value.tries_left == 0


@needs_softhsm
def test_a_token_that_locks_on_login(faulty: Hsm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAULTY_PKCS11", "locks-on-login")
    with pytest.raises(Pkcs11Error) as caught:
        open_pkcs11(faulty.uri(), ask_pin)
    assert cause_of(caught) == Cause.LOCKED


@needs_softhsm
@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("removed", Cause.TOKEN_GONE),
        ("removed-at-third", Cause.TOKEN_GONE),
        ("general-error", Cause.REFUSED),
        ("flipped-bit", Cause.WRONG_ANSWER),
        ("zeros", Cause.WRONG_ANSWER),
        ("short", Cause.WRONG_ANSWER),
    ],
)
def test_a_token_that_fails_while_it_signs(
    faulty: Hsm, monkeypatch: pytest.MonkeyPatch, fault: str, cause: Cause
) -> None:
    with open_pkcs11(faulty.uri(), ask_pin) as signer:
        monkeypatch.setenv("FAULTY_PKCS11", fault)
        with pytest.raises(Pkcs11Error) as caught:
            signer.sign_digests(DIGESTS)
        assert cause_of(caught) == cause
        monkeypatch.setenv("FAULTY_PKCS11", "")
        assert signer.public_key.verifies(signer.sign_digest(DIGESTS[0]), DIGESTS[0])


# --- Without a token ------------------------------------------------------------------------------------


class NoSession:
    def close(self) -> None: ...


def signer_answering(raw: bytes, key: PublicKey) -> Pkcs11Signer:
    session: Any = NoSession()
    return Pkcs11Signer(session, lambda _: raw, key)


def test_a_high_s_answer_becomes_low_s() -> None:
    # The signature with nonce 1 and key 1 over the digest 1: r = G.x, s = 1 + r.
    g = bytes.fromhex(
        "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
        "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"
    )
    r = int.from_bytes(g[1:33], "big")
    digest = (1).to_bytes(32, "big")
    answers = {
        signer_answering(r.to_bytes(32, "big") + s.to_bytes(32, "big"), PublicKey(g)).sign_digest(digest)
        for s in (1 + r, ORDER - 1 - r)
    }
    assert len(answers) == 1
    (der,) = answers
    assert PublicKey(g).verifies(der, digest)
    assert low_s(der) == der


def test_a_signature_of_another_key_is_a_wrong_answer() -> None:
    other = PublicKey(
        bytes.fromhex(
            "04c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5"
            "1ae168fea63dc339a3c58419466ceaeef7f632653266d0e1236431a950cfe52a"
        )
    )
    with pytest.raises(Pkcs11Error) as caught:
        signer_answering(bytes(31) + b"\1" + bytes(31) + b"\1", other).sign_digest(DIGESTS[1])
    assert cause_of(caught) == Cause.WRONG_ANSWER
