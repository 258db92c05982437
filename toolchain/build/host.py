"""Runs make on this machine, in a private copy of the sources, and says what came out.

An app's makefile is code, and so is the SDK's: both run with the rights of whoever builds. They get a small,
fixed environment without the caller's variables, and a copy to write into, but no walls.
"""

import contextlib
import functools
import hashlib
import itertools
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from toolchain import dist
from toolchain.app import MANIFEST, App
from toolchain.build import makefile
from toolchain.build.changes import changed_sources, is_finished, make_notices
from toolchain.build.commands import plain_files, read_calls
from toolchain.build.diagnostics import Folders, first_error, parse_call, parse_make
from toolchain.build.jobserver import JobServer
from toolchain.build.result import BuildResult, Kept, Step
from toolchain.build.sources import OUTPUTS, Sources, Stamps, clone_history, sync
from toolchain.build.workplace import Job, Machine, Workplace
from toolchain.diagnostic import Diagnostic
from toolchain.environment import file_lock
from toolchain.errors import BuildError, StorageError, ToolchainError
from toolchain.manifest import Provenance

if TYPE_CHECKING:
    from toolchain.build.cache import Slot

TIMEOUT = 1800.0
"""Seconds that one make may take."""

_MAX_LINE = 400
"""Characters of a line of make's that an error repeats."""

_VALUE_LIMIT = 4 << 20
"""Bytes of a variable's value."""

_RECIPE_FAILED = re.compile(r"\] Error \d+$")
"""How make says that a program of a recipe failed."""

_MAKEFILES = "MAKEFILE_LIST"

_APP = "app"
"""A file that names the folder of the app of which copies lie beside it."""

_RUNNING = "running"
"""A file that is there while make runs, and after a run that did not come to its end."""

Show = Callable[[str], None]


@dataclass(frozen=True)
class _How:
    """How make is run: what has no influence on the result."""

    show: Show
    timeout: float
    jobs: int = 0
    server: JobServer | None = None
    cache: Path | None = None
    cancel: Event = field(default_factory=Event)

    def makeflags(self, machine: Machine) -> str:
        if self.server is None:
            return f" -j{self.jobs or os.cpu_count() or 1}"
        return self.server.makeflags if machine.shares_processes else f" -j{self.server.share}"


def build(
    job: Job,
    *,
    root: Path,
    clean: bool = False,
    jobs: int = 0,
    show: Show | None = None,
    timeout: float = TIMEOUT,
    cache: Path | None = None,
) -> BuildResult:
    """Build ``job`` below the work folder ``root``, with ``jobs`` processes (0: as many as there are CPUs).

    Without a change since the last time the same result comes back and make does not run. ``clean`` starts
    from the sources alone. ``show`` gets the log line by line: the command, then what make says. Neither the
    app's folder nor the SDK is written to. Two builds of the same job wait for each other. ``cache`` is a
    folder with objects and finished builds for other runs and machines (``cache.py``); None uses none.

    Raises:
        ConfigError: no such SDK, a compiler that does not fit or is missing, an app that cannot be read.
        BuildError: make failed, or took longer than ``timeout`` seconds.
    """
    return _build(job, root, clean, _How(show or _silent, timeout, jobs, cache=cache))


def build_all(
    jobs: Sequence[Job],
    *,
    root: Path,
    clean: bool = False,
    cpus: int = 0,
    show: Callable[[Job, str], None] | None = None,
    done: Callable[[Job], None] | None = None,
    timeout: float = TIMEOUT,
    cache: Path | None = None,
) -> tuple[BuildResult | ToolchainError, ...]:
    """Build all ``jobs`` side by side on ``cpus`` processors (0: all); results and errors in their order.

    A failure leaves the others running; Ctrl-C ends all of them. ``show`` and ``done`` (a job has ended, well
    or not) are called from several threads.
    """
    server = JobServer(cpus or os.cpu_count() or 1, len(jobs))
    cancel = Event()

    def one(job: Job) -> BuildResult | ToolchainError:
        tell = functools.partial(show, job) if show else _silent
        try:
            with server.turn():
                return _build(job, root, clean, _How(tell, timeout, 0, server, cache, cancel))
        except ToolchainError as e:
            return e
        finally:
            if done:
                done(job)

    pool = ThreadPoolExecutor(server.workers)
    try:
        return tuple(pool.map(one, jobs))
    finally:
        # Nothing is left to cancel, unless Ctrl-C led here.
        cancel.set()
        pool.shutdown(cancel_futures=True)
        server.close()


def describe(job: Job, *, root: Path, timeout: float = 60.0) -> Mapping[str, str]:
    """The variables of ``job``'s makefile, printed by make in a private copy; nothing is compiled.

    What a build used is in its result (``BuildResult.app.variables``): that is one run, so it cannot differ.

    Raises:
        ConfigError: as ``build``.
        BuildError: make cannot read the makefile.
    """
    place = Workplace.find(job, root)
    place = replace(place, folder=place.folder / "describe")
    with storing_in(place.folder), file_lock(place.folder / "lock"):
        sources = Sources.read(job.manifest.directory, job.manifest.build_directory, MANIFEST)
        kept = Kept.load(place.folder)
        kept = replace(kept, stamps=_copy(place, sources, kept))
        kept = _make(place, sources, kept, _How(_silent, timeout), goal="")
        _finish(place, kept)
        return kept.variables


def _silent(_: str) -> None:
    """For who does not want to see make's output."""


def _build(job: Job, root: Path, clean: bool, how: _How) -> BuildResult:
    if how.cache:
        from toolchain.build import cache  # archives: only who keeps some needs them

        cache.require_outside(how.cache, job.manifest.directory)
    with storing_in(root):
        place = Workplace.find(job, root)
        if not place.folder.exists():
            _keep_house(place)
    with storing_in(place.folder), file_lock(place.folder / "lock", how.cancel):
        with ThreadPoolExecutor(1) as beside:
            # Git answers while we read.
            reading = beside.submit(
                Sources.read, job.manifest.directory, job.manifest.build_directory, MANIFEST
            )
            kept, _ = Kept.load(place.folder), place.basis
        sources = reading.result()
        fingerprint = place.fingerprint(sources)
        usable = not clean and _is_usable(place, sources, kept)
        if usable and kept.fingerprint == fingerprint:
            return _result(place, kept, _elf(place, kept), reused=True)
        stamps, before = _copy(place, sources, kept, fresh=not usable), kept
        changed = changed_sources(kept.stamps, stamps) if usable else set()
        kept = replace(kept, stamps=stamps)
        if usable and not changed and is_finished(kept, sources):
            # Other times, the same bytes: a checkout that came back, or a new one.
            kept = replace(kept, fingerprint=fingerprint)
            _finish(place, kept)
            return _result(place, kept, _elf(place, kept), reused=True)
        fresh = not usable or not make_notices(place.source, kept, changed)
        if usable and fresh:
            kept = replace(kept, stamps=_copy(place, sources, kept, fresh=True))
        slot = cache.Slot.find(how.cache, place, sources) if how.cache else None
        keeps = slot if fresh and not sources.dirty else None
        if keeps and keeps.file.exists():
            taken = keeps.load()
            if taken and _is_whole(place, taken):
                kept = replace(taken, stamps=kept.stamps, fingerprint=fingerprint)
                _finish(place, kept)
                return _result(place, kept, _elf(place, kept), reused=True)
            kept = replace(kept, stamps=_copy(place, sources, kept, fresh=True))
        kept = _make(place, sources, kept, how, slot, fresh=fresh)
        if not fresh and kept.variables != before.variables:
            # Objects of the run before were made with other flags (a commit in DEFINES, for example).
            kept = replace(kept, stamps=_copy(place, sources, kept, fresh=True))
            kept = _make(place, sources, kept, how, slot, fresh=True)
        elf = _elf(place, kept)
        if not elf:
            raise BuildError(
                "make ended well, but there is no app.elf", hint="GNU make 4 is needed", log=str(place.log)
            )
        kept = replace(kept, fingerprint=fingerprint, elf=hashlib.sha256(elf).hexdigest())
        result = _result(place, kept, elf, reused=False)
        _finish(place, kept)
        if keeps:
            keeps.store(sources, kept)
        return result


def _keep_house(place: Workplace) -> None:
    """Note down whose copies these are, and remove those of apps that are no more."""
    home = place.folder.parents[1]
    dist.write(home / _APP, os.fsencode(place.job.manifest.directory))
    for note in home.parent.glob(f"*/{_APP}"):
        with contextlib.suppress(OSError):
            if not Path(os.fsdecode(note.read_bytes())).exists():
                shutil.rmtree(note.parent, ignore_errors=True)


@contextlib.contextmanager
def storing_in(folder: Path) -> Iterator[None]:
    """What a build cannot write into ``folder``, as an error of the build.

    Raises:
        BuildError: the disk is full or read-only, or the folder belongs to somebody else.
    """
    try:
        yield
    except OSError as e:
        raise _unwritten(f"cannot build here: {e.strerror or e}", str(folder)) from e
    except StorageError as e:
        raise _unwritten(e.message, e.where) from e


def _unwritten(message: str, where: str) -> BuildError:
    return BuildError(message, hint="free some space there, or see who may write", where=where)


def _copy(place: Workplace, sources: Sources, kept: Kept, *, fresh: bool = False) -> Stamps:
    """Bring the private copy up to date; ``fresh`` removes what make made there. The stamps of both."""
    place.source.mkdir(exist_ok=True, parents=True)
    (place.folder / _RUNNING).touch()
    outputs = () if fresh else (str(place.job.manifest.build_directory / name) for name in OUTPUTS)
    with ThreadPoolExecutor(1) as beside:
        # Git works while we copy.
        renew = fresh or kept.commit != sources.commit
        history = beside.submit(clone_history, sources, place.source) if renew else None
        stamps = sync(sources, place.source, kept.stamps, frozenset({".git", *outputs}))
        if history:
            history.result()
    return stamps


def _make(
    place: Workplace,
    sources: Sources,
    kept: Kept,
    how: _How,
    slot: "Slot | None" = None,
    *,
    fresh: bool = False,
    goal: str = "$(TOOLCHAIN_ELF)",
) -> Kept:
    """Run make in the copy, and read what it left.

    ``kept`` is of the run before, with the stamps of the copy; ``fresh`` says that no more is left of it.
    """
    started = time.monotonic()
    extra = place.folder / "extra.mk"
    command = place.command(extra)
    calls, values = place.folder / "calls", place.folder / "variables"
    for folder in (calls, values):
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir()
    (place.folder / "home").mkdir(exist_ok=True)
    extra.write_text(makefile.text(values, goal), "utf-8")
    environment, folders = place.environment(sources.epoch), place.folders(sources)
    provenance = _provenance(place, sources, [folders.rename(word) for word in command], folders)
    place.log.write_text(" ".join(provenance.command) + "\n", "utf-8")
    how.show(" ".join(provenance.command))
    machine = place.job.machine
    if slot:
        environment |= slot.environment()
    status = machine.run(
        place,
        command,
        environment | {"MAKEFLAGS": how.makeflags(machine)},
        timeout=how.timeout,
        cancel=how.cancel,
        show=how.show,
        descriptors=how.server.descriptors if how.server else (),
    )
    called = read_calls(calls)
    ran = {
        str(Path(call.command.directory, call.command.output)): Step(call.command, parse_call(call, folders))
        for call in called
    }
    with place.log.open("r+", encoding="utf-8", errors="replace") as log:
        made = parse_make(log, folders)
        log.writelines(call.messages for call in called if call.command.file)
    after = Kept(
        basis=place.basis,
        commit=sources.commit,
        stamps=kept.stamps,
        steps={output: step for output, step in (kept.steps | ran).items() if Path(output).exists()},
        variables=_variables(values, place, folders),
        diagnostics=tuple(dict.fromkeys(made if fresh else [*_warnings(kept), *made])),
        provenance=provenance,
        duration=time.monotonic() - started,
    )
    if status:
        if fresh or after.variables == kept.variables:
            _finish(place, after)
        raise _failure(place, [*(d for step in ran.values() for d in step.diagnostics), *made])
    return after


def _warnings(kept: Kept) -> list[Diagnostic]:
    """What was said in the run before, perhaps in a recipe that has not run again."""
    return [diagnostic for diagnostic in kept.diagnostics if diagnostic.level != "error"]


def _is_usable(place: Workplace, sources: Sources, kept: Kept) -> bool:
    """Whether objects of the run before are of any use."""
    if kept.basis != place.basis or (place.folder / _RUNNING).exists():
        # After a crash or Ctrl-C an object may be cut short, and newer than its source.
        return False
    if kept.elf and not _is_whole(place, kept):
        return False
    return kept.stamps.keys() == sources.files.keys()


def _is_whole(place: Workplace, kept: Kept) -> bool:
    """Whether app.elf is there, with the bytes that it had."""
    return kept.elf == hashlib.sha256(_elf(place, kept)).hexdigest()


def _finish(place: Workplace, kept: Kept) -> None:
    """From now on the objects in the copy can be trusted."""
    kept.save(place.folder)
    (place.folder / _RUNNING).unlink()


def _provenance(place: Workplace, sources: Sources, command: Sequence[str], folders: Folders) -> Provenance:
    return Provenance(
        commit=sources.commit,
        dirty=sources.dirty,
        builder=place.job.machine.identity,
        compiler=place.tools.toolchain.identity,
        sdk=place.sdk.identity,
        command=tuple(command),
        environment=place.stated_environment(sources.epoch, folders),
        source_date_epoch=sources.epoch,
        platform=place.tools.platform,
    )


def _variables(folder: Path, place: Workplace, folders: Folders) -> dict[str, str]:
    """What make wrote, one file for a variable, without this machine's folders."""
    values = {}
    for path in plain_files(folder):
        text = dist.read(path, limit=_VALUE_LIMIT).decode("utf-8", "replace").removesuffix("\n")
        values[path.name] = folders.rename(text.replace(f"{place.here}/", ""))
    # Lists of headers that compilers wrote are makefiles too, from the second run on.
    names = values.get(_MAKEFILES, "").split()
    read = [name for name in names if os.path.normpath(name).partition("/")[0] not in OUTPUTS]
    return values | {_MAKEFILES: " ".join(read)}


def _failure(place: Workplace, diagnostics: Iterable[Diagnostic]) -> BuildError:
    """The first error, in the words of who found it."""
    hint = f"everything make said: {place.log}"
    error = first_error(diagnostics)
    lines = [line for line in place.log.read_text("utf-8", "replace").splitlines() if line.strip()]
    if error is None:
        return BuildError(f"make failed: {lines[-1][:_MAX_LINE]}", hint=hint, log=str(place.log))
    where = f"{error.path}:{error.line}" if error.line else error.path
    message = error.message
    if _RECIPE_FAILED.search(message):
        # Which recipe it was tells less than what its program said before it ended.
        said = itertools.takewhile(lambda line: "*** [" not in line, lines[1:])
        message = ": ".join(filter(None, (message, *[line[:_MAX_LINE] for line in said][-1:])))
    return BuildError(message, where=where, hint=hint, log=str(place.log))


def _elf(place: Workplace, kept: Kept) -> bytes:
    """The bytes of app.elf; none if it is not there, or not in the private copy."""
    return _made(place, kept.variables.get("TOOLCHAIN_ELF", ""))


def _made(place: Workplace, name: str) -> bytes:
    """The bytes of a file that make made; none if it is not there, or not in the private copy."""
    path = Path(os.path.realpath(place.here / name))
    return dist.read(path) if path.is_relative_to(os.path.realpath(place.source)) and path.is_file() else b""


def _result(place: Workplace, kept: Kept, elf: bytes, *, reused: bool) -> BuildResult:
    variables = kept.variables
    steps = _linked(kept.steps, str(place.here / variables["TOOLCHAIN_ELF"]))
    diagnostics = {d for step in steps for d in step.diagnostics} | set(kept.diagnostics)
    if kept.provenance is None:
        raise BuildError("this build was never finished", log=str(place.log))
    return BuildResult(
        app=App.read(place.job.manifest, variables),
        target=place.job.target,
        elf=elf,
        map=_made(place, f"{variables.get('DBG_DIR', '.')}/app.map"),
        log=place.log,
        diagnostics=tuple(sorted(diagnostics)),
        provenance=kept.provenance,
        commands=tuple(step.command for step in steps),
        sources=place.source,
        duration=kept.duration,
        reused=reused,
        fingerprint=kept.fingerprint,
    )


def _linked(steps: Mapping[str, Step], elf: str) -> list[Step]:
    """The link, and what made its inputs; everything if it takes an archive that was made on the way."""
    link = steps.get(elf)
    if link is None:
        return list(steps.values())
    inputs = {str(Path(link.command.directory, word)) for word in link.command.arguments}
    if any(word.endswith(".a") and word in steps for word in inputs):
        return list(steps.values())
    return [step for output, step in steps.items() if output in inputs or output == elf]
