"""A container engine (Docker, rootless Docker, Podman's compatible socket); the only importer of ``docker``.

Everything runs without network, capabilities or new privileges, on a read-only root, with limits on
processes and memory, as the caller, and is removed afterwards, however it ended.
"""

import contextlib
import io
import os
import queue
import re
import resource
import socket
import tarfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from toolchain.errors import BuildError, ConfigError

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

_LABEL = "nano-toolchain"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
"""What engines call machines, and what images do."""

_COLOUR = re.compile(r"\x1b\[[\d;]*m")

_MEMORY = 4 << 30
_PROCESSES = 1024
_FILE_SIZE = 1 << 30
_OPEN_FILES = 4096
_USER_PROCESSES = 16384
_GRACE = 5.0
_LOG_SIZE = "64m"
_TMP = "size=512m,mode=1777"
_ARCHIVE_LIMIT = 1 << 30


@dataclass(frozen=True)
class Mount:
    """A folder or file of this machine, seen in the container as ``target``."""

    source: Path
    target: Path
    writable: bool = False


@dataclass(frozen=True)
class ImageFacts:
    """An image in an engine.

    ``id`` is the engine's own name for it. ``identity`` names its contents: the digest of a registry, or
    else ``id``.
    """

    id: str
    identity: str
    layers: tuple[str, ...]
    architecture: str
    environment: Mapping[str, str]
    size: int


@dataclass(frozen=True)
class Command:
    """What runs in a container: in ``folder``, with this environment and nothing else.

    ``name`` is the container's. Nobody else uses it: a container that has it was left by a process that
    was killed.
    """

    image: ImageFacts
    name: str
    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    mounts: Sequence[Mount]


@dataclass(frozen=True)
class Engine:
    """An engine that answered at ``url``; ``rootless`` maps its root to the caller.

    ``version`` is the one of its API that the library chose: it asks for it anew where none is given.
    """

    url: str
    architecture: str
    rootless: bool
    version: str = "auto"

    @classmethod
    def connect(cls) -> "Engine":
        """The engine of ``DOCKER_HOST``, or the first that answers where engines listen.

        Raises:
            ConfigError: none answers.
        """
        given = os.environ.get("DOCKER_HOST", "")
        candidates = [given] if given else [f"unix://{path}" for path in _sockets()]
        reason: Exception | None = None
        for url in filter(_listens, candidates):
            from docker.errors import DockerException
            from requests.exceptions import RequestException

            try:
                with _client(url) as client:
                    info, version = client.info(), client.api.api_version
            except (DockerException, RequestException) as e:
                reason = e
                continue
            options = info.get("SecurityOptions") or []
            machine = info.get("Architecture", "")
            rootless = any("name=rootless" in option for option in options) or _serves_its_owner(url)
            return cls(url, _ARCHITECTURES.get(machine, machine), rootless, version)
        where = given or "the usual sockets"
        raise ConfigError(
            f"no container engine answers at {where}",
            hint="start Docker or Podman (podman system service), or set DOCKER_HOST; or use --builder host",
        ) from reason

    def image(self, name: str) -> ImageFacts | None:
        """The image of that name or id, None if the engine has none."""
        from docker.errors import ImageNotFound, NotFound

        with self._open() as client:
            try:
                image = client.images.get(name)
            except (ImageNotFound, NotFound):
                return None
            return _facts(image.attrs, image.id or "")

    def pull(self, name: str) -> None:
        """Fetch an image from its registry.

        Raises:
            BuildError: it cannot be reached, or has no such image.
        """
        with self._open() as client:
            client.images.pull(name)

    def load(self, archive: Path) -> None:
        """Put the images of an archive (``docker save``) into the engine."""
        with self._open() as client, archive.open("rb") as file:
            client.images.load(file)

    def build(self, folder: Path, tag: str) -> None:
        """Build the Dockerfile in ``folder``; its steps have this machine's network, as mmdebstrap would.

        Raises:
            BuildError: a step failed.
        """
        with self._open() as client:
            client.images.build(path=str(folder), tag=tag, rm=True, forcerm=True, network_mode="host")

    def remove_image(self, name: str) -> None:
        """Remove the image of that name; nothing happens if there is none."""
        from docker.errors import ImageNotFound, NotFound

        with self._open() as client, contextlib.suppress(ImageNotFound, NotFound):
            client.images.remove(name, force=True)

    def require_architecture(self, image: ImageFacts, name: str) -> None:
        """Refuse an image that only an emulator could run.

        Raises:
            ConfigError: it is for another architecture than the engine's.
        """
        if image.architecture and image.architecture != self.architecture:
            raise ConfigError(
                f"the image {name} is for {image.architecture}, the engine runs {self.architecture}",
                hint="name an image of the engine's architecture, or make one: ./inv builder.image",
            )

    def run(
        self, command: Command, *, put: Callable[[bytes], None], timeout: float, cancel: Event | None = None
    ) -> int:
        """Run ``command``, its output through ``put``; the exit status.

        Raises:
            BuildError: the engine refused or went away, it took too long, or was cancelled.
        """
        with self._open() as client:
            _remove(client, command.name)
            container = self._create(client, command)
            with _output(client, container) as output:
                _follow(output, put, time.monotonic() + timeout, cancel or Event())
                return int(container.wait(timeout=60)["StatusCode"])

    def _create(self, client: "DockerClient", command: Command) -> "Container":
        from docker.types import LogConfig, Ulimit
        from docker.types import Mount as Bind

        own = resource.getrlimit(resource.RLIMIT_NPROC)[1]
        processes = _USER_PROCESSES if own == resource.RLIM_INFINITY else min(own, _USER_PROCESSES)
        container: Container = client.containers.create(
            command.image.id,
            list(command.arguments),
            name=command.name,
            entrypoint=[],
            working_dir=str(command.folder),
            environment=dict(command.environment),
            # A rootless engine maps its root to the caller; all other numbers are nobody's.
            user="0:0" if self.rootless else f"{os.getuid()}:{os.getgid()}",
            hostname="builder",
            network_mode="none",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            read_only=True,
            tmpfs={"/tmp": _TMP},  # noqa: S108 - the container's own
            pids_limit=_PROCESSES,
            mem_limit=_MEMORY,
            ulimits=[
                Ulimit(name="fsize", soft=_FILE_SIZE, hard=_FILE_SIZE),
                Ulimit(name="core", soft=0, hard=0),
                # Without these two, Podman asks for more than it may have on some machines.
                Ulimit(name="nofile", soft=_OPEN_FILES, hard=_OPEN_FILES),
                Ulimit(name="nproc", soft=processes, hard=processes),
            ],
            mounts=[
                Bind(str(m.target), str(m.source), type="bind", read_only=not m.writable)
                for m in command.mounts
            ],
            labels={_LABEL: command.name},
            log_config=LogConfig(type="json-file", config={"max-size": _LOG_SIZE, "max-file": "2"}),
        )
        return container

    def containers(self) -> tuple[str, ...]:
        """Names of the containers that we made and that are still there."""
        with self._open() as client:
            # The list alone: asked for one by one, one that goes meanwhile is an error.
            found = client.api.containers(all=True, filters={"label": _LABEL})
            return tuple(sorted(name.removeprefix("/") for one in found for name in one["Names"] or ()))

    def copy_out(self, image: ImageFacts, path: str, folder: Path) -> None:
        """Copy the folder ``path`` of ``image`` into ``folder``; nothing of the image runs.

        Raises:
            ConfigError: there is no such folder in the image.
            BuildError: it is too large, or holds what does not belong into an archive of sources.
        """
        from docker.errors import NotFound

        with self._open() as client:
            container = client.containers.create(image.id, ["true"], entrypoint=[], labels={_LABEL: "copy"})
            try:
                stream, _ = container.get_archive(path)
                with tarfile.open(fileobj=_Stream(stream), mode="r|") as archive:
                    archive.extractall(folder, filter="data")
            except NotFound as e:
                raise ConfigError(f"the image has no folder {path}") from e
            except tarfile.TarError as e:
                raise BuildError(f"the image's folder {path} cannot be copied: {e}") from e
            finally:
                container.remove(force=True, v=True)

    @contextlib.contextmanager
    def _open(self) -> Iterator["DockerClient"]:
        """A connection of its own for each call: a client is not shared by threads."""
        with _translated(self.url), _client(self.url, self.version) as client:
            yield client


class _Stream(io.RawIOBase):
    """What ``tarfile`` reads, from chunks, up to a limit."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""
        self._room = _ARCHIVE_LIMIT

    def read(self, size: int = -1) -> bytes:
        while len(self._rest) < size and (chunk := next(self._chunks, b"")):
            self._room -= len(chunk)
            if self._room < 0:
                raise tarfile.TarError(f"more than {_ARCHIVE_LIMIT} bytes")
            self._rest += chunk
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def _listens(url: str) -> bool:
    """Whether it is worth asking: the library is slow to load, and leaves sockets open when it is refused."""
    if not url.startswith("unix://"):
        return True
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(url.removeprefix("unix://"))
        except OSError:
            return False
    return True


def _serves_its_owner(url: str) -> bool:
    """Whether the socket belongs to a user who is not root. Podman 4 does not say that it is rootless."""
    if not url.startswith("unix://"):
        return False
    with contextlib.suppress(OSError):
        return Path(url.removeprefix("unix://")).stat().st_uid != 0
    return False


def _sockets() -> tuple[Path, ...]:
    """Where engines listen: Docker, rootless Docker, Podman, rootless Podman."""
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    return (
        Path("/var/run/docker.sock"),
        runtime / "docker.sock",
        Path("/run/podman/podman.sock"),
        runtime / "podman/podman.sock",
    )


@contextlib.contextmanager
def _client(url: str, version: str = "auto") -> Iterator["DockerClient"]:
    import docker

    client = docker.DockerClient(base_url=url, version=version, timeout=600)
    try:
        yield client
    finally:
        client.close()


@contextlib.contextmanager
def _translated(url: str) -> Iterator[None]:
    """Errors of the library as ours.

    Raises:
        BuildError: always instead of theirs.
    """
    from docker.errors import APIError, DockerException
    from docker.errors import BuildError as StepError
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except StepError as e:
        raise BuildError(
            f"the image cannot be built: {_complaint(e.build_log)}",
            hint="the engine's builds must reach a mirror that still has the versions of the lock",
        ) from e
    except DockerException as e:
        said = str(e.explanation if isinstance(e, APIError) else e)
        raise BuildError(f"the container engine refused: {said}", hint=_hint(str(e))) from e
    except (RequestException, HTTPError, OSError) as e:
        # The library lets those of the connection through as they are.
        raise BuildError(
            f"the container engine went away: {e}",
            hint="see whether it runs, then do the same again; what it left is removed then",
            where=url,
        ) from e


def _complaint(log: Iterable[Mapping[str, Any]]) -> str:
    """What went wrong in a step: apt's error, or else the last words of what ran."""
    # An entry ends wherever the engine read so far, in the middle of a line, too.
    text = _COLOUR.sub("", "".join(str(entry.get("stream", "")) for entry in log))
    lines = [line.strip() for line in text.splitlines()]
    said = [n for n in lines if n and not n.startswith(("Step ", "--->", "Removing intermediate"))]
    fetched = [line for line in said if line.startswith("W: Failed to fetch")]
    errors = [line for line in said if line.startswith("E: ")]
    first = (fetched or errors or said[-1:] or ["a step failed"])[0]
    return first.removeprefix("E: ").removeprefix("W: ")


def _hint(text: str) -> str:
    if "no space left" in text.lower():
        return "the engine's disk is full; `docker system prune` frees what nobody uses"
    if "bind source path does not exist" in text or "no such file or directory" in text:
        return "the engine must run on this machine, and see its folders"
    return "docker info tells more about the engine"


def _remove(client: "DockerClient", name: str) -> None:
    """Remove the container and its volumes, running or not."""
    from docker.errors import APIError, NotFound

    try:
        client.containers.get(name).remove(force=True, v=True)
    except NotFound:
        return
    except APIError as e:
        if e.status_code != 409:  # somebody removes it right now
            raise


@contextlib.contextmanager
def _output(client: "DockerClient", container: "Container") -> "Iterator[queue.SimpleQueue[bytes | None]]":
    """Start the container; what it says, None at its end. Afterwards it is gone."""
    output: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def read() -> None:
        try:
            for chunk in container.logs(stream=True, follow=True):
                output.put(chunk)
        except (DockerException, RequestException, HTTPError, OSError):
            pass  # the engine went away; who waits for the end is told so
        finally:
            output.put(None)

    from docker.errors import DockerException
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    reader = threading.Thread(target=read, daemon=True)
    try:
        container.start()
        reader.start()
        yield output
    finally:
        _remove(client, str(container.name))
        if reader.ident:
            # It ends with the container, or with the engine.
            reader.join(_GRACE)


def _follow(
    output: "queue.SimpleQueue[bytes | None]", put: Callable[[bytes], None], deadline: float, cancel: Event
) -> None:
    """Hand the output on while it comes, until its end.

    Raises:
        BuildError: it took too long, or was cancelled.
    """
    while not cancel.is_set():
        with contextlib.suppress(queue.Empty):
            chunk = output.get(timeout=0.1)
            if chunk is None:
                return
            put(chunk)
        if time.monotonic() >= deadline:
            raise BuildError(
                "the container did not end in time",
                hint="the log shows where it stopped",
            )
    raise BuildError("cancelled")


def _facts(attrs: Mapping[str, Any], identifier: str) -> ImageFacts:
    layers = tuple((attrs.get("RootFS") or {}).get("Layers") or ())
    pairs = ((attrs.get("Config") or {}).get("Env")) or ()
    # Podman has a digest of its own making for what came from no registry. So has Docker since 29, or where
    # containerd keeps its images; there it is ``id``.
    named = (name for name in attrs.get("RepoDigests") or () if not name.startswith("localhost/"))
    digests = sorted(name.partition("@")[2] for name in named)
    return ImageFacts(
        id=identifier,
        identity=digests[0] if digests else identifier,
        layers=layers,
        architecture=str(attrs.get("Architecture") or ""),
        environment=dict(pair.split("=", 1) for pair in pairs if "=" in pair),
        size=int(attrs.get("Size") or 0),
    )
