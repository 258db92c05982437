"""What a person sees: results on stdout, messages and progress on stderr, one place for exit codes.

Only ``tasks.py`` imports this module; nothing else in the package prints or exits.
"""

import atexit
import contextlib
import functools
import gc
import itertools
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TextIO, TypeVar

from invoke.collection import Collection
from invoke.exceptions import Exit, ParseError
from invoke.parser import Parser, ParserContext
from invoke.program import Program
from invoke.tasks import Task
from invoke.tasks import task as invoke_task

from toolchain.errors import INTERRUPTED, BuildError, ConfigError, SigningError, ToolchainError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

P = ParamSpec("P")
T = TypeVar("T")

JSON_SCHEMA = 1


@functools.cache
def _stderr() -> "Console":
    from rich.console import Console

    return Console(stderr=True, highlight=False)


@functools.cache
def _stdout() -> "Console":
    from rich.console import Console

    class Piped(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    width = None if sys.stdout.isatty() else 200
    return Piped(highlight=False, width=width, soft_wrap=not sys.stdout.isatty())


class Output:
    """Shows results either to a person or, with ``--json``, as one object a line.

    Every object has ``schema`` (the number of the documented format) and ``type``.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def result(self, kind: str, fields: Mapping[str, object], shown: "RenderableType | None" = None) -> None:
        """One result: ``fields`` as a JSON line, or ``shown`` for a person (None shows nothing)."""
        if self.as_json:
            line = json.dumps({"schema": JSON_SCHEMA, "type": kind, **fields}, ensure_ascii=False)
            _write(sys.stdout, line)
        elif isinstance(shown, str):
            _write(sys.stdout, _printable(shown))
        elif shown is not None:
            _stdout().print(shown)

    def show(self, shown: "RenderableType") -> None:
        """Something for a person only."""
        if self.as_json:
            return
        if isinstance(shown, str):
            _write(sys.stdout, _printable(shown))
        else:
            _stdout().print(shown)

    def note(self, message: str) -> None:
        """A line for a person about what is going on, on stderr."""
        if not self.as_json:
            _write(sys.stderr, _printable(message))

    @contextlib.contextmanager
    def progress(self, title: str) -> Iterator[Callable[[int, int], None]]:
        """A bar on stderr, fed by ``(done, total)``; nothing without a terminal or with ``--json``."""
        if self.as_json or not sys.stderr.isatty():
            yield lambda _done, _total: None
            return
        from rich.progress import Progress

        with Progress(console=_stderr(), transient=True) as bar:
            task = bar.add_task(title, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)

    @contextlib.contextmanager
    def bars(self, titles: Sequence[str]) -> Iterator[Callable[[int, int, int], None]]:
        """As ``progress``, with a bar for each title, fed by ``(number, done, total)``."""
        if self.as_json or not sys.stderr.isatty():
            yield lambda _number, _done, _total: None
            return
        from rich.progress import Progress

        with Progress(console=_stderr(), transient=True) as shown:
            tasks = [shown.add_task(title, total=None) for title in titles]
            yield lambda number, done, total: shown.update(tasks[number], completed=done, total=total)


def aligned(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """A table as text, for a task that would wait for rich longer than for its work; ``right``: columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def line(row: Sequence[str]) -> str:
        cells = zip(row, widths, strict=True)
        return "  ".join(c.rjust(w) if n in right else c.ljust(w) for n, (c, w) in enumerate(cells)).rstrip()

    return "\n".join(map(line, rows))


def _write(stream: TextIO, line: str) -> None:
    """In one piece: ``print`` writes the end of a line apart, and another thread may speak in between."""
    stream.write(f"{line}\n")
    stream.flush()


def _printable(text: str) -> str:
    """A text that needs no rich, which takes longer to start than a load: names in it may come from files."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def command(function: Callable[P, T]) -> Callable[P, T]:
    """Turn our errors into two lines on stderr and the documented exit code.

    With ``--json`` the error is also the last object on stdout. Any other exception is a bug and keeps
    its traceback.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except ToolchainError as e:
            _show_error(e, as_json=kwargs.get("json") is True)
            raise Exit(code=e.exit_code) from e
        except KeyboardInterrupt as e:
            _stderr().print("interrupted; nothing half-written is left behind")
            raise Exit(code=INTERRUPTED) from e
        except BrokenPipeError as e:
            raise Exit(code=_reader_gone()) from e

    return run


def _reader_gone() -> int:
    """Whoever read our output went away (`| head`): not an error worth a word, but an exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141


class Failed(Exit):
    """A tool that we ran has failed and said so itself; its exit code becomes ours."""

    def __init__(self, code: int) -> None:
        super().__init__(code=code)


def ask_secret(name: str) -> str:
    """The named secret: typed without echo at a terminal, else the next line of stdin.

    Raises:
        SigningError: no line left.
    """
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass(f"{name}: ", stream=sys.stderr)
    line = sys.stdin.readline()
    if not line:
        raise SigningError(f"nobody gives the {name}", hint="type it at a terminal, or pipe it into stdin")
    return line.rstrip("\r\n")


def ask_new_secret(name: str) -> str:
    """A secret to be set: at a terminal it is asked for twice.

    Raises:
        SigningError: the two differ, or no line left.
    """
    secret = ask_secret(name)
    if sys.stdin.isatty() and ask_secret(f"{name}, once more") != secret:
        raise SigningError("the two entries differ; nothing was written")
    return secret


def say(text: str) -> None:
    """Text for a person, as it is, on stderr."""
    _write(sys.stderr, text)


def confirm(question: str) -> bool:
    """Whether a person says yes; no answer is a no."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def until_interrupt(announce: Callable[[], None], act: Callable[[str], str] | None = None) -> None:
    """Return when the person presses Ctrl-C, or when somebody asks this process to end.

    ``announce`` is called within: whoever reads it may end us at once, before we even wait. Until then every
    line that the person writes goes to ``act``, if there is one, and what that says is shown.
    """
    with contextlib.suppress(KeyboardInterrupt):
        announce()
        for line in sys.stdin if act else ():
            if act and line.strip():
                _show_what_comes_of(act, line)
        while True:  # nobody writes any more
            signal.pause()


def _show_what_comes_of(act: Callable[[str], str], line: str) -> None:
    try:
        say(act(line))
    except ToolchainError as e:
        _show_error(e, as_json=False)


def _show_error(error: ToolchainError, *, as_json: bool) -> None:
    stderr = _stderr()
    stderr.print(f"[bold red]error:[/] {_escaped(str(error))}", soft_wrap=True)
    if error.hint:
        stderr.print(f"[bold]  fix:[/] {_escaped(error.hint)}", soft_wrap=True)
    if isinstance(error, BuildError) and error.log:
        stderr.print(f"[bold]  log:[/] {_escaped(error.log)}", soft_wrap=True)
    if as_json:
        fields = {
            "error": type(error).__name__,
            "exit_code": error.exit_code,
            "message": error.message,
            "where": error.where,
            "hint": error.hint,
        }
        Output(as_json=True).result("error", fields)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(_printable(text))


class _Task(Task):  # type: ignore[type-arg]
    """A task whose options have letters for short names: invoke would also take the hyphen of a long one."""

    def arg_opts(self, name: str, default: str, taken_names: set[str]) -> dict[str, Any]:
        return super().arg_opts(name, default, taken_names | {"-"})


task = functools.partial(invoke_task, klass=_Task)
"""What makes a function a task, as ``invoke.tasks.task``."""


_FIRST = {"load": "--bundle"}
"""Tasks that may be given a file without the name of its option: invoke has no such arguments."""


class _Inv(Program):
    """invoke, with documented exit codes, ``load FILE``, and no more contexts than a call needs."""

    def _make_parser(self) -> Parser:
        """A parser of the tasks that are named: copying all of them would be a third of a task's start."""
        words = set(self.core.unparsed)
        if not words:
            return super()._make_parser()
        contexts = [
            ParserContext(name=name, aliases=aliases, args=self.collection[name].get_arguments())
            for name, aliases in self.collection.task_names.items()
            if not words.isdisjoint((name, *aliases))
        ]
        return Parser(initial=self.initial_context, contexts=contexts)

    def normalize_argv(self, argv: list[str] | None) -> None:
        super().normalize_argv(argv)
        name, *rest = self.argv[1:] or [""]
        if name in _FIRST and rest and not rest[0].startswith("-"):
            self.argv = [self.argv[0], name, _FIRST[name], *rest]
        elif name in ("--list", "-l") and "--json" in rest:
            rest.remove("--json")
            self.argv = [self.argv[0], "--list", *rest, "--list-format", "json"]

    def parse_core(self, argv: list[str] | None) -> None:
        with _parse_errors():
            super().parse_core(argv)

    def parse_tasks(self) -> None:
        with _parse_errors():
            try:
                super().parse_tasks()
            except ValueError as e:  # of int() or float(), from an option's value
                raise ParseError(f"not a number: {str(e).rpartition(': ')[2]}") from e
            self._require_values()

    def parse_cleanup(self) -> None:
        with _parse_errors():
            super().parse_cleanup()

    def list_json(self) -> None:
        """The tasks as all else that ``--json`` prints."""
        output, scope = Output(as_json=True), f"{self.list_root}." if self.list_root else ""
        for name, aliases in sorted(self.scoped_collection.task_names.items()):
            what = " ".join((self.scoped_collection[name].__doc__ or "").partition("\n\n")[0].split())
            output.result("task", {"name": scope + name, "help": what, "aliases": sorted(aliases)})

    def _require_values(self) -> None:
        """An option that may be repeated cannot be left empty either; to invoke it can."""
        words = self.core.unparsed
        contexts = self.parser.contexts.values()
        repeatable = {flag for c in contexts for flag, argument in c.flags.items() if argument.kind is list}
        for word, after in itertools.pairwise([*words, "-"]):
            if word in repeatable and after.startswith("-"):
                raise ParseError(f"{word} needs a value")


_WITHOUT_VALUE = re.compile(r"Flag <Argument: (\S+).*> needed value and was not given one!")


@contextlib.contextmanager
def _parse_errors() -> Iterator[None]:
    try:
        yield
    except (ParseError, Exit) as e:
        if not str(e):  # a plain end
            raise
        what = _WITHOUT_VALUE.sub(r"--\1 needs a value", str(e))
        error = ConfigError(what, hint="`./inv --list` shows the tasks, `./inv help TASK` its options")
        _show_error(error, as_json=False)
        raise Exit(code=error.exit_code) from e


def main(namespace: Collection, version: str) -> None:
    """Run the command line."""
    _forbid_core_files()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # As Ctrl-C: what we started has a session of its own, and must not outlive us.
        signal.signal(number, signal.default_int_handler)
    # Tasks are short, and what they import stays: nothing for the collector to find there, neither meanwhile
    # nor at the end. That is seven in a hundred of what importing costs.
    gc.freeze()
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)
    try:
        _Inv(
            name="inv", binary="inv", binary_names=["inv", "./inv"], version=version, namespace=namespace
        ).run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.exit(_reader_gone())


def _forbid_core_files() -> None:
    """A key in memory must not end up in a file when the process crashes.

    Less than a page is no file. Programs that the kernel pipes crashes to get them whatever the limit is,
    but for 1 (core(5)).
    """
    with contextlib.suppress(ImportError):  # not on Windows
        import resource

        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (0 if hard == 0 else 1, hard))
