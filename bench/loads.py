"""Loads of one app over TCP into the same virtual device, by us and by the official clients.

Every run is a whole process and gets a device that is new, so that nobody has to delete first.
"""

import functools
import hashlib
import importlib.util
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.figures import (
    US,
    Measured,
    NotMeasured,
    Result,
    Sample,
    Series,
    Target,
    compare,
    interleave,
)
from bench.process import INV, BenchError, environment, measure
from toolchain.formats.ihex import write_ihex
from toolchain.image import Image, Segment
from toolchain.manifest import ImageRecord, Manifest, Provenance, SignatureRecord, VerificationRecord
from toolchain.sign.file import FileSigner
from toolchain.sign.issuer import development_issuer, virtual_device_issuer
from toolchain.target import get_target
from toolchain.userdata import data_folder
from toolchain.virtual_device import DeviceConfig, DeviceIdentity, VirtualDevice

LEDGERCTL, LEDGERBLUE = "ledgerctl", "ledgerblue"
_PACKAGES = {LEDGERCTL: "ledgerwallet", LEDGERBLUE: "ledgerblue"}
_INSTALL = "./inv bench installs it; or: pip install --require-hashes -r requirements/dev.lock"

_NAME, _VERSION = "App", "1.0.0"
_PATH = "44'/1'"
# Name, version and path as ledgerctl encodes them from its manifest: then all three load the same bytes.
_PARAMS = b"\x01\x03App\x02\x051.0.0\x04\x0a\x01\x02\x80\x00\x00\x2c\x80\x00\x00\x01"
_CODE, _DATA = 25 << 10, 1536
_BASE = 0xC0DE0000


class Loads:
    """The app, signed for us and described for the others, and the runs with it."""

    def __init__(self, folder: Path, target: str, runs: int) -> None:
        self.subject = f"27 KB, {target}"
        self._folder = folder
        self._runs = runs
        self._image = _synthetic_image(target)
        os.environ["XDG_DATA_HOME"] = str(folder / "data")
        signer, _ = development_issuer(data_folder())
        self._config = replace(
            DeviceConfig.standard(
                get_target(target), DeviceIdentity.issue(virtual_device_issuer(data_folder())[0])
            ),
            signing_keys=(signer.public_key,),
        )
        self._commands = {
            US: _for_us(self._image, target, signer, folder),
            LEDGERCTL: _for_ledgerctl(self._image, folder),
            LEDGERBLUE: _for_ledgerblue(self._image, folder),
        }
        self.missing = tuple(
            peer for peer, package in _PACKAGES.items() if not importlib.util.find_spec(package)
        )
        self.peers = tuple(peer for peer in _PACKAGES if peer not in self.missing)

    @functools.cached_property
    def quick(self) -> Series:
        """Against a device that acknowledges at once."""
        return self._series(quick_ack=True)

    @functools.cached_property
    def plain(self) -> Series:
        """Against a device that acknowledges when its system thinks fit, as most servers do."""
        return self._series(quick_ack=False)

    def _series(self, *, quick_ack: bool) -> Series:
        contenders = {
            name: functools.partial(self._run, name, quick_ack=quick_ack) for name in (US, *self.peers)
        }
        return interleave(contenders, self._runs)

    def _run(self, client: str, *, quick_ack: bool) -> Sample:
        times: list[float] = []
        device = VirtualDevice(self._config, trace=lambda _: times.append(time.perf_counter()))
        with device.serve(quick_ack=quick_ack) as server:
            sample = measure(
                [*self._commands[client], *((server.uri,) if client == US else ())],
                folder=self._folder,
                environment=environment(
                    self._folder,
                    XDG_DATA_HOME=os.environ["XDG_DATA_HOME"],
                    LEDGER_PROXY_ADDRESS=server.host,
                    LEDGER_PROXY_PORT=str(server.port),
                ),
                log=self._folder / f"{client}.log",
            )
        if [app.full_hash for app in device.state.apps] != [self._image.digest()]:
            raise BenchError(f"{client} ended well, but the device does not have the app")
        return {**sample, "commands": len(times), "transfer": times[-1] - times[0]}


def load(bench: Loads) -> Iterator[Result]:
    """Whole processes: no slower than ledgerctl, ten times faster than ledgerblue, fewer commands, 80 MB."""
    no_slower, tenth, fewer, small = Target(1), Target(0.1), Target(1, strict=True), Target(80e6, "median")
    yield from _missing("load", bench)
    if not bench.peers:
        return
    quick, plain = bench.quick, bench.plain
    figures = [
        figure
        for peer in bench.peers
        for figure in (
            compare(quick, "wall", peer, no_slower if peer == LEDGERCTL else None),
            compare(quick, "cpu", peer),
            compare(quick, "memory", peer, small),
            compare(quick, "commands", peer, fewer),
        )
    ]
    yield Measured("load", f"{bench.subject}, quick ACKs", tuple(figures), quick)
    figures = [
        compare(plain, "wall", peer, no_slower if peer == LEDGERCTL else tenth) for peer in bench.peers
    ]
    yield Measured("load", f"{bench.subject}, plain server", tuple(figures), plain)


def transfer(bench: Loads) -> Iterator[Result]:
    """From the first command to the last, by the device's clock: at most half of ledgerctl's time."""
    half = Target(0.5)
    yield from _missing("transfer", bench)
    if not bench.peers:
        return
    figures = [
        compare(bench.quick, "transfer", peer, half if peer == LEDGERCTL else None) for peer in bench.peers
    ]
    yield Measured("transfer", f"{bench.subject}, quick ACKs", tuple(figures), bench.quick)


def _missing(comparison: str, bench: Loads) -> Iterator[NotMeasured]:
    for peer in bench.missing:
        yield NotMeasured(comparison, bench.subject, f"{peer} is not installed", _INSTALL)


def _synthetic_image(target: str) -> Image:
    """An app of 27 KB, about as large as the official sample app, of bytes that mean nothing."""
    device = get_target(target)
    body = hashlib.shake_256(b"bench").digest(_CODE + _DATA) + _PARAMS
    return Image(
        name=_NAME,
        version=_VERSION,
        target_id=device.id,
        target_version=device.version,
        api_level=device.api_level,
        segments=(Segment(_BASE, body),),
        code_length=_CODE,
        data_length=_DATA,
        params_length=len(_PARAMS),
        flags=0,
        boot_offset=1,
    )


def _for_us(image: Image, target: str, signer: FileSigner, folder: Path) -> list[str]:
    """A signed manifest, as ``./inv sign`` leaves it, and the command that loads it."""
    hex_file = write_ihex(image.segments, image.base + image.boot_offset)
    manifest = Manifest(
        app=image.name,
        version=image.version,
        target=target,
        image=ImageRecord.of(image),
        provenance=Provenance("", False, "bench", "none", "none", (), {}, 0, ""),
        verification=VerificationRecord("development", 0, ()),
        signature=SignatureRecord(
            key_id=signer.public_key.key_id,
            point=signer.public_key.point.hex(),
            der=signer.sign_digest(image.digest()).hex(),
            kind="development",
        ),
        files={"app.hex": hashlib.sha256(hex_file.encode()).hexdigest()},
    )
    (folder / "app.hex").write_bytes(hex_file.encode())
    (folder / "manifest.json").write_text(manifest.to_json(), "utf-8")
    return [INV, "load", "--manifest", str(folder / "manifest.json"), "--device"]


def _for_ledgerctl(image: Image, folder: Path) -> list[str]:
    """Its manifest, and a HEX without parameters: it appends its own."""
    (whole,) = image.segments
    segment = replace(whole, data=whole.data[: -image.params_length])
    (folder / "bare.hex").write_bytes(write_ihex([segment], image.base + image.boot_offset).encode())
    manifest = {
        "name": image.name,
        "version": image.version,
        "targetId": hex(image.target_id),
        "flags": hex(image.flags),
        "derivationPath": {"curves": ["secp256k1"], "paths": [_PATH]},
        "binary": "bare.hex",
        "dataSize": image.data_length,
    }
    if image.api_level is not None:
        manifest["apiLevel"] = str(image.api_level)
    (folder / "app.json").write_text(json.dumps(manifest), "utf-8")
    return [str(Path(sys.executable).with_name("ledgerctl")), "install", str(folder / "app.json")]


def _for_ledgerblue(image: Image, folder: Path) -> list[str]:
    """What the SDK's make files call; the parameters lie inside the HEX."""
    level = () if image.api_level is None else ("--apiLevel", str(image.api_level))
    return [
        *(sys.executable, "-m", "ledgerblue.loadApp", "--tlv"),
        *("--targetId", hex(image.target_id), "--targetVersion", image.target_version, *level),
        *("--fileName", str(folder / "app.hex"), "--appName", image.name, "--appFlags", hex(image.flags)),
        *("--dataSize", str(image.data_length), "--installparamsSize", str(image.params_length)),
    ]
