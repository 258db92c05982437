"""Tasks that put an app under the care of a CI."""

from pathlib import Path

from invoke.collection import Collection
from invoke.context import Context

from toolchain.console import Output, command, task

PROJECT = Path(__file__).resolve().parent


@task(
    name="init",
    help={
        "app": "name under apps/, or a folder with a ledger_app.toml",
        "release": "also write what releases the app when a tag is pushed",
        "ci-signs": "the release policy lets the CI hold the app key (docs/ci.md)",
        "toolchain": "OWNER/NAME@COMMIT of this toolchain; default: that of this checkout",
        "sdk": "OWNER/NAME@COMMIT of the SDK to build with; default: the toolchain's own",
        "policy": "policy of the checks: development, release or store (docs/verify.md)",
        "force": "replace files that are there",
        "json": "results as one JSON object a line (docs/json.md)",
    },
)
@command
def init(
    _context: Context,
    app: str,
    release: bool = False,
    ci_signs: bool = False,
    toolchain: str = "",
    sdk: str = "",
    policy: str = "store",
    force: bool = False,
    json: bool = False,
) -> None:
    """Write a workflow, the same as a shell recipe, and a git hook into an app's folder."""
    from toolchain import pipeline, views_ci

    out = Output(as_json=json)
    plan = pipeline.ci_plan(app, PROJECT, toolchain, sdk, policy, release=release, signs=ci_signs)
    views_ci.written(out, plan, pipeline.ci_write(plan, release=release, force=force))


ci_collection = Collection("ci", init)
