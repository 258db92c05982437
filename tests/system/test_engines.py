"""Every engine that we name: the same image, the same bytes as on the host, owned by who asked for them."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import docker
import pytest

from tests.system.engine import WORK, PrivateEngine, mounts
from tests.system.inv import PROJECT
from toolchain.app import AppManifest
from toolchain.build import image
from toolchain.build.engine import Engine
from toolchain.build.host import build
from toolchain.build.workplace import Job
from toolchain.target import get_target

pytestmark = [pytest.mark.component("docker"), pytest.mark.component("mmdebstrap")]

PODMAN_USER, DOCKER_USER = 64321, 64322
"""Unprivileged users of the tests; the machine's lists of users stay as they are."""

_BUILD = """
import hashlib, json, sys
from pathlib import Path
from toolchain.app import AppManifest
from toolchain.build import image
from toolchain.build.container import Container
from toolchain.build.engine import Engine
from toolchain.build.host import build
from toolchain.build.workplace import Job
from toolchain.target import get_target

archive, project, work = map(Path, sys.argv[1:])
engine = Engine.connect()
engine.load(archive)
container = Container.find("", work)
job = Job(AppManifest.read(project / "app"), get_target("nanosp"), project / "sdk-shim", machine=container)
result = build(job, root=work)
print(json.dumps({
    "elf": hashlib.sha256(result.elf).hexdigest(),
    "builder": result.provenance.builder,
    "owners": sorted({(p.stat().st_uid, p.stat().st_gid) for p in result.sources.rglob("*")}),
    "rootless": engine.rootless,
    "left": engine.containers(),
}))
"""

# A user with a name and subordinate ids, in a view of the files that only the engine has.
_AS_USER = """
set -e
cd "$0"
for name in passwd group subuid subgid; do cat "/etc/$name" >"$name" 2>/dev/null || : >"$name"; done
echo "tester:x:$1:$1::$0/home:/bin/sh" >>passwd
echo "tester:x:$1:" >>group
for name in subuid subgid; do echo "tester:4200000:65536" >>"$name"; done
for name in passwd group subuid subgid; do mount --bind "$name" "/etc/$name"; done
install -d -m 700 -o "$1" -g "$1" home home/run
user=$1
shift
exec setpriv --reuid "$user" --regid "$user" --clear-groups -- env -i PATH="$PATH" USER=tester "$@"
"""


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder that other users may enter; nothing is left of it, and nothing mounted in it."""
    with tempfile.TemporaryDirectory(prefix="nano-engine-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def podman(room: Path) -> PrivateEngine:
    """Podman as root."""
    folder = room / "engine"
    options = ["--root", f"{folder}/data", "--runroot", f"{folder}/run", "--cgroup-manager", "cgroupfs"]
    serve = ["system", "service", "--time", "0", f"unix://{folder}/engine.sock"]
    return PrivateEngine(folder, ["podman", *options, *serve])


def _as_user(room: Path, user: int, socket: str, *command: str, **environment: str) -> PrivateEngine:
    home = room / "home"
    pairs = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run"), **environment}
    words = (f"{name}={value}" for name, value in pairs.items())
    start = ["unshare", "--mount", "sh", "-c", _AS_USER, str(room), str(user), *words, *command]
    return PrivateEngine(room / "engine", start, home / "run" / socket)


def rootless_podman(room: Path) -> PrivateEngine:
    """Podman as a user."""
    options = ("--storage-driver", "overlay", "--cgroup-manager", "cgroupfs")
    serve = ("system", "service", "--time", "0", f"unix://{room}/home/run/podman.sock")
    return _as_user(room, PODMAN_USER, "podman.sock", "podman", *options, *serve)


def rootless_docker(room: Path) -> PrivateEngine:
    """Docker as a user. It needs no network for what we ask of it."""
    script = "/usr/share/docker.io/contrib/dockerd-rootless.sh"
    options = ("--bridge=none", "--iptables=false", "--ip6tables=false", "--data-root", f"{room}/home/docker")
    kit = {"DOCKERD_ROOTLESS_ROOTLESSKIT_NET": "host", "DOCKERD_ROOTLESS_ROOTLESSKIT_PORT_DRIVER": "none"}
    return _as_user(room, DOCKER_USER, "docker.sock", "sh", script, *options, **kit)


@contextmanager
def running(engine: PrivateEngine, user: int) -> Iterator[PrivateEngine]:
    """Until afterwards; then also what it left running as ``user`` is ended."""
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()
        for pid in _processes(user) if user else ():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        engine.remove()


def _processes(user: int) -> Iterator[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if folder.stat().st_uid == user:
                yield int(folder.name)


@pytest.mark.component("podman")
@pytest.mark.component("rootless-docker")
@pytest.mark.parametrize(
    ("make", "user"),
    [(podman, os.geteuid()), (rootless_podman, PODMAN_USER), (rootless_docker, DOCKER_USER)],
    ids=["podman", "rootless podman", "rootless docker"],
)
def test_the_bytes_of_the_host_from(
    make: Callable[[Path], PrivateEngine], user: int, builder: Engine, room: Path
) -> None:
    found = image.find(builder, WORK)
    archive = room / "image.tar"
    with closing(docker.DockerClient(base_url=builder.url)) as client, archive.open("wb") as file:
        file.writelines(client.images.get(found.name).save(named=found.name))
    archive.chmod(0o644)
    project, work = room / "project", room / "work"
    shutil.copytree(PROJECT / "toolchain", project / "toolchain")
    shutil.copytree(PROJECT / "requirements", project / "requirements")
    shutil.copytree(PROJECT / "sdk-shim", project / "sdk-shim")
    shutil.copytree(PROJECT / "apps/boilerplate", project / "app")
    shutil.copy(PROJECT / "Makefile.defines", project)
    work.mkdir()
    os.chown(work, user, user)
    with running(make(room), user) as engine:
        said = _run_as(user, engine.url, project, [archive, project, work])
    expected = build(
        Job(AppManifest.read(project / "app"), get_target("nanosp"), project / "sdk-shim"), root=WORK
    )
    assert said == {
        "elf": hashlib.sha256(expected.elf).hexdigest(),
        "builder": f"container {found.image.identity}",
        "owners": [[user, user]],
        "rootless": user != 0,
        "left": [],
    }
    assert not mounts(room)


def _run_as(user: int, url: str, project: Path, arguments: list[Path]) -> object:
    """Build as ``user``, who may read everything (this Python may lie in a private folder)."""
    read = "+dac_read_search"
    done = subprocess.run(
        [
            *("setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups"),
            *("--inh-caps", read, "--ambient-caps", read),
            *("env", "-i", "PATH=/usr/bin:/bin", f"DOCKER_HOST={url}", f"PYTHONPATH={project}"),
            *("PYTHONDONTWRITEBYTECODE=1", sys.executable, "-c", _BUILD, *map(str, arguments)),
        ],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
