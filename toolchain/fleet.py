"""Several devices at once: each in a thread of its own, so that none waits for another.

Threads only talk to devices. What they have to tell goes through a queue to the caller's thread, where all
callbacks run. They are daemons: on Ctrl-C the process ends, links close, and devices drop what was half-way.
"""

import functools
import itertools
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from toolchain import devices
from toolchain.devices import DeviceOptions
from toolchain.errors import ConfigError, PartialFailureError, ToolchainError
from toolchain.package import Loaded, Package, load
from toolchain.target import Target

T = TypeVar("T")

_TELL_EVERY = 16
"""Commands between two words about progress."""


@dataclass(frozen=True)
class Progress:
    """Commands that are done, and commands in all, of job number ``job``."""

    job: int
    done: int
    total: int


@dataclass(frozen=True)
class Question:
    """What the device of job number ``job`` is about to ask its owner."""

    job: int
    text: str


@dataclass(frozen=True)
class Job:
    """One app for one device."""

    options: DeviceOptions
    package: Package


@dataclass(frozen=True)
class Result:
    """What became of a device: a confirmed install or an error, never both.

    ``package`` is None if none was found for it.
    """

    uri: str
    package: Package | None
    loaded: Loaded | None
    error: ToolchainError | None


@dataclass(frozen=True)
class Finished:
    """Job number ``job`` has its result."""

    job: int
    result: Result


Watch = Callable[[Progress | Question | Finished], None]
"""Told what happens, in the caller's thread."""


@dataclass(frozen=True)
class Surveyed:
    """A device and the target that it says it is; None for one that is whatever is asked of it."""

    options: DeviceOptions
    target: Target | None
    error: ToolchainError | None


def survey(all_options: Sequence[DeviceOptions], *, ask: bool) -> tuple[Surveyed, ...]:
    """Ask every device what it is, all at once; one that does not answer soon has an error.

    Args:
        all_options: the devices.
        ask: False if it does not matter, because there is one app for all.

    Raises:
        ConfigError: one device is named twice, or virtual ones share a state file.
        ToolchainError: not a single device answers.
    """
    uris = [options.uri for options in all_options if not options.uri.startswith(devices.VIRTUAL)]
    if not all_options:
        raise ConfigError("there is no device", hint="plug one in, or name one with --device")
    if len(set(uris)) < len(uris):
        raise ConfigError("a device is named twice")
    if len(all_options) > 1 and any(options.state for options in all_options):
        raise ConfigError("several devices cannot share a state file", hint="load one at a time")
    if not ask:
        return tuple(Surveyed(options, None, None) for options in all_options)
    found = _all_at_once([functools.partial(_ask, options) for options in all_options], _ignore)
    if all(device.error is not None for device in found):
        raise found[0].error or ConfigError("there is no device")
    return found


def _ask(options: DeviceOptions, _tell: Watch) -> Surveyed:
    try:
        return Surveyed(options, devices.target_of(options), None)
    except ToolchainError as e:
        return Surveyed(options, None, e)


def target_names(found: Sequence[Surveyed]) -> tuple[str, ...]:
    """The targets to build for, each once; empty if some device takes any."""
    known = [device.target for device in found if device.error is None]
    if None in known:
        return ()
    return tuple(dict.fromkeys(target.name for target in known if target is not None))


def assign(
    found: Sequence[Surveyed], packages: Sequence[Package]
) -> tuple[tuple[Job, ...], tuple[Result, ...]]:
    """Which device gets which app, and the devices that get none, with the reason."""
    jobs: list[Job] = []
    failed: list[Result] = []
    for device in found:
        uri, target = device.options.uri, device.target
        fitting = [p for p in packages if target is None or p.image.target_id == target.id]
        if device.error is not None:
            failed.append(Result(uri, None, None, device.error))
        elif not fitting:
            title = target.title if target else "this device"
            failed.append(Result(uri, None, None, ConfigError(f"the app is not built for {title}")))
        else:
            jobs += [Job(device.options, package) for package in fitting]
    return tuple(jobs), tuple(failed)


def load_all(jobs: Sequence[Job], watch: Watch) -> tuple[Result, ...]:
    """Load every job; the results are in the order of the jobs. A failure is a result like any.

    All devices work at once; several apps for one device, which stand together, go one after the other.
    """
    numbered = itertools.groupby(enumerate(jobs), key=lambda entry: entry[1].options)
    works = [functools.partial(_load_in_turn, tuple(group)) for _, group in numbered]
    return tuple(itertools.chain.from_iterable(_all_at_once(works, watch)))


def _load_in_turn(jobs: Sequence[tuple[int, Job]], tell: Watch) -> tuple[Result, ...]:
    return tuple(_load(number, job, tell) for number, job in jobs)


def _load(number: int, job: Job, tell: Watch) -> Result:
    loaded, error = None, None

    def progress(done: int, total: int) -> None:
        # A change of threads takes about as long as a command.
        if done % _TELL_EVERY == 0 or done == total:
            tell(Progress(number, done, total))

    try:
        loaded = load(
            job.package,
            job.options,
            progress,
            lambda text: tell(Question(number, text)),
        )
    except ToolchainError as e:
        error = e
    result = Result(job.options.uri, job.package, loaded, error)
    tell(Finished(number, result))
    return result


def require_all(results: Sequence[Result]) -> None:
    """Let pass if every device has its app.

    Raises:
        PartialFailureError: some have, some have not.
        ToolchainError: the first error, if none has.
    """
    errors = [result.error for result in results if result.error is not None]
    if not errors:
        return
    if len(errors) == len(results):
        raise errors[0]
    failed = ", ".join(result.uri for result in results if result.error is not None)
    raise PartialFailureError(
        f"{len(errors)} of {len(results)} devices failed: {failed}",
        hint="the others are done; run the same command again for the rest, they are left alone",
    )


def _ignore(_news: Progress | Question | Finished) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class _Bug:
    """What no thread should raise."""

    error: BaseException


def _all_at_once(works: Sequence[Callable[[Watch], T]], watch: Watch) -> tuple[T, ...]:
    """Run all in threads, hand what they tell to ``watch`` in this one; the values are in their order."""
    news: queue.SimpleQueue[Progress | Question | Finished | _Bug | tuple[int, T]] = queue.SimpleQueue()

    def run(number: int, work: Callable[[Watch], T]) -> None:
        try:
            news.put((number, work(news.put)))
        except BaseException as e:  # noqa: BLE001 - a bug; it belongs to the caller's thread
            news.put(_Bug(e))

    for number, work in enumerate(works):
        threading.Thread(target=run, args=(number, work), daemon=True).start()
    values: dict[int, T] = {}
    while len(values) < len(works):
        event = news.get()
        if isinstance(event, _Bug):
            raise event.error
        if isinstance(event, tuple):
            values[event[0]] = event[1]
        else:
            watch(event)
    return tuple(values[number] for number in range(len(works)))
