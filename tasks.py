"""The tasks of ``./inv``: parse, call one function of the pipeline, show the result."""

import functools
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from invoke.collection import Collection
from invoke.context import Context

from tasks_app import emulate, size
from tasks_builder import builder_collection, reproduce
from tasks_ci import ci_collection
from tasks_device import (
    boot_all,
    device_collection,
    doctor,
    explain,
    fuzz,
    prepare,
    require_virtual,
)
from tasks_issuer import issuer_collection
from tasks_release import (
    CHAIN,
    approve,
    attest,
    bundle_collection,
    log_collection,
    packages,
    policy_collection,
    release_all,
    release_policies,
    sign_collection,
)
from toolchain import __version__, console
from toolchain.console import Output, command, task
from toolchain.errors import ConfigError

PROJECT = Path(__file__).resolve().parent

Strings = list[str] | None
"""An option that may be given several times."""

_APP = (
    "name under apps/, or a folder with a ledger_app.toml; may be given several times; default: all of apps/"
)
_TARGET = "nanos nanosp nanox stax flex apex_p; may be given several times; default: what the app declares"
_SDK = "folder of an official SDK checkout; default: sdk-shim/"
_DIST = "folder for the results; default: dist/ of the project"
_JSON = "results as one JSON object a line (docs/json.md)"
_POLICY = "development, release or store (docs/verify.md)"
_SIGNER = "who signs, for example file:issuer.pem; default: your development key"
_ISSUER_KEY = "public record (.toml) of the key that signs; default: the one beside the key file"
_DEVICE = "virtual:, tcp://HOST:PORT, usb:, ble:ADDRESS or pcsc: (docs/load.md)"
_UNSAFE = "load onto a device that no pinned issuer vouches for; recorded in the result"
_EMULATE = "boot what the virtual device holds now in Speculos, ask it for its name, show its screen"
_COMPILER = "zig or clang-14 (docs/build.md); default: the one that goes with the SDK"

_BUILDER = "container, host, or auto: a container if ./inv builder.image made one (docs/builder.md)"
_IMAGE = "build in this image of the engine, with the SDK that it carries for the target"

_BUILD_HELP = {
    "app": _APP,
    "target": _TARGET,
    "sdk": _SDK,
    "compiler": _COMPILER,
    "builder": _BUILDER,
    "image": _IMAGE,
    "dist": _DIST,
    "json": _JSON,
    "clean": "start from a clean export instead of the last build's copy",
}


@task(name="list", help={"json": _JSON})
@command
def list_(_context: Context, json: bool = False) -> None:
    """Show the project's apps and the targets that there are."""
    from toolchain import pipeline, views

    out = Output(as_json=json)
    apps, targets = pipeline.apps((), PROJECT), pipeline.all_targets()
    views.listing(out, apps, targets)


@task(
    iterable=["app", "target"],
    help={
        **_BUILD_HELP,
        "cache": "folder that keeps objects and finished builds for other runs and machines",
    },
)
@command
def build(
    _context: Context,
    app: Strings = None,
    target: Strings = None,
    sdk: str = "",
    compiler: str = "",
    builder: str = "auto",
    image: str = "",
    dist: str = "",
    clean: bool = False,
    cache: str = "",
    json: bool = False,
) -> None:
    """Compile apps: dist/<app>/<target>/ gets app.elf, app.hex, app.apdu, app.sha256, build.log."""
    from toolchain import pipeline, views_build

    out = Output(as_json=json)
    work = pipeline.Workspace.of(PROJECT, dist)
    jobs = pipeline.jobs(app or (), target or (), sdk, compiler, work, builder=builder, image=image)
    with out.progress("build") as progress:
        folder = Path(cache).expanduser().absolute() if cache else None
        outcomes = pipeline.build(jobs, work, clean=clean, cache=folder, progress=progress)
    views_build.built(out, outcomes)


@task(
    iterable=["app", "target", "only", "report"],
    help={
        **_BUILD_HELP,
        "policy": _POLICY,
        "only": "run this rule alone; may be given several times",
        "database": "file of registered load parameters (app-load-params-db.json)",
        "report": "write a report to this .sarif, .html, .xml (JUnit) or .json; may be given several times",
        "baseline": "file with findings that the app had before; they do not count",
        "update-baseline": "write what was found into that file",
        "variants": "every variant that the makefile lists; policy store takes them in any case",
        "also-sdk": "folder of a second SDK, for example a newer one: what it finds is advice",
        "list-rules": "list the policy's rules instead",
        "explain": "tell about one rule instead",
    },
)
@command
def verify(
    _context: Context,
    app: Strings = None,
    target: Strings = None,
    sdk: str = "",
    compiler: str = "",
    builder: str = "auto",
    image: str = "",
    dist: str = "",
    policy: str = "development",
    only: Strings = None,
    database: str = "",
    report: Strings = None,
    baseline: str = "",
    update_baseline: bool = False,
    variants: bool = False,
    also_sdk: str = "",
    list_rules: bool = False,
    explain: str = "",
    clean: bool = False,
    json: bool = False,
) -> None:
    """Build, then check every rule; all findings at once, with place and fix."""
    from toolchain import pipeline, views

    out = Output(as_json=json)
    chosen = pipeline.policy(policy)
    if list_rules or explain:
        views.rules(out, [pipeline.rule(explain)] if explain else chosen.rules, explained=bool(explain))
        return
    if update_baseline and not baseline:
        raise ConfigError("--update-baseline writes the file that --baseline names")
    if only and (report or baseline):
        raise ConfigError("--only shows what single rules find: no report, no baseline")
    if only and (variants or also_sdk):
        raise ConfigError("--only looks at one build: no variants, no second SDK")
    registered, reports = pipeline.database(database), pipeline.report_files(report or ())
    known = None if update_baseline else pipeline.baseline(baseline)
    work = pipeline.Workspace.of(PROJECT, dist)
    jobs = pipeline.jobs(app or (), target or (), sdk, compiler, work, builder=builder, image=image)
    with out.progress("build") as progress:
        outcomes = pipeline.build(jobs, work, clean=clean, progress=progress)
    if only:
        views.checked(out, pipeline.check_rules(outcomes, chosen, work, only, registered))
        return
    if variants or pipeline.wants_variants(chosen):
        with out.progress("build variants") as progress:
            outcomes = (*outcomes, *pipeline.build_variants(outcomes, work, progress))
    context = pipeline.Context(registered)
    if also_sdk:
        with out.progress("build with the other SDK") as progress:
            context = replace(context, trials=pipeline.try_sdk(outcomes, also_sdk, work, progress))
    with out.progress("verify") as progress:
        verified = pipeline.verify_all(outcomes, chosen, work, context, progress)
    if update_baseline:
        known = pipeline.update_baseline(baseline, verified)
    judged = pipeline.judge(verified, chosen, known)
    pipeline.write_reports(reports, judged, chosen)
    if known:
        views.baseline(out, baseline, known, judged)
    views.verified(out, judged, chosen)


@task(
    iterable=["app", "target"],
    help={**_BUILD_HELP, "policy": _POLICY, "signer": _SIGNER, "issuer-key": _ISSUER_KEY},
)
@command
def sign(
    _context: Context,
    app: Strings = None,
    target: Strings = None,
    sdk: str = "",
    compiler: str = "",
    builder: str = "auto",
    image: str = "",
    dist: str = "",
    policy: str = "development",
    signer: str = "",
    issuer_key: str = "",
    clean: bool = False,
    json: bool = False,
) -> None:
    """Build, verify, then sign the digest: manifest.json, app.signed.apdu and SHA256SUMS beside the app."""
    from toolchain import pipeline, views

    out = Output(as_json=json)
    work = pipeline.Workspace.of(PROJECT, dist)
    jobs = pipeline.jobs(app or (), target or (), sdk, compiler, work, builder=builder, image=image)
    chosen = pipeline.policy(policy)
    key = pipeline.signing_key(signer, issuer_key, chosen, console.ask_secret)
    with out.progress("build") as progress:
        outcomes = pipeline.build(jobs, work, clean=clean, progress=progress)
    verified = pipeline.verify_all(outcomes, chosen, work)
    views.signed(out, verified, pipeline.sign_all(verified, key))


@task(
    iterable=["target", "device"],
    help={
        **_BUILD_HELP,
        "app": "name under apps/, or a folder with a ledger_app.toml",
        "bundle": "load what this release bundle holds, without building; also as ./inv load FILE",
        "policy": "file with the release policy that a bundle must keep (docs/bundle.md)",
        "manifest": "load what this manifest.json describes, without building",
        "device": f"{_DEVICE}; may be given several times; default: virtual:",
        "all": "every device that is plugged in",
        "signer": _SIGNER,
        "issuer-key": _ISSUER_KEY,
        "state": "file in which a virtual device keeps what is installed",
        "force": "load even if the device has this very app, or is of a model that takes none",
        "omit-signature": "commit without the signature: for a device that does not trust the key",
        "unsafe-unknown-issuer": _UNSAFE,
        "emulate": _EMULATE,
        "timeout": "seconds that one answer of the device may take",
    },
)
@command
def load(
    _context: Context,
    app: str = "",
    target: Strings = None,
    sdk: str = "",
    compiler: str = "",
    builder: str = "auto",
    image: str = "",
    dist: str = "",
    bundle: str = "",
    policy: str = "",
    manifest: str = "",
    device: Strings = None,
    all: bool = False,  # noqa: A002 - the name of the option
    signer: str = "",
    issuer_key: str = "",
    state: str = "",
    force: bool = False,
    omit_signature: bool = False,
    unsafe_unknown_issuer: bool = False,
    emulate: bool = False,
    timeout: float = 60.0,
    clean: bool = False,
    json: bool = False,
) -> None:
    """Build (or take a bundle), verify, sign, load; each device confirms that the app is installed."""
    from toolchain import fleet, package, views_fleet
    from toolchain.device.transport.usb import list_usb
    from toolchain.devices import DeviceOptions

    out = Output(as_json=json)
    prepare(*(["usb:"] if all else device or ()))
    options = DeviceOptions(
        uri="",
        state=Path(state) if state else None,
        force=force,
        omit_signature=omit_signature,
        unsafe_unknown_issuer=unsafe_unknown_issuer,
        timeout=timeout,
    )
    uris = list_usb() if all else device or ["virtual:"]
    if emulate:
        require_virtual(uris)
    released = packages(bundle, policy, target) if bundle else ()
    found = fleet.survey(
        [replace(options, uri=uri) for uri in uris], ask=not manifest and len(released or target or ()) != 1
    )
    if bundle:
        ready = list(released)
    elif manifest:
        trusted = package.trusted_signers(issuer_key)
        ready = [package.read_package(Path(manifest), trusted)]
    else:
        from toolchain import pipeline, views

        work = pipeline.Workspace.of(PROJECT, dist)
        chosen = pipeline.policy("development")
        key = pipeline.signing_key(signer, issuer_key, chosen, console.ask_secret)
        names = target or fleet.target_names(found)
        jobs = pipeline.jobs([app] if app else (), names, sdk, compiler, work, builder=builder, image=image)
        with out.progress("build") as progress:
            outcomes = pipeline.build(jobs, work, clean=clean, progress=progress)
        verified = pipeline.verify_all(outcomes, chosen, work)
        signed = pipeline.sign_all(verified, key)
        views.signed(out, verified, signed)
        ready = [package.read_package(outcome.get(), [key.record.key]) for outcome in signed]
    loads, without_app = fleet.assign(found, ready)
    with views_fleet.watching(out, loads) as watch:
        results = fleet.load_all(loads, watch)
    views_fleet.loaded(out, results, without_app)
    if emulate:
        boot_all(out, [(r.package, r.loaded) for r in results if r.package and r.loaded])


@task(
    iterable=["app", "target", "rebuild"],
    help={
        **{k: v for k, v in _BUILD_HELP.items() if k != "clean"},
        "policy": f"{_POLICY}; store: with approvals, evidence and one bundle for each app (docs/release.md)",
        "signer": _SIGNER,
        "issuer-key": _ISSUER_KEY,
        "release-policy": "file with the release policy; default: release-policy.json in the app's folder",
        "rebuild": "what a builder's ./inv attest wrote; several times; default: rebuilds/ in the app's dist",
        "log": "folder of the log that lists the release",
        "chain": CHAIN,
        "out": "file for the bundle; default: <app>-<version>.bundle in the app's folder of dist/",
        "emulate": _EMULATE,
    },
)
@command
def release(
    _context: Context,
    app: Strings = None,
    target: Strings = None,
    sdk: str = "",
    compiler: str = "",
    builder: str = "auto",
    image: str = "",
    dist: str = "",
    policy: str = "development",
    signer: str = "",
    issuer_key: str = "",
    release_policy: str = "",
    rebuild: Strings = None,
    log: str = "",
    chain: str = "",
    out: str = "",
    emulate: bool = False,
    json: bool = False,
) -> None:
    """From a clean export to a confirmed install, for each app and target in its own virtual device."""
    from toolchain import pipeline, views

    output = Output(as_json=json)
    work = pipeline.Workspace.of(PROJECT, dist)
    jobs = pipeline.jobs(app or (), target or (), sdk, compiler, work, builder=builder, image=image)
    chosen = pipeline.policy(policy)
    approved = chosen.approvals or bool(release_policy)
    if chain and not approved:
        raise ConfigError("--chain goes with a release policy", hint="--issuer-key finds the chain beside it")
    rules = release_policies(jobs, chosen, release_policy) if approved else {}
    key = None if approved else pipeline.signing_key(signer, issuer_key, chosen, console.ask_secret)
    with output.progress("build") as progress:
        outcomes = pipeline.build(jobs, work, clean=True, progress=progress)
    verified = pipeline.verify_all(outcomes, chosen, work)
    if key is None:
        packages = release_all(output, verified, rules, rebuild or (), log, out, signer, chain)
    else:
        packages = pipeline.read_all(pipeline.sign_all(verified, key), [key.record.key])
    with output.progress("load") as progress:
        loaded = pipeline.load_all(packages, progress)
    views.released(output, outcomes, verified, loaded)
    if emulate:
        boot_all(output, [outcome.get() for outcome in loaded])


@task(
    name="virtual-device",
    help={
        "target": "nanos nanosp nanox stax flex apex_p",
        "port": "TCP port on the loopback interface, the first one of several devices; 0 is any that is free",
        "count": "how many devices, on ports in a row",
        "consent": "allow, deny, or ask: how its owner answers prompts",
        "state": "file in which it keeps what is installed",
        "api-level": "API level of its OS; default: the target's",
        "list-format": "versioned or old (docs/virtual-device.md)",
        "seed": "any text: the same keys and nonces each time",
        "recovery": "start in recovery mode",
        "new": "a device that was never set up",
        "latency": "none, usb, ble, or milliseconds: how long each exchange takes",
        "trace": "show the conversation, in words, on stderr",
        "raw": "with --trace: the bytes as well",
        "no-quick-ack": "acknowledge as late as a plain server does (for measurements)",
        "json": _JSON,
    },
)
@command
def virtual_device(
    _context: Context,
    target: str = "nanosp",
    port: int = 9999,
    count: int = 1,
    consent: str = "allow",
    state: str = "",
    api_level: int = 0,
    list_format: str = "versioned",
    seed: str = "",
    recovery: bool = False,
    new: bool = False,
    latency: str = "none",
    trace: bool = False,
    raw: bool = False,
    no_quick_ack: bool = False,
    json: bool = False,
) -> None:
    """Serve devices in software until Ctrl-C; lines on stdin stand for buttons: unlock, restart, cut ..."""
    from toolchain import buttons, devices, served, views
    from toolchain.errors import ConfigError
    from toolchain.target import get_target
    from toolchain.virtual_device.latency import latency as link

    out = Output(as_json=json)
    if state and count > 1:
        raise ConfigError("several devices cannot share a state file", hint="serve one at a time")
    setup = served.Setup(
        consent=views.consent(consent),
        state=Path(state) if state else None,
        api_level=api_level or None,
        signing_keys=(devices.development_key(),),
        list_format=views.list_format(list_format),
        recovery=recovery,
        onboarded=not new,
        quick_ack=not no_quick_ack,
        latency=link(latency),
    )

    def numbered(number: int) -> served.Setup:
        name = f"{number + 1}: " if count > 1 else ""
        return replace(
            setup,
            seed=f"{number} {seed}".encode() if seed else None,
            trace=views.trace(raw, name) if trace or raw else None,
        )

    with served.virtual_devices(get_target(target), count, port, numbered) as running:
        act = None  # with "ask" the terminal is for answers
        if consent != "ask":
            act = functools.partial(buttons.press, [device.device for device in running])
        console.until_interrupt(lambda: views.serving(out, running), act)


def _tools() -> None:
    """Put what tests and benchmarks need into the environment, from the lock file."""
    from toolchain.environment import add_lock

    add_lock(PROJECT / "requirements" / "dev.lock")


def _run(out: Output, tool: str, *arguments: str) -> None:
    """Run a tool of the environment in the project's folder; its own output is the report for a person."""
    report = sys.stderr if out.as_json else None
    done = subprocess.run([sys.executable, *arguments], cwd=PROJECT, stdout=report, check=False)
    out.result("tool", {"tool": tool, "exit_code": done.returncode})
    if done.returncode:
        raise console.Failed(done.returncode)


_LINT_IMPORTS = "import sys; from importlinter.cli import lint_imports_command as l; sys.exit(l())"
_CHECKS = {
    "ruff check": ("-m", "ruff", "check", "--quiet"),
    "ruff format": ("-m", "ruff", "format", "--check", "--quiet"),
    "mypy": ("-m", "mypy", "--no-error-summary"),
    "import-linter": ("-c", _LINT_IMPORTS),
}


@task(help={"json": _JSON})
@command
def check(_context: Context, json: bool = False) -> None:
    """Style, types and the rules of who imports whom."""
    out = Output(as_json=json)
    _tools()
    for tool, arguments in _CHECKS.items():
        _run(out, tool, *arguments)


@task(
    help={
        "only": "expression that names tests, as pytest's -k",
        "coverage": "measure branch coverage and print what is not covered",
        "no-check": "leave out style, types and imports",
        "json": _JSON,
    }
)
@command
def test(
    context: Context, only: str = "", coverage: bool = False, no_check: bool = False, json: bool = False
) -> None:
    """Check style, types and imports, then run all tests, in parallel."""
    _tools()
    if not no_check:
        check(context, json=json)
    arguments = ["-m", "pytest", "-n", str(os.cpu_count() or 1), "--dist", "worksteal"]
    if coverage:
        arguments += ["--cov", "--cov-report=term"]
    if only:
        arguments += ["-k", only]
    _run(Output(as_json=json), "pytest", *arguments)


@task(
    help={
        "only": "names of the comparisons; default: all",
        "out": "file for the results as JSON",
        "sdk": "folder of an official SDK checkout, to build with as well",
        "app": "folder of an app for that SDK",
        "runs": "runs of each contender; default: 7 to 21",
        "json": _JSON,
    },
    iterable=["only"],
)
@command
def bench(
    _context: Context,
    only: Strings = None,
    out: str = "",
    sdk: str = "",
    app: str = "",
    runs: int = 0,
    json: bool = False,
) -> None:
    """Measure us against the official tools, side by side in one run, as ratios of medians."""
    _tools()
    arguments = [argument for name in only or () for argument in ("--only", name)]
    for name, path in (("--out", out), ("--sdk", sdk), ("--app", app)):
        arguments += [name, str(Path(path).expanduser().absolute())] if path else []
    arguments += ["--runs", str(runs)] if runs else []
    arguments += ["--json"] if json else []
    done = subprocess.run([sys.executable, "-m", "bench", *arguments], cwd=PROJECT, check=False)
    if done.returncode:
        raise console.Failed(done.returncode)


namespace = Collection(list_, build, verify, load, release, test, check, bench, virtual_device)
namespace.add_task(emulate)
namespace.add_task(size)
namespace.add_task(doctor)
namespace.add_task(explain)
namespace.add_task(fuzz)
namespace.add_task(reproduce)
namespace.add_collection(builder_collection())
namespace.add_collection(issuer_collection)
namespace.add_collection(ci_collection)
namespace.add_collection(policy_collection)
namespace.add_collection(device_collection)
namespace.add_collection(sign_collection(sign))
namespace.add_collection(bundle_collection)
namespace.add_collection(log_collection)
namespace.add_task(approve)
namespace.add_task(attest)


if __name__ == "__main__":
    console.main(namespace, __version__)
