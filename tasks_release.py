"""Tasks about releases: bundles, rebuilds, approvals, the log, signing over an air gap (docs/release.md)."""

from collections.abc import Callable
from pathlib import Path

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import Task, task

from toolchain.console import Output, command

PROJECT = Path(__file__).resolve().parent

Strings = list[str] | None
"""An option that may be given several times."""

_BUNDLE = "file with the release bundle"
_POLICY = "file with the release policy (docs/bundle.md)"
_SIGNER = "who signs: file:PATH, pkcs11:… or external:FOLDER (docs/release.md)"
_OUT = "file for the result; default: the bundle itself"
_LOG = "folder of the log"
_JSON = "results as one JSON object a line (docs/json.md)"

_BUILD_HELP = {
    "app": "name under apps/, or a folder with a ledger_app.toml",
    "target": "may be given several times; default: what the app declares",
    "sdk": "folder of an official SDK checkout; default: sdk-shim/",
    "compiler": "zig or clang-14 (docs/build.md); default: the one that goes with the SDK",
    "builder": "container, host, or auto: a container if ./inv builder.image made one (docs/builder.md)",
    "image": "build in this image of the engine, with the SDK that it carries for the target",
    "dist": "folder for the results; default: dist/ of the project",
    "json": _JSON,
}
_SIGN_HELP = {"bundle": _BUNDLE, "policy": _POLICY, "signer": _SIGNER, "json": _JSON}


@task(name="show", positional=["bundle"], help={"bundle": _BUNDLE, "json": _JSON})
@command
def bundle_show(_context: Context, bundle: str, json: bool = False) -> None:
    """Show what a bundle says: images, commit, findings, who rebuilt and approved it. Proves nothing."""
    from toolchain import releasing, views_release

    path = Path(bundle)
    views_release.shown(Output(as_json=json), path, releasing.look(releasing.read_bundle(path)))


@task(name="verify", positional=["bundle"], help={"bundle": _BUNDLE, "policy": _POLICY, "json": _JSON})
@command
def bundle_verify(_context: Context, bundle: str, policy: str = "", json: bool = False) -> None:
    """Check a bundle against the policy at hand: exit code 0 if nothing at all is wrong, else 4, 5 or 6."""
    from toolchain import releasing, views_release

    path, rules = Path(bundle), releasing.read_policy(policy)
    release = releasing.verify(releasing.read_bundle(path), rules)
    views_release.verified(Output(as_json=json), path, release)


@task(
    name="digest",
    iterable=["target"],
    help={
        **_BUILD_HELP,
        "policy": "development, release or store (docs/verify.md)",
        "signer": "external:FOLDER, a folder with the public.pem of the key that will sign",
    },
)
@command
def sign_digest(
    _context: Context,
    app: str,
    signer: str,
    target: Strings = None,
    sdk: str = "",
    compiler: str = "",
    builder: str = "auto",
    image: str = "",
    dist: str = "",
    policy: str = "release",
    json: bool = False,
) -> None:
    """Build, verify, and write what somebody behind an air gap is asked to sign, for people and for tools."""
    from toolchain import pipeline, releasing, views_release

    out = Output(as_json=json)
    folder, key = releasing.external_folder(signer)
    work = pipeline.Workspace.of(PROJECT, dist)
    jobs = pipeline.jobs([app], target or (), sdk, compiler, work, builder=builder, image=image)
    chosen = pipeline.policy(policy)
    with out.progress("build") as progress:
        outcomes = pipeline.build(jobs, work, clean=False, progress=progress)
    checked = pipeline.verify_all(outcomes, chosen)
    ready = [outcome.get() for outcome in checked]
    texts = [
        releasing.request_signature(v.image, v.built.result.provenance.commit, folder, key) for v in ready
    ]
    views_release.requested(out, checked, texts)


@task(
    name="attach",
    positional=["request"],
    help={
        "request": "the <digest>.request.json that was written",
        "signature": "file with the answer: DER, or hex or base64 of it; default: <digest>.sig beside it",
        "json": _JSON,
    },
)
@command
def sign_attach(_context: Context, request: str, signature: str = "", json: bool = False) -> None:
    """Check what came back over an air gap, and leave it where external:FOLDER finds it."""
    from toolchain import releasing, views_release

    done = releasing.attach_signature(Path(request), Path(signature) if signature else None)
    views_release.attached(Output(as_json=json), done)


def sign_collection(sign: Task[Callable[..., object]]) -> Collection:
    """``sign`` itself, and the two halves of signing over an air gap."""
    collection = Collection("sign")
    collection.add_task(sign, default=True)
    collection.add_task(sign_digest)
    collection.add_task(sign_attach)
    return collection


bundle_collection = Collection("bundle", bundle_show, bundle_verify)

__all__ = ["bundle_collection", "sign_collection"]
