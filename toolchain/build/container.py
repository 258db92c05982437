"""Runs make in a container: the builder image, or one that the user names.

The container sees the private copy of the sources, and can write there and beside it only. SDK, compiler
scripts and the app's history are mounted read-only, under the names that they have here.
"""

import contextlib
import dataclasses
import functools
import hashlib
import json
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from toolchain import dist
from toolchain.build import image as builder_image
from toolchain.build.engine import Command, Engine, ImageFacts, Mount
from toolchain.build.git import stores
from toolchain.build.process import UMASK, LogSink
from toolchain.build.sdk import FLAGS, Sdk
from toolchain.build.toolchains import CACHE, Toolchain
from toolchain.build.workplace import Tools, Workplace
from toolchain.environment import file_lock
from toolchain.errors import BuildError, ConfigError
from toolchain.target import Target

_PACKAGE = Path(__file__).parents[1]
_HOME = Path("/opt/nano-toolchain")
_PREPARE = "from toolchain.build.inside import main; main()"
_PREPARE_TIME = 300.0
_WITH_UMASK = ("sh", "-c", f'umask {UMASK:03o} && exec "$@"', "sh")
_SYSTEM = {"amd64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True)
class Container:
    """An image in an engine. ``own`` is the project's builder image, not one that the user named."""

    engine: Engine
    image: ImageFacts
    own: bool

    shares_processes = False

    @classmethod
    def find(cls, name: str, work: Path) -> "Container":
        """The image of that name, or the builder image.

        Raises:
            ConfigError: no engine, no such image, or one of another architecture.
        """
        engine = Engine.connect()
        if not name:
            return cls(engine, builder_image.find(engine, work).image, own=True)
        found = engine.image(name)
        if found is None:
            raise ConfigError(f"the engine has no image {name}", hint=f"docker pull {name}")
        engine.require_architecture(found, name)
        return cls(engine, found, own=False)

    @property
    def identity(self) -> str:
        """``container`` and the digest of the image."""
        return f"container {self.image.identity}"

    def sdk(self, target: Target, root: Path) -> Path | None:
        """A copy of the SDK that the image carries for ``target`` (``$NANOSP_SDK`` …); None if there is none.

        Raises:
            ConfigError, BuildError: it cannot be copied.
        """
        path = self.image.environment.get(f"{target.name.upper()}_SDK", "")
        if not path:
            return None
        folder = self._home(root) / "sdk" / target.name
        name = Path(path).name
        with file_lock(folder.with_name(f"{target.name}.lock")):
            if not (folder / "complete").exists():
                folder.mkdir(parents=True, exist_ok=True)
                self.engine.copy_out(self.image, path, folder)
                with contextlib.suppress(ConfigError):
                    # Only the shim has its flags beside it.
                    self.engine.copy_out(self.image, str(Path(path).with_name(FLAGS)), folder)
                (folder / "complete").touch()
        return folder / name

    def tools(self, sdk: Sdk, target: Target, compiler: str, root: Path) -> Tools:
        """As ``Machine``: asked in a container once, and kept."""
        home = self._home(root)
        question = json.dumps(
            {
                "sdk": dataclasses.asdict(sdk) | {"path": str(sdk.path)},
                "target": target.name,
                # An image of somebody else has one clang, and its SDKs go with it.
                "compiler": compiler or ("" if self.own else "image"),
                "root": str(home),
            }
        )
        key = hashlib.sha256(question.encode() + _code() + repr(self.image).encode()).hexdigest()[:16]
        answer = home / f"tools-{key}.json"
        with file_lock(home / f"tools-{key}.lock"):
            if not answer.exists():
                dist.write(answer, self._ask(question, home, key))
        table = json.loads(answer.read_bytes())
        if "error" in table:
            answer.unlink()
            raise ConfigError(table["error"], hint=f"{table['hint']} (in the image)", where=self.image.id)
        toolchain = table["toolchain"]
        return Tools(
            toolchain=Toolchain(
                name=toolchain["name"],
                bin=Path(toolchain["bin"]),
                builtins=Path(toolchain["builtins"]) if toolchain["builtins"] else None,
                identity=toolchain["identity"],
            ),
            python=None,
            newlib=Path(table["newlib"]) if table["newlib"] else None,
            path=tuple(table["path"]),
            platform=f"Linux {_SYSTEM.get(self.image.architecture, platform.machine())}",
            stamp=self.image.id,
        )

    def _home(self, root: Path) -> Path:
        return root / "containers" / hashlib.sha256(self.image.id.encode()).hexdigest()[:12]

    def _ask(self, question: str, home: Path, key: str) -> bytes:
        """What ``inside.py`` prints in a container."""
        said: list[bytes] = []
        command = Command(
            image=self.image,
            name=container_name(home, f"tools-{key}"),
            arguments=("python3", "-c", _PREPARE, question),
            folder=home,
            environment={
                "PATH": self.image.environment.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
                "PYTHONPATH": str(_HOME),
                "PYTHONDONTWRITEBYTECODE": "1",
                "HOME": "/tmp",  # noqa: S108 - the container's own
                "LC_ALL": "C.UTF-8",
            },
            mounts=(Mount(_PACKAGE, _HOME / _PACKAGE.name), Mount(home, home, writable=True)),
        )
        status = self.engine.run(command, put=said.append, timeout=_PREPARE_TIME)
        text = b"".join(said).decode("utf-8", "replace").strip()
        if status:
            last = text.splitlines()[-1] if text else f"status {status}"
            raise BuildError(
                f"the image cannot be built with: {last}",
                hint="it needs Python 3.11, make, git, and a compiler for Arm",
                where=self.image.id,
            )
        return text.splitlines()[-1].encode()

    def run(
        self,
        place: Workplace,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        timeout: float,
        cancel: Event,
        show: Callable[[str], None],
        descriptors: tuple[int, ...],
    ) -> int:
        """As ``Machine``."""
        del descriptors  # they stay outside
        with place.log.open("ab") as file:
            sink = LogSink(file, show)
            container = Command(
                image=self.image,
                name=container_name(place.folder, "make"),
                arguments=(*_WITH_UMASK, *command),
                folder=place.here,
                environment=environment,
                mounts=tuple(_mounts(place, environment.get(CACHE))),
            )
            try:
                return self.engine.run(container, put=sink.put, timeout=timeout, cancel=cancel)
            except BuildError as e:
                e.log = str(place.log)
                raise
            finally:
                sink.end()


def _mounts(place: Workplace, cache: str | None) -> Iterator[Mount]:
    """Writable are the private copy (without its history), what make and compilers say beside it, a cache."""
    if cache:
        yield Mount(Path(cache), Path(cache), writable=True)
    for path in (place.source, place.folder / "home", place.folder / "calls", place.folder / "variables"):
        yield Mount(path, path, writable=True)
    read_only = {
        place.source / ".git": place.source / ".git",
        place.folder / "extra.mk": place.folder / "extra.mk",
        place.tools.toolchain.bin.parent: place.tools.toolchain.bin.parent,
        place.sdk_path: place.sdk.path,
        place.sdk.path: place.sdk.path,
    }
    if place.sdk.family == "shim":
        for sdk in (place.sdk_path, place.sdk.path):  # two where make cannot bear the name of the latter
            read_only[sdk.parent / FLAGS] = place.sdk.path.parent / FLAGS
    read_only |= {folder: folder for folder in (*stores(place.source), *stores(place.sdk.path))}
    for target, source in read_only.items():
        yield Mount(source, target)


def container_name(folder: Path, what: str) -> str:
    """What a container for ``folder`` is called. One at a time has the name: the folder is locked."""
    return f"nano-toolchain-{what}-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"


@functools.cache
def _code() -> bytes:
    """What the answers of ``inside.py`` depend on."""
    names = ("inside.py", "toolchains.py", "toolchains.toml", "builder.lock")
    return b"\0".join(Path(__file__).with_name(name).read_bytes() for name in names)
