"""Building again: every job of a task under variation, or what a published manifest describes."""

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

from toolchain.build import reproduce as reproducing
from toolchain.build.machines import machine
from toolchain.build.workplace import HOST, Job, Machine
from toolchain.errors import ToolchainError
from toolchain.package import read_manifest
from toolchain.pipeline import Outcome, Progress, Workspace, apps, jobs


def other_machines(builder: str, image: str, work: Workspace) -> tuple[Machine, ...]:
    """What to build on beside this machine: the container that ``builder`` and ``image`` name, if any.

    Raises:
        ConfigError: there is no such container.
    """
    found = machine(builder, image, work.work)
    return () if found is HOST else (found,)


def reproduce(
    todo: Sequence[Job],
    work: Workspace,
    *,
    machines: Sequence[Machine],
    vary: Sequence[str],
    progress: Progress,
) -> tuple[Outcome[reproducing.Report], ...]:
    """Build every job again and again, each time with something different that must not matter.

    Raises:
        ConfigError: no such variation.
    """
    total = len(todo) * reproducing.steps(vary, machines)
    count = itertools.count(1)

    def report(job: Job) -> Outcome[reproducing.Report]:
        name = job.manifest.directory.name
        try:
            made = reproducing.reproduce(
                job, root=work.work, machines=machines, vary=vary, done=lambda: progress(next(count), total)
            )
        except ToolchainError as e:
            return Outcome(name, job.target, None, e)
        return Outcome(name, job.target, made, None)

    return tuple(map(report, todo))


def rebuild(
    path: Path,
    app: str,
    sdk: str,
    compiler: str,
    work: Workspace,
    *,
    builder: str = "host",
    image: str = "",
) -> reproducing.Rebuilt:
    """Build what the manifest in ``path`` describes from ``app`` (default: the one of its name under apps/).

    Raises:
        ConfigError: no such app, commit or SDK here.
        NotReproducibleError: no commit describes what was built.
        ImageError: the manifest is malformed.
        BuildError: the rebuild failed.
    """
    manifest = read_manifest(path)
    folder = apps([app or manifest.app.lower()], work.project)[0].directory
    chosen = Path(sdk).expanduser().absolute() if sdk else work.project / "sdk-shim"
    reproducing.check_origin(manifest, chosen, work.work)
    with reproducing.source_at(folder, manifest.provenance.commit) as source:
        (job,) = jobs(
            [str(source)], [manifest.target], str(chosen), compiler, work, builder=builder, image=image
        )
        job = dataclasses.replace(job, variables=reproducing.variables_of(manifest))
        return reproducing.rebuild(job, manifest, root=work.work)
