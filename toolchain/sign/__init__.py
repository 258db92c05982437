"""VerifiedImage → Signature.

Only what ``verify`` sealed can be signed. The public key is what the caller expects, not what the signer
says, and every signature is verified with it before anyone sees it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from toolchain.errors import ConfigError, SigningError
from toolchain.image import VerifiedImage
from toolchain.keys import AskSecret, PublicKey, Signature, Signer, low_s
from toolchain.sign.external import EXTERNAL, AskingSigner, ExternalSigner, open_external
from toolchain.sign.file import open_file
from toolchain.sign.pkcs11 import open_pkcs11
from toolchain.sign.record import Role

__all__ = ["open_asking", "open_signer", "sign"]

_SCHEMES: dict[str, Callable[[str, AskSecret, Role], Signer]] = {
    "file": open_file,
    "pkcs11": lambda rest, ask_secret, _role: open_pkcs11(rest, ask_secret),
    "external": lambda rest, ask_secret, _role: open_external(rest, ask_secret),
}


def open_signer(uri: str, ask_secret: AskSecret, role: Role = "app-signing") -> Signer:
    """The signer that ``uri`` names, for what ``role`` allows: a key in a file has one role for life.

    ``file:PATH`` is an encrypted PKCS#8 PEM file with its public record beside it, ``pkcs11:…`` a key in an
    HSM (RFC 7512), ``external:FOLDER`` the exchange folder of an air gap. ``ask_secret`` is called for a
    passphrase or PIN at most once.

    Raises:
        ConfigError: unknown scheme, or no path.
        SigningError: the signer cannot be opened.
    """
    scheme, colon, rest = uri.partition(":")
    opener = _SCHEMES.get(scheme)
    if not colon or opener is None:
        known = ", ".join(f"{name}:" for name in _SCHEMES)
        # The text may be a key that was pasted here by mistake: it is not repeated.
        raise ConfigError("the signer's URI has an unknown scheme", hint=f"known schemes: {known}")
    if not rest:
        raise ConfigError(
            f"the signer's URI {scheme}: names nothing", hint=f"for example {scheme}:issuer.pem"
        )
    return opener(rest, ask_secret, role)


def open_asking(uri: str, role: Role, ask_secret: AskSecret, facts: Mapping[str, str]) -> Signer:
    """As ``open_signer``; one behind an air gap is asked in writing, with ``facts`` to read.

    Raises:
        ConfigError, SigningError: as ``open_signer``, or ``uri`` is empty.
    """
    if not uri:
        raise ConfigError("nothing says who signs", hint="name the signer with --signer")
    signer = open_signer(uri, ask_secret, role)
    if isinstance(signer, ExternalSigner):
        return AskingSigner(signer, Path(uri.removeprefix(EXTERNAL)), facts)
    return signer


def sign(image: VerifiedImage, signer: Signer, expected: PublicKey) -> Signature:
    """Sign the image's digest (loader protocol §13) and check the answer.

    Raises:
        SigningError: the signer holds another key, refuses, or answers what does not verify.
    """
    if signer.public_key != expected:
        raise SigningError(
            f"the signer holds the key {signer.public_key.key_id}, expected is {expected.key_id}",
            hint="name the signer that holds the expected key",
        )
    digest = image.image.digest()
    der = low_s(signer.sign_digest(digest))
    if not expected.verifies(der, digest):
        raise SigningError(
            f"the signer's answer does not verify with the key {expected.key_id}",
            hint="the signer is broken, or signed something else: do not use what it made",
        )
    return Signature(expected.key_id, der)
