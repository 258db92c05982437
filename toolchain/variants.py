"""What else is built so that an app can be verified: its other variants, and the same with a second SDK."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from toolchain.build.result import BuildResult
from toolchain.build.sdk import Sdk
from toolchain.build.workplace import Job
from toolchain.errors import ConfigError, ToolchainError

if TYPE_CHECKING:
    from toolchain.artefacts import Built
    from toolchain.verify import Trial

MAX_VARIANTS = 64
"""Variants of one app that are built."""

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}", re.ASCII)


def variant(job: Job) -> str:
    """The variant that a job asks for; empty for the makefile's own choice."""
    return job.variables[-1][1] if job.variables else ""


def results(dist: Path, job: Job) -> Path:
    """The folder for what a job makes."""
    folder = dist / job.manifest.directory.name / job.target.name
    return folder / "variants" / variant(job) if job.variables else folder


def variant_jobs(built: Built) -> Iterator[Job]:
    """A job for each variant that the makefile lists, but for its own choice.

    Names that no file could have, and those behind the first MAX_VARIANTS, are left out.
    """
    from toolchain.verify.makefile import own_variant, unquoted, variants

    variables = built.result.app.variables
    parameter, own = unquoted(variables.get("VARIANT_PARAM", "")), own_variant(variables)
    names = [name for name in variants(variables) if name != own and _NAME.fullmatch(name)]
    for name in names[:MAX_VARIANTS]:
        # A parameter that is no variable of the app's has no variants.
        with contextlib.suppress(ConfigError):
            yield replace(built.job, variables=((parameter, name),))


def trial(job: Job, sdk: Sdk, result: BuildResult | ToolchainError, work: Path) -> Trial:
    """What became of ``job``, which was built with ``sdk`` below ``work``."""
    from toolchain.build.analyzer import analyze
    from toolchain.verify import Trial

    name = f"{sdk.name} {sdk.version}".strip()
    if isinstance(result, ToolchainError):
        return Trial(name, error=str(result))
    return Trial(name, "", result.diagnostics, functools.partial(analyze, job, result, root=work))
