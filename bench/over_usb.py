"""Loads a signed app over TCP with the packing of USB: ``python -m bench.over_usb MANIFEST URI``.

For the modelled cable. The peers pack the same way over both.
"""

import sys
from pathlib import Path

from toolchain.device.transport.tcp import TcpTransport
from toolchain.device.transport.usb import UsbTransport
from toolchain.devices import DeviceOptions
from toolchain.load.install import quiet
from toolchain.package import load, read_package, trusted_signers


def main(manifest: str, uri: str) -> None:
    """Load and make the device confirm it."""
    TcpTransport.max_data = UsbTransport.max_data
    load(read_package(Path(manifest), trusted_signers("")), DeviceOptions(uri), quiet)


if __name__ == "__main__":
    main(*sys.argv[1:])
