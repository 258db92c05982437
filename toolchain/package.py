"""Signed apps in their folders: read back, checked and loaded.

Apart from the stages that make them, so that a load of what is ready starts without compilers and rules.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolchain import dist
from toolchain.devices import DeviceOptions, Flash, connect
from toolchain.errors import ImageError, SigningError
from toolchain.formats.ihex import read_ihex
from toolchain.image import Image
from toolchain.keys import PublicKey
from toolchain.load.consent import Announce, silent
from toolchain.load.install import Installed, KeepingRefusedError, Progress, install
from toolchain.manifest import Manifest, SignatureRecord
from toolchain.sign.issuer import development_issuer
from toolchain.sign.record import KeyRecord, read_record
from toolchain.sign.trusted import trusted_keys
from toolchain.userdata import data_folder


@dataclass(frozen=True)
class Package:
    """A signed app read back from its folder: every file, the digest and the signature were checked."""

    manifest: Manifest
    image: Image
    signature: bytes
    record: SignatureRecord
    folder: Path = Path()

    @property
    def trusted_key(self) -> PublicKey:
        """The key that signed."""
        return PublicKey(bytes.fromhex(self.record.point))


def trusted_signers(key_file: str) -> tuple[PublicKey, ...]:
    """The keys one of which must have signed a manifest: the one in ``key_file``, else the development key.

    A key that was rotated has a chain beside its record (``release.chain.json``): its successors count, too.

    Raises:
        SigningError: not a public key, not a key that signs apps, one that was revoked; or the chain.
    """
    if not key_file:
        return (development_issuer(data_folder())[1].key,)
    path = Path(key_file).expanduser()
    if path.suffix == ".toml":
        record: KeyRecord = read_record(path)
        record.require_role("app-signing")
        return trusted_keys(path, record)
    return (PublicKey.from_pem(dist.read(path, limit=1 << 16).decode("ascii", "replace")),)


def read_manifest(path: Path) -> Manifest:
    """The manifest in ``path``, unchecked against anything.

    Raises:
        ConfigError: it cannot be read.
        ImageError: it is malformed.
    """
    return Manifest.from_json(dist.read(path).decode("utf-8", "replace"), where=str(path))


def read_package(path: Path, trusted: Sequence[PublicKey]) -> Package:
    """Read a manifest and the files that it names, and believe nothing that one of ``trusted`` did not sign.

    Raises:
        ConfigError: a file is missing.
        ImageError: a file is malformed, or is not the one of the manifest.
        SigningError: not signed, by somebody else, or the signature does not verify.
    """
    where = str(path)
    manifest = read_manifest(path)
    for name, expected in manifest.files.items():
        if Path(name).name != name:
            raise ImageError(f"the manifest names a file outside of its folder: {name!r}", where=where)
        if hashlib.sha256(dist.read(path.parent / name)).hexdigest() != expected:
            raise ImageError(
                "the file is not the one that the manifest describes", where=str(path.parent / name)
            )
    text = dist.read(path.parent / "app.hex").decode("ascii", "replace")
    hex_file = read_ihex(text, where=str(path.parent / "app.hex"))
    record = manifest.image
    image = Image(
        name=manifest.app,
        version=manifest.version,
        target_id=record.target_id,
        target_version=record.target_version,
        api_level=record.api_level,
        segments=hex_file.segments,
        code_length=record.code_length,
        data_length=record.data_length,
        params_length=record.params_length,
        flags=record.flags,
        boot_offset=record.boot_offset,
    )
    if image.digest().hex() != record.digest:
        raise ImageError("the image does not have the digest that the manifest states", where=where)
    return Package(
        manifest,
        image,
        _checked_signature(manifest, image, trusted, where),
        _signed(manifest, where),
        path.parent,
    )


def _signed(manifest: Manifest, where: str) -> SignatureRecord:
    if manifest.signature is None:
        raise SigningError("the manifest carries no signature", hint="sign it: ./inv sign", where=where)
    return manifest.signature


def _checked_signature(manifest: Manifest, image: Image, trusted: Sequence[PublicKey], where: str) -> bytes:
    record = _signed(manifest, where)
    key = next((key for key in trusted if key.point.hex() == record.point), None)
    if key is None:
        raise SigningError(
            f"signed by the key {record.key_id}, which is not trusted here",
            hint="if you trust it, name its public record or PEM file with --issuer-key",
            where=where,
        )
    try:
        der = bytes.fromhex(record.der)
    except ValueError as e:
        raise ImageError("the signature is not hexadecimal", where=where) from e
    if not key.verifies(der, image.digest()):
        raise SigningError("the signature does not verify", hint="build and sign the app again", where=where)
    return der


@dataclass(frozen=True)
class Loaded:
    """A confirmed install: the device lists the app with the image's digest.

    ``flash`` is what a virtual device of this process holds as the app.
    """

    installed: Installed
    device: str
    issuer: str
    unsafe: tuple[str, ...]
    flash: Flash | None = None


def load(package: Package, options: DeviceOptions, progress: Progress, announce: Announce = silent) -> Loaded:
    """Load one package onto the device of ``options``; ``announce`` hears what the device is about to ask.

    A device that does not take a deletion within a load gets a second one, in a session of its own, with
    the deletion first (adr/0007).

    Raises:
        DeviceError: the device, the link or its authenticity.
        ConfigError: the URI or the state file.
    """
    try:
        return _load(package, options, progress, announce, delete_first=False)
    except KeepingRefusedError as e:
        announce(f"{e.message}; once more, with the version before deleted first")
        return _load(package, options, progress, announce, delete_first=True)


def _load(
    package: Package, options: DeviceOptions, progress: Progress, announce: Announce, *, delete_first: bool
) -> Loaded:
    with connect(options, package.image, package.trusted_key, announce) as connection:
        signature = None if options.omit_signature else package.signature
        installed = install(
            connection.session,
            package.image,
            signature,
            progress=progress,
            announce=silent if connection.virtual else announce,
            force=options.force,
            delete_first=delete_first,
        )
        flash = connection.flash(package.image.digest())
    issuer = connection.session.issuer
    return Loaded(
        installed,
        connection.uri,
        issuer.name if issuer else "",
        () if issuer else ("unsafe-unknown-issuer",),
        flash,
    )
