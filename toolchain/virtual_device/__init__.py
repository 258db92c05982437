"""A strict device in software, for tests, for CI and for people without hardware.

``VirtualDevice(DeviceConfig.standard(target, DeviceIdentity.issue(issuer)))`` is a device; ``handle`` answers
an APDU, ``serve`` puts it on a TCP port. Its channel is code of its own, so that host and device check each
other.
"""

from toolchain.virtual_device.config import (
    Consent,
    DeviceConfig,
    DeviceIdentity,
    Prompt,
    PromptKind,
    allow,
    deny,
)
from toolchain.virtual_device.device import Exchange, Trace, VirtualDevice
from toolchain.virtual_device.power import Moment, PowerLostError
from toolchain.virtual_device.state import DeviceState

__all__ = [
    "Consent",
    "DeviceConfig",
    "DeviceIdentity",
    "DeviceState",
    "Exchange",
    "Moment",
    "PowerLostError",
    "Prompt",
    "PromptKind",
    "Trace",
    "VirtualDevice",
    "allow",
    "deny",
]
