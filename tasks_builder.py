"""Tasks about the builder image, and the proof that a build is reproducible."""

from pathlib import Path

from invoke.collection import Collection
from invoke.context import Context

from toolchain.console import Output, command, task

PROJECT = Path(__file__).resolve().parent

_JSON = "results as one JSON object a line (docs/json.md)"
_MIRROR = "Debian mirror to take packages from, for example of the day of the lock"


@task(
    help={
        "base": "packages (needs mmdebstrap), registry (a base image), or auto: packages where it can",
        "base-image": "NAME@sha256:… that --base registry starts from, instead of the one in builder.toml",
        "mirror": _MIRROR,
        "json": _JSON,
    }
)
@command
def image(
    _context: Context, base: str = "auto", base_image: str = "", mirror: str = "", json: bool = False
) -> None:
    """Make the builder image in the container engine, exactly as builder.lock has it."""
    from toolchain import pipeline, views_builder
    from toolchain.build.engine import Engine
    from toolchain.build.image import make

    out = Output(as_json=json)
    work = pipeline.Workspace.of(PROJECT).work
    made = make(Engine.connect(), work, base=base, base_image=base_image, mirror=mirror, show=out.note)
    views_builder.image(out, made)


@task(
    help={
        "architecture": "amd64, arm64 …; default: this machine's; another one needs qemu-user-static",
        "mirror": _MIRROR,
        "json": _JSON,
    }
)
@command
def update(_context: Context, architecture: str = "", mirror: str = "", json: bool = False) -> None:
    """Write today's packages into builder.lock, and show what changed."""
    from toolchain import pipeline, views_builder
    from toolchain.build.image import native_architecture, update

    out = Output(as_json=json)
    work = pipeline.Workspace.of(PROJECT).work
    changed = update(architecture or native_architecture(), work, mirror=mirror, show=out.note)
    views_builder.changes(out, changed)


@task(
    iterable=["app", "target", "vary"],
    help={
        "app": "name under apps/, or a folder with a ledger_app.toml; may be given several times",
        "target": "nanos nanosp nanox stax flex apex_p; may be given several times",
        "sdk": "folder of an official SDK checkout; default: sdk-shim/",
        "compiler": "zig or clang-14 (docs/build.md)",
        "builder": "container, host, or auto: also in a container, where there is a builder image",
        "image": "also build in this image of the engine",
        "vary": "only this variation (docs/builder.md); may be given several times; default: all",
        "manifest": "rebuild what this manifest.json describes, and say whether it is the same",
        "json": _JSON,
    },
)
@command
def reproduce(
    _context: Context,
    app: list[str] | None = None,
    target: list[str] | None = None,
    sdk: str = "",
    compiler: str = "",
    builder: str = "auto",
    image: str = "",
    vary: list[str] | None = None,
    manifest: str = "",
    json: bool = False,
) -> None:
    """Build again under variation and compare every byte; name the first difference and its cause."""
    from toolchain import pipeline, reproduction, views_builder

    out = Output(as_json=json)
    work = pipeline.Workspace.of(PROJECT)
    if manifest:
        with out.progress("rebuild") as progress:
            progress(0, 1)
            found = reproduction.rebuild(
                Path(manifest).expanduser(),
                app[0] if app else "",
                sdk,
                compiler,
                work,
                builder=builder,
                image=image,
            )
        views_builder.rebuilt(out, found)
        return
    jobs = pipeline.jobs(app or (), target or (), sdk, compiler, work)
    machines = reproduction.other_machines(builder, image, work)
    with out.progress("reproduce") as progress:
        outcomes = reproduction.reproduce(jobs, work, machines=machines, vary=vary or (), progress=progress)
    views_builder.reproduced(out, outcomes)


def builder_collection() -> Collection:
    """``builder.image`` and ``builder.update``."""
    return Collection("builder", image, update)
