"""Unmodified clients as processes of their own, pointed at a virtual device."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from intelhex import IntelHex

from toolchain.image import Image
from toolchain.virtual_device import DeviceConfig, DeviceState, VirtualDevice

TIMEOUT = 60


@dataclass(frozen=True)
class Clients:
    """Runs clients against ``device``; their files go to ``folder``."""

    device: VirtualDevice
    port: int
    folder: Path

    def ledgerblue(self, module: str, *args: str) -> subprocess.CompletedProcess[str]:
        return self._run(sys.executable, "-m", f"ledgerblue.{module}", *args)

    def ledgerctl(self, *args: str) -> subprocess.CompletedProcess[str]:
        return self._run(str(Path(sys.executable).with_name("ledgerctl")), *args)

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder),
            "LEDGER_PROXY_ADDRESS": "127.0.0.1",
            "LEDGER_PROXY_PORT": str(self.port),
        }
        return subprocess.run(
            command,
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT,
        )

    def target(self) -> tuple[str, str]:
        return "--targetId", hex(self.device.config.target_id)

    def load_app(
        self, image: Image, *args: str, target_version: str | None = ""
    ) -> subprocess.CompletedProcess[str]:
        """``loadApp`` with the arguments that the SDK's make files pass; parameters lie inside the HEX."""
        level = () if image.api_level is None else ("--apiLevel", str(image.api_level))
        version = () if target_version is None else ("--targetVersion", target_version)
        return self.ledgerblue(
            "loadApp",
            *self.target(),
            *version,
            *level,
            *("--fileName", str(write_hex(image, self.folder / "app.hex"))),
            *("--appName", image.name),
            *("--appFlags", hex(image.flags)),
            *("--dataSize", str(image.data_length)),
            *("--installparamsSize", str(image.params_length)),
            "--tlv",
            *args,
        )


@contextlib.contextmanager
def serve(config: DeviceConfig, folder: Path, state: DeviceState | None = None) -> Iterator[Clients]:
    device = VirtualDevice(config, state)
    with device.serve() as server:
        yield Clients(device, server.port, folder)


def write_hex(image: Image, path: Path, *, without_params: bool = False) -> Path:
    """The image as Intel HEX with its entry point, as linkers write it."""
    file = IntelHex()
    for segment in image.segments:
        file.puts(segment.address, segment.data)
    if without_params:
        file = file[image.base : image.base + image.code_length + image.data_length]
    file.start_addr = {"EIP": image.base + image.boot_offset}
    file.write_hex_file(str(path))
    return path


def installed(device: VirtualDevice) -> dict[str, str]:
    """Full hash (hex) of each installed app by name."""
    return {app.name: app.full_hash.hex() for app in device.state.apps}
