"""The order of the stages, and what each leaves in ``dist/<app>/<target>/``.

Every function takes and gives frozen values; reading and writing files happens here and in ``dist``.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Generic, TypeVar

from toolchain import __version__, dist
from toolchain.app import MANIFEST, AppManifest
from toolchain.artefacts import Built, write_build, write_script
from toolchain.build.git import git
from toolchain.build.host import build_all
from toolchain.build.machines import machine
from toolchain.build.sdk import Sdk, find_sdk
from toolchain.build.workplace import Job
from toolchain.errors import ConfigError, SigningError, ToolchainError, VerificationError
from toolchain.manifest import (
    ImageRecord,
    Manifest,
    SignatureRecord,
    VerificationRecord,
    canonical_json,
)
from toolchain.target import Target, get_target, targets
from toolchain.userdata import data_folder
from toolchain.variants import results as results_folder
from toolchain.variants import trial, variant, variant_jobs

# Imports are most of a build with nothing to do, and what is imported before make starts is waited for. So
# all that comes later is imported where it is used.
if TYPE_CHECKING:
    from toolchain.ci import Plan
    from toolchain.image import VerifiedImage
    from toolchain.keys import AskSecret, PublicKey, Signer
    from toolchain.package import Loaded, Package
    from toolchain.sign.record import KeyRecord
    from toolchain.verify import Candidate, Finding, Policy, Rule, Trial
    from toolchain.verify.baseline import Baseline
    from toolchain.verify.database import Database
    from toolchain.verify.report import Renderer, Subject

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
U = TypeVar("U")

Progress = Callable[[int, int], None]
"""Called with what is done and what there is in all."""


@dataclass(frozen=True)
class Workspace:
    """Where things lie: the project, its results (``dist``), and private copies and tools (``work``)."""

    project: Path
    dist: Path
    work: Path

    @classmethod
    def of(cls, project: Path, dist_folder: str = "") -> "Workspace":
        """The project's own folders, or another one for the results."""
        results = Path(dist_folder).expanduser().absolute() if dist_folder else project / "dist"
        return cls(project, results, project / ".work")


@dataclass(frozen=True)
class Outcome(Generic[T_co]):
    """What became of one of several jobs: a value or an error, never both.

    ``variant`` is the one that the job asked for, empty for the makefile's own choice.
    """

    app: str
    target: Target
    value: T_co | None
    error: ToolchainError | None
    variant: str = ""

    @property
    def name(self) -> str:
        """The app's, and its variant if it is not the makefile's own choice."""
        return f"{self.app} ({self.variant})" if self.variant else self.app

    def get(self) -> T_co:
        """The value.

        Raises:
            ToolchainError: what happened instead.
        """
        if self.error is not None:
            raise self.error
        if self.value is None:
            raise TypeError("an outcome has a value or an error")
        return self.value


# What there is to do


def all_targets() -> tuple[Target, ...]:
    """Every target that the project knows."""
    return targets()


def apps(names: Sequence[str], project: Path) -> tuple[AppManifest, ...]:
    """The apps of those names or folders; all of ``apps/`` if none is named.

    Raises:
        ConfigError: no such app, or its ledger_app.toml is malformed.
    """
    home = project / "apps"
    known = {path.parent.name: path.parent for path in sorted(home.glob(f"*/{MANIFEST}"))}
    folders = [known.get(name) or Path(name).expanduser() for name in names] or list(known.values())
    for folder in folders:
        if not (folder / MANIFEST).is_file():
            raise ConfigError(
                f"there is no app {str(folder)!r}: neither a folder with a {MANIFEST} nor a name under apps/",
                hint=f"apps here: {', '.join(known) or 'none'}",
            )
    return tuple(AppManifest.read(folder.absolute()) for folder in folders)


def jobs(
    app_names: Sequence[str],
    target_names: Sequence[str],
    sdk: str,
    compiler: str,
    work: Workspace,
    *,
    builder: str = "host",
    image: str = "",
) -> tuple[Job, ...]:
    """One job for each app and target.

    Without ``target_names``, an app is built for the targets that it declares and that the SDK has. Without
    ``sdk``, it is the one that ``image`` carries for the target, or the project's own.

    Raises:
        ConfigError: unknown app, target, SDK, compiler or builder, a pair that does not fit, nothing to do.
    """
    runs_on = machine(builder, image, work.work)

    @functools.cache
    def sdk_for(target: Target) -> Sdk:
        carried = None if sdk else runs_on.sdk(target, work.work)
        folder = Path(sdk).expanduser().absolute() if sdk else carried or work.project / "sdk-shim"
        return find_sdk(folder, work.work / "sdk")

    wanted = tuple(dict.fromkeys(get_target(name) for name in target_names))
    made = [
        Job(manifest, target, sdk_for(target).path, compiler, machine=runs_on)
        for manifest in apps(app_names, work.project)
        for target in _targets_of(manifest, wanted, sdk_for)
    ]
    if not made:
        raise ConfigError("there is nothing to build: no app declares a target that this SDK has")
    return tuple(made)


def _targets_of(
    manifest: AppManifest, wanted: Sequence[Target], sdk_for: Callable[[Target], Sdk]
) -> Iterator[Target]:
    for target in wanted or targets():
        sdk = sdk_for(target)
        declared = target.manifest_name in manifest.devices
        if wanted and not declared:
            raise ConfigError(
                f"the app does not declare {target.title}",
                hint=f'add "{target.manifest_name}" to app.devices, and an icon for it to the Makefile',
                where=str(manifest.directory / MANIFEST),
            )
        if wanted and not sdk.supports(target):
            raise ConfigError(
                f"{sdk.name} {sdk.version} does not build for {target.title}".replace("  ", " "),
                hint="name an SDK that does with --sdk",
                where=str(sdk.path),
            )
        if declared and sdk.supports(target):
            yield target


# Build


def build(
    todo: Sequence[Job],
    work: Workspace,
    *,
    clean: bool,
    progress: Progress,
    cache: Path | None = None,
) -> tuple[Outcome[Built], ...]:
    """Compile every job, in parallel, and write what a loader needs, the log and build.json of each.

    A job that fails does not stop the others. ``clean`` starts from a clean export. ``cache`` is a folder for
    other runs and machines; what is to be released never uses one.
    """
    finished = itertools.count(1)

    @functools.cache
    def running() -> None:
        # At first a make only reads its makefiles, with one processor.
        Thread(target=_import_writers).start()

    progress(0, len(todo))
    results = build_all(
        todo,
        root=work.work,
        clean=clean,
        cache=cache,
        show=lambda _job, _line: running(),
        done=lambda _job: progress(next(finished), len(todo)),
    )
    outcomes = []
    for job, result in zip(todo, results, strict=True):
        names = (job.manifest.directory.name, job.target)
        if isinstance(result, ToolchainError):
            outcomes.append(Outcome[Built](*names, None, result, variant(job)))
        else:
            write = functools.partial(write_build, job, result, results_folder(work.dist, job))
            outcomes.append(_attempt(*names, write, variant(job)))
    return tuple(outcomes)


def _import_writers() -> None:
    """What writes artefacts, while makes run."""
    from toolchain.formats import apdu_script, elf, ihex  # noqa: F401
    from toolchain.load import plan  # noqa: F401


def _attempt(app: str, target: Target, action: Callable[[], T], variant: str = "") -> Outcome[T]:
    try:
        return Outcome(app, target, action(), None, variant)
    except ToolchainError as e:
        return Outcome(app, target, None, e, variant)


def _each(outcomes: Sequence[Outcome[T]], stage: Callable[[T], U]) -> tuple[Outcome[U], ...]:
    """The next stage for each that got this far; what failed before stays failed."""
    return tuple(_attempt(o.app, o.target, lambda: stage(o.get()), o.variant) for o in outcomes)  # noqa: B023


# Verify


@dataclass(frozen=True)
class Verified:
    """A build that passed, and what was found without blocking."""

    built: Built
    image: VerifiedImage
    findings: tuple[Finding, ...]

    @property
    def policy(self) -> str:
        """Name of the policy that it passed."""
        return self.image.policy


@dataclass(frozen=True)
class Judged:
    """What was found in a build under a policy, without the right to be signed."""

    policy: str
    findings: tuple[Finding, ...]


def policy(name: str) -> Policy:
    """The policy of that name.

    Raises:
        ConfigError: no such policy.
    """
    from toolchain.verify import get_policy

    return get_policy(name)


def rule(name: str) -> Rule:
    """The rule of that name.

    Raises:
        ConfigError: no such rule.
    """
    from toolchain.verify.catalogue import get_rule

    return get_rule(name)


def database(file: str) -> Database | None:
    """The registered load parameters in ``file``; None if no file is named.

    Raises:
        ConfigError: it cannot be read, or is not such a database.
    """
    from toolchain.verify.database import read_database

    return (
        read_database(dist.read(Path(file).expanduser()).decode("utf-8", "replace"), where=file)
        if file
        else None
    )


@dataclass(frozen=True)
class Context:
    """What a candidate is held against beside its own build.

    ``registered`` holds the load parameters that are registered for apps, ``trials`` what became of builds
    with another SDK, by app and name of target.
    """

    registered: Database | None = None
    trials: Mapping[tuple[str, str], Trial] = field(default_factory=dict)


def verify_all(
    outcomes: Sequence[Outcome[Built]],
    chosen: Policy,
    work: Workspace,
    context: Context | None = None,
    progress: Progress = lambda _done, _all: None,
) -> tuple[Outcome[Verified], ...]:
    """Check every build; report.json and report.sarif of each are written either way, for it alone.

    A policy that asks for all variants gets those that are not among ``outcomes`` built; they are checked as
    well, but not given back.
    """
    context, today, asked = context or Context(), _today(), len(outcomes)
    if wants_variants(chosen) and not any(o.variant for o in outcomes):
        outcomes = (*outcomes, *build_variants(outcomes, work))
    finished = itertools.count(1)
    progress(0, len(outcomes))
    others: dict[tuple[str, str], dict[str, str]] = {}
    checked: dict[int, Outcome[Verified]] = {}

    def one(built: Built) -> Verified:
        return _verify(built, chosen, _candidate(built, work, context, others), today)

    # Variants first: the makefile's own choice answers for all of them.
    for number, outcome in sorted(enumerate(outcomes), key=lambda pair: not pair[1].variant):
        (checked[number],) = _each([outcome], one)
        if outcome.variant:
            problems = others.setdefault((outcome.app, outcome.target.name), {})
            problems[outcome.variant] = str(checked[number].error or "")
        progress(next(finished), len(outcomes))
    return tuple(checked[number] for number in range(asked))


def wants_variants(chosen: Policy) -> bool:
    """Whether a policy asks for every variant of an app."""
    return any(rule.id == "variants-all-built" for rule in chosen.rules)


def build_variants(
    outcomes: Sequence[Outcome[Built]], work: Workspace, progress: Progress = lambda _done, _all: None
) -> tuple[Outcome[Built], ...]:
    """Compile the other variants of what was built; results lie in ``variants/`` of the target."""
    todo = [job for o in outcomes if o.value for job in variant_jobs(o.value)]
    return build(todo, work, clean=False, progress=progress) if todo else ()


def try_sdk(
    outcomes: Sequence[Outcome[Built]], sdk: str, work: Workspace, progress: Progress
) -> Mapping[tuple[str, str], Trial]:
    """Build once more, with another SDK, what the makefiles built on their own; by app and name of target.

    Raises:
        ConfigError: there is no SDK in that folder.
    """
    found = find_sdk(Path(sdk).expanduser().absolute(), work.work / "sdk")
    built = [o.value for o in outcomes if o.value and not o.variant]
    todo = [replace(b.job, sdk=found.path, compiler="") for b in built]
    finished = itertools.count(1)
    progress(0, len(todo))
    made = build_all(todo, root=work.work, done=lambda _job: progress(next(finished), len(todo)))
    return {
        (job.manifest.directory.name, job.target.name): trial(job, found, result, work.work)
        for job, result in zip(todo, made, strict=True)
    }


def check_rules(
    outcomes: Sequence[Outcome[Built]],
    chosen: Policy,
    work: Workspace,
    only: Sequence[str],
    registered: Database | None,
) -> tuple[Outcome[Judged], ...]:
    """What single rules find. It decides nothing: nothing can be signed after it.

    Raises:
        ConfigError: no such rule.
    """
    from toolchain.verify import check

    rules = tuple(rule(name).id for name in only)
    today = _today()

    def one(built: Built) -> Judged:
        candidate = _candidate(built, work, Context(registered), {})
        return Judged(chosen.name, check(candidate, chosen, today, only=rules))

    return _each(outcomes, one)


def findings(outcome: Outcome[Verified | Judged]) -> tuple[Finding, ...]:
    """What was found in a build, whether it passed or not; nothing if there is no build."""
    if isinstance(outcome.error, VerificationError):
        from toolchain.verify import Finding

        return tuple(f for f in outcome.error.findings if isinstance(f, Finding))
    return outcome.value.findings if outcome.value else ()


def judge(
    outcomes: Sequence[Outcome[Verified]], chosen: Policy, known: Baseline | None = None
) -> tuple[Outcome[Judged], ...]:
    """What was found in each build; it is an error only if findings block that ``known`` does not list.

    It is for reports and exit codes: what passes with a baseline cannot be signed.
    """
    from toolchain.verify import require

    def one(outcome: Outcome[Verified]) -> Judged:
        if outcome.error and not isinstance(outcome.error, VerificationError):
            raise outcome.error
        found = known.mark(findings(outcome)) if known else findings(outcome)
        require(found, chosen, f"{outcome.name} for {outcome.target.title}")
        return Judged(chosen.name, found)

    return tuple(_attempt(o.app, o.target, functools.partial(one, o), o.variant) for o in outcomes)


def baseline(file: str) -> Baseline | None:
    """The baseline in ``file``; None if no file is named.

    Raises:
        ConfigError: it cannot be read, or is no baseline.
    """
    from toolchain.verify.baseline import read_baseline

    path = Path(file).expanduser()
    if file and not path.exists():
        raise ConfigError("there is no such baseline", hint="write it with --update-baseline", where=file)
    return read_baseline(dist.read(path).decode("utf-8", "replace"), where=file) if file else None


def update_baseline(file: str, outcomes: Sequence[Outcome[Verified]]) -> Baseline:
    """Write a baseline that lists everything that was found, and give it back.

    Raises:
        ToolchainError: an app was not built, so nobody knows what it would add; the file cannot be written.
    """
    from toolchain.verify.baseline import read_baseline, write_baseline

    for outcome in outcomes:
        if outcome.error and not isinstance(outcome.error, VerificationError):
            raise outcome.error
    text = write_baseline([findings(outcome) for outcome in outcomes])
    dist.write(Path(file).expanduser(), text)
    return read_baseline(text, where=file)


def subjects(outcomes: Sequence[Outcome[Verified | Judged]]) -> tuple[Subject, ...]:
    """Outcomes as reports have them."""
    from toolchain.verify.report import Subject

    return tuple(
        Subject(
            app=outcome.name,
            target=outcome.target.name,
            title=outcome.target.title,
            findings=findings(outcome),
            error=""
            if outcome.error is None or isinstance(outcome.error, VerificationError)
            else str(outcome.error),
        )
        for outcome in outcomes
    )


def report_files(files: Sequence[str]) -> Mapping[Path, Renderer]:
    """What writes each of ``files``.

    Raises:
        ConfigError: a name that stands for no format.
    """
    from toolchain.verify.report import renderer

    return {Path(file).expanduser(): renderer(file) for file in files}


def write_reports(
    files: Mapping[Path, Renderer], outcomes: Sequence[Outcome[Judged]], chosen: Policy
) -> None:
    """Write reports about all outcomes together."""
    about = subjects(outcomes)
    for path, render in files.items():
        dist.write(path, render(about, chosen, __version__))


def _today() -> datetime.date:
    return datetime.datetime.now(tz=datetime.UTC).date()


def _candidate(
    built: Built,
    work: Workspace,
    context: Context,
    others: Mapping[tuple[str, str], Mapping[str, str]],
) -> Candidate:
    from toolchain.build.analyzer import analyze
    from toolchain.verify import Candidate

    key = (built.job.manifest.directory.name, built.job.target.name)
    return Candidate(
        app=built.result.app,
        target=built.job.target,
        image=built.image,
        elf=built.elf,
        diagnostics=built.result.diagnostics,
        provenance=built.result.provenance,
        sources=built.result.sources,
        commands=built.result.commands,
        database=context.registered,
        analyzer=functools.partial(analyze, built.job, built.result, root=work.work),
        cache=work.work / "parsed",
        variant=variant(built.job),
        variants=others.get(key, {}),
        trial=context.trials.get(key),
    )


def _verify(built: Built, chosen: Policy, candidate: Candidate, today: datetime.date) -> Verified:
    from toolchain.verify import Finding, verify

    try:
        image, findings = verify(candidate, chosen, today=today)
    except VerificationError as e:
        _write_report(built, [f for f in e.findings if isinstance(f, Finding)], chosen)
        raise
    _write_report(built, findings, chosen)
    return Verified(built, image, findings)


def _write_report(built: Built, findings: Sequence[Finding], chosen: Policy) -> None:
    from toolchain.verify.report import Subject
    from toolchain.verify.report.plain import fields
    from toolchain.verify.report.sarif import to_sarif

    target = built.job.target
    subject = Subject(built.job.manifest.directory.name, target.name, target.title, tuple(findings))
    dist.write(built.folder / "report.json", canonical_json([fields(f) for f in findings]))
    dist.write(built.folder / "report.sarif", to_sarif([subject], chosen, __version__))


# Under the care of a CI


def ci_plan(
    name: str, project: Path, toolchain: str, sdk: str, chosen: str, *, release: bool, signs: bool
) -> Plan:
    """What ``ci.init`` writes for an app; ``toolchain`` and ``sdk`` are OWNER/NAME@COMMIT, or empty.

    Raises:
        ConfigError: no such app or policy, a source that is none, or nobody says where this toolchain lies.
    """
    from toolchain.ci import Plan, Source

    if signs and not release:
        raise ConfigError("--ci-signs is about releases", hint="give --release as well")
    (manifest,) = apps([name], project)
    return Plan.of(
        manifest,
        targets(),
        Source.parse(toolchain or _published(project), "--toolchain"),
        Source.parse(sdk, "--sdk") if sdk else None,
        policy(chosen).name,
        signs=signs,
    )


def _published(project: Path) -> str:
    """This checkout as OWNER/NAME@COMMIT, if its origin is on GitHub."""
    origin = re.search(
        r"github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?$", git(project, "remote", "get-url", "origin") or ""
    )
    if not origin:
        raise ConfigError(
            "nobody says where a workflow finds this toolchain", hint="give --toolchain OWNER/NAME@COMMIT"
        )
    return f"{origin[1]}@{git(project, 'rev-parse', 'HEAD')}"


def ci_write(plan: Plan, *, release: bool, force: bool) -> tuple[Path, ...]:
    """Write the files of ``plan`` into the app's folder; none if one is there that says something else.

    Raises:
        ConfigError: such a file is there, and ``force`` is not given.
    """
    from toolchain.ci import render, write

    return write(plan.app.directory, render(plan, release=release), force=force)


# Sign


@dataclass(frozen=True)
class SigningKey:
    """Who signs, and the public record of the key that is expected to do so."""

    signer: Signer
    record: KeyRecord


def signing_key(uri: str, issuer_key: str, chosen: Policy, ask_secret: AskSecret) -> SigningKey:
    """The signer that ``uri`` names, or the user's development key; a release policy refuses the latter.

    ``issuer_key`` is the file with the key's public record; key files have it beside them.

    Raises:
        ConfigError, SigningError: it cannot be opened, or the policy does not accept it.
    """
    if chosen.approvals:
        raise SigningError(
            f"the policy {chosen.name} has nothing signed before it is approved",
            hint="./inv release --policy store goes the whole way (docs/release.md); "
            "--policy release signs without approvals",
        )
    from toolchain.sign import open_signer
    from toolchain.sign.file import FileSigner
    from toolchain.sign.issuer import development_issuer
    from toolchain.sign.record import read_record, require_release_key

    signer = open_signer(uri, ask_secret) if uri else development_issuer(data_folder())[0]
    if issuer_key:
        record = read_record(Path(issuer_key).expanduser())
    elif isinstance(signer, FileSigner):
        record = signer.record
    else:
        raise ConfigError(
            "nothing says which key this signer is expected to hold",
            hint="name the key's public record (.toml) with --issuer-key",
        )
    record.require_role("app-signing")
    if chosen.release_key:
        require_release_key(record)
    return SigningKey(signer, record)


def sign_all(verified: Sequence[Outcome[Verified]], key: SigningKey) -> tuple[Outcome[Path], ...]:
    """Sign every image that passed, and write its manifest.json, app.signed.apdu and SHA256SUMS.

    The value of each outcome is the path of the manifest.
    """
    return _each(verified, lambda checked: _sign(checked, key))


def _sign(verified: Verified, key: SigningKey) -> Path:
    from toolchain.sign import sign

    built, record = verified.built, key.record
    signature = sign(verified.image, key.signer, record.key)
    dist.write(built.folder / "app.signed.apdu", write_script(built.image, signature.der))
    names = ("app.elf", "app.hex", "app.apdu", "app.signed.apdu", "build.json", "report.json")
    files = {name: dist.read(built.folder / name) for name in names}
    manifest = Manifest(
        app=built.image.name,
        version=built.image.version,
        target=built.job.target.name,
        image=ImageRecord.of(built.image),
        provenance=built.result.provenance,
        verification=VerificationRecord(verified.image.policy, len(verified.findings), verified.image.waived),
        signature=SignatureRecord(
            key_id=signature.key_id,
            point=record.key.point.hex(),
            der=signature.der.hex(),
            kind="development" if record.development else "release",
        ),
        files={name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    )
    files["manifest.json"] = manifest.to_json().encode()
    dist.write(built.folder / dist.SUMS, dist.sha256_sums(files))
    # Last: a folder with a manifest is complete.
    dist.write(built.folder / "manifest.json", files["manifest.json"])
    return built.folder / "manifest.json"


# Load


def read_all(signed: Sequence[Outcome[Path]], trusted: Sequence[PublicKey]) -> tuple[Outcome[Package], ...]:
    """Read each package back, believing only what one of ``trusted`` signed."""
    from toolchain.package import read_package

    return _each(signed, lambda path: read_package(path, trusted))


def load_all(
    packages: Sequence[Outcome[Package]], progress: Progress
) -> tuple[Outcome[tuple[Package, Loaded]], ...]:
    """Load each package into a virtual device of its own."""
    from toolchain.devices import DeviceOptions
    from toolchain.package import load

    def one(package: Package) -> tuple[Package, Loaded]:
        return package, load(package, DeviceOptions("virtual:"), lambda _done, _total: None)

    outcomes = []
    with ThreadPoolExecutor() as pool:
        results = pool.map(lambda o: _attempt(o.app, o.target, lambda: one(o.get())), packages)
        for done, outcome in enumerate(results, start=1):
            outcomes.append(outcome)
            progress(done, len(packages))
    return tuple(outcomes)
