"""Builds a source under variation, compares every byte, and names the first difference and its cause."""

import contextlib
import hashlib
import itertools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Literal

from toolchain.app import MANIFEST, AppManifest
from toolchain.build.git import git
from toolchain.build.host import TIMEOUT, build
from toolchain.build.result import BuildResult
from toolchain.build.sdk import FLAGS, Sdk, find_sdk
from toolchain.build.sources import OUTPUTS, Sources
from toolchain.build.workplace import Job, Machine, Tools, Workplace, plain_root
from toolchain.errors import ConfigError, ImageError, NotReproducibleError
from toolchain.formats.elf import read_elf
from toolchain.formats.ihex import write_ihex
from toolchain.image import ElfInfo, Image, Section
from toolchain.manifest import Manifest
from toolchain.target import Target

Cause = Literal["compiler", "path", "date", "order", "unknown"]
"""What made two builds differ, as far as the bytes tell."""

_LATER = "+400 days"
_DATE = re.compile(
    rb"(19|20)\d\d[-/. ](0?[1-9]|1[0-2])[-/. ]\d|\d\d:\d\d:\d\d"
    rb"|(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d (19|20)\d\d"
)
_TEXTS = 2
_TEXT = 60
_SHF_ALLOC = 2


@dataclass(frozen=True)
class Difference:
    """Where two builds differ first.

    ``section`` and ``symbol`` are empty where it lies in none; ``address`` is 0 outside of what is loaded.
    ``loaded`` says whether the device would get other bytes (the HEX differs), not only the ELF. ``texts``
    are strings of the image that only one of the two holds: they often tell more than the place, which moves
    when lengths do.
    """

    section: str
    symbol: str
    address: int
    cause: Cause
    loaded: bool
    texts: tuple[str, ...] = ()

    def __str__(self) -> str:
        """In a few words."""
        place = " ".join(part for part in (self.section, self.symbol) if part) or "the file"
        at = f" at {self.address:#x}" if self.address else ""
        texts = f" ({', '.join(map(repr, self.texts))})" if self.texts else ""
        return f"{place}{at}: {self.cause}{texts}"


@dataclass(frozen=True)
class Trial:
    """One variation: the same bytes, or a difference, or why it could not be tried."""

    name: str
    difference: Difference | None = None
    skipped: str = ""


@dataclass(frozen=True)
class Report:
    """What became of one job. Digests are SHA-256; ``result`` is the build that all others are compared with.

    ``strays`` are files that make wrote among the sources. They matter to who builds in a checkout, where
    ``checkout`` is how a second build differs; our builds start from the sources alone.
    """

    result: BuildResult
    elf: str
    hex: str
    trials: tuple[Trial, ...]
    checkout: Difference | None
    strays: tuple[str, ...]

    @property
    def reproducible(self) -> bool:
        """Whether every variation that was tried gave the same bytes."""
        return not any(trial.difference for trial in self.trials)

    def require(self) -> None:
        """Refuse what is not reproducible.

        Raises:
            NotReproducibleError: naming the first variation that made a difference.
        """
        for trial in self.trials:
            if trial.difference:
                raise NotReproducibleError(
                    f"another {trial.name} gives other bytes: {trial.difference}",
                    hint=_ADVICE[trial.difference.cause],
                    where=f"{self.result.app.name} for {self.result.target.name}",
                )


_ADVICE: Mapping[Cause, str] = {
    "compiler": "build with the compiler of builder.lock",
    "path": "pass -ffile-prefix-map, or do not put __FILE__ into the image",
    "date": "take dates from SOURCE_DATE_EPOCH, or leave them out",
    "order": "sort what a folder or the environment lists",
    "unknown": "compare the two build logs",
}


@dataclass(frozen=True)
class _Varied:
    """A machine on which something is different that must not matter."""

    base: Machine
    name: str
    prefix: tuple[str, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def identity(self) -> str:
        """A private copy of its own: nobody takes its objects for those of a plain build."""
        return f"{self.base.identity}, another {self.name}"

    @property
    def shares_processes(self) -> bool:
        return self.base.shares_processes

    def sdk(self, target: Target, root: Path) -> Path | None:
        return self.base.sdk(target, root)

    def tools(self, sdk: Sdk, target: Target, compiler: str, root: Path) -> Tools:
        return self.base.tools(sdk, target, compiler, root)

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
        return self.base.run(
            place,
            [*self.prefix, *command],
            {**environment, **self.extra},
            timeout=timeout,
            cancel=cancel,
            show=show,
            descriptors=descriptors,
        )


@dataclass(frozen=True)
class _Variation:
    """How to build once more: ``build`` gets the job and the work folder.

    ``missing`` says what cannot be had here, empty if all is there.
    """

    build: Callable[[Job, Path], BuildResult]
    missing: Callable[[], str] = lambda: ""


def _build_once(job: Job, root: Path, *, jobs: int = 0) -> BuildResult:
    """Build and remove the private copy; only if it fails, it stays to be looked at."""
    result = build(job, root=root, clean=True, jobs=jobs)
    shutil.rmtree(Workplace.find(job, root).folder)
    return result


def _run_with(name: str, *prefix: str, **extra: str) -> Callable[[Job, Path], BuildResult]:
    def varied(job: Job, root: Path) -> BuildResult:
        return _build_once(replace(job, machine=_Varied(job.machine, name, prefix, extra)), root)

    return varied


def _in_folder(parent: Callable[[], Path | None]) -> Callable[[Job, Path], BuildResult]:
    """App, SDK, compiler scripts and private copy all lie somewhere else."""

    def varied(job: Job, root: Path) -> BuildResult:
        with tempfile.TemporaryDirectory(dir=parent(), prefix="nano-toolchain-") as name:
            folder = Path(os.path.realpath(name), "some", "where", "else")
            app, sdk = folder / "an-app", folder / "an" / "sdk"
            ignored = shutil.ignore_patterns("build", "bin", "debug") if not _repository(job) else None
            shutil.copytree(job.manifest.directory, app, symlinks=True, ignore=ignored)
            shutil.copytree(job.sdk, sdk, symlinks=True)
            if (job.sdk.parent / FLAGS).is_file():
                shutil.copy2(job.sdk.parent / FLAGS, sdk.parent / FLAGS)
            # Python's packages are the same files, and 100 MB.
            packages = plain_root(root) / "environments"
            packages.mkdir(parents=True, exist_ok=True)
            (folder / "environments").symlink_to(packages)
            moved = replace(job, manifest=AppManifest.read(app), sdk=sdk)
            return build(moved, root=folder, clean=True)

    return varied


def _repository(job: Job) -> bool:
    return (job.manifest.directory / ".git").exists()


def _with_jobs(count: int) -> Callable[[Job, Path], BuildResult]:
    def varied(job: Job, root: Path) -> BuildResult:
        machine = _Varied(job.machine, f"number of processes, {count}")
        return _build_once(replace(job, machine=machine), root, jobs=count)

    return varied


def _again(job: Job, root: Path) -> BuildResult:
    """Every source has a new time: make runs in the tree of the build before."""
    machine = _Varied(job.machine, "run of make")
    with tempfile.TemporaryDirectory(prefix="nano-toolchain-") as name:
        app = Path(os.path.realpath(name), job.manifest.directory.name)
        shutil.copytree(job.manifest.directory, app, symlinks=True)
        touched = replace(job, manifest=AppManifest.read(app), machine=machine)
        build(touched, root=root, clean=True)
        sources = Sources.read(app, touched.manifest.build_directory, MANIFEST)
        for path in sources.files:
            os.utime(app / path, follow_symlinks=False)
        try:
            return build(touched, root=root)
        finally:
            shutil.rmtree(Workplace.find(touched, root).folder.parent.parent, ignore_errors=True)


def _needs(*command: str, hint: str) -> Callable[[], str]:
    """Whether a command that does nothing runs; what is missing otherwise."""

    def missing() -> str:
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        except FileNotFoundError:
            return f"{command[0]} is not installed: {hint}"
        return f"{command[0]} is not allowed here" if done.returncode else ""

    return missing


def _other_file_system() -> Path | None:
    shared = Path("/dev/shm")  # noqa: S108 - a file system, not a name
    return shared if os.access(shared, os.W_OK) else None


_UNSHARE = ("unshare", "--user", "--map-user=4321", "--map-group=4321")
_OTHER_NAME = ("unshare", "--map-root-user", "--uts", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh")
_FAKETIME = ("faketime", "-f", _LATER)

VARIATIONS: Mapping[str, _Variation] = {
    "folder": _Variation(_in_folder(lambda: None)),
    "user": _Variation(
        _run_with("user", *_UNSHARE, USER="somebody", LOGNAME="somebody"),
        _needs(*_UNSHARE, "true", hint="apt-get install util-linux"),
    ),
    "umask": _Variation(_run_with("umask", "sh", "-c", 'umask 077 && exec "$@"', "sh")),
    "locale": _Variation(_run_with("locale", LC_ALL="C.UTF-8", LANG="de_DE.UTF-8", LANGUAGE="de")),
    "time zone": _Variation(_run_with("time zone", TZ="Asia/Kathmandu")),
    "clock": _Variation(
        _run_with("clock", *_FAKETIME, NO_FAKE_STAT="1"),
        _needs(*_FAKETIME, "true", hint="apt-get install faketime"),
    ),
    "host name": _Variation(
        _run_with("host name", *_OTHER_NAME),
        _needs(*_OTHER_NAME, "true", hint="apt-get install util-linux hostname"),
    ),
    "file order": _Variation(
        _in_folder(_other_file_system),
        lambda: "" if _other_file_system() else "there is no second file system in memory",
    ),
    "one process": _Variation(_with_jobs(1)),
    "many processes": _Variation(_with_jobs(7)),
    "run of make": _Variation(_again),
}
"""What may differ between two builds of the same source; machines are compared beside these."""

_ON_THIS_MACHINE = frozenset({"user", "clock", "host name"})
"""Those that a container has of its own: its user has no name, its host is called builder."""


def reproduce(
    job: Job,
    *,
    root: Path,
    machines: Sequence[Machine] = (),
    vary: Sequence[str] = (),
    done: Callable[[], None] = lambda: None,
) -> Report:
    """Build ``job`` once clean, then under each variation of ``vary`` (all if empty), and on ``machines``.

    ``done`` is called after each build. A build that fails under a variation is an error, not a difference.

    Raises:
        ConfigError: no such variation; or as ``build``.
        BuildError: as ``build``.
    """
    if unknown := [name for name in vary if name not in VARIATIONS]:
        raise ConfigError(
            f"there is no variation {unknown[0]!r}", hint=f"choose from: {', '.join(VARIATIONS)}"
        )
    first = build(job, root=root, clean=True)
    done()
    trials = []
    for name in vary or VARIATIONS:
        variation = VARIATIONS[name]
        skipped = variation.missing()
        if name in _ON_THIS_MACHINE and job.machine.identity != "host":
            skipped = "the container has its own"
        difference = None if skipped else compare(first, variation.build(job, root))
        trials.append(Trial(name, difference, skipped))
        done()
    for machine in machines:
        other = build(replace(job, machine=machine), root=root, clean=True)
        trials.append(Trial(f"builder ({machine.identity})", compare(first, other)))
        done()
    checkout, strays = _checkout(job, root, first)
    done()
    return Report(
        result=first,
        elf=hashlib.sha256(first.elf).hexdigest(),
        hex=hashlib.sha256(hex_of(first)).hexdigest(),
        trials=tuple(trials),
        checkout=checkout,
        strays=strays,
    )


def steps(vary: Sequence[str], machines: Sequence[Machine]) -> int:
    """How often ``reproduce`` calls ``done``."""
    return len(vary or VARIATIONS) + len(machines) + 2


def _checkout(job: Job, root: Path, first: BuildResult) -> tuple[Difference | None, tuple[str, ...]]:
    """What a person gets who removes ``build`` in a checkout and runs make again, and why."""
    with tempfile.TemporaryDirectory(prefix="nano-toolchain-") as name:
        app = Path(os.path.realpath(name), job.manifest.directory.name)
        shutil.copytree(job.manifest.directory, app, symlinks=True)
        copied = replace(
            job, manifest=AppManifest.read(app), machine=_Varied(job.machine, "build in a checkout")
        )
        build(copied, root=root, clean=True)
        place = Workplace.find(copied, root)
        try:
            for output in OUTPUTS:
                shutil.rmtree(place.here / output, ignore_errors=True)
            sources = Sources.read(app, copied.manifest.build_directory, MANIFEST)
            strays = tuple(_strays(place, sources))
            status = copied.machine.run(
                place,
                place.command(place.folder / "extra.mk"),
                place.environment(sources.epoch) | {"MAKEFLAGS": f" -j{os.cpu_count() or 1}"},
                timeout=TIMEOUT,
                cancel=Event(),
                show=lambda _: None,
                descriptors=(),
            )
            elf = place.here / first.app.variables["TOOLCHAIN_ELF"]
            if status or not elf.is_file():
                return Difference("", "", 0, "unknown", loaded=True), strays
            return compare(first, replace(first, elf=elf.read_bytes())), strays
        finally:
            shutil.rmtree(place.folder.parent.parent, ignore_errors=True)


def _strays(place: Workplace, sources: Sources) -> Iterator[str]:
    for folder, folders, files in os.walk(place.source):
        folders[:] = sorted(name for name in folders if name != ".git")
        for name in sorted(files):
            path = os.path.relpath(Path(folder, name), place.source)
            if path not in sources.files:
                yield path


# Compare


def hex_of(result: BuildResult) -> bytes:
    """The HEX file of a build."""
    image, _ = _read(result)
    return write_ihex(image.segments, image.base + (image.boot_offset | 1)).encode("ascii")


def compare(one: BuildResult, other: BuildResult) -> Difference | None:
    """The first difference of two builds of the same source; None if the ELFs are the same bytes."""
    if one.elf == other.elf:
        return None
    try:
        (image, info), (image2, info2) = _read(one), _read(other)
    except ImageError:
        return Difference("", "", 0, "unknown", loaded=True)
    address = _first_address(image, image2)
    if address is None:
        section, symbol = _outside(info, info2)
        difference = Difference(section, symbol, 0, "unknown", loaded=False)
    else:
        difference = Difference(
            _section(info.sections, address), _symbol(info.symbols, address), address, "unknown", loaded=True
        )
    return replace(difference, cause=_cause(one, other, info, info2), texts=_texts(info, info2))


def _texts(one: ElfInfo, other: ElfInfo) -> tuple[str, ...]:
    """A few of the strings that only one of them holds: first those of one, then those of the other."""
    sides = ((one.strings, set(other.strings)), (other.strings, set(one.strings)))
    return tuple(
        text[:_TEXT]
        for strings, there in sides
        for text in itertools.islice((s for s in dict.fromkeys(strings) if s not in there), _TEXTS)
    )


def _read(result: BuildResult) -> tuple[Image, ElfInfo]:
    return read_elf(result.elf, flags=result.app.permissions.flags, where="app.elf")


def _first_address(one: Image, other: Image) -> int | None:
    """The lowest address that has other contents, or contents in one of the two only."""
    if one.segments == other.segments:
        return None
    for a, b in itertools.zip_longest(one.segments, other.segments):
        if a is None or b is None or a.address != b.address:
            return min(segment.address for segment in (a, b) if segment)
        if a.data != b.data:
            pairs = enumerate(zip(a.data, b.data, strict=False))
            offset = next((n for n, (x, y) in pairs if x != y), min(len(a.data), len(b.data)))
            return int(a.address + offset)
    return None


def _section(sections: Sequence[Section], address: int) -> str:
    found = (s.name for s in sections if s.flags & _SHF_ALLOC and s.address <= address < s.address + s.size)
    return next(found, "")


def _symbol(symbols: Mapping[str, int], address: int) -> str:
    """The one at or before ``address``. Functions have the Thumb bit set."""
    before = [(value & ~1, name) for name, value in symbols.items() if value & ~1 <= address]
    return max(before, default=(0, ""))[1]


def _outside(one: ElfInfo, other: ElfInfo) -> tuple[str, str]:
    """Section and symbol that differ although the loaded bytes are the same."""
    for key in sorted({*one.metadata, *other.metadata}):
        if one.metadata.get(key) != other.metadata.get(key):
            return f"ledger.{key}", ""
    for a, b in itertools.zip_longest(one.sections, other.sections):
        if a != b:
            return (a or b).name, ""
    for name in sorted({*one.symbols, *other.symbols}):
        if one.symbols.get(name) != other.symbols.get(name):
            return ".symtab", name
    return "", ""


def _cause(one: BuildResult, other: BuildResult, info: ElfInfo, info2: ElfInfo) -> Cause:
    if one.provenance.compiler != other.provenance.compiler:
        return "compiler"
    if any(_has_path(result) for result in (one, other)):
        return "path"
    if _dates(one.elf) != _dates(other.elf):
        return "date"
    if sorted(one.elf) == sorted(other.elf) or _same_parts(info, info2):
        return "order"
    return "unknown"


def _has_path(result: BuildResult) -> bool:
    """Whether the ELF names a folder of the building machine."""
    folders = {result.sources, *(Path(command.directory) for command in result.commands)}
    return any(os.fsencode(folder) in result.elf for folder in folders)


def _dates(elf: bytes) -> set[bytes]:
    return {found[0] for found in _DATE.finditer(elf)}


def _same_parts(one: ElfInfo, other: ElfInfo) -> bool:
    """Whether both hold the same symbols, but one after the other in another order."""

    def ordered(info: ElfInfo) -> list[str]:
        return [name for name, _ in sorted(info.symbols.items(), key=lambda item: (item[1], item[0]))]

    names = ordered(one), ordered(other)
    return sorted(names[0]) == sorted(names[1]) and names[0] != names[1]


# Rebuild from a manifest


@dataclass(frozen=True)
class Rebuilt:
    """A rebuild beside what was published. ``differences`` is empty if it is the same, byte for byte."""

    manifest: Manifest
    result: BuildResult
    differences: tuple[str, ...]

    def require(self) -> None:
        """Refuse a rebuild that is not the same.

        Raises:
            NotReproducibleError: naming the first difference.
        """
        if self.differences:
            raise NotReproducibleError(
                f"this source does not give the published app: {self.differences[0]}",
                hint="compare compiler, SDK and builder in the manifest with those of this build",
                where=f"{self.manifest.app} {self.manifest.version} for {self.manifest.target}",
            )


def check_origin(manifest: Manifest, sdk: Path, root: Path) -> None:
    """Refuse to rebuild where it is known before that nothing can be proved.

    Raises:
        ConfigError: another SDK.
        NotReproducibleError: the app was built from changes that were never committed.
    """
    origin = manifest.provenance
    if origin.dirty or not origin.commit:
        raise NotReproducibleError(
            "the app was built from a tree that no commit describes",
            hint="build it from a clean checkout, and publish that",
            where=f"{manifest.app} {manifest.version}",
        )
    found = find_sdk(sdk, root / "sdk")
    if found.identity != origin.sdk:
        raise ConfigError(
            f"the app was built with {origin.sdk}, this is {found.identity}",
            hint="name a checkout of that SDK with --sdk",
            where=str(sdk),
        )


@contextlib.contextmanager
def source_at(app: Path, commit: str) -> Iterator[Path]:
    """The app's folder as it was at ``commit``: itself if nothing changed since, else a clone of its own.

    Raises:
        ConfigError: the repository does not have the commit.
    """
    if git(app, "rev-parse", "HEAD") == commit and git(app, "status", "--porcelain", "--", ".") == "":
        yield app
        return
    top = git(app, "rev-parse", "--show-toplevel")
    if top is None or git(app, "cat-file", "-e", f"{commit}^{{commit}}") is None:
        raise ConfigError(
            f"the app's repository does not have the commit {commit}",
            hint="fetch it: git fetch --all --tags",
            where=str(app),
        )
    with tempfile.TemporaryDirectory(prefix="nano-toolchain-") as name:
        folder = Path(os.path.realpath(name), Path(top).name)
        clone = ("clone", "--quiet", "--shared", "--no-checkout", "--template=", top, str(folder))
        checkout = ("-c", "advice.detachedHead=false", "checkout", "--quiet", commit)
        submodules = ("submodule", "--quiet", "update", "--init", "--recursive")
        if git(Path(name), *clone) is None or git(folder, *checkout) is None:
            raise ConfigError(f"the commit {commit} cannot be checked out", where=top)
        if (folder / ".gitmodules").is_file() and git(folder, *submodules) is None:
            raise ConfigError("the app's submodules cannot be had", hint="they need the network", where=top)
        yield folder / app.resolve().relative_to(os.path.realpath(top))


def variables_of(manifest: Manifest) -> tuple[tuple[str, str], ...]:
    """What the published build handed to make beyond what every build does."""
    ours = ("BOLOS_SDK", "TARGET", "CLANGPATH", "GCCPATH", "SHIM_BUILTINS")
    words = manifest.provenance.command[1:]
    pairs = (word.split("=", 1) for word in words if re.match(r"[A-Za-z_]\w*=", word))
    return tuple((name, value) for name, value in pairs if name not in ours)


def rebuild(job: Job, manifest: Manifest, *, root: Path) -> Rebuilt:
    """Build ``job``, and compare the result with what ``manifest`` states.

    Raises:
        ConfigError, BuildError: as ``build``.
    """
    result = build(job, root=root, clean=True)
    image, _ = _read(result)
    stated = manifest.provenance
    made = {"app.elf": result.elf, "app.hex": hex_of(result)}
    causes = [("compiler", stated.compiler, result.provenance.compiler)]
    ours = result.provenance.environment
    # Programs lie elsewhere on another machine, and are compared as the compiler; the epoch is the commit's.
    names = sorted((stated.environment.keys() & ours.keys()) - {"PATH", "SOURCE_DATE_EPOCH"})
    causes += [(name, stated.environment[name], ours[name]) for name in names]
    facts = [
        ("digest", manifest.image.digest, image.digest().hex()),
        *(
            (name, manifest.files.get(name, ""), hashlib.sha256(data).hexdigest())
            for name, data in made.items()
        ),
    ]
    same = all(published == built for _, published, built in facts)
    differences = [
        f"{name} is {built}, the manifest says {published}"
        for name, published, built in (*causes, *facts)
        if published != built
    ]
    return Rebuilt(manifest, result, () if same else tuple(differences))
