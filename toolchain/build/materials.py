"""What a build took besides the app's own files: SDK, compiler and C library, with versions and hashes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from toolchain.build.sdk import FLAGS, read_sdk, tree_digest
from toolchain.build.toolchains import NEWLIB
from toolchain.build.workplace import Job
from toolchain.manifest import Provenance

_HASH = re.compile(r" ?(tree |flags )?sha256:([0-9a-f]{64})")
_NAMED = re.compile(r"^(.*?)(?: version)?(?: \([^)]*\))? v?([0-9].*)$")


@dataclass(frozen=True)
class Material:
    """``version`` is empty where nobody states one; ``sha256`` in hex, empty where only a name is known."""

    kind: Literal["sdk", "compiler", "library"]
    name: str
    version: str
    sha256: str


def materials(job: Job, made: Provenance) -> Iterator[Material]:
    """SDK and the flags beside it, the compiler's programs, newlib if the SDK takes files of it.

    An SDK's hash is that of its tree; compilers are hashed by the program, newlib by the files that a
    build may read. Both are those of the machine that built.

    Raises:
        ConfigError: the SDK is not there any more.
    """
    sdk = read_sdk(job.sdk)
    version = _HASH.sub("", made.sdk).removeprefix(sdk.name).strip()
    yield Material("sdk", sdk.name, version, tree_digest(sdk.path))
    for kind, digest in _HASH.findall(made.sdk):
        if kind == "flags ":
            yield Material("sdk", FLAGS, "", digest)
    for text, digest in _programs(made.compiler):
        named = _NAMED.match(text)
        name, version = (named[1], named[2]) if named else (text, "")
        yield Material("library" if name == NEWLIB else "compiler", name, version, digest)


def _programs(identity: str) -> Iterator[tuple[str, str]]:
    """Names and hash of each program."""
    before = 0
    for match in _HASH.finditer(identity):
        yield identity[before : match.start()].strip(", "), match[2]
        before = match.end()
    if rest := identity[before:].strip(", "):
        yield rest, ""
