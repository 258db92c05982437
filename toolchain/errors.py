"""Errors that a person can act on.

::

    ToolchainError            1   what a user can act on; anything else that escapes is a bug
    ├── StorageError              a file cannot be written: disk full, read-only, no permission
    ├── ConfigError           2   option, manifest, target file, URI, missing component
    ├── BuildError            3   compiler, container (with the log's path)
    │   └── NotReproducibleError
    ├── ImageError            4   bytes are not what the format says
    ├── VerificationError     5   carries all findings, not the first
    ├── SigningError          6   signer refused, wrong key, no PIN, too few approvals
    │   └── RevokedError          the key counts for nothing any more
    └── DeviceError           7
        ├── TransportError        the link: refused, closed, too short, timed out
        ├── StatusWordError       the device answered with a status word other than 9000
        ├── PartialFailureError 8 some of several devices failed, the others are done
        ├── AuthenticationError   the device could not prove that it is genuine
        └── SecureChannelError    a wrapped message is not authentic (one text for every cause)

One class is one decision of a caller. Causes are fields, ``hint`` says the next step, ``where`` says
the place (``file:line``, or the step of a protocol). The numbers are the exit codes of the tasks.
"""

from collections.abc import Sequence

INTERRUPTED = 130
"""Exit code after Ctrl-C (128 + SIGINT), as shells report it."""


class ToolchainError(Exception):
    """What went wrong, where, and what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", where: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class StorageError(ToolchainError):
    """A file cannot be written: the disk is full or read-only, or belongs to somebody else."""


class ConfigError(ToolchainError):
    """An option, a manifest, a target file or a URI is wrong, or a component is missing."""

    exit_code = 2


class BuildError(ToolchainError):
    """The compiler or the container failed; ``log`` is the path of the whole output, if one was written."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "", where: str = "", log: str = "") -> None:
        super().__init__(message, hint=hint, where=where)
        self.log = log


class NotReproducibleError(BuildError):
    """Two builds of the same source differ."""


class ImageError(ToolchainError):
    """Bytes of an ELF, HEX, TLV, script or manifest are not what the format says."""

    exit_code = 4


class VerificationError(ToolchainError):
    """The app breaks blocking rules; ``findings`` holds every finding, worst first."""

    exit_code = 5

    def __init__(
        self, message: str, *, findings: Sequence[object] = (), hint: str = "", where: str = ""
    ) -> None:
        super().__init__(message, hint=hint, where=where)
        self.findings = tuple(findings)


class SigningError(ToolchainError):
    """The signer refused, holds another key, or answered a signature that does not verify."""

    exit_code = 6


class RevokedError(SigningError):
    """The key was revoked: what it signed, and whom it named as its successor, counts for nothing."""


class DeviceError(ToolchainError):
    """The device, or the way to it, refused."""

    exit_code = 7


class TransportError(DeviceError):
    """The link failed: no device, refused, closed, cut short, timed out."""


class StatusWordError(DeviceError):
    """The device answered ``sw`` at ``step``; the text comes from ``device.status``."""

    def __init__(self, sw: int, step: str, message: str, *, hint: str = "") -> None:
        super().__init__(f"{step}: {message} (status {sw:04x})", hint=hint)
        self.sw = sw
        self.step = step


class PartialFailureError(DeviceError):
    """Of several devices, some failed and the others are done."""

    exit_code = 8


class AuthenticationError(DeviceError):
    """The device did not prove that a trusted issuer made it."""


class SecureChannelError(DeviceError):
    """A message of the secure channel is not authentic. The channel is dead."""

    def __init__(self) -> None:
        super().__init__(
            "the secure channel is broken: a message is not authentic",
            hint="reconnect the device and run the command again",
        )
