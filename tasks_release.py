"""Tasks about releases: bundles, rebuilds, approvals, the log, signing over an air gap (docs/release.md)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import Task

from toolchain import console
from toolchain.console import Output, command, task
from toolchain.errors import ConfigError

if TYPE_CHECKING:
    from toolchain.build.workplace import Job
    from toolchain.package import Package
    from toolchain.pipeline import Outcome, Verified
    from toolchain.release.policy import ReleasePolicy
    from toolchain.verify import Policy

PROJECT = Path(__file__).resolve().parent

Strings = list[str] | None
"""An option that may be given several times."""

_BUNDLE = "file with the release bundle"
_POLICY = "file with the release policy (docs/bundle.md)"
_SIGNER = "who signs: file:PATH, pkcs11:… or external:FOLDER (docs/release.md)"
_OUT = "file for the result; default: the bundle itself"
_LOG = "folder of the log"
CHAIN = "chain (.chain.json) that leads from an app key of the policy to the one that signs now"
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


@task(
    name="new",
    positional=["path"],
    iterable=["app", "approver", "builder", "app_key", "witness"],
    help={
        "path": "file for the policy",
        "app": "name of an app, as its manifest has it; may be given several times",
        "approver": "NAME=RECORD, the public record (.toml) of a key; several times, as all of these",
        "builder": "NAME=RECORD; all of them must have rebuilt",
        "app-key": "NAME=RECORD of a key that signs apps",
        "log": "RECORD of the log's key",
        "origin": "name of the log, for example log.example/apps",
        "witness": "NAME=RECORD; all of them must have signed the log's head",
        "threshold": "how many approvers are needed; at least two",
        "verification": "the rules that the app must pass: development, release or store",
        "expires": "last day, YYYY-MM-DD; default: two years from now",
        "json": _JSON,
    },
)
@command
def policy_new(
    _context: Context,
    path: str,
    app: Strings = None,
    approver: Strings = None,
    builder: Strings = None,
    app_key: Strings = None,
    log: str = "",
    origin: str = "",
    witness: Strings = None,
    threshold: int = 2,
    verification: str = "store",
    expires: str = "",
    json: bool = False,
) -> None:
    """Write a release policy from the public records of everyone's keys; a key in two roles is refused."""
    from toolchain import dist, pipeline, releasing, views_release

    issued = releasing.today()
    rules = releasing.new_policy(
        app or (),
        {
            "release-approval": approver or (),
            "builder": builder or (),
            "app-signing": app_key or (),
            "log": [log] if log else [],
            "witness": witness or (),
        },
        verification=pipeline.policy(verification).name,
        threshold=threshold,
        origin=origin,
        issued=issued,
        expires=releasing.day(expires) if expires else issued + timedelta(days=730),
    )
    file = Path(path).expanduser()
    dist.write(file, rules.to_json())
    views_release.policy(Output(as_json=json), file, rules)


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


@task(name="sign", positional=["bundle"], help={**_SIGN_HELP, "chain": CHAIN, "out": _OUT})
@command
def bundle_sign(
    _context: Context,
    bundle: str,
    policy: str = "",
    signer: str = "",
    chain: str = "",
    out: str = "",
    json: bool = False,
) -> None:
    """Check evidence, approvals and log once more, then sign the app hash of every target."""
    from toolchain import releasing, views_release

    rules = releasing.read_policy(policy)
    value, rotations = releasing.read_bundle(Path(bundle)), Path(chain) if chain else None
    signed = releasing.sign(value, rules, signer, console.ask_secret, rotations)
    path = Path(out or bundle)
    releasing.write_bundle(path, signed)
    views_release.written(Output(as_json=json), path, signed)


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


def packages(bundle: str, policy: str, targets: Strings) -> "tuple[Package, ...]":
    """What devices get of a bundle that is good today: everything, or what is for ``targets``."""
    from toolchain import releasing

    release = releasing.verify(releasing.read_bundle(Path(bundle)), releasing.read_policy(policy))
    return tuple(p for p in releasing.packages(release) if not targets or p.manifest.target in targets)


def release_policies(jobs: "Sequence[Job]", chosen: "Policy", file: str) -> "Mapping[Path, ReleasePolicy]":
    """The release policy of each app, by the app's folder: ``file``, or the one that lies in the folder."""
    from toolchain import releasing

    rules = {}
    for folder in dict.fromkeys(job.manifest.directory for job in jobs):
        path = Path(file) if file else folder / releasing.POLICY_FILE
        if not file and not path.exists():
            raise ConfigError(
                f"the policy {chosen.name} wants approvals, and no release policy says whose",
                hint="./inv policy.new writes one; put it there, or name it with --release-policy",
                where=str(path),
            )
        found = releasing.read_policy(str(path))
        if found.verification != chosen.name:
            raise ConfigError(
                f"the release policy wants the app verified under {found.verification}, not {chosen.name}",
                hint=f"--policy {found.verification}",
                where=str(path),
            )
        rules[folder] = found
    return rules


def release_all(
    out: Output,
    verified: "Sequence[Outcome[Verified]]",
    rules: "Mapping[Path, ReleasePolicy]",
    rebuild: Sequence[str],
    log: str,
    file: str,
    signer: str,
    chain: str,
) -> "tuple[Outcome[Package], ...]":
    """Bring each app's bundle as far as it gets today; what is signed is ready to be loaded."""
    from toolchain import pipeline, releasing, views_release
    from toolchain.errors import VerificationError

    if any(v.error for v in verified):
        stopped = VerificationError("not released: another target or app did not get this far")
        return tuple(pipeline.Outcome(v.app, v.target, None, v.error or stopped) for v in verified)
    made = {}
    for folder, policy in rules.items():
        ready = [v.get() for v in verified if v.get().built.job.manifest.directory == folder]
        first = ready[0].built
        path = Path(file) if file else releasing.bundle_path(first)
        rebuilds = [Path(name) for name in rebuild] or releasing.rebuilds_beside(first)
        logged = Path(log) if log else None
        release = releasing.advance(
            ready,
            policy,
            path,
            rebuilds=rebuilds,
            log=logged,
            uri=signer,
            ask_secret=console.ask_secret,
            chain=Path(chain) if chain else None,
        )
        views_release.verified(out, path, release)
        for package in releasing.packages(release):
            made[folder, package.manifest.target] = package
    return tuple(
        pipeline.Outcome(v.app, v.target, made[v.get().built.job.manifest.directory, v.target.name], None)
        for v in verified
    )


bundle_collection = Collection("bundle", bundle_show, bundle_verify, bundle_draft, bundle_merge, bundle_sign)
policy_collection = Collection("policy", policy_new)
log_collection = Collection("log", log_append, log_witness, log_prove)

__all__ = [
    "CHAIN",
    "approve",
    "attest",
    "bundle_collection",
    "log_collection",
    "packages",
    "policy_collection",
    "release_all",
    "release_policies",
    "sign_collection",
]
