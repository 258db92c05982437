"""Tasks about releases: bundles, rebuilds, approvals, the log, signing over an air gap (docs/release.md)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import Task, task

from tasks_device import prepare
from toolchain import console
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
    checked = pipeline.verify_all(outcomes, chosen, work)
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


@task(
    iterable=["target", "rebuild"],
    help={
        **_BUILD_HELP,
        "policy": _POLICY,
        "rebuild": "what a builder's ./inv attest wrote; may be given several times",
        "out": "file for the bundle; default: <app>-<version>.bundle in the app's folder of dist/",
    },
    name="draft",
)
@command
def bundle_draft(
    _context: Context,
    app: str,
    target: Strings = None,
    sdk: str = "",
    compiler: str = "",
    builder: str = "auto",
    image: str = "",
    dist: str = "",
    policy: str = "",
    rebuild: Strings = None,
    out: str = "",
    json: bool = False,
) -> None:
    """Build from a clean export, verify under the policy's rules, collect all evidence in one file."""
    from toolchain import pipeline, releasing, views_release

    output = Output(as_json=json)
    rules = releasing.read_policy(policy)
    work = pipeline.Workspace.of(PROJECT, dist)
    jobs = pipeline.jobs([app], target or (), sdk, compiler, work, builder=builder, image=image)
    chosen = pipeline.policy(rules.verification)
    with output.progress("build") as progress:
        outcomes = pipeline.build(jobs, work, clean=True, progress=progress)
    ready = [outcome.get() for outcome in pipeline.verify_all(outcomes, chosen, work)]
    draft = releasing.draft(ready, rules, [Path(file) for file in rebuild or ()], releasing.today())
    path = Path(out) if out else releasing.bundle_path(ready[0].built)
    releasing.write_bundle(path, draft)
    views_release.written(output, path, draft)


@task(
    name="merge",
    positional=["bundle"],
    iterable=["other"],
    help={
        "bundle": _BUNDLE,
        "other": "another copy, with other approvals; may be given several times",
        "out": _OUT,
        "json": _JSON,
    },
)
@command
def bundle_merge(
    _context: Context, bundle: str, other: Strings = None, out: str = "", json: bool = False
) -> None:
    """Collect the approvals of several copies of one draft in one."""
    from toolchain import releasing, views_release

    merged = releasing.merge(releasing.read_bundle(Path(bundle)), [Path(file) for file in other or ()])
    path = Path(out or bundle)
    releasing.write_bundle(path, merged)
    views_release.written(Output(as_json=json), path, merged)


@task(name="sign", positional=["bundle"], help={**_SIGN_HELP, "out": _OUT})
@command
def bundle_sign(
    _context: Context, bundle: str, policy: str = "", signer: str = "", out: str = "", json: bool = False
) -> None:
    """Check evidence, approvals and log once more, then sign the app hash of every target."""
    from toolchain import releasing, views_release

    rules = releasing.read_policy(policy)
    signed = releasing.sign(releasing.read_bundle(Path(bundle)), rules, signer, console.ask_secret)
    path = Path(out or bundle)
    releasing.write_bundle(path, signed)
    views_release.written(Output(as_json=json), path, signed)


@task(
    name="load",
    positional=["bundle"],
    iterable=["device"],
    help={
        "bundle": _BUNDLE,
        "policy": _POLICY,
        "device": "virtual: or tcp://HOST:PORT or usb: (docs/load.md); several times; default: virtual:",
        "target": "what a virtual device is, if the bundle has several targets",
        "state": "file in which a virtual device keeps what is installed",
        "force": "load even if the device has this very app, or is of a model that takes none",
        "unsafe-unknown-issuer": "load though no pinned issuer vouches for the device; this is recorded",
        "timeout": "seconds that one answer of the device may take",
        "json": _JSON,
    },
)
@command
def bundle_load(
    _context: Context,
    bundle: str,
    policy: str = "",
    device: Strings = None,
    target: str = "",
    state: str = "",
    force: bool = False,
    unsafe_unknown_issuer: bool = False,
    timeout: float = 60.0,
    json: bool = False,
) -> None:
    """Verify a bundle, then load its image for the device; the device confirms that it is installed."""
    from toolchain import fleet, releasing, views_fleet
    from toolchain.devices import DeviceOptions

    out = Output(as_json=json)
    rules = releasing.read_policy(policy)
    release = releasing.verify(releasing.read_bundle(Path(bundle)), rules)
    ready = [p for p in releasing.packages(release) if target in ("", p.manifest.target)]
    uris = device or ["virtual:"]
    prepare(*uris)
    options = DeviceOptions(
        uri="",
        state=Path(state) if state else None,
        force=force,
        unsafe_unknown_issuer=unsafe_unknown_issuer,
        timeout=timeout,
    )
    found = fleet.survey([replace(options, uri=uri) for uri in uris], ask=len(ready) != 1)
    loads, without_app = fleet.assign(found, ready)
    with views_fleet.watching(out, loads) as watch:
        results = fleet.load_all(loads, watch)
    views_fleet.loaded(out, results, without_app)


@task(
    iterable=["target"],
    help={
        **_BUILD_HELP,
        "policy": _POLICY,
        "signer": _SIGNER,
        "out": "file for the statement; default: rebuilds/<builder>.json in the app's folder of dist/",
    },
)
@command
def attest(
    _context: Context,
    app: str,
    target: Strings = None,
    sdk: str = "",
    compiler: str = "",
    builder: str = "auto",
    image: str = "",
    dist: str = "",
    policy: str = "",
    signer: str = "",
    out: str = "",
    json: bool = False,
) -> None:
    """As an independent builder: build from a clean export, and state under signature what came out."""
    from toolchain import pipeline, releasing, views_release

    output = Output(as_json=json)
    rules = releasing.read_policy(policy)
    work = pipeline.Workspace.of(PROJECT, dist)
    jobs = pipeline.jobs([app], target or (), sdk, compiler, work, builder=builder, image=image)
    with output.progress("build") as progress:
        outcomes = pipeline.build(jobs, work, clean=True, progress=progress)
    built = [outcome.get() for outcome in outcomes]
    made = releasing.attest(built, rules, signer, console.ask_secret)
    path = Path(out) if out else releasing.rebuild_path(built[0], made)
    releasing.write_envelope(path, made.envelope)
    views_release.attested(output, path, made)


@task(
    positional=["bundle"],
    help={**_SIGN_HELP, "yes": "do not ask: the summary was read before", "out": _OUT},
)
@command
def approve(
    _context: Context,
    bundle: str,
    policy: str = "",
    signer: str = "",
    yes: bool = False,
    out: str = "",
    json: bool = False,
) -> None:
    """As an approver: read what a bundle is about, and sign exactly this."""
    from toolchain import releasing, views_release

    rules = releasing.read_policy(policy)
    value = releasing.read_bundle(Path(bundle))
    seen = releasing.look(value)
    views_release.consent(seen, yes=yes)
    approved = releasing.approve(value, rules, seen.evidence.facts, signer, console.ask_secret)
    path = Path(out or bundle)
    releasing.write_bundle(path, approved)
    views_release.written(Output(as_json=json), path, approved)


@task(name="append", positional=["bundle"], help={**_SIGN_HELP, "log": _LOG})
@command
def log_append(
    _context: Context, bundle: str, log: str, policy: str = "", signer: str = "", json: bool = False
) -> None:
    """As the log: list a release, once, and sign the new head."""
    from toolchain import releasing, views_release

    rules, folder = releasing.read_policy(policy), Path(log)
    value = releasing.read_bundle(Path(bundle))
    head = releasing.log_release(value, folder, rules, signer, console.ask_secret)
    views_release.head(Output(as_json=json), folder, head)


@task(
    name="witness",
    help={
        "log": _LOG,
        "memory": "file with the last head that this witness signed; it is written anew",
        "first": "this witness never signed a head: there is nothing to compare with",
        "policy": _POLICY,
        "signer": _SIGNER,
        "json": _JSON,
    },
)
@command
def log_witness(
    _context: Context,
    log: str,
    memory: str,
    first: bool = False,
    policy: str = "",
    signer: str = "",
    json: bool = False,
) -> None:
    """As a witness: sign the log's head if the log only grew since the last one that was signed."""
    from toolchain import releasing, views_release

    rules, folder = releasing.read_policy(policy), Path(log)
    head = releasing.witness(folder, Path(memory), rules, signer, console.ask_secret, first=first)
    views_release.head(Output(as_json=json), folder, head)


@task(name="prove", positional=["bundle"], help={"bundle": _BUNDLE, "log": _LOG, "out": _OUT, "json": _JSON})
@command
def log_prove(_context: Context, bundle: str, log: str, out: str = "", json: bool = False) -> None:
    """Put the proof into a bundle that the log lists it, with the log's newest head."""
    from toolchain import releasing, views_release

    proved = releasing.prove(releasing.read_bundle(Path(bundle)), Path(log))
    path = Path(out or bundle)
    releasing.write_bundle(path, proved)
    views_release.written(Output(as_json=json), path, proved)


bundle_collection = Collection(
    "bundle", bundle_show, bundle_verify, bundle_draft, bundle_merge, bundle_sign, bundle_load
)
log_collection = Collection("log", log_append, log_witness, log_prove)

__all__ = [
    "approve",
    "attest",
    "bundle_collection",
    "log_collection",
    "sign_collection",
]
