"""Tasks about one built app: what it takes, and running it in the emulator."""

import contextlib
import sys
import tempfile
from pathlib import Path

from invoke.context import Context

from toolchain.console import Output, command, task

PROJECT = Path(__file__).resolve().parent

_APP = "name under apps/, or a folder with a ledger_app.toml"
_SDK = "folder of an official SDK checkout; default: sdk-shim/"
_COMPILER = "zig or clang-14 (docs/build.md); default: the one that goes with the SDK"


@task(
    iterable=["app", "target"],
    help={
        "app": _APP + "; may be given several times; default: all of apps/",
        "target": "may be given several times; default: what the app declares",
        "sdk": _SDK,
        "compiler": _COMPILER,
        "dist": "folder for the results; default: dist/ of the project",
        "symbols": "how many of the largest functions and variables to show",
        "against": "compare with a results folder (dist), a file of size --json, or a tag of the app",
        "json": "results as one JSON object a line (docs/json.md)",
    },
)
@command
def size(
    _context: Context,
    app: list[str] | None = None,
    target: list[str] | None = None,
    sdk: str = "",
    compiler: str = "",
    dist: str = "",
    symbols: int = 0,
    against: str = "",
    json: bool = False,
) -> None:
    """Build, then show what each app takes: flash, data, RAM, stack, largest symbols, what changed."""
    from toolchain import pipeline, previous, views_app

    out = Output(as_json=json)
    work = pipeline.Workspace.of(PROJECT, dist)
    jobs = pipeline.jobs(app or (), target or (), sdk, compiler, work)
    with out.progress("build") as progress:
        outcomes = pipeline.build(jobs, work, clean=False, progress=progress)
    before: previous.Sizes = {}
    if against:
        with out.progress("build what was before") as progress:
            before = previous.sizes(against, jobs, work, progress)
    views_app.sizes(out, outcomes, symbols, before)


@task(
    help={
        "app": _APP,
        "target": "nanos, nanosp or nanox",
        "sdk": _SDK,
        "compiler": _COMPILER,
        "elf": "run this app.elf instead of building one",
        "display": "text (screens as lines, buttons by lines on stdin) or headless",
        "apdu-port": "TCP port for commands (tcp://127.0.0.1:PORT)",
        "api-port": "HTTP port for buttons, texts and pictures",
        "json": "results as one JSON object a line (docs/json.md); the emulator's own words go to stderr",
    }
)
@command
def emulate(
    _context: Context,
    app: str = "boilerplate",
    target: str = "nanosp",
    sdk: str = "",
    compiler: str = "",
    elf: str = "",
    display: str = "text",
    apdu_port: int = 9999,
    api_port: int = 5000,
    json: bool = False,
) -> None:
    """Run an app in Speculos until Ctrl-C; model and API level come from the ELF."""
    from toolchain import emulator, pipeline, views_app
    from toolchain.environment import ensure_environment

    shows = views_app.display(display)
    emulator.check_ports({"--apdu-port": apdu_port, "--api-port": api_port})
    path = Path(elf).expanduser()
    if not elf:
        work = pipeline.Workspace.of(PROJECT)
        jobs = pipeline.jobs([app], [target], sdk, compiler, work)
        (outcome,) = pipeline.build(jobs, work, clean=False, progress=lambda _done, _total: None)
        path = outcome.get().folder / "app.elf"
    device = emulator.target_of(path)
    name = emulator.environment_name(device)
    python = (
        ensure_environment(PROJECT / "requirements" / f"{name}.lock", PROJECT / f".venv-{name}") / "python"
    )
    out = Output(as_json=json)
    apdu, api = f"tcp://127.0.0.1:{apdu_port}", f"http://127.0.0.1:{api_port}"
    if shows == "headless":
        with contextlib.suppress(KeyboardInterrupt):
            views_app.emulating(out, path, device, apdu, api)
            says = sys.stderr if json else None
            emulator.run(path, device, python=python, apdu_port=apdu_port, api_port=api_port, says=says)
        return
    with contextlib.suppress(KeyboardInterrupt), tempfile.TemporaryDirectory() as folder:
        ports = (apdu_port, api_port)
        with emulator.start(path, device, python=python, ports=ports, folder=Path(folder)) as running:
            views_app.emulating(out, path, device, apdu, api)
            out.note("left, right and both (or l, r, b) on stdin press buttons")
            emulator.watch(
                running,
                sys.stdin.fileno(),
                lambda texts: views_app.screen(out, texts),
                lambda word: out.note(f"no button is called {word!r}: left, right or both"),
            )
            out.note("the app has ended")
