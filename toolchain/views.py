"""How results look, as a table for a person and as JSON lines. Only ``tasks.py`` imports this module."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from rich.console import Group
from rich.table import Table
from rich.text import Text

from toolchain.app import AppManifest
from toolchain.artefacts import Built
from toolchain.console import Output, confirm, say
from toolchain.errors import ConfigError, VerificationError
from toolchain.pipeline import Judged, Outcome, Verified, findings, subjects
from toolchain.target import Target
from toolchain.views_build import json_builds, raise_first, size_text

# As in ``pipeline``: who shows a build needs neither rules nor devices.
if TYPE_CHECKING:
    from toolchain.package import Loaded, Package
    from toolchain.served import Served
    from toolchain.verify import Policy, Rule
    from toolchain.verify.baseline import Baseline
    from toolchain.virtual_device import Consent, Exchange, Prompt
    from toolchain.virtual_device.config import ListFormat


def _table(*columns: str, title: str = "") -> Table:
    table = Table(title=title or None, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for name in columns:
        table.add_column(name.removesuffix(">"), justify="right" if name.endswith(">") else "left")
    return table


def listing(out: Output, apps: Sequence[AppManifest], targets: Sequence[Target]) -> None:
    """The apps of the project, and the targets."""
    table = _table("app", "targets", "folder", title="apps")
    for app in apps:
        names = [t.name for t in targets if t.manifest_name in app.devices]
        table.add_row(app.directory.name, " ".join(names), str(app.directory))
        out.result("app", {"name": app.directory.name, "directory": str(app.directory), "targets": names})
    devices = _table(
        "target", "device", "id", "API level>", "flash>", "RAM>", "also called", title="\ntargets"
    )
    for target in targets:
        devices.add_row(
            target.name,
            target.title,
            f"{target.id:08x}",
            str(target.api_level or "-"),
            size_text(target.flash.length),
            size_text(target.sram.length),
            " ".join(target.aliases),
        )
        fields: dict[str, object] = {
            "name": target.name,
            "title": target.title,
            "aliases": list(target.aliases),
            "id": f"{target.id:08x}",
            "api_level": target.api_level,
            "flash": target.flash.length,
            "sram": target.sram.length,
            "page_size": target.page_size,
        }
        out.result("target", fields)
    out.show(Group(table, devices))


def _json_verified(
    out: Output, outcomes: Sequence[Outcome[Verified | Judged]], *, whole: bool = True
) -> None:
    """Findings; if all rules of the policy ran (``whole``), then what passed."""
    from toolchain.verify.report.plain import fields

    for outcome in outcomes:
        names = {"app": outcome.name, "target": outcome.target.name}
        for finding in findings(outcome):
            out.result("finding", names | fields(finding))
        if (result := outcome.value) and whole:
            waived = {f.rule: f.waiver for f in result.findings if f.waiver}
            passed = {
                "policy": result.policy,
                "findings": len(result.findings),
                "waived": [f"{rule}: {w.reason} (until {w.expires})" for rule, w in sorted(waived.items())],
            }
            out.result("verified", names | passed)


def _show_findings(out: Output, outcomes: Sequence[Outcome[Verified | Judged]]) -> None:
    from toolchain.verify.report.terminal import to_terminal

    about = subjects(outcomes)
    if any(subject.findings for subject in about):
        out.show(to_terminal(about))


def verified(out: Output, outcomes: Sequence[Outcome[Judged]], policy: Policy) -> None:
    """Every finding, then a line for each app and target, then the first failure."""
    _json_verified(out, outcomes)
    _show_findings(out, outcomes)
    table = _table("app", "target", "policy", "findings>", "verdict")
    for outcome in outcomes:
        names = (outcome.name, outcome.target.name, policy.name)
        count = str(len(findings(outcome)))
        if outcome.value is not None:
            table.add_row(*names, count, Text("passed", "green"))
        elif isinstance(outcome.error, VerificationError):
            table.add_row(*names, count, Text("refused", "bold red"))
        else:
            table.add_row(*names, "", Text("not built", "bold red"))
    out.show(table)
    raise_first(outcomes)


def baseline(out: Output, path: str, known: Baseline, outcomes: Sequence[Outcome[Judged]]) -> None:
    """How a baseline fits what was found."""
    if gone := known.gone([findings(outcome) for outcome in outcomes]):
        out.note(f"{gone} findings of {path} are gone; --update-baseline takes them off the list")


def checked(out: Output, outcomes: Sequence[Outcome[Judged]]) -> None:
    """What single rules found; then the first failure."""
    from toolchain.verify.report.terminal import to_terminal

    _json_verified(out, outcomes, whole=False)
    about = subjects(outcomes)
    if any(subject.findings for subject in about):
        out.show(to_terminal(about))
    elif not any(subject.error for subject in about):
        out.show(Text("no findings"))
    raise_first(outcomes)


def rules(out: Output, shown: Sequence[Rule], *, explained: bool) -> None:
    """Rules as a list, or one of them at length."""
    from toolchain.verify.catalogue import explain

    table = _table("rule", "severity", "reason")
    for rule in shown:
        fields = {"rule": rule.id, "severity": str(rule.severity), "reason": rule.reason}
        out.result("rule", fields | {"source": rule.source, "fix": rule.fix})
        table.add_row(rule.id, str(rule.severity), rule.reason)
    out.show(Text(explain(shown[0])) if explained else table)


def signed(out: Output, checked: Sequence[Outcome[Verified]], outcomes: Sequence[Outcome[Path]]) -> None:
    """What was signed by whom; findings only of what was refused."""
    from toolchain.package import read_manifest

    _json_verified(out, checked)
    _show_findings(out, [o for o in checked if o.error])
    table = _table("app", "version", "target", "digest", "key", "in")
    for outcome in outcomes:
        if path := outcome.value:
            manifest = read_manifest(path)
            signature = manifest.signature
            fields = {
                "app": outcome.app,
                "version": manifest.version,
                "target": outcome.target.name,
                "digest": manifest.image.digest,
                "key_id": signature.key_id if signature else "",
                "kind": signature.kind if signature else "",
                "manifest": str(path),
            }
            out.result("signed", fields)
            key = f"{fields['key_id']} ({fields['kind']})"
            table.add_row(
                outcome.app,
                manifest.version,
                outcome.target.name,
                manifest.image.digest,
                key,
                str(path.parent),
            )
        else:
            table.add_row(outcome.app, "", outcome.target.name, Text("not signed", "bold red"), "", "")
    out.show(table)
    raise_first(outcomes)


def released(
    out: Output,
    builds: Sequence[Outcome[Built]],
    checked: Sequence[Outcome[Verified]],
    loads: Sequence[Outcome[tuple[Package, Loaded]]],
) -> None:
    """The whole way of each app and target as one table; then the first failure."""
    from toolchain.views_load import loaded_fields

    json_builds(out, builds)
    _json_verified(out, checked)
    _show_findings(out, [o for o in checked if o.error])
    table = _table("app", "version", "target", "code>", "data>", "digest", "key", "installed")
    for build, load in zip(builds, loads, strict=True):
        if load.value is None or build.value is None:
            failed = Text(type(load.error).__name__, "bold red")
            table.add_row(build.app, "", build.target.name, "", "", "", "", failed)
            continue
        package, loaded = load.value
        fields = {
            "app": package.manifest.app,
            "version": package.manifest.version,
            "target": package.manifest.target,
            "code": package.image.code_length,
            "data": package.image.data_length,
            "digest": package.image.digest().hex(),
            "key_id": package.record.key_id,
            "kind": package.record.kind,
            "confirmed": True,
        }
        out.result("installed", loaded_fields(package, loaded))
        out.result("release", fields)
        table.add_row(
            package.manifest.app,
            package.manifest.version,
            package.manifest.target,
            str(package.image.code_length),
            str(package.image.data_length),
            package.image.digest().hex(),
            f"{package.record.key_id} ({package.record.kind})",
            Text("confirmed", "green"),
        )
    out.show(table)
    raise_first(loads)


def serving(out: Output, devices: Sequence[Served]) -> None:
    """Where virtual devices listen."""
    for device in devices:
        fields = {"uri": device.uri, "target": device.target.name, "issuer": device.issuer.point.hex()}
        out.result(
            "virtual-device", fields, Text(f"{device.target.title} on {device.uri}; Ctrl-C switches it off")
        )


def consent(name: str) -> Consent:
    """The policy of that name; ``ask`` asks at the terminal.

    Raises:
        ConfigError: no such policy.
    """
    from toolchain.virtual_device import allow, deny

    policies: dict[str, Consent] = {"allow": allow, "deny": deny, "ask": _ask}
    if name not in policies:
        raise ConfigError(f"no consent policy is called {name!r}", hint="choose allow, deny or ask")
    return policies[name]


def _ask(prompt: Prompt) -> bool:
    return confirm(f"{prompt.kind.value}: {prompt.subject} {prompt.identifier}")


def list_format(name: str) -> ListFormat:
    """The list format of that name.

    Raises:
        ConfigError: no such format.
    """
    from toolchain.virtual_device.config import ListFormat

    found: ListFormat | None = next((known for known in get_args(ListFormat) if known == name), None)
    if found is None:
        raise ConfigError(f"no list format is called {name!r}", hint="choose versioned or old")
    return found


def trace(raw: bool, name: str = "") -> Callable[[Exchange], None]:
    """What shows a conversation on stderr, as it goes: in words, and as bytes if ``raw``."""
    from toolchain.conversation import describe

    numbers = itertools.count(1)

    def show(exchange: Exchange) -> None:
        say("\n".join(name + line for line in describe(next(numbers), exchange, raw=raw)))

    return show
