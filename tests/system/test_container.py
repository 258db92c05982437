"""Builds in a real container engine: the same bytes as on the host, behind walls, and nothing left behind."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.system.engine import WORK, PrivateEngine
from tests.system.inv import PROJECT, inv
from tests.system.test_interrupt import start, wait_until
from toolchain.app import AppManifest
from toolchain.build import image
from toolchain.build.container import Container, machine
from toolchain.build.engine import Command, Engine
from toolchain.build.host import build
from toolchain.build.workplace import HOST, Job
from toolchain.errors import BuildError, ConfigError
from toolchain.target import get_target

pytestmark = [pytest.mark.component("docker"), pytest.mark.component("mmdebstrap")]

SHIM = PROJECT / "sdk-shim"
MANIFEST = '[app]\nsdk = "C"\nbuild_directory = "."\ndevices = ["nanos+"]\n'


@pytest.fixture
def job(builder: Engine, tmp_path: Path) -> Callable[[str], Job]:
    """A job in the builder image whose makefile is given."""

    def make(makefile: str) -> Job:
        folder = tmp_path / "app"
        folder.mkdir(exist_ok=True)
        (folder / "ledger_app.toml").write_text(MANIFEST)
        (folder / "Makefile").write_text(makefile)
        return Job(AppManifest.read(folder), get_target("nanosp"), SHIM, machine=Container.find("", WORK))

    return make


def mine(engine: Engine, folder: Path) -> list[str]:
    """Containers of builds below ``folder``: other tests have their own."""
    names = (path.name for path in folder.rglob("*") if path.is_dir() and (path / "build.log").exists())
    return [found for name in names for found in engine.containers() if name in found]


def test_the_builder_image_is_the_locked_one_and_small(builder: Engine) -> None:
    found = inv("builder.image", "--json").only("builder")
    lock = image.locked(builder.architecture)
    assert lock is not None
    assert not found["made"]
    assert found["digest"] == lock.layer
    assert found["size"] < 900_000_000


def test_every_app_and_target_has_the_bytes_of_the_host(builder: Engine, tmp_path: Path) -> None:
    for name in ("host", "container"):
        run = inv("build", "--json", "--clean", "--builder", name, "--dist", tmp_path / name)
        assert run.code == 0, run.err
        assert all(row["warnings"] == 0 for row in run.lines("build"))
    made = sorted(path.relative_to(tmp_path / "host") for path in (tmp_path / "host").rglob("app.*"))
    assert len(made) >= 4 * 3
    for path in made:
        ours = tmp_path / "container" / path
        assert ours.read_bytes() == (tmp_path / "host" / path).read_bytes(), path
        assert (ours.stat().st_uid, ours.stat().st_gid) == (os.getuid(), os.getgid())
    records = [json.loads(path.read_text()) for path in tmp_path.rglob("build.json")]
    assert {record["provenance"]["builder"] for record in records} == {
        "host",
        Container.find("", WORK).identity,
    }
    assert len({record["provenance"]["compiler"] for record in records}) == 1


def test_what_make_can_do_in_the_container(job: Callable[[str], Job], tmp_path: Path) -> None:
    tries = {
        "root": "touch /usr/wrote",
        "sdk": "touch $(BOLOS_SDK)/wrote",
        "history": "touch .git/wrote",
        "tools": "touch $(CLANGPATH)wrote",
        "beside": "touch ../wrote",
        "copy": "touch wrote",
    }
    lines = [
        f"$(info try {name} $(shell {command} 2>/dev/null && echo yes))" for name, command in tries.items()
    ]
    lines += [
        "$(info net $(shell ls /sys/class/net))",
        "$(info user $(shell id -u):$(shell id -g))",
        "$(info host $(shell hostname))",
        "$(info $(shell grep -E 'CapEff|CapBnd|NoNewPrivs|Seccomp:' /proc/self/status))",
        "$(info limits $(shell cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null))",
        "$(error that is all)",
    ]
    with pytest.raises(BuildError, match="that is all") as caught:
        build(job("\n".join(lines)), root=tmp_path / "work")
    said = Path(caught.value.log).read_text()
    assert [line.split()[1:] for line in said.splitlines() if line.startswith("try ")] == [
        ["root"],
        ["sdk"],
        ["history"],
        ["tools"],
        # In a folder that vanishes with the container, or not at all.
        *(line.split()[1:] for line in said.splitlines() if line.startswith("try beside")),
        ["copy", "yes"],
    ]
    assert "net lo\n" in said
    assert f"user {os.getuid()}:{os.getgid()}\n" in said
    assert "host builder\n" in said
    assert "CapEff:\t0000000000000000" in said
    assert "CapBnd:\t0000000000000000" in said
    assert "NoNewPrivs:\t1" in said
    assert "Seccomp:\t2" in said
    assert "limits 1024\n" in said
    wrote = [path.parent.name for folder in (tmp_path, SHIM) for path in folder.rglob("wrote")]
    assert wrote == ["src"]


def test_a_compiler_error_names_file_and_line_and_leaves_no_container(
    builder: Engine, tmp_path: Path
) -> None:
    app = tmp_path / "spoiled app"
    shutil.copytree(PROJECT / "apps" / "boilerplate", app, ignore=shutil.ignore_patterns("build", "bin"))
    source = app / "src" / "main.c"
    source.write_text(source.read_text() + "int broken(void) { return nothing; }\n")
    line = len(source.read_text().splitlines())
    run = inv("build", "--app", app, "--target", "nanosp", "--builder", "container", "--dist", tmp_path / "d")
    assert run.code == 3
    assert f"src/main.c:{line}: use of undeclared identifier 'nothing'" in run.err
    assert not mine(builder, WORK / "builds")


def test_a_build_that_takes_too_long(job: Callable[[str], Job], builder: Engine, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="did not end in time") as caught:
        build(job("$(shell sleep 1000)\n"), root=tmp_path / "work", timeout=1.0)
    assert Path(caught.value.log).is_file()
    assert not mine(builder, tmp_path)


def test_ctrl_c_leaves_no_container(builder: Engine, job: Callable[[str], Job], tmp_path: Path) -> None:
    folder = job("$(shell touch home-is-here; sleep 1000)\n").manifest.directory
    process = start("build", "--app", folder, "--target", "nanosp", "--builder", "container")

    def builds() -> list[str]:
        return [name for name in builder.containers() if "make" in name and _is_of(name, folder)]

    wait_until(lambda: bool(builds()))
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert not builds()


def _is_of(container: str, folder: Path) -> bool:
    """Whether a container belongs to a build of the app in ``folder``."""
    places = (WORK / "builds").glob(f"{folder.name}-*/*/*")
    return any(place.name in container for place in places)


def test_what_a_killed_process_left_is_removed_by_the_next_build(
    builder: Engine, job: Callable[[str], Job], tmp_path: Path
) -> None:
    hung = job("$(shell sleep 1000)\n")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(build, hung, root=tmp_path / "work")
        _take_its_place(builder, tmp_path)
        with pytest.raises(BuildError):
            running.result(60)
    assert not mine(builder, tmp_path)


def _take_its_place(builder: Engine, folder: Path) -> None:
    """Another process that builds in the same private copy uses the same name."""
    wait_until(lambda: bool(mine(builder, folder)))
    (left,) = mine(builder, folder)
    ours = image.find(builder, WORK).image
    command = Command(ours, left, ("true",), Path("/"), {"PATH": "/usr/bin:/bin"}, ())
    assert builder.run(command, put=lambda _: None, timeout=60) == 0


def test_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment = {"DOCKER_HOST": f"unix://{tmp_path}/nothing.sock"}
    run = inv("build", "--builder", "container", environment=environment)
    assert run.code == 2
    assert "no container engine answers" in run.err
    assert "--builder host" in run.err
    monkeypatch.setenv("DOCKER_HOST", environment["DOCKER_HOST"])
    assert machine("auto", "", WORK) is HOST


def test_an_image_that_is_not_there(builder: Engine) -> None:
    run = inv("build", "--image", "no-such-image:1", "--target", "nanosp")
    assert run.code == 2
    assert "the engine has no image no-such-image:1" in run.err


def archive(folder: Path, architecture: str, name: str, files: dict[str, bytes]) -> Path:
    """An image of a few files."""
    layer = folder / "layer.tar"
    with tarfile.open(layer, "w") as target:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(content), 0o755
            target.addfile(member, io.BytesIO(content))
    return image.write_archive(architecture, layer, name)


def test_an_image_of_another_architecture(engine: Engine, tmp_path: Path) -> None:
    other = "arm64" if engine.architecture == "amd64" else "amd64"
    engine.load(archive(tmp_path, other, "nano-test-other:1", {"etc/nothing": b""}))
    try:
        with pytest.raises(ConfigError, match=f"is for {other}, the engine runs {engine.architecture}"):
            Container.find("nano-test-other:1", WORK)
    finally:
        engine.remove_image("nano-test-other:1")


def test_an_image_without_tools_says_what_it_lacks(engine: Engine, tmp_path: Path) -> None:
    engine.load(archive(tmp_path, engine.architecture, "nano-test-empty:1", {"etc/nothing": b""}))
    try:
        folder = PROJECT / "apps" / "boilerplate"
        container = Container.find("nano-test-empty:1", WORK)
        job = Job(AppManifest.read(folder), get_target("nanosp"), SHIM, machine=container)
        with pytest.raises(BuildError, match="python3"):
            build(job, root=tmp_path / "work")
    finally:
        engine.remove_image("nano-test-empty:1")


@pytest.mark.component("dockerd")
def test_an_engine_that_dies_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = PrivateEngine(tmp_path / "e")
    private.start()
    try:
        monkeypatch.setenv("DOCKER_HOST", private.url)
        doomed = Engine.connect()
        doomed.load(archive(tmp_path, doomed.architecture, "nano-test-shell:1", shell()))
        found = doomed.image("nano-test-shell:1")
        assert found is not None
        script = ("/bin/sh", "-c", "echo up; exec /bin/sleep 1000")
        command = Command(found, "nano-test-sleep", script, Path("/"), {}, ())

        def kill(_: bytes) -> None:
            private.stop(signal.SIGKILL)

        with pytest.raises(BuildError, match="the container engine went away"):
            doomed.run(command, put=kill, timeout=60)
        (private.folder / "pid").unlink()
        private.start()
        # What was left is in the way of nobody: the next run takes its place.
        with pytest.raises(BuildError, match="did not end in time"):
            doomed.run(command, put=lambda _: None, timeout=1)
        assert doomed.containers() == ()
    finally:
        private.stop()
        private.remove()


def shell() -> dict[str, bytes]:
    """This machine's sh and sleep, with the libraries that they load."""
    files: dict[str, bytes] = {}
    for program in ("sh", "sleep"):
        path = shutil.which(program)
        assert path
        said = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
        libraries = re.findall(r"(/\S+) \(0x", said)
        files |= {library.lstrip("/"): Path(library).read_bytes() for library in libraries}
        files[f"bin/{program}"] = Path(path).read_bytes()
    return files
