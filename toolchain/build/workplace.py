"""Where a job is built, with what, and what make is told: everything that is known before make runs."""

import functools
import hashlib
import os
import platform
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Protocol

from toolchain.app import AppManifest
from toolchain.build.diagnostics import Folders
from toolchain.build.makefile import AT_ONCE
from toolchain.build.process import UMASK, run
from toolchain.build.sdk import Sdk, find_sdk
from toolchain.build.sources import Sources
from toolchain.build.toolchains import COMMANDS, Toolchain, choose, newlib_folder, prepare, with_newlib
from toolchain.environment import ensure_environment, file_lock
from toolchain.errors import ConfigError
from toolchain.target import Target
from toolchain.userdata import make_private_folder

_SYSTEM = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Folders of programs that are the same everywhere."""

_MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
_PLAIN = re.compile(r"[\w./+,@%~-]+", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_OURS = ("BOLOS_SDK", "TARGET", "CLANGPATH", "GCCPATH", "SHIM_BUILTINS", "MAKEFLAGS", "SHELL")
_SDK_LOCK = Path(__file__).parents[2] / "requirements" / "sdk.lock"


@dataclass(frozen=True)
class Tools:
    """What a machine builds with.

    ``python`` is the ``bin`` folder of what an official SDK imports, None if ``python3`` has it. ``newlib``
    is the folder of the C library, ``path`` the folders of make, git and bash, ``platform`` system and
    processor. ``stamp`` differs when anything else that objects depend on does.
    """

    toolchain: Toolchain
    python: Path | None
    newlib: Path | None
    path: tuple[str, ...]
    platform: str
    stamp: str = ""


class Machine(Protocol):
    """What make runs on: this machine (``Host``), or a container (``container.py``)."""

    @property
    def identity(self) -> str:
        """What provenance calls it: ``host``, or ``container`` and the digest of the image."""

    @property
    def shares_processes(self) -> bool:
        """Whether its makes can share one job server."""

    def sdk(self, target: Target, root: Path) -> Path | None:
        """The SDK that the machine itself has for ``target``, if it has one."""

    def tools(self, sdk: Sdk, target: Target, compiler: str, root: Path) -> Tools:
        """What to build with ``sdk`` for ``target``; ``compiler`` as in ``Job``.

        Raises:
            ConfigError: a compiler that does not fit, or something is not installed.
        """

    def run(
        self,
        place: "Workplace",
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        timeout: float,
        cancel: Event,
        show: Callable[[str], None],
        descriptors: tuple[int, ...],
    ) -> int:
        """Run ``command`` in ``place``, as ``process.run`` does; its exit status.

        Raises:
            BuildError: it took too long, or was cancelled.
        """


class Host:
    """This machine."""

    identity = "host"
    shares_processes = True

    def sdk(self, target: Target, root: Path) -> Path | None:
        """As ``Machine``: none."""
        del target, root
        return None

    def tools(self, sdk: Sdk, target: Target, compiler: str, root: Path) -> Tools:
        """As ``Machine``."""
        toolchain = with_newlib(prepare(choose(sdk, compiler), target, root), sdk, root)
        python = None
        if sdk.family != "shim":
            python = ensure_environment(_SDK_LOCK, root / "environments" / "sdk")
        for program, package in (("make", "make"), ("git", "git"), ("prlimit", "util-linux")):
            if shutil.which(program) is None:
                raise ConfigError(f"{program} is not installed", hint=f"apt-get install {package}")
        found = (shutil.which(program) for program in ("make", "git", "bash"))
        path = ("/usr/bin", "/bin", *(str(Path(program).parent) for program in found if program))
        return Tools(
            toolchain=toolchain,
            python=python,
            newlib=newlib_folder(),
            path=tuple(dict.fromkeys(path)),
            platform=f"{platform.system()} {platform.machine()}",
        )

    def run(
        self,
        place: "Workplace",
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        timeout: float,
        cancel: Event,
        show: Callable[[str], None],
        descriptors: tuple[int, ...],
    ) -> int:
        """As ``Machine``."""
        return run(
            command,
            folder=place.here,
            environment=environment,
            log=place.log,
            timeout=timeout,
            cancel=cancel,
            show=show,
            descriptors=descriptors,
        )


HOST = Host()


@dataclass(frozen=True)
class Job:
    """What to build: an app, for a target, with an SDK.

    ``compiler`` is a name of ``toolchains.toml``, empty for the one that fits. ``variables`` are handed to
    make on its command line (a variant, ``COIN=BOL``; ``DEBUG=1``). ``machine`` is where make runs.
    """

    manifest: AppManifest
    target: Target
    sdk: Path
    compiler: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    machine: Machine = HOST

    def __post_init__(self) -> None:
        """Refuse what make would read as something else.

        Raises:
            ConfigError: a name that is none, or that the build sets itself; a value of several lines.
        """
        for name, value in self.variables:
            if not _VARIABLE.fullmatch(name) or name in _OURS or not value.isprintable():
                raise ConfigError(f"not a variable that can be given to make: {name}={value}")


@dataclass(frozen=True)
class Workplace:
    """Where a job is built, and with what.

    ``folder`` holds the private copy and what belongs to it, ``sdk_path`` is the SDK under a name that make
    files can bear.
    """

    job: Job
    folder: Path
    sdk: Sdk
    sdk_path: Path
    tools: Tools

    @classmethod
    def find(cls, job: Job, root: Path) -> "Workplace":
        """Check that SDK, compiler and target go together, and make ready what they need."""
        root = plain_root(root)
        sdk = find_sdk(job.sdk, root / "sdk")
        if not sdk.supports(job.target):
            raise ConfigError(
                f"{sdk.name} {sdk.version} has no target {job.target.sdk_name}",
                hint="Nano S needs the nanos-secure-sdk, newer devices the ledger-secure-sdk",
                where=str(sdk.path),
            )
        tools = job.machine.tools(sdk, job.target, job.compiler, root)
        directory = job.manifest.directory
        name = re.sub(r"[^\w-]", "_", directory.name, flags=re.ASCII) + "-" + _hash(str(directory))[:8]
        key = _hash(sdk.path, tools.toolchain.name, job.variables, job.machine.identity)[:12]
        folder = root / "builds" / name / job.target.name / key
        return cls(job, folder, sdk, plain_link(sdk.path, root / "sdk"), tools)

    @property
    def source(self) -> Path:
        """The private copy."""
        return self.folder / "src"

    @property
    def here(self) -> Path:
        """Where make runs: the build directory in the private copy."""
        return self.source / self.job.manifest.build_directory

    @property
    def log(self) -> Path:
        """What make and its children printed in the last run."""
        return self.folder / "build.log"

    @functools.cached_property
    def basis(self) -> str:
        """Everything but the sources that objects depend on."""
        code = hashlib.sha256()
        for path in sorted(Path(__file__).parent.glob("*.py")):
            code.update(path.read_bytes())
        return _hash(code.digest(), self.sdk.identity, self.tools, self.job.variables)

    def fingerprint(self, sources: Sources) -> str:
        """While it is the same, make would do nothing."""
        return _hash(self.basis, sources.files, sources.commit, sources.dirty)

    def command(self, extra: Path) -> list[str]:
        """Make and its arguments, without the number of processes."""
        build_directory = self.job.manifest.directory / self.job.manifest.build_directory
        makefile = next((name for name in _MAKEFILES if (build_directory / name).is_file()), None)
        if makefile is None:
            raise ConfigError("there is no Makefile in the build directory", where=str(build_directory))
        variables = {
            "BOLOS_SDK": self.sdk_path,
            "TARGET": self.job.target.sdk_name,
            "CLANGPATH": f"{self.tools.toolchain.bin}/",
            "GCCPATH": f"{self.tools.toolchain.bin}/",
        }
        if self.sdk.family == "shim":
            variables["SHIM_BUILTINS"] = self.tools.toolchain.builtins or ""
        words = [f"{name}={value}" for name, value in (*variables.items(), *self.job.variables)]
        lists = () if self.sdk.family == "shim" else AT_ONCE
        return ["make", "-f", makefile, "-f", str(extra), *lists, *words]

    def environment(self, epoch: int) -> dict[str, str]:
        """All that make and its children see of the caller's environment: nothing but where programs are."""
        home = self.folder / "home"
        tools = [str(path) for path in (self.tools.python, self.tools.toolchain.bin) if path]
        return {
            "PATH": ":".join(dict.fromkeys([*tools, *self.tools.path])),
            "HOME": str(home),
            "TMPDIR": str(home),
            "LC_ALL": "C",
            "TZ": "UTC",
            "SOURCE_DATE_EPOCH": str(epoch),
            "PYTHONHASHSEED": "0",
            "PYTHONPYCACHEPREFIX": str(home / "pycache"),
            "GIT_OPTIONAL_LOCKS": "0",
            # The caller's git trusts the SDK's folder, or it would not have been read.
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": str(self.sdk.path),
            COMMANDS: str(self.folder / "calls"),
        }

    def stated_environment(self, epoch: int, folders: Folders) -> dict[str, str]:
        """All of ``environment``, and the umask, without this machine's folders.

        What is not stated (how many processes, a cache) has no influence on the result.
        """
        stated = {name: folders.rename(value) for name, value in self.environment(epoch).items()}
        programs = (
            folder if folder.startswith("<") or folder in _SYSTEM else "<programs>"
            for folder in stated["PATH"].split(":")
        )
        return stated | {"PATH": ":".join(dict.fromkeys(programs)), "umask": f"{UMASK:03o}"}

    def folders(self, sources: Sources) -> Folders:
        """How to name this machine's folders."""
        tools = self.tools
        others = {
            tools.toolchain.bin.parent: "<toolchain>",
            self.folder: "<work>",
            tools.python: "<python>",
            tools.newlib: "<newlib>",
        }
        return Folders(
            source=str(self.source),
            build_directory=str(self.job.manifest.build_directory),
            sdk=tuple(dict.fromkeys([str(self.sdk_path), str(self.sdk.path)])),
            submodules=sources.submodules,
            others={str(path): name for path, name in others.items() if path},
        )


def _hash(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def plain_root(root: Path) -> Path:
    """``root``, or a folder in the user's cache if make could not bear its name (blanks, ``#``, ``$``)."""
    root = Path(os.path.realpath(root))
    if _PLAIN.fullmatch(str(root)):
        return root
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    for base in (cache if cache.is_absolute() else Path.home() / ".cache", Path("/tmp")):  # noqa: S108 - made private
        plain = base / f"nano-toolchain-{os.getuid()}"
        if _PLAIN.fullmatch(os.path.realpath(plain)):
            make_private_folder(plain)
            return plain / _hash(str(root))[:12]
    raise ConfigError("make cannot work in a folder of that name", where=str(root))


def plain_link(path: Path, folder: Path) -> Path:
    """``path``, or a link to it in ``folder`` if make files could not bear its name."""
    if _PLAIN.fullmatch(str(path)):
        return path
    link = folder / _hash(str(path))[:12]
    with file_lock(folder / "lock"):
        if not link.is_symlink():
            link.symlink_to(path)
    return link
