"""Findings for a person at a terminal. Pure: nothing is printed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from toolchain.verify.model import Finding, Severity
from toolchain.verify.report import Subject

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.ADVICE: "cyan"}
_GUTTER = 7

Targets = tuple[str, ...]

Findings = Mapping[str, Mapping[Finding, Targets]]
"""Rule → its findings, each with the targets that have it; none if all targets of the app have it."""


def to_terminal(subjects: Sequence[Subject]) -> RenderableType:
    """The findings of each app, rule by rule, those of several targets once; then how many there are."""
    parts: list[RenderableType] = []
    for app, rules in groups(subjects).items():
        found = [finding for findings in rules.values() for finding in findings]
        parts.append(Text(f"{app}: {summary(found)}", "bold"))
        parts += [line for rule, findings in rules.items() for line in _rule(rule, findings)]
        parts.append(Text())
    return Group(*parts)


def groups(subjects: Iterable[Subject]) -> dict[str, Findings]:
    """The findings of each app that has some, worst rule first, in the order in which they were found."""
    apps: dict[str, dict[str, dict[Finding, Targets]]] = {}
    targets: dict[str, Targets] = {}
    for subject in subjects:
        targets[subject.app] = (*targets.get(subject.app, ()), subject.target)
        for finding in subject.findings:
            found = apps.setdefault(subject.app, {}).setdefault(finding.rule, {})
            found[finding] = (*found.get(finding, ()), subject.target)
    for app, rules in apps.items():
        for found in rules.values():
            for finding, where in found.items():
                found[finding] = () if where == targets[app] else where
    return {app: dict(sorted(rules.items(), key=_worst)) for app, rules in apps.items()}


def _worst(item: tuple[str, Mapping[Finding, Targets]]) -> tuple[bool, Severity]:
    findings = item[1]
    return all(f.accepted for f in findings), min(f.severity for f in findings)


def _rule(rule: str, findings: Mapping[Finding, Targets]) -> Iterator[Text]:
    yield Text(rule, "bold")
    for finding, targets in findings.items():
        yield _finding(finding, targets)
        yield from _excerpt(finding)
        for step in finding.trace:
            yield Text(f"{' ' * _GUTTER}{step.location}: {step.message}", "dim")
    for fix in dict.fromkeys(finding.fix for finding in findings):
        yield Text(f"  → {fix}", "dim")


def _finding(finding: Finding, targets: Targets) -> Text:
    text = Text(f"  {finding.severity}  ", "dim" if finding.accepted else _STYLES[finding.severity])
    if finding.location:
        text.append(f"{finding.location}  ", "not bold default")
    text.append(finding.message, "not bold default")
    if targets:
        text.append(f"  ({', '.join(targets)})", "not bold dim")
    if finding.waiver:
        text.append(f"  waived until {finding.waiver.expires}: {finding.waiver.reason}", "not bold dim")
    elif finding.known:
        text.append("  in the baseline", "not bold dim")
    return text


def _excerpt(finding: Finding) -> Iterator[Text]:
    if finding.location and finding.excerpt:
        code, mark = caret(finding)
        yield Text(f"{finding.location.line:>{_GUTTER - 1}} │ {code}")
        if mark:
            yield Text(f"{'':>{_GUTTER - 1}} │ ").append(mark, _STYLES[finding.severity])


def caret(finding: Finding) -> tuple[str, str]:
    """The line of a finding without its indentation, and what puts ``^`` below the place in it."""
    code = finding.excerpt.lstrip()
    column = finding.location.column if finding.location else 0
    at = column - 1 - (len(finding.excerpt) - len(code))
    return code, " " * at + "^" if column and 0 <= at <= len(code) else ""


def summary(findings: Iterable[Finding]) -> str:
    """``2 errors, 1 warning, 1 waived``; ``no findings``."""
    found = list(findings)
    counts = [(str(s), sum(f.severity == s and not f.accepted for f in found)) for s in Severity]
    parts = [f"{n} {word}{'s' * (n > 1 and word != 'advice')}" for word, n in counts if n]
    for word, n in (
        ("waived", sum(f.waiver is not None for f in found)),
        ("in the baseline", sum(f.known and not f.waiver for f in found)),
    ):
        parts += [f"{n} {word}"] * bool(n)
    return ", ".join(parts) or "no findings"
