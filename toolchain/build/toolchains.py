"""Which compiler goes with which SDK, and a folder of tools that make can use.

The pairs are data (``toolchains.toml``). A prepared folder holds tiny ``sh`` scripts under the names that
the SDKs' make files call; the ones for compilers write down their arguments and messages (``commands.py``
reads them). Where one compiles, the shell becomes the compiler: one that waits is seen in a build's time.
"""

import contextlib
import dataclasses
import functools
import hashlib
import importlib.util
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from toolchain import dist
from toolchain.build.sdk import Family, Sdk, files_digest
from toolchain.environment import file_lock
from toolchain.errors import ConfigError
from toolchain.target import Target

_DATA = Path(__file__).with_name("toolchains.toml")
_LOCK = Path(__file__).with_name("builder.lock")
COMMANDS = "TOOLCHAIN_COMMANDS"
"""Environment variable: the folder in which compilers write down how they were called."""

CACHE = "CCACHE_DIR"
"""Environment variable: where ccache keeps objects. Without it, nothing is cached."""

NEWLIB = "newlib"
"""What the identity of a toolchain calls the C library."""

_VERSION = re.compile(rb'_NEWLIB_VERSION "([0-9.]+)"')
_RECORDED = ("clang", "ld.lld", "arm-none-eabi-gcc")

_RECORDER = """\
#!/bin/sh
[ -n "${{{folder}-}}" ] || exec {run}
record=${folder}/$$
while [ -e "$record" ]; do record=$record+; done
printf '%s\\0' "$PWD" "$0" "$@" >"$record" || exit 1
case " $* " in *' -c '*){cached} exec {run} 2>"$record.err" ;; esac
{run} 2>"$record.err"
status=$?
[ ! -s "$record.err" ] || cat "$record.err" >&2
exit $status
"""

_CACHED = f"""
    case " $* " in *' -MMD '* | *' -MD '*)
        [ -z "${{{{{CACHE}-}}}}" ] || exec ccache {{compiler}} "$@" 2>"$record.err" ;;
    esac
   """
"""Only where the compiler writes down what it read."""


@dataclass(frozen=True)
class Fit:
    """SDKs of one family, from and to an API level, both included, None is open."""

    family: Family
    first: int | None
    last: int | None

    def holds(self, sdk: Sdk) -> bool:
        """Whether ``sdk`` is one of them."""
        if sdk.family != self.family:
            return False
        level = sdk.level or 0
        return (self.first is None or level >= self.first) and (self.last is None or level <= self.last)


@dataclass(frozen=True)
class Compiler:
    """An entry of ``toolchains.toml``: where a compiler comes from, which SDKs it fits.

    ``version`` is the one that ``builder.lock`` asks of a wheel.
    """

    name: str
    kind: Literal["wheel", "system"]
    package: str
    version: str
    programs: Mapping[str, str]
    install: str
    fits: tuple[Fit, ...]


@dataclass(frozen=True)
class Toolchain:
    """Tools ready for make.

    ``bin`` holds clang, ld.lld, llvm-ar … and goes into CLANGPATH, GCCPATH and PATH. ``builtins`` is the
    archive of the compiler's run-time functions for the target's CPU, None if the SDK brings its own.
    ``identity`` names compiler, linker, and newlib where it counts, by version and digest.
    """

    name: str
    bin: Path
    builtins: Path | None
    identity: str


@functools.cache
def _data() -> dict[str, Any]:
    return tomllib.loads(_DATA.read_text("utf-8"))


@functools.cache
def _locked(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))


def _lock(name: str) -> dict[str, Any]:
    """What ``builder.lock`` says about a compiler."""
    table: dict[str, Any] = _locked(_LOCK)[name]
    return table


@functools.cache
def compilers() -> tuple[Compiler, ...]:
    """Every compiler of the data file, the preferred one first."""
    return tuple(
        Compiler(
            name=name,
            kind=table["kind"],
            package=table.get("package", ""),
            version=_lock(name).get("version", ""),
            programs=table.get("programs", {}),
            install=table["install"],
            fits=tuple(Fit(s["family"], s.get("from"), s.get("to")) for s in table["sdks"]),
        )
        for name, table in _data().items()
        if "kind" in table
    )


def choose(sdk: Sdk, name: str = "") -> Compiler:
    """The compiler for ``sdk``: the one of that name, or the first that fits.

    Raises:
        ConfigError: no such compiler, it does not fit the SDK, or the C library's headers are missing.
    """
    known = {compiler.name: compiler for compiler in compilers()}
    if name and name not in known:
        raise ConfigError(f"no compiler is called {name!r}", hint=f"choose one of: {', '.join(known)}")
    fitting = [c for c in known.values() if any(fit.holds(sdk) for fit in c.fits)]
    label = f"{sdk.name} {sdk.version}".strip()
    if not fitting:
        raise ConfigError(f"no compiler is known to build {label} without warnings", where=str(sdk.path))
    chosen = known[name] if name else fitting[0]
    if chosen not in fitting:
        raise ConfigError(
            f"{chosen.name} does not go with {label}",
            hint=f"it builds with {fitting[0].name}: {fitting[0].install}",
        )
    if needs_newlib(sdk) and newlib_folder() is None:
        raise ConfigError(
            f"{label} includes newlib's headers, which are not installed", hint=_data()["newlib"]["install"]
        )
    return chosen


def needs_newlib(sdk: Sdk) -> bool:
    """Whether the SDK's sources include newlib's headers."""
    return sdk.family in _data()["newlib"]["families"]


def newlib_folder() -> Path | None:
    """Where newlib for ARM is installed, or None."""
    newlib = _data()["newlib"]
    return next((Path(f) for f in newlib["folders"] if Path(f, newlib["header"]).is_file()), None)


def with_newlib(toolchain: Toolchain, sdk: Sdk, root: Path) -> Toolchain:
    """``toolchain`` with newlib in its identity, by version and digest, if ``sdk`` takes files of it.

    What was found out is kept below ``root`` while no file of newlib changes.

    Raises:
        ConfigError: a file of newlib cannot be read.
        StorageError: ``root`` cannot be written.
    """
    folder = newlib_folder()
    if folder is None or not needs_newlib(sdk):
        return toolchain
    return dataclasses.replace(toolchain, identity=f"{toolchain.identity}, {_newlib_identity(folder, root)}")


@functools.cache
def _newlib_identity(folder: Path, root: Path) -> str:
    """The digest is over what a build may read: the same wherever the same newlib is installed."""
    newlib = _data()["newlib"]
    try:
        names = {path.relative_to(folder) for pattern in newlib["files"] for path in folder.glob(pattern)}
        files = {name: folder / name for name in sorted(names) if not name.is_relative_to(newlib["not"])}
        stats = [(str(name), _stamp(path)) for name, path in files.items()]
        stamp = hashlib.sha256(repr((str(folder), newlib, stats)).encode()).hexdigest()
        kept = root / "sdk" / f"newlib-{stamp[:16]}"
        with contextlib.suppress(FileNotFoundError):
            return kept.read_text("utf-8")
        stated = folder / newlib["version"]
        version = _VERSION.search(stated.read_bytes()) if stated.is_file() else None
        named = f"{NEWLIB} {version[1].decode()}" if version else NEWLIB
        identity = f"{named} sha256:{files_digest(files)}"
    except OSError as e:
        raise ConfigError(f"newlib cannot be read: {e.strerror}", where=str(e.filename or folder)) from e
    dist.write(kept, identity)
    return identity


def prepare(compiler: Compiler, target: Target, root: Path) -> Toolchain:
    """Tools of ``compiler`` for ``target`` below ``root``, made on first use.

    The folder appears whole or not at all, and two processes may ask at once.

    Raises:
        ConfigError: the compiler is not installed, has another version, or ``root`` cannot be written.
    """
    programs = _wheel_programs(compiler) if compiler.kind == "wheel" else _system_programs(compiler)
    stats = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in programs.values()]
    parts = (
        str(root),
        sys.executable,
        str(newlib_folder()),
        _DATA.read_bytes(),
        Path(__file__).read_bytes(),
        stats,
    )
    folder = root / "toolchains" / f"{compiler.name}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:16]}"
    with _once(folder) as draft:
        if draft:
            _make(compiler, programs, draft, folder / "bin")
    builtins = _builtins(programs["zig"], target.cpu, folder) if compiler.kind == "wheel" else None
    return Toolchain(compiler.name, folder / "bin", builtins, (folder / "identity").read_text("utf-8"))


@contextlib.contextmanager
def _once(path: Path) -> Iterator[Path | None]:
    """A draft to fill that becomes ``path`` afterwards; None if it is there already."""
    if path.exists():
        yield None
        return
    with file_lock(path.with_name(path.name + ".lock")):
        if path.exists():
            yield None
            return
        try:
            with tempfile.TemporaryDirectory(dir=path.parent, prefix=".draft-") as drafts:
                draft = Path(drafts, path.name)
                yield draft
                draft.rename(path)
        except OSError as e:
            raise ConfigError(f"cannot prepare the compiler: {e}", where=str(path)) from e


def _wheel_programs(compiler: Compiler) -> dict[str, Path]:
    found = importlib.util.find_spec(compiler.package)
    zig = Path(found.origin).with_name("zig") if found and found.origin else None
    if zig is None or not zig.is_file():
        raise ConfigError(f"{compiler.package} is not installed", hint=compiler.install)
    return {"zig": zig}


def _system_programs(compiler: Compiler) -> dict[str, Path]:
    found = {name: shutil.which(program) for name, program in compiler.programs.items()}
    missing = sorted(compiler.programs[name] for name, path in found.items() if path is None)
    if missing:
        raise ConfigError(f"{', '.join(missing)}: not installed", hint=compiler.install)
    return {name: Path(path) for name, path in found.items() if path}


def _make(compiler: Compiler, programs: Mapping[str, Path], draft: Path, home: Path) -> None:
    """Fill ``draft`` with scripts; ``home`` is where their folder will be."""
    if compiler.kind == "wheel":
        scripts, identity = _wheel_scripts(programs["zig"], home), _wheel_identity(compiler, programs["zig"])
    else:
        scripts = {name: _script(name, str(path)) for name, path in programs.items()}
        identity = _system_identity(programs)
    folder = draft / "bin"
    folder.mkdir(parents=True)
    for name, text in (scripts | {"python3": _script("python3", sys.executable)}).items():
        path = folder / name
        path.write_text(text, "utf-8")
        path.chmod(0o755)
    (draft / "identity").write_text(identity, "utf-8")


def _script(name: str, *command: str, compiler: str = "") -> str:
    """A script that becomes ``command``, or for compilers: keeps its arguments and messages.

    ``compiler`` is ``command`` as one word, where that is another: a cache takes no more.
    """
    run = f'{shlex.join(command)} "$@"'
    if name not in _RECORDED:
        return f"#!/bin/sh\nexec {run}\n"
    cached = _CACHED.format(compiler=shlex.quote(compiler or command[0])) if name == "clang" else ""
    return _RECORDER.format(run=run, folder=COMMANDS, cached=cached)


def _wheel_scripts(zig: Path, home: Path) -> dict[str, str]:
    # Its own headers lie in lib/include; the linker is found under its name in the folder of -B.
    clang = (str(zig), "clang", "-resource-dir", str(zig.parent / "lib"), "-B", str(home))
    return {
        "clang": _script("clang", *clang, compiler=str(home / "wheel-clang")),
        "wheel-clang": _script("wheel-clang", *clang),
        "ld.lld": _script("ld.lld", str(zig), "ld.lld"),
        "llvm-ar": _script("llvm-ar", str(zig), "ar"),
        "llvm-ranlib": _script("llvm-ranlib", str(zig), "ranlib"),
        # SDKs from 26 ask gcc for the folder of newlib's headers, and for nothing else.
        "arm-none-eabi-gcc": _stub("-print-sysroot", f"echo {shlex.quote(str(newlib_folder() or ''))}"),
        # The rule that links also writes a HEX and a listing. Ours come from the ELF, later.
        "llvm-objcopy": _stub("-O ihex -S *", ":"),
        "llvm-objdump": _stub("-S -d *", ":"),
    }


def _stub(arguments: str, command: str) -> str:
    """A script that answers one call (a shell pattern of its arguments) and refuses any other."""
    pattern = arguments.replace(" ", "\\ ")
    refuse = 'echo "$0: not part of this compiler" >&2; exit 1'
    return f"""#!/bin/sh\ncase "$*" in\n{pattern}) {command} ;;\n*) {refuse} ;;\nesac\n"""


def _wheel_identity(compiler: Compiler, zig: Path) -> str:
    """Check the wheel against ``builder.lock``.

    Raises:
        ConfigError: another version, or other bytes.
    """
    import importlib.metadata

    lock = _lock(compiler.name)
    version, digest = importlib.metadata.version(compiler.package), _digest(zig)
    if version != lock["version"]:
        raise ConfigError(f"{compiler.package} is {version}, not {lock['version']}", hint=compiler.install)
    if digest != lock["sha256"].get(f"{platform.system()} {platform.machine()}", digest):
        raise ConfigError(
            f"{compiler.package} {version} is not the one in {_LOCK.name}: its compiler has other bytes",
            hint="remove .venv and install it again",
            where=str(zig),
        )
    return f"clang and lld {lock['clang']}, {compiler.package} {version} sha256:{digest}"


def _system_identity(programs: Mapping[str, Path]) -> str:
    """Version and digest of what compiles and links."""
    parts = []
    for name in ("clang", "ld.lld", "arm-none-eabi-gcc"):
        answer = _run([str(programs[name]), "--version"]).splitlines() or [name]
        parts.append(f"{answer[0].strip()} sha256:{_digest(programs[name])}")
    return ", ".join(parts)


def _builtins(zig: Path, cpu: str, folder: Path) -> Path:
    """The archive of run-time functions for ``cpu``: one object, a section per function, no paths in it."""
    archive = folder / "lib" / cpu / "libbuiltins.a"
    with _once(archive.parent) as draft:
        if draft:
            draft.mkdir(parents=True)
            caches = {name: str(draft / "cache") for name in ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")}
            # zig writes cortex_m35p-dsp where clang says cortex-m35p+nodsp.
            flags = ["-target", "thumb-freestanding-eabi", "-mcpu", cpu.replace("-", "_").replace("+no", "-")]
            flags += ["-OReleaseSmall", "-fstrip", "-fPIC", "-ffunction-sections", "-fdata-sections"]
            source = str(zig.parent / "lib" / "compiler_rt.zig")
            _run([str(zig), "build-obj", *flags, "-femit-bin=builtins.o", source], draft, caches)
            _run([str(zig), "ar", "rcsD", archive.name, "builtins.o"], draft, caches)
            (draft / "builtins.o").unlink()
            shutil.rmtree(draft / "cache")
    return archive


def _stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _run(command: list[str], folder: Path | None = None, extra: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.defpath, "LC_ALL": "C", **(extra or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ConfigError(f"{Path(command[0]).name} does not run: {last}")
    return done.stdout
