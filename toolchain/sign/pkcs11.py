"""A key in an HSM, reached through PKCS#11: ``pkcs11:token=release;object=app?module-path=/usr/lib/….so``.

The key never leaves the token, and one that could is refused. Digests go in as they are (``CKM_ECDSA``); the
raw ``r || s`` that comes back becomes low-S DER and is checked with the token's public key before anyone
sees it. python-pkcs11 is imported when such a URI is opened, not before.
"""

import enum
import itertools
import re
import sys
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cryptography.hazmat.primitives.asymmetric import utils

from toolchain import libsecp256k1
from toolchain.errors import ConfigError, SigningError
from toolchain.keys import ORDER, AskSecret, PublicKey
from toolchain.sign.files import read_private

if TYPE_CHECKING:
    import pkcs11

_SECP256K1 = bytes.fromhex("06052b8104000a")
"""CKA_EC_PARAMS: DER of the object identifier 1.3.132.0.10 (SEC 2, §A.2.1)."""

_MAX_PIN = 256

_BATCH = 256
"""Answers that are checked at once while the token works on the next ones."""

_TURN = 50e-6
"""Seconds after which the thread that checks makes way for the one that signs: Python's own 5 ms would leave
the token without work meanwhile."""


class Cause(enum.Enum):
    """Why a token did not sign."""

    NO_MODULE = enum.auto()
    NO_TOKEN = enum.auto()
    SEVERAL_TOKENS = enum.auto()
    NO_KEY = enum.auto()
    SEVERAL_KEYS = enum.auto()
    NO_PUBLIC_KEY = enum.auto()
    KEY_EXISTS = enum.auto()
    WRONG_PIN = enum.auto()
    LOCKED = enum.auto()
    TOKEN_GONE = enum.auto()
    WRONG_CURVE = enum.auto()
    EXTRACTABLE = enum.auto()
    WRONG_ANSWER = enum.auto()
    REFUSED = enum.auto()


class Pkcs11Error(SigningError):
    """The token did not sign, for this ``cause``.

    ``tries_left`` is the number of PINs that may still be tried, None if the token does not tell.
    """

    def __init__(self, cause: Cause, message: str, *, hint: str = "", tries_left: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.cause = cause
        self.tries_left = tries_left


# --- The URI (RFC 7512) ---------------------------------------------------------------------------------

_PATH_NAMES = frozenset({"token", "manufacturer", "serial", "model", "object", "type", "id", "slot-id"})
_QUERY_NAMES = frozenset({"module-path", "pin-source"})
_PATH_VALUE = re.compile(r"(?:[A-Za-z0-9._~:\[\]@!$'()*+,=&-]|%[0-9A-Fa-f]{2})+")
_QUERY_VALUE = re.compile(r"(?:[A-Za-z0-9._~:\[\]@!$'()*+,=/?|-]|%[0-9A-Fa-f]{2})+")


@dataclass(frozen=True)
class Pkcs11Uri:
    """A ``pkcs11:`` URI: which module, which token, which key. What is None matches anything."""

    module_path: Path
    token: str | None = None
    manufacturer: str | None = None
    serial: str | None = None
    model: str | None = None
    slot_id: int | None = None
    object: str | None = None
    id: bytes | None = None
    pin_source: Path | None = None

    @classmethod
    def parse(cls, rest: str) -> Self:
        """Read what stands behind ``pkcs11:``, strictly: nothing unknown, empty or given twice.

        Raises:
            ConfigError: not such a URI, no ``module-path``, or a PIN in the URI itself.
        """
        path_text, _, query_text = rest.partition("?")
        # Named before anything is quoted in a message: the text behind it is a secret.
        if "pin-value" in rest:
            raise ConfigError(
                "a PIN does not belong into a URI: everyone on this machine can read it",
                hint="use pin-source=file:/path, or leave it out and be asked",
            )
        path = _attributes(path_text, ";", _PATH_NAMES, _PATH_VALUE)
        query = _attributes(query_text, "&", _QUERY_NAMES, _QUERY_VALUE)
        if path.pop("type", b"private") != b"private":
            raise ConfigError("only a private key signs: leave type out, or say type=private")
        module = _text(query, "module-path")
        if module is None or not module.startswith("/"):
            raise ConfigError(
                "the URI names no module",
                hint="add ?module-path=/absolute/path/of/the/vendor's/library.so",
            )
        return cls(
            module_path=Path(module),
            token=_text(path, "token"),
            manufacturer=_text(path, "manufacturer"),
            serial=_text(path, "serial"),
            model=_text(path, "model"),
            slot_id=_number(_text(path, "slot-id")),
            object=_text(path, "object"),
            id=path.get("id"),
            pin_source=_file(_text(query, "pin-source")),
        )


def _attributes(text: str, separator: str, names: frozenset[str], value: re.Pattern[str]) -> dict[str, bytes]:
    table: dict[str, bytes] = {}
    for part in text.split(separator) if text else ():
        name, equals, raw = part.partition("=")
        if not equals or name not in names:
            raise ConfigError(
                f"the pkcs11: URI has an attribute that is not known: {name!r:.40}",
                hint=f"known here: {', '.join(sorted(names))}",
            )
        if name in table:
            raise ConfigError(f"the pkcs11: URI says {name} twice")
        if not value.fullmatch(raw):
            raise ConfigError(
                f"the value of {name} in the pkcs11: URI is empty or not percent-encoded",
                hint="a space is %20, a semicolon %3B (RFC 7512, section 2.3)",
            )
        table[name] = urllib.parse.unquote_to_bytes(raw)
    return table


def _text(table: Mapping[str, bytes], name: str) -> str | None:
    try:
        return table[name].decode() if name in table else None
    except UnicodeDecodeError as e:
        raise ConfigError(f"{name} in the pkcs11: URI is not UTF-8") from e


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,20}", text):
        raise ConfigError("slot-id in the pkcs11: URI is not a number")
    return int(text)


def _file(text: str | None) -> Path | None:
    if text is None:
        return None
    path = text.removeprefix("file://").removeprefix("file:")
    if not path.startswith("/"):
        raise ConfigError(
            "pin-source is not a file with an absolute path",
            hint="pin-source=file:/path; a command (|…) is not run",
        )
    return Path(path)


# --- The token ------------------------------------------------------------------------------------------


class Pkcs11Signer:
    """A private key in an open session. Close it, or use it as a context manager: that logs out."""

    def __init__(
        self, session: "pkcs11.Session", sign: Callable[[bytes], bytes], public_key: PublicKey
    ) -> None:
        self.public_key = public_key
        self._compressed = public_key.compressed
        self._session = session
        self._sign = sign

    def sign_digest(self, digest: bytes) -> bytes:
        """Low-S DER signature over the 32-byte digest, checked.

        Raises:
            Pkcs11Error: the token is gone or refuses, or its answer does not verify.
            SigningError: not a digest.
        """
        ((raw, digest),) = self._ask_all([digest])
        return self._checked(raw, digest)

    def sign_digests(self, digests: Iterable[bytes]) -> list[bytes]:
        """Signatures over many digests, in their order; the token works while answers are checked.

        Raises:
            Pkcs11Error: as ``sign_digest``; then no signature is returned.
            SigningError: not a digest.
        """
        with _short_turns(), ThreadPoolExecutor(1, "check") as checker:
            batches = [checker.submit(self._checked_all, self._ask_all(batch)) for batch in _batches(digests)]
        return [der for batch in batches for der in batch.result()]

    def close(self) -> None:
        """End the session. A token that is gone has ended it already."""
        import pkcs11

        try:
            self._session.close()
        except pkcs11.PKCS11Error:
            return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask_all(self, digests: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
        """What the token answers to each digest, and the digest."""
        answers, sign = [], self._sign
        with _translated("the token did not sign"):
            for digest in digests:
                if len(digest) != 32:
                    raise SigningError("a digest has 32 bytes")
                answers.append((sign(digest), digest))
        return answers

    def _checked_all(self, answers: list[tuple[bytes, bytes]]) -> list[bytes]:
        return [self._checked(raw, digest) for raw, digest in answers]

    def _checked(self, raw: bytes, digest: bytes) -> bytes:
        if len(raw) != 64:
            raise _wrong_answer(f"{len(raw)} bytes where a signature has 64")
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        if not (0 < r < ORDER and 0 < s < ORDER):
            raise _wrong_answer("a signature out of range")
        if s > ORDER // 2:
            s = ORDER - s
            raw = raw[:32] + s.to_bytes(32, "big")
        # With OpenSSL the check would cost as much as the signature.
        if not libsecp256k1.verifies(self._compressed, digest, raw):
            raise _wrong_answer("the signature does not verify with the token's public key")
        return utils.encode_dss_signature(r, s)


@contextmanager
def _short_turns() -> Iterator[None]:
    """Let Python's threads take turns of ``_TURN`` seconds."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _batches(digests: Iterable[bytes]) -> Iterator[list[bytes]]:
    rest = iter(digests)
    while batch := list(itertools.islice(rest, _BATCH)):
        yield batch


def _wrong_answer(what: str) -> Pkcs11Error:
    return Pkcs11Error(
        Cause.WRONG_ANSWER,
        f"the token gave a wrong answer: {what}",
        hint="do not use this token for signing until its maker has explained it",
    )


def open_pkcs11(rest: str, ask_secret: AskSecret) -> Pkcs11Signer:
    """Log in to the token that the URI ``pkcs11:<rest>`` names and find its key.

    ``ask_secret`` is asked for the PIN unless the URI has a ``pin-source`` or the token a keypad.

    Raises:
        ConfigError: not such a URI, or python-pkcs11 is missing.
        SigningError: the PIN file cannot be read, or others can read it.
        Pkcs11Error: everything that a token can refuse; see ``Cause``.
    """
    uri = Pkcs11Uri.parse(rest)
    session = _open_session(uri, ask_secret)
    try:
        with _translated("the token did not show its keys"):
            return _find_key(session, uri)
    except SigningError:
        session.close()
        raise


def create_key(rest: str, ask_secret: AskSecret) -> PublicKey:
    """Make a secp256k1 key pair on the token of ``pkcs11:<rest>``; the private half cannot leave it.

    Raises:
        ConfigError: not such a URI, or without ``object`` and ``id``.
        Pkcs11Error: such a key exists already, or the token refuses.
    """
    from pkcs11 import Attribute, KeyType

    uri = Pkcs11Uri.parse(rest)
    if uri.object is None or uri.id is None:
        raise ConfigError("a new key needs a name and a number", hint="add ;object=NAME;id=%01 to the URI")
    session = _open_session(uri, ask_secret, writable=True)
    with session, _translated("the token did not make a key"):
        if any(True for _ in _private_keys(session, uri)):
            raise Pkcs11Error(Cause.KEY_EXISTS, "a key of that name and number is on the token already")
        curve = session.create_domain_parameters(KeyType.EC, {Attribute.EC_PARAMS: _SECP256K1}, local=True)
        public, _ = curve.generate_keypair(
            id=uri.id,
            label=uri.object,
            store=True,
            private_template={Attribute.EXTRACTABLE: False, Attribute.SENSITIVE: True},
        )
        return _point(public[Attribute.EC_POINT])


def _open_session(uri: Pkcs11Uri, ask_secret: AskSecret, *, writable: bool = False) -> "pkcs11.Session":
    token = _find_token(uri)
    import pkcs11

    label = token.label
    if pkcs11.TokenFlag.USER_PIN_LOCKED in token.flags:
        raise _locked(label)
    pin: str | object
    if uri.pin_source is not None:
        pin = _read_pin(uri.pin_source)
    elif pkcs11.TokenFlag.PROTECTED_AUTHENTICATION_PATH in token.flags:
        pin = pkcs11.PROTECTED_AUTH
    else:
        pin = ask_secret(f"PIN of token {label}")
    with _translated(f"cannot log in to token {label}"):
        try:
            return token.open(rw=writable, user_pin=pin)
        except pkcs11.UserAlreadyLoggedIn:
            # A second key of the same token: this process has shown the PIN already.
            return token.open(rw=writable)
        except (pkcs11.PinIncorrect, pkcs11.PinLenRange, pkcs11.PinInvalid) as e:
            raise _wrong_pin(token) from e
        except pkcs11.PinLocked as e:
            raise _locked(label) from e


def _find_token(uri: Pkcs11Uri) -> "pkcs11.Token":
    try:
        import pkcs11
    except ImportError as e:
        raise ConfigError(
            "python-pkcs11 is not installed", hint="it stands in requirements/core.lock; run ./inv again"
        ) from e
    if not uri.module_path.is_file():
        raise Pkcs11Error(
            Cause.NO_MODULE,
            f"no PKCS#11 module at {uri.module_path}",
            hint="install the HSM's software, or correct module-path",
        )
    try:
        library = pkcs11.lib(str(uri.module_path))
    except pkcs11.PKCS11Error as e:
        raise Pkcs11Error(
            Cause.NO_MODULE,
            f"{uri.module_path} does not start as a PKCS#11 module: {_reason(e)}",
            hint="is it the library for this machine's architecture, and is its own configuration in place?",
        ) from e
    with _translated("the module did not list its tokens"):
        present = [slot.get_token() for slot in library.get_slots(token_present=True)]
        tokens = [token for token in present if _matches(token, uri)]
        names = ", ".join(sorted(f"{t.label} (serial {_serial(t)})" for t in tokens or present)) or "none"
    if not tokens:
        raise Pkcs11Error(Cause.NO_TOKEN, "no token matches the URI", hint=f"tokens present: {names}")
    if len(tokens) > 1:
        raise Pkcs11Error(
            Cause.SEVERAL_TOKENS,
            f"{len(tokens)} tokens match the URI",
            hint=f"add serial= to the URI; there are: {names}",
        )
    return tokens[0]


def _matches(token: "pkcs11.Token", uri: Pkcs11Uri) -> bool:
    import pkcs11

    wanted = (
        (uri.token, token.label),
        (uri.manufacturer, token.manufacturer_id),
        (uri.serial, _serial(token)),
        (uri.model, token.model),
        (uri.slot_id, token.slot.slot_id),
    )
    return pkcs11.TokenFlag.TOKEN_INITIALIZED in token.flags and all(
        want is None or want == got for want, got in wanted
    )


def _serial(token: "pkcs11.Token") -> str:
    return token.serial.decode("utf-8", "replace")


def _private_keys(session: "pkcs11.Session", uri: Pkcs11Uri) -> Iterator["pkcs11.Object"]:
    from pkcs11 import Attribute, ObjectClass

    wanted: dict[Attribute, object] = {Attribute.CLASS: ObjectClass.PRIVATE_KEY}
    if uri.object is not None:
        wanted[Attribute.LABEL] = uri.object
    if uri.id is not None:
        wanted[Attribute.ID] = uri.id
    return session.get_objects(wanted)


def _find_key(session: "pkcs11.Session", uri: Pkcs11Uri) -> Pkcs11Signer:
    from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass, SignMixin

    keys = list(_private_keys(session, uri))
    if not keys:
        raise Pkcs11Error(
            Cause.NO_KEY,
            "no private key on the token matches the URI",
            hint="look with: pkcs11-tool --list-objects --login",
        )
    if len(keys) > 1:
        names = ", ".join(sorted(f"object={k[Attribute.LABEL]};id={k[Attribute.ID].hex()}" for k in keys))
        raise Pkcs11Error(
            Cause.SEVERAL_KEYS, f"{len(keys)} private keys match the URI", hint=f"choose one of: {names}"
        )
    (key,) = keys
    if key[Attribute.KEY_TYPE] != KeyType.EC or key[Attribute.EC_PARAMS] != _SECP256K1:
        raise Pkcs11Error(Cause.WRONG_CURVE, "the key is not a secp256k1 key")
    if key[Attribute.EXTRACTABLE] or not key[Attribute.SENSITIVE]:
        raise Pkcs11Error(
            Cause.EXTRACTABLE,
            "the key can leave the token, so it may have left it",
            hint="make a key on the token that is sensitive and not extractable",
        )
    if not isinstance(key, SignMixin) or not key[Attribute.SIGN]:
        raise Pkcs11Error(Cause.REFUSED, "the key is not allowed to sign")
    wanted = {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.ID: key[Attribute.ID]}
    points = {public[Attribute.EC_POINT] for public in session.get_objects(wanted)}
    if len(points) != 1:
        raise Pkcs11Error(
            Cause.NO_PUBLIC_KEY,
            f"the token holds {len(points)} public keys with the id of the private key, not one",
            hint="put the public half beside the key, under the same id",
        )

    def sign(digest: bytes) -> bytes:
        return key.sign(digest, mechanism=Mechanism.ECDSA)

    return Pkcs11Signer(session, sign, _point(points.pop()))


def _point(value: bytes) -> PublicKey:
    """CKA_EC_POINT: a DER OCTET STRING (PKCS#11 v2.40 §2.3.3); some tokens give the bare point."""
    return PublicKey(value[2:] if value[:2] == b"\x04\x41" and len(value) == 67 else value)


def _read_pin(path: Path) -> str:
    pin = read_private(path).removesuffix(b"\n").removesuffix(b"\r")
    if not 0 < len(pin) <= _MAX_PIN or not pin.isascii():
        raise SigningError("the PIN file does not hold one line of ASCII text", where=str(path))
    return pin.decode("ascii")


def _wrong_pin(token: "pkcs11.Token") -> Pkcs11Error:
    from pkcs11 import TokenFlag

    flags = token.slot.get_token().flags
    if TokenFlag.USER_PIN_LOCKED in flags:
        return _locked(token.label)
    if TokenFlag.USER_PIN_FINAL_TRY in flags:
        message, tries = "wrong PIN; ONE try is left before the token locks", 1
    elif TokenFlag.USER_PIN_COUNT_LOW in flags:
        message, tries = "wrong PIN; the token counts wrong tries and will lock", None
    else:
        message, tries = "wrong PIN", None
    return Pkcs11Error(Cause.WRONG_PIN, f"token {token.label}: {message}", tries_left=tries)


def _locked(label: str) -> Pkcs11Error:
    return Pkcs11Error(
        Cause.LOCKED,
        f"token {label} is locked after too many wrong PINs",
        hint="its security officer can set a new PIN",
        tries_left=0,
    )


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Errors of the module as ours, naming ``what`` did not work."""
    import pkcs11

    gone = (
        pkcs11.TokenNotPresent,
        pkcs11.TokenNotRecognised,
        pkcs11.DeviceRemoved,
        pkcs11.DeviceError,
        pkcs11.SessionClosed,
        pkcs11.SessionHandleInvalid,
        pkcs11.SlotIDInvalid,
        pkcs11.KeyHandleInvalid,
        pkcs11.ObjectHandleInvalid,
    )
    try:
        yield
    except gone as e:
        raise Pkcs11Error(
            Cause.TOKEN_GONE,
            f"{what}: it was pulled out or went away ({_reason(e)})",
            hint="put it back and run the command again; nothing was written",
        ) from e
    except pkcs11.PKCS11Error as e:
        raise Pkcs11Error(Cause.REFUSED, f"{what}: {_reason(e)}") from e


def _reason(e: Exception) -> str:
    return f"{type(e).__name__} {e}".strip()
