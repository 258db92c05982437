"""Loads of one app over TCP into the same virtual device, by us and by the official clients.

Every run is a whole process and gets a device that is new, so that nobody has to delete first.
"""

import contextlib
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
from bench.process import INV, PROJECT, BenchError, environment, measure
from toolchain.formats.ihex import write_ihex
from toolchain.image import Image, Segment
from toolchain.manifest import ImageRecord, Manifest, Provenance, SignatureRecord, VerificationRecord
from toolchain.sign.file import FileSigner
from toolchain.sign.issuer import development_issuer, virtual_device_issuer
from toolchain.target import get_target
from toolchain.userdata import data_folder
from toolchain.virtual_device import DeviceConfig, DeviceIdentity, DeviceState, Exchange, VirtualDevice
from toolchain.virtual_device.latency import Latency, fixed, reports, usb_hid
from toolchain.virtual_device.server import Server

LEDGERCTL, LEDGERBLUE = "ledgerctl", "ledgerblue"
OVER_USB, ONE, FIRST = "ours over USB", "one device", "a first load"
_PACKAGES = {LEDGERCTL: "ledgerwallet", LEDGERBLUE: "ledgerblue"}
_INSTALL = "./inv bench installs it; or: pip install --require-hashes -r requirements/dev.lock"

_NAME, _VERSION = "App", "1.0.0"
_PATH = "44'/1'"
# Name, version and path as ledgerctl encodes them from its manifest: then all three load the same bytes.
_PARAMS = b"\x01\x03App\x02\x051.0.0\x04\x0a\x01\x02\x80\x00\x00\x2c\x80\x00\x00\x01"
_CODE, _DATA = 25 << 10, 1536
"""27 KB in all, about as large as the official sample app."""
LARGE = 397 << 10
"""Bytes of code that make an app of 400 KiB and less than 410 KB."""
_FLEET = 8
_LOADS = range(0x05, 0x0D)
"""Sub-commands of a load: select, chunk, flush, CRC, commit, create, delete."""
_BASE = 0xC0DE0000


class Loads:
    """The app, signed for us and described for the others, and the runs with it."""

    def __init__(self, folder: Path, target: str, runs: int, code: int = _CODE) -> None:
        self._folder = folder
        self._runs = runs
        self._image = _synthetic_image(target, code)
        self.subject = f"{self._image.span // 1000} KB, {target}"
        os.environ["XDG_DATA_HOME"] = str(folder / "data")
        signer, _ = development_issuer(data_folder())
        self._config = replace(
            DeviceConfig.standard(
                get_target(target), DeviceIdentity.issue(virtual_device_issuer(data_folder())[0])
            ),
            signing_keys=(signer.public_key,),
        )
        manifest = _for_us(self._image, target, signer, folder)
        self._commands = {
            US: [INV, "load", "--manifest", manifest, "--device"],
            OVER_USB: [sys.executable, "-m", "bench.over_usb", manifest],
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
        return self._series()

    @functools.cached_property
    def plain(self) -> Series:
        """Against a device that acknowledges when its system thinks fit, as most servers do."""
        return self._series(quick_ack=False)

    @functools.cached_property
    def cable(self) -> Series:
        """Against a device that answers as slowly as over USB; ours packs its commands as for it."""
        contenders = {US: functools.partial(self._run, OVER_USB, latency=usb_hid)}
        for name in self.peers:
            contenders[name] = functools.partial(self._run, name, latency=usb_hid)
        return interleave(contenders, self._runs)

    @functools.cached_property
    def fleet(self) -> Series:
        """Eight devices that take 5 ms for each exchange, and one."""
        slow = fixed(0.005)
        eight = functools.partial(self._run, US, count=_FLEET, latency=slow)
        return interleave({US: eight, ONE: functools.partial(self._run, US, latency=slow)}, self._runs)

    @functools.cached_property
    def again(self) -> Series:
        """Onto a device that has the app, and onto one that has not."""
        device = VirtualDevice(self._config)
        with device.serve() as server:
            self._measure(US, [server.uri], server)
        there = functools.partial(self._run, US, state=device.state)
        return interleave({US: there, FIRST: functools.partial(self._run, US)}, self._runs)

    def _series(self, *, quick_ack: bool = True) -> Series:
        contenders = {
            name: functools.partial(self._run, name, quick_ack=quick_ack) for name in (US, *self.peers)
        }
        return interleave(contenders, self._runs)

    def _run(
        self,
        client: str,
        *,
        count: int = 1,
        quick_ack: bool = True,
        latency: Latency | None = None,
        state: DeviceState | None = None,
    ) -> Sample:
        seen: list[tuple[float, Exchange]] = []
        devices = [
            VirtualDevice(self._config, state, trace=lambda e: seen.append((time.perf_counter(), e)))
            for _ in range(count)
        ]
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(d.serve(quick_ack=quick_ack, latency=latency)) for d in devices]
            sample = self._measure(client, [server.uri for server in servers], servers[0])
        for device in devices:
            if [app.full_hash for app in device.state.apps] != [self._image.digest()]:
                raise BenchError(f"{client} ended well, but the device does not have the app")
        return {
            **sample,
            "commands": len(seen),
            "transfer": seen[-1][0] - seen[0][0],
            "frames": sum(reports(len(e.command)) + reports(len(e.reply)) for _, e in seen),
            "loads": sum(e.plain_command is not None and e.plain_command[0] in _LOADS for _, e in seen),
        }

    def _measure(self, client: str, uris: list[str], server: Server) -> Sample:
        named = {US: [part for uri in uris for part in ("--device", uri)][1:], OVER_USB: uris}
        return measure(
            [*self._commands[client], *named.get(client, [])],
            folder=PROJECT if client == OVER_USB else self._folder,
            environment=environment(
                self._folder,
                XDG_DATA_HOME=os.environ["XDG_DATA_HOME"],
                LEDGER_PROXY_ADDRESS=server.host,
                LEDGER_PROXY_PORT=str(server.port),
            ),
            log=self._folder / f"{client}.log",
        )


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


def cable(bench: Loads) -> Iterator[Result]:
    """Over the modelled USB link: frames, and time from the first command to the last."""
    yield from _missing("cable", bench)
    if not bench.peers:
        return
    fewer = Target(1, strict=True)
    figures = [
        compare(bench.cable, quantity, peer, fewer)
        for peer in bench.peers
        for quantity in ("frames", "transfer")
    ]
    yield Measured("cable", f"{bench.subject}, modelled USB", tuple(figures), bench.cable)


def fleet(bench: Loads) -> Iterator[Result]:
    """Eight devices in at most 1.3 times the time of one."""
    figures = (compare(bench.fleet, "wall", ONE, Target(1.3)), compare(bench.fleet, "transfer", ONE))
    yield Measured("fleet", f"{bench.subject}, {_FLEET} devices, 5 ms each", figures, bench.fleet)


def again(bench: Loads) -> Iterator[Result]:
    """An app that is there sends no command of a load."""
    figures = (
        compare(bench.again, "loads", FIRST, Target(0, "median")),
        compare(bench.again, "commands", FIRST),
        compare(bench.again, "wall", FIRST),
    )
    yield Measured("reload", f"{bench.subject}, installed", figures, bench.again)


def large(bench: Loads) -> Iterator[Result]:
    """A large app in less than a second and 80 MB."""
    yield from _missing("large", bench)
    if not bench.peers:
        return
    figures = [
        figure
        for peer in bench.peers
        for figure in (
            compare(bench.quick, "wall", peer, Target(1, "median", strict=True)),
            compare(bench.quick, "memory", peer, Target(80e6, "median")),
        )
    ]
    yield Measured("large", f"{bench.subject}, quick ACKs", tuple(figures), bench.quick)


def _missing(comparison: str, bench: Loads) -> Iterator[NotMeasured]:
    for peer in bench.missing:
        yield NotMeasured(comparison, bench.subject, f"{peer} is not installed", _INSTALL)


def _synthetic_image(target: str, code: int) -> Image:
    """An app of bytes that mean nothing."""
    device = get_target(target)
    body = hashlib.shake_256(b"bench").digest(code + _DATA) + _PARAMS
    return Image(
        name=_NAME,
        version=_VERSION,
        target_id=device.id,
        target_version=device.version,
        api_level=device.api_level,
        segments=(Segment(_BASE, body),),
        code_length=code,
        data_length=_DATA,
        params_length=len(_PARAMS),
        flags=0,
        boot_offset=1,
    )


def _for_us(image: Image, target: str, signer: FileSigner, folder: Path) -> str:
    """The path of a signed manifest, as ``./inv sign`` leaves it."""
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
    return str(folder / "manifest.json")


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
