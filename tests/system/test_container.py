"""Builds in a real container engine: the same bytes as on the host, behind walls, and nothing left behind."""

import contextlib
import gc
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import docker
import pytest
from docker import APIClient

from tests.system.engine import WORK, PrivateEngine, mounts
from tests.system.inv import PROJECT, inv
from tests.system.test_interrupt import start, wait_until
from tests.unit.release.releases import PROVENANCE
from toolchain.app import AppManifest
from toolchain.build import image
from toolchain.build.container import Container, container_name
from toolchain.build.engine import Command, Engine
from toolchain.build.host import build
from toolchain.build.machines import machine
from toolchain.build.materials import Material, materials
from toolchain.build.sdk import read_sdk
from toolchain.build.workplace import HOST, Job, Machine, plain_root
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


def mine(engine: Engine, work: Path) -> list[str]:
    """Containers of makes in private copies below ``work``: other tests have their own."""
    names = {container_name(log.parent, "make") for log in plain_root(work).glob("builds/*/*/*/build.log")}
    return [name for name in engine.containers() if name in names]


def test_the_builder_image_is_the_locked_one_and_small(builder: Engine) -> None:
    found = inv("builder.image", "--json").only("builder")
    lock = image.locked(builder.architecture)
    assert lock is not None
    assert not found["made"]
    assert found["digest"] == lock.layer
    assert found["size"] < 900_000_000


def test_the_same_definition_as_a_dockerfile(builder: Engine, tmp_path: Path) -> None:
    lock = image.locked(builder.architecture)
    assert lock is not None
    # For want of a registry and a mirror, from an image that has the packages already.
    base, name = image.find(builder, WORK).name, "nano-test-dockerfile:1"

    def make(packages: Mapping[str, str]) -> None:
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            wanted = image.Locked(lock.layer, packages)
            image.build_from(builder, wanted, Path(folder), name, base=base, show=lambda _: None)

    try:
        make(lock.packages)
        assert builder.image(name)
    finally:
        builder.remove_image(name)
    with pytest.raises(BuildError, match=r"cannot be built: Version '9\.9' for 'make' was not found"):
        make({**lock.packages, "make": "9.9"})
    assert builder.image(name) is None


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
    for path in (tmp_path / "host").rglob("build.json"):
        ours = tmp_path / "container" / path.relative_to(tmp_path / "host")
        one, other = (json.loads(p.read_text())["provenance"]["environment"] for p in (path, ours))
        # Each has programs of its own.
        assert {**one, "PATH": ""} == {**other, "PATH": ""}


@pytest.mark.component("clang-14")
def test_newlib_of_the_image_is_in_the_bill_of_materials_with_the_hash_that_it_has_here(
    builder: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "sdk"
    (folder / "target" / "nanos2").mkdir(parents=True)
    (folder / "Makefile.target").write_text("SDK_NAME := ledger-secure-sdk\n")
    (folder / "Makefile.defines").write_text("API_LEVEL := 25\n")
    app, target, sdk = AppManifest.read(PROJECT / "apps/boilerplate"), get_target("nanosp"), read_sdk(folder)

    def library(machine: Machine) -> Material:
        compiler = machine.tools(sdk, target, "", tmp_path / "work").toolchain.identity
        made = replace(PROVENANCE, builder=machine.identity, compiler=compiler, sdk=sdk.identity)
        (found,) = (m for m in materials(Job(app, target, folder), made) if m.kind == "library")
        return found

    ours, theirs = library(HOST), library(Container(builder, image.find(builder, WORK).image, own=True))
    assert theirs == ours
    assert (theirs.name, len(theirs.sha256)) == ("newlib", 64)
    assert re.fullmatch(r"\d+\.\d+\.\d+", theirs.version)


@pytest.mark.usefixtures("builder")
def test_every_app_and_target_is_reproduced_in_the_container() -> None:
    # One variation on this machine stands for those that tests of reproduce go through.
    run = inv("reproduce", "--json", "--builder", "container", "--vary", "one process", timeout=900)
    assert run.code == 0, run.err
    names = {f"builder ({Container.find('', WORK).identity})", "one process"}
    trials = run.lines("trial")
    assert {trial["variation"] for trial in trials} == names
    assert all(trial["same"] for trial in trials)
    assert len(run.lines("reproduced")) >= 2 * 3


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
    assert not mine(builder, WORK)


def test_a_build_that_takes_too_long(job: Callable[[str], Job], builder: Engine, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="did not end in time") as caught:
        build(job("$(shell sleep 1000)\n"), root=tmp_path / "work", timeout=1.0)
    assert Path(caught.value.log).is_file()
    assert not mine(builder, tmp_path / "work")


def test_ctrl_c_leaves_no_container(builder: Engine, job: Callable[[str], Job]) -> None:
    folder = job("$(shell touch home-is-here; sleep 1000)\n").manifest.directory
    process = start("build", "--app", folder, "--target", "nanosp", "--builder", "container")

    def builds() -> list[str]:
        logs = plain_root(WORK).glob(f"builds/{folder.name}-*/*/*/src/home-is-here")
        names = {container_name(marker.parents[1], "make") for marker in logs}
        return [name for name in builder.containers() if name in names]

    wait_until(lambda: bool(builds()))
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert not builds()


def test_what_a_killed_process_left_is_removed_by_the_next_build(
    builder: Engine, job: Callable[[str], Job], tmp_path: Path
) -> None:
    hung, work = job("$(shell sleep 1000)\n"), tmp_path / "work"
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(build, hung, root=work, timeout=120.0)
        wait_until(lambda: bool(mine(builder, work)))
        # Another process that builds in the same private copy uses the same name.
        (left,) = mine(builder, work)
        ours = image.find(builder, WORK).image
        command = Command(ours, left, ("true",), Path("/"), {"PATH": "/usr/bin:/bin"}, ())
        assert builder.run(command, put=lambda _: None, timeout=60) == 0
        with pytest.raises(BuildError):
            running.result(60)
    assert not mine(builder, work)


def test_a_container_that_goes_while_they_are_listed(
    builder: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, name = image.find(builder, WORK).image, "nano-test-goes"
    listed: Callable[..., list[dict[str, str]]] = APIClient.containers
    gone: list[str] = []
    seen: list[str] = []

    def list_then_remove(client: APIClient, **options: object) -> list[dict[str, str]]:
        found = listed(client, **options)
        for container in found:
            if f"/{name}" in container["Names"]:
                client.remove_container(container["Id"], force=True)
                gone.append(name)
        return found

    def look(_: bytes) -> None:
        seen.extend(builder.containers())

    monkeypatch.setattr(APIClient, "containers", list_then_remove)
    command = Command(ours, name, ("sh", "-c", "echo up; exec sleep 1000"), Path("/"), {}, ())
    with contextlib.suppress(BuildError):
        builder.run(command, put=look, timeout=60)
    assert gone == [name]
    assert name in seen
    assert name not in builder.containers()


def test_an_image_that_wants_a_volume_leaves_none(builder: Engine, tmp_path: Path) -> None:
    name = "nano-test-volume:1"
    (tmp_path / "Dockerfile").write_text(f"FROM {image.find(builder, WORK).name}\nVOLUME /wanted\n")
    builder.build(tmp_path, name)
    try:
        found = builder.image(name)
        assert found is not None
        with contextlib.closing(docker.DockerClient(base_url=builder.url)) as client:
            before = {volume.id for volume in client.volumes.list()}
            script = ("sh", "-c", "grep -c ' /wanted ' /proc/mounts")
            command = Command(found, "nano-test-volume", script, Path("/"), {"PATH": "/usr/bin:/bin"}, ())
            said: list[bytes] = []
            assert builder.run(command, put=said.append, timeout=60) == 0
            assert b"".join(said) == b"1\n"
            builder.copy_out(found, "/usr/share/python3", tmp_path)
            assert {volume.id for volume in client.volumes.list()} == before
    finally:
        builder.remove_image(name)


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


@pytest.fixture
def private() -> Iterator[PrivateEngine]:
    """An engine that nobody else uses. Needs the component ``dockerd``."""
    # Its sockets lie deep in there, and names of sockets are short.
    folder = Path(tempfile.mkdtemp(prefix="nano-engine-", dir="/tmp"))
    engine = PrivateEngine.dockerd(folder)
    yield engine
    gc.collect()  # connections that the library forgot when the engine went away
    if engine.runs:
        engine.stop()
    engine.remove()
    assert not mounts(folder)


@contextlib.contextmanager
def registry(folder: Path) -> Iterator[str]:
    """Address of a registry on this machine that keeps its images in ``folder``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    storage = {"filesystem": {"rootdirectory": str(folder / "images")}}
    config = folder / "registry.yml"
    config.write_text(json.dumps({"version": "0.1", "storage": storage, "http": {"addr": address}}))
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log)
    try:
        wait_until(lambda: b"listening on" in (folder / "registry.log").read_bytes())
        yield address
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.component("docker-registry")
def test_an_image_from_a_registry_builds_the_bytes_of_the_host(
    private: PrivateEngine, tmp_path: Path
) -> None:
    # A base image that knows no mirror: packages come from the one that is named.
    root, sources = tmp_path / "root.tar", tmp_path / "sources.list"
    hook = f'mv "$1/etc/apt/sources.list" {sources}'
    base = ["mmdebstrap", "--quiet", "--variant=minbase", "--format=tar", f"--customize-hook={hook}"]
    subprocess.run([*base, "bookworm", root], check=True)
    lines = sources.read_text().splitlines()
    mirror = next(line.split()[1] for line in lines if line.startswith("deb ") and " bookworm " in line)
    engine, work = private.start(), tmp_path / "work"
    with registry(tmp_path) as address:
        name = f"{address}/debian"
        with contextlib.closing(docker.DockerClient(base_url=engine.url)) as client:
            client.api.import_image_from_file(str(root), repository=name, tag="bookworm-slim")
            client.images.push(name, tag="bookworm-slim")
            (base_image,) = client.images.get(f"{name}:bookworm-slim").attrs["RepoDigests"]
            client.images.remove(f"{name}:bookworm-slim")
            client.images.prune()
        made = image.make(engine, work, base_image=base_image, mirror=mirror, show=lambda _: None)
    assert made.made
    lock = image.locked(engine.architecture)
    assert lock is not None
    assert made.image.layers != (lock.layer,)
    assert image.find(engine, work).image == made.image
    app = AppManifest.read(PROJECT / "apps" / "boilerplate")
    job = Job(app, get_target("nanosp"), SHIM, machine=Container(engine, made.image, own=True))
    assert build(job, root=work).elf == build(replace(job, machine=HOST), root=work).elf


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of that size at ``folder``; needs root."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.component("dockerd")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_engine_that_dies_in_the_middle(private: PrivateEngine, tmp_path: Path) -> None:
    doomed = private.start()
    doomed.load(archive(tmp_path, doomed.architecture, "nano-test-shell:1", shell()))
    found = doomed.image("nano-test-shell:1")
    assert found is not None
    script = ("/bin/sh", "-c", "echo up; exec /bin/sleep 1000")
    command = Command(found, "nano-test-sleep", script, Path("/"), {}, ())

    def kill(_: bytes) -> None:
        private.stop(signal.SIGKILL)

    with pytest.raises(BuildError, match="the container engine went away"):
        doomed.run(command, put=kill, timeout=60)
    private.start()
    # What was left is in the way of nobody: the next run takes its place.
    with pytest.raises(BuildError, match="did not end in time"):
        doomed.run(command, put=lambda _: None, timeout=1)
    assert doomed.containers() == ()


@pytest.mark.component("dockerd")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_full_disk_of_the_engine(private: PrivateEngine, tmp_path: Path) -> None:
    large = archive(tmp_path, "amd64", "nano-test-large:1", {"etc/large": os.urandom(40 << 20)})
    with small_disk(private.folder / "data", "16m"):
        full = private.start()
        with pytest.raises(BuildError, match="no space left on device") as caught:
            full.load(large)
        assert caught.value.hint == "the engine's disk is full; `docker system prune` frees what nobody uses"
        assert full.image("nano-test-large:1") is None
        private.stop()


@pytest.mark.component("dockerd")
def test_a_full_disk_of_ours(builder: Engine, job: Callable[[str], Job], tmp_path: Path) -> None:
    greedy = job("build/$(TARGET)/bin/app.elf: ; mkdir -p $(@D) && head -c 256M /dev/zero >$@\n")
    work = tmp_path / "work"
    with small_disk(work, "96m"):
        with pytest.raises(BuildError, match=r"(?i)no space left on device"):
            build(greedy, root=work)
        assert not mine(builder, work)


@pytest.mark.component("dockerd")
def test_a_full_disk_for_the_results(tmp_path: Path) -> None:
    with small_disk(tmp_path / "dist", "32k"):
        run = inv("build", "--app", "boilerplate", "--target", "nanosp", "--dist", tmp_path / "dist")
        assert run.code == 3
        assert "cannot write: No space left on device" in run.err
        assert f"{tmp_path}/dist/boilerplate/nanosp" in run.err
        assert not list(tmp_path.glob("dist/**/.app*"))


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


# Images that carry an SDK, as the official ones do


@pytest.fixture
def official(builder: Engine, tmp_path: Path) -> Iterator[str]:
    """An image laid out as those of today's users: programs without a version, an SDK for each device."""
    name = "nano-test-official:1"
    tree = tmp_path / "context" / "tree"
    programs = tree / "usr/local/bin"
    programs.mkdir(parents=True)
    for program in ("clang", "ld.lld", "llvm-ar", "llvm-ranlib", "llvm-objcopy", "llvm-objdump"):
        (programs / program).symlink_to(f"/usr/bin/{program}-14")
    shutil.copytree(SHIM, tree / "opt/nanosplus-sdk")
    shutil.copy(PROJECT / "Makefile.defines", tree / "opt")
    (tmp_path / "context" / "Dockerfile").write_text(
        f"FROM {image.find(builder, WORK).name}\nENV NANOSP_SDK=/opt/nanosplus-sdk\nCOPY tree/ /\n"
    )
    builder.build(tmp_path / "context", name)
    yield name
    builder.remove_image(name)


def test_an_image_with_its_own_sdk_and_compiler(official: str, tmp_path: Path) -> None:
    run = inv(
        *("build", "--json", "--app", "boilerplate", "--target", "nanosp", "--image", official),
        *("--dist", tmp_path),
    )
    assert run.code == 0, run.err
    record = json.loads((tmp_path / "boilerplate/nanosp/build.json").read_text())["provenance"]
    assert record["sdk"].startswith("sdk-shim ")
    assert "Debian clang version 14" in record["compiler"]
    assert record["builder"].startswith("container sha256:")
    other = inv("build", "--app", "boilerplate", "--target", "nanox", "--image", official, "--dist", tmp_path)
    assert other.code == 0, other.err
    record = json.loads((tmp_path / "boilerplate/nanox/build.json").read_text())["provenance"]
    assert str(WORK) not in json.dumps(record)
