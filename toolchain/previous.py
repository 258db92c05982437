"""What a build is compared with: results of an earlier one, or the sources of an earlier release."""

import contextlib
import json
import shutil
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from toolchain import dist
from toolchain.app import AppManifest
from toolchain.build.git import git
from toolchain.build.workplace import Job
from toolchain.errors import ConfigError
from toolchain.formats.elf import read_elf
from toolchain.image import Placed
from toolchain.pipeline import Progress, Workspace, build
from toolchain.size import Size
from toolchain.stack import StackUse, Use

Sizes = Mapping[tuple[str, str], Size]
"""By names of app and target. What was not there before is not in it."""


def sizes(against: str, todo: Sequence[Job], work: Workspace, progress: Progress) -> Sizes:
    """What the jobs' apps took before.

    ``against`` is a folder of results (``dist``), a file that ``./inv size --json`` wrote, or a revision in
    the app's repository, usually a tag, which is then built with the jobs' compilers; the SDK is the one of
    that revision if it lies in the same repository.

    Raises:
        ConfigError: none of these.
        ToolchainError: what it names cannot be read or built.
    """
    path = Path(against).expanduser()
    if path.is_dir():
        return _of_folder(path, todo)
    if path.is_file():
        return _of_report(path)
    found: dict[tuple[str, str], Size] = {}
    for job in todo:
        exported = _export(job, against, work)
        earlier = replace(work, dist=work.work / "previous" / "dist")
        outcomes = build([exported], earlier, clean=False, progress=progress) if exported else ()
        for outcome in outcomes:
            built = outcome.get()
            found[job.manifest.directory.name, job.target.name] = Size.of(built.image, built.elf)
    return found


def _of_folder(folder: Path, todo: Iterable[Job]) -> Sizes:
    found = {}
    for job in todo:
        key = (job.manifest.directory.name, job.target.name)
        file = folder.joinpath(*key, "app.elf")
        if file.is_file():
            found[key] = Size.of(*read_elf(dist.read(file), where=str(file)))
    return found


def _of_report(file: Path) -> Sizes:
    found = {}
    try:
        for line in dist.read(file).decode("utf-8").splitlines():
            fields = json.loads(line)
            code, data, flash, ram, stack = (
                int(fields[name]) for name in ("code", "data", "flash", "ram", "stack")
            )
            placed = tuple(Placed(0, int(size), str(name)) for name, size in fields.get("symbols", ()))
            used = StackUse(chain=(Use("", int(fields.get("stack_used", 0))),))
            key = (str(fields["app"]), str(fields["target"]))
            found[key] = Size(code, data, flash - code - data, ram, stack, used, placed)
    except (ValueError, KeyError, TypeError) as e:
        raise ConfigError(
            "this is not what size writes", hint="./inv size --json --symbols 9999 > FILE", where=str(file)
        ) from e
    return found


def _export(job: Job, revision: str, work: Workspace) -> Job | None:
    """The same job with the sources of that revision; None if the app was not there yet."""
    folder = job.manifest.directory
    top = git(folder, "rev-parse", "--show-toplevel")
    commit = git(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}") if top else None
    if top is None or commit is None:
        raise ConfigError(
            f"neither a folder, a file nor a revision of the app's repository: {revision}",
            hint=f"git -C {folder} tag lists its releases",
        )
    tree = work.work / "previous" / commit
    if not tree.is_dir():
        _extract(Path(top), commit, tree)
    earlier = tree / folder.resolve().relative_to(top)
    if not earlier.is_dir():
        return None
    sdk = job.sdk.resolve()
    inside = sdk.is_relative_to(top)
    return replace(
        job, manifest=AppManifest.read(earlier), sdk=tree / sdk.relative_to(top) if inside else job.sdk
    )


def _extract(top: Path, commit: str, tree: Path) -> None:
    tree.parent.mkdir(parents=True, exist_ok=True)
    archive, unpacked = tree.with_suffix(".tar"), tree.with_suffix(".new")
    with contextlib.ExitStack() as leaving:
        leaving.callback(archive.unlink, missing_ok=True)
        if git(top, "archive", "--format=tar", f"--output={archive}", commit) is None:
            raise ConfigError("git cannot export the revision", where=f"{top}, {commit}")
        shutil.rmtree(unpacked, ignore_errors=True)
        with tarfile.open(archive) as files:
            files.extractall(unpacked, filter="data")
        unpacked.rename(tree)
