"""The builder image: made from one definition (``builder.toml``), and held to ``builder.lock``.

It starts from a root file system of Debian packages (mmdebstrap), which gives the same bytes everywhere, or,
where that cannot be had, from a base image by digest. Packages have the versions of the lock either way.
"""

import contextlib
import dataclasses
import email.parser
import functools
import hashlib
import io
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, get_args

from toolchain import dist
from toolchain.build.engine import Command, Engine, ImageFacts
from toolchain.build.machines import MADE
from toolchain.environment import file_lock
from toolchain.errors import BuildError, ConfigError

Base = Literal["auto", "packages", "registry"]
"""Where an image starts: packages where mmdebstrap is installed, else the base image of the registry."""

_DEFINITION = Path(__file__).with_name("builder.toml")
LOCK = Path(__file__).with_name("builder.lock")
_REQUIREMENTS = Path(__file__).parents[2] / "requirements"
_REPOSITORY = "nano-toolchain-builder"
_MARK = "\n# The builder image, by architecture: written by ./inv builder.update.\n"
_WHEELS = "usr/local/lib/python3.11/dist-packages"
_PLATFORMS = {"amd64": "x86_64", "arm64": "aarch64"}
_VOLATILE = re.compile(
    r"(dev|proc|sys|run|tmp)/.+|var/(log|cache|lib/apt)/.+|etc/(hostname|machine-id|mtab|resolv\.conf)"
    r"|etc/apt/sources\.list"
    r"|.+-old|.*\.dpkg-.*|etc/(passwd|group|shadow|gshadow|subuid|subgid)-|(.*/)?__pycache__(/.*)?"
)
"""What depends on the machine or the moment, or is made anew when it is missed."""

_BY_DIGEST = re.compile(r"[\w.:/-]+@sha256:[0-9a-f]{64}", re.ASCII)
_SOURCES = "/tmp/mirror.list"  # noqa: S108 - in a container

Show = Callable[[str], None]


@dataclass(frozen=True)
class Locked:
    """What an image holds: the digest of its one layer, and Debian packages with their versions."""

    layer: str
    packages: Mapping[str, str]


@dataclass(frozen=True)
class Builder:
    """The builder image in an engine; ``made`` says that it was not there before."""

    name: str
    image: ImageFacts
    made: bool


@dataclass(frozen=True)
class Change:
    """One difference between two locks; an empty version is none."""

    name: str
    old: str
    new: str


@functools.cache
def _definition() -> dict[str, Any]:
    return tomllib.loads(_DEFINITION.read_text("utf-8"))


def locked(architecture: str) -> Locked | None:
    """What the lock says about ``architecture``, None if nothing."""
    table = tomllib.loads(LOCK.read_text("utf-8")).get("image", {}).get(architecture)
    return Locked(table["layer"], table["packages"]) if table else None


def _name(lock: Locked) -> str:
    content = repr((_DEFINITION.read_bytes(), lock.layer, sorted(lock.packages.items())))
    return f"{_REPOSITORY}:{hashlib.sha256(content.encode()).hexdigest()[:16]}"


def find(engine: Engine, work: Path) -> Builder:
    """The builder image, if ``engine`` has it and it is the one of the lock.

    Raises:
        ConfigError: it was never made, or something else has its name.
    """
    hint = "make it: ./inv builder.image"
    lock = locked(engine.architecture)
    if lock is None:
        raise ConfigError(
            f"the lock holds no builder image for {engine.architecture}",
            hint="apt-get install mmdebstrap, then "
            f"./inv builder.update --architecture {engine.architecture}, "
            "and make it: ./inv builder.image",
        )
    name = _name(lock)
    image = _image(engine, name, lock)
    if image is None:
        raise ConfigError(f"the engine has no builder image {name}", hint=hint)
    if image.layers not in ((lock.layer,), _made_here(work, name)):
        raise ConfigError(f"the image {name} is not the one of builder.lock", hint=hint)
    return Builder(name, image, made=False)


def _image(engine: Engine, name: str, lock: Locked) -> ImageFacts | None:
    """The image of that name. The lock's is known by its layer, which is the same in every engine."""
    image = engine.image(name)
    if image and image.layers == (lock.layer,):
        return dataclasses.replace(image, identity=lock.layer)
    return image


def _made_here(work: Path, name: str) -> tuple[str, ...] | None:
    """Layers of the image of that name that ``make`` checked on this machine."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return tuple(json.loads((work / MADE).read_bytes())[name])
    return None


def native_architecture() -> str:
    """This machine's, as Debian calls it."""
    machine = platform.machine()
    return next((name for name, other in _PLATFORMS.items() if other == machine), machine)


def make(
    engine: Engine, work: Path, *, base: str = "auto", base_image: str = "", mirror: str = "", show: Show
) -> Builder:
    """Make the builder image in ``engine``, unless it is there.

    ``mirror`` is a Debian mirror, for example of the day of the lock. ``base_image`` is where ``registry``
    starts instead of the definition's, for example the same in a registry of one's own. Two that ask at once
    make it once.

    Raises:
        ConfigError: nothing to start from, no digest in ``base_image``, or the lock holds nothing for this
            architecture.
        BuildError: a package or file cannot be had, or is not the one of the lock.
    """
    if base_image and not _BY_DIGEST.fullmatch(base_image):
        raise ConfigError(
            f"not an image by its digest: {base_image!r:.80}",
            hint="NAME@sha256:…, as docker images --digests shows",
        )
    start = _start(base, base_image)
    with file_lock(work / "builder.lock"):
        try:
            there = find(engine, work)
        except ConfigError:
            lock = locked(engine.architecture)
            if lock is None:
                raise
        else:
            _note(work, there)
            return there
        name = _name(lock)
        with _workshop(work) as folder:
            if start == "packages":
                archive, found = _from_packages(engine.architecture, mirror, folder, name, show)
                _refuse_drift(lock, found)
                engine.load(archive)
            else:
                start_from = base_image or _definition()["base"]
                _from_registry(engine, lock, folder, name, base=start_from, mirror=mirror, show=show)
        image = _image(engine, name, lock)
        if image is None:
            raise BuildError("the engine did not keep the image that it was given")
        builder = Builder(name, image, made=True)
        _note(work, builder)
        return builder


def _note(work: Path, builder: Builder) -> None:
    dist.write(work / MADE, json.dumps({builder.name: builder.image.layers}))


def update(architecture: str, work: Path, *, mirror: str = "", show: Show) -> tuple[Change, ...]:
    """Make an image from today's packages and write it into the lock; what changed.

    Raises:
        ConfigError, BuildError: as ``make``.
    """
    _start("packages")
    with file_lock(work / "builder.lock"), _workshop(work) as folder:
        _, found = _from_packages(architecture, mirror, folder, _REPOSITORY, show)
    before = locked(architecture) or Locked("", {})
    text = LOCK.read_text("utf-8")
    images = tomllib.loads(text).get("image", {}) | {architecture: dataclasses.asdict(found)}
    dist.write(LOCK, text.partition(_MARK)[0] + _MARK + "".join(_sections(images)))
    return tuple(_changes(before, found))


def _sections(images: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for architecture, table in sorted(images.items()):
        yield f'\n[image.{architecture}]\nlayer = "{table["layer"]}"\n\n[image.{architecture}.packages]\n'
        for name, version in sorted(table["packages"].items()):
            yield f'"{name}" = "{version}"\n'


def _changes(old: Locked, new: Locked) -> Iterator[Change]:
    for name in sorted({*old.packages, *new.packages}):
        before, after = old.packages.get(name, ""), new.packages.get(name, "")
        if before != after:
            yield Change(name, before, after)
    if old.layer != new.layer:
        yield Change("layer", old.layer, new.layer)


def _refuse_drift(lock: Locked, found: Locked) -> None:
    drift = tuple(_changes(lock, found))
    if not drift:
        return
    first = drift[0]
    others = f" (and {len(drift) - 1} more)" if len(drift) > 1 else ""
    raise BuildError(
        f"the image would not be the one of builder.lock: {first.name} is {first.new or 'missing'}, "
        f"not {first.old or 'there'}{others}",
        hint="./inv builder.update takes what there is now, and shows the difference; "
        "--mirror names a mirror that still has the old",
    )


def _start(base: str, base_image: str = "") -> str:
    """Packages or registry: what ``base`` says, or what there is."""
    if base not in get_args(Base):
        raise ConfigError(f"an image cannot start from {base!r}", hint="choose auto, packages or registry")
    if base_image:
        if base == "packages":
            raise ConfigError(
                "packages need no base image", hint="--base registry, or leave out --base-image"
            )
        return "registry"
    installed = shutil.which("mmdebstrap") is not None
    if base == "packages" and not installed:
        raise ConfigError("mmdebstrap is not installed", hint="apt-get install mmdebstrap")
    if base == "auto":
        return "packages" if installed else "registry"
    return base


@contextlib.contextmanager
def _workshop(work: Path) -> Iterator[Path]:
    """A folder for what is needed on the way."""
    try:
        work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=work, prefix="builder-") as name:
            yield Path(name)
    except OSError as e:
        raise BuildError(
            f"cannot make the image: {e.strerror or e}", hint="it needs 2 GB of room", where=str(work)
        ) from e


# From packages


def _from_packages(
    architecture: str, mirror: str, folder: Path, name: str, show: Show
) -> tuple[Path, Locked]:
    """An archive for the engine that holds the image, and what is in it."""
    show("packages")
    root = folder / "root.tar"
    _run(mmdebstrap(architecture, mirror, root), {"SOURCE_DATE_EPOCH": str(_definition()["epoch"])})
    show("wheels")
    wheels = _install_wheels(architecture, folder)
    show("layer")
    layer = folder / "layer.tar"
    packages = _write_layer(root, wheels, layer)
    root.unlink()
    shutil.rmtree(wheels)
    digest = _digest(layer)
    return write_archive(architecture, layer, name), Locked(digest, packages)


def mmdebstrap(architecture: str, mirror: str, root: Path) -> list[str]:
    """The command that writes the packages of the definition to ``root``, an archive."""
    table = _definition()
    files = table["files"]
    # Updates of the suite come and go; its own packages change with a point release only. Nothing of the
    # image ever sees a network or a capability.
    hook = 'sed -i -E "/-(security|updates) /d" "$1"/etc/apt/sources.list'
    source = [f"deb [check-valid-until=no] {mirror} {table['suite']} main"] if mirror else []
    return [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        "--format=tar",
        f"--architectures={architecture}",
        '--aptopt=APT::Install-Recommends "false"',
        "--dpkgopt=force-unsafe-io",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in files["left_out"]),
        *(f"--dpkgopt=path-include={pattern}" for pattern in files["kept"]),
        f"--setup-hook={hook}",
        f"--include={','.join(table['packages'])}",
        table["suite"],
        str(root),
        *source,
    ]


def _install_wheels(architecture: str, folder: Path) -> Path:
    """The wheels of the definition, as they lie in the image, below the folder that is returned."""
    table = _definition()
    requirements = folder / "wheels.txt"
    requirements.write_text(
        "".join(_requirement(_REQUIREMENTS / lock, name) for name, lock in table["wheels"].items()), "utf-8"
    )
    tree = folder / "tree"
    machine = _PLATFORMS.get(architecture, architecture)
    platforms = (f"--platform={name}_{machine}" for name in ("manylinux_2_28", "manylinux2014"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--no-input", "install"]
    pip += ["--require-hashes", "--no-deps", "--no-compile", "--only-binary=:all:", *platforms]
    pip += ["--implementation=cp", "--python-version=3.11", f"--target={tree / _WHEELS}", "-r"]
    _run([*pip, str(requirements)])
    for pattern in table["files"]["wheels_left_out"]:
        for path in (tree / _WHEELS).glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return tree


def _requirement(lock: Path, name: str) -> str:
    """The entry of package ``name`` in a lock file, with its hashes."""
    found = re.search(rf"^{re.escape(name)}==.*\n(?:[ ].*\n)*", lock.read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise ConfigError(f"{name} is not locked", where=str(lock))
    return found[0]


def _write_layer(root: Path, wheels: Path, layer: Path) -> dict[str, str]:
    """Both trees as one archive in which nothing depends on the machine or the time; the packages in it."""
    packages: dict[str, str] = {}
    with tarfile.open(root) as source, tarfile.open(layer, "w", format=tarfile.GNU_FORMAT) as target:
        for member in source:
            member.name = member.name.removeprefix("./").rstrip("/")
            if member.name in ("", ".") or _VOLATILE.fullmatch(member.name):
                continue
            data = source.extractfile(member) if member.isreg() else None
            if member.name == "var/lib/dpkg/status" and data:
                content = data.read()
                packages = _packages(content)
                data = io.BytesIO(content)
            _add(target, member, data)
        # An engine refuses an archive that names a file twice.
        there = set(target.getnames())
        for path in sorted(p for p in wheels.rglob("*") if str(p.relative_to(wheels)) not in there):
            member = target.gettarinfo(path, str(path.relative_to(wheels)))
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.uid = member.gid = 0
            with path.open("rb") if member.isreg() else contextlib.nullcontext() as file:
                _add(target, member, file)
    return packages


def _add(target: tarfile.TarFile, member: tarfile.TarInfo, data: IO[bytes] | None) -> None:
    member.mtime = _definition()["epoch"]
    member.uname = member.gname = ""
    member.pax_headers = {}
    target.addfile(member, data)


def _packages(status: bytes) -> dict[str, str]:
    """Names and versions of what dpkg has installed (deb822 stanzas)."""
    parser = email.parser.HeaderParser()
    stanzas = [
        parser.parsestr(text) for text in status.decode("utf-8", "replace").split("\n\n") if text.strip()
    ]
    return {s["Package"]: s["Version"] for s in stanzas if s["Status"] == "install ok installed"}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def write_archive(architecture: str, layer: Path, name: str) -> Path:
    """What ``docker load`` reads: a configuration and the layer, which is removed (image spec 1.2)."""
    archive = layer.with_name("image.tar")
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
            "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "toolchain/build/builder.toml"}],
        },
        sort_keys=True,
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(archive, "w") as target:
        for file_name, content in ((config_name, config), ("manifest.json", manifest)):
            member = tarfile.TarInfo(file_name)
            member.size = len(content)
            target.addfile(member, io.BytesIO(content))
        target.add(layer, "layer.tar")
    layer.unlink()
    return archive


# From a base image


def dockerfile(lock: Locked, base: str, mirror: str = "") -> str:
    """The definition as a Dockerfile; its context holds the wheels as ``tree/``.

    Packages come from ``mirror``, or from where the base image takes them.
    """
    files = _definition()["files"]
    rules = [f"path-exclude={pattern}" for pattern in files["left_out"]]
    rules += [f"path-include={pattern}" for pattern in files["kept"]]
    words = " ".join(shlex.quote(f"{name}={version}") for name, version in sorted(lock.packages.items()))
    write = " ".join(shlex.quote(rule) for rule in rules)
    sources = f"deb [check-valid-until=no] {mirror} {_definition()['suite']} main"
    only = f"-o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::SourceList={_SOURCES} " if mirror else ""
    named = f"    && echo {shlex.quote(sources)} >{_SOURCES} \\\n" if mirror else ""
    return f"""\
FROM {base}
ARG DEBIAN_FRONTEND=noninteractive
ARG SOURCE_DATE_EPOCH={_definition()["epoch"]}
RUN printf '%s\\n' {write} >/etc/dpkg/dpkg.cfg.d/builder \\
{named}    && apt-get {only}update --error-on=any \\
    && apt-get {only}install -y --no-install-recommends --allow-downgrades {words} \\
    && rm -rf {_SOURCES} /var/lib/apt/lists/* /var/log/* /var/cache/*
COPY tree/ /
"""


def _from_registry(
    engine: Engine, lock: Locked, folder: Path, name: str, *, base: str, mirror: str, show: Show
) -> None:
    show(f"base image {base}")
    try:
        engine.pull(base)
    except BuildError as e:
        raise BuildError(
            f"the base image cannot be had: {e.message}",
            hint="where no registry can be reached: apt-get install mmdebstrap, then --base packages",
        ) from e
    build_from(engine, lock, folder, name, base=base, mirror=mirror, show=show)


def build_from(
    engine: Engine, lock: Locked, folder: Path, name: str, *, base: str, mirror: str = "", show: Show
) -> None:
    """Build the Dockerfile that starts from ``base``, and hold its packages to the lock.

    Raises:
        BuildError: a step failed, or the packages are not the lock's; nothing has the name then.
    """
    show("wheels")
    _install_wheels(engine.architecture, folder)
    (folder / "Dockerfile").write_text(dockerfile(lock, base, mirror), "utf-8")
    show("packages")
    engine.build(folder, name)
    image = engine.image(name)
    if image is None:
        raise BuildError("the engine did not keep the image that it built")
    found = Locked(lock.layer, _ask_packages(engine, image))
    try:
        _refuse_drift(lock, found)
    except BuildError:
        engine.remove_image(name)
        raise


def _ask_packages(engine: Engine, image: ImageFacts) -> dict[str, str]:
    status = io.BytesIO()
    command = Command(
        image,
        f"{_REPOSITORY}-packages",
        ("cat", "/var/lib/dpkg/status"),
        Path("/"),
        {"PATH": "/usr/bin:/bin"},
        (),
    )
    engine.run(command, put=lambda data: (status.write(data), None)[1], timeout=60)
    return _packages(status.getvalue())


def _run(command: Sequence[str], extra: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(
        command,
        env=os.environ | (extra or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
        error = next((line for line in lines if line.startswith(("E:", "ERROR:"))), lines[-1])
        raise BuildError(f"{Path(command[0]).name} failed: {error}", hint="its mirror must be reachable")
