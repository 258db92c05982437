"""``external:``: a signer behind an air gap.

What is to be signed goes out as three files that a person carries: the request (canonical JSON), the same as
text for people, and the bare digest for the signing tool. What comes back is one signature, which is checked
with the key that the request names before anything else happens.
"""

import base64
import binascii
import contextlib
import datetime
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from toolchain import dist
from toolchain.errors import ConfigError, SigningError
from toolchain.image import VerifiedImage
from toolchain.keys import AskSecret, PublicKey, Signature, low_s
from toolchain.manifest import canonical_json

SCHEMA = "signing-request/1"
EXTERNAL = "external:"
"""Scheme of the signer's URI."""

PUBLIC_KEY = "public.pem"
_MAX_REQUEST = 1 << 16
_MAX_ANSWER = 4096
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2})+")


_NOTHING: Mapping[str, str] = {}


class AwaitingSignatureError(SigningError):
    """The other side of the air gap has not answered yet."""


@dataclass(frozen=True)
class SigningRequest:
    """What is to be signed, with which key, and what a person should read first.

    ``digest`` has 32 bytes; ``summary`` maps names to printable text, in the order in which they are shown.
    """

    digest: bytes
    key: PublicKey
    summary: Mapping[str, str]

    def __post_init__(self) -> None:
        """Refuse what could not be shown truthfully.

        Raises:
            SigningError: not a digest, or text with control characters.
        """
        if len(self.digest) != 32:
            raise SigningError("a digest has 32 bytes")
        if not all(text.isprintable() for pair in self.summary.items() for text in pair):
            raise SigningError("the summary of a signing request has characters that cannot be shown")

    def to_json(self) -> str:
        """Canonical JSON. The summary is a list of pairs, to keep its order."""
        return canonical_json(
            {
                "schema": SCHEMA,
                "digest": self.digest.hex(),
                "key": self.key.point.hex(),
                "summary": [list(pair) for pair in self.summary.items()],
            }
        )

    @classmethod
    def from_json(cls, text: str, *, where: str = "request") -> Self:
        """Read what ``to_json`` wrote, byte for byte.

        Raises:
            SigningError: anything else.
        """
        try:
            table = json.loads(text)
            request = cls(
                bytes.fromhex(table["digest"]), PublicKey(bytes.fromhex(table["key"])), dict(table["summary"])
            )
            canonical = request.to_json() == text
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
            raise SigningError("not a signing request", where=where) from e
        if not canonical:
            raise SigningError("not a signing request in its canonical form", where=where)
        return request

    def to_text(self) -> str:
        """For people: what they agree to, the digest to compare, and a command that signs it."""
        width = max(map(len, ("digest", "key", *self.summary)))
        digest = self.digest.hex()
        groups = " ".join(digest[i : i + 4] for i in range(0, 64, 4))
        lines = [f"{name:<{width}}  {text}" for name, text in self.summary.items()]
        return "\n".join(
            [
                "You are asked to sign this:",
                "",
                *lines,
                "",
                f"{'digest':<{width}}  {groups}",
                f"{'key':<{width}}  {self.key.key_id}",
                "",
                "Compare the digest with what you computed from your own build. With a key in a file:",
                "",
                f"  openssl pkeyutl -sign -inkey KEY.pem -in {digest}.digest -out {digest}.sig",
                "",
            ]
        )


def image_request(
    image: VerifiedImage, key: PublicKey, extra: Mapping[str, str] = _NOTHING
) -> SigningRequest:
    """The request for an app's signature; ``extra`` (commit, report …) is shown behind its figures."""
    it = image.image
    lengths = f"code {it.code_length}, data {it.data_length}, parameters {it.params_length} bytes"
    summary = {
        "app": f"{it.name} {it.version}",
        "target": f"{it.target_id:08x}, API level {'-' if it.api_level is None else it.api_level}",
        "image": lengths,
        "flags": f"{it.flags:#x}",
        "policy": image.policy,
        "waived": ", ".join(image.waived) or "-",
        **extra,
    }
    return SigningRequest(it.digest(), key, summary)


def write_request(folder: Path, request: SigningRequest) -> tuple[Path, Path, Path]:
    """Put ``<digest>.request.json``, ``.request.txt`` and ``.digest`` (32 raw bytes) into ``folder``.

    Raises:
        ToolchainError: the folder cannot be written.
    """
    stem = request.digest.hex()
    files = (
        (folder / f"{stem}.request.json", request.to_json().encode()),
        (folder / f"{stem}.request.txt", request.to_text().encode()),
        (folder / f"{stem}.digest", request.digest),
    )
    for path, data in files:
        dist.write(path, data)
    return files[0][0], files[1][0], files[2][0]


def read_request(path: Path) -> SigningRequest:
    """The request in a file.

    Raises:
        ConfigError: it cannot be read.
        SigningError: it is not a request.
    """
    data = dist.read(path, limit=_MAX_REQUEST)
    try:
        return SigningRequest.from_json(data.decode(), where=str(path))
    except UnicodeDecodeError as e:
        raise SigningError("not a signing request", where=str(path)) from e


def date_of_request(
    folder: Path, digest_on: Callable[[datetime.date], bytes], today: datetime.date
) -> datetime.date:
    """The day on which ``folder`` was asked for just this, whose digest depends on the day; else ``today``.

    So an answer may come back on a later day than the request went out. The summary of the request tells the
    day as ``date``, and it counts only if the digest of that day is the request's own.
    """
    for path in sorted(folder.glob("*.request.json")):
        # What is no request, or about something else, is nobody's answer here.
        with contextlib.suppress(ValueError, ConfigError, SigningError):
            request = read_request(path)
            date = datetime.date.fromisoformat(request.summary.get("date", ""))
            if date <= today and digest_on(date) == request.digest:
                return date
    return today


def attach(request: SigningRequest, answer: bytes, expected: PublicKey) -> Signature:
    """The signature in ``answer`` (DER, or DER as hex or base64 text), low-S, checked.

    Raises:
        SigningError: the request was for another key than ``expected``, the answer is no signature, or it
            does not verify.
    """
    if request.key != expected:
        raise SigningError(
            f"the request was for the key {request.key.key_id}, expected is {expected.key_id}",
            hint="write a new request with sign.digest",
        )
    return Signature(expected.key_id, _checked(request.digest, answer, expected))


class ExternalSigner:
    """Answers with the signatures that came back into ``folder`` as ``<digest>.sig``."""

    def __init__(self, folder: Path, key: PublicKey) -> None:
        self.public_key = key
        self._folder = folder

    def sign_digest(self, digest: bytes) -> bytes:
        """The signature that came back for this digest, low-S, checked.

        Raises:
            AwaitingSignatureError: none came back yet.
            SigningError: it is not a signature over this digest by this key.
        """
        path = self._folder / f"{digest.hex()}.sig"
        if not path.exists():
            raise AwaitingSignatureError(
                f"no signature came back yet for {digest.hex()}",
                hint=f"write the request with sign.digest, sign it on the other side, "
                f"and bring the signature back as {path}",
            )
        return _checked(digest, dist.read(path, limit=_MAX_ANSWER), self.public_key)


@dataclass(frozen=True)
class AskingSigner:
    """A signer behind an air gap: what it has not answered yet is asked for, with ``facts`` to read."""

    signer: "ExternalSigner"
    folder: Path
    facts: Mapping[str, str]

    @property
    def public_key(self) -> PublicKey:
        """The key that will sign."""
        return self.signer.public_key

    def sign_digest(self, digest: bytes) -> bytes:
        """As ``ExternalSigner``; without an answer, the request is in the folder afterwards."""
        try:
            return self.signer.sign_digest(digest)
        except AwaitingSignatureError as e:
            request = SigningRequest(digest, self.public_key, self.facts)
            _, text, _ = write_request(self.folder, request)
            raise AwaitingSignatureError(
                f"no signature came back yet for {digest.hex()}",
                hint=f"sign what {text} says, bring the answer back with sign.attach, and call this again",
            ) from e


def open_external(rest: str, _ask_secret: AskSecret) -> ExternalSigner:
    """The signer of ``external:FOLDER``; the folder holds ``public.pem``, the key that will sign.

    Raises:
        ConfigError: no such folder, or no readable ``public.pem`` in it.
        SigningError: ``public.pem`` is not a secp256k1 key.
    """
    folder = Path(rest)
    path = folder / PUBLIC_KEY
    if not path.is_file():
        raise ConfigError(
            "the folder of an external signer holds the public key that will sign",
            where=str(path),
            hint=f"openssl pkey -in KEY.pem -pubout -out {PUBLIC_KEY}",
        )
    try:
        text = dist.read(path, limit=_MAX_ANSWER).decode("ascii")
    except UnicodeDecodeError as e:
        raise SigningError("not a public key in PEM form", where=str(path)) from e
    return ExternalSigner(folder, PublicKey.from_pem(text))


def _checked(digest: bytes, answer: bytes, key: PublicKey) -> bytes:
    der = low_s(_der(answer))
    if not key.verifies(der, digest):
        raise SigningError(
            f"what came back is not a signature of the key {key.key_id} over {digest.hex()}",
            hint="was the digest itself signed, without hashing it again, and with that key?",
        )
    return der


def _der(answer: bytes) -> bytes:
    if answer[:1] == b"\x30":  # DER: a SEQUENCE. Hex of it starts with the characters 30, base64 with M.
        return answer
    text = b"".join(answer.split())
    try:
        return binascii.unhexlify(text) if _HEX.fullmatch(text) else base64.b64decode(text, validate=True)
    except ValueError as e:
        raise SigningError("what came back is not a signature: neither DER, nor hex or base64 of it") from e
