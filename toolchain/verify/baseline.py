"""A baseline: what an app had when its owner began to use ``verify``, so that new findings stand out.

It is for reports and exit codes only. To sign, a finding has to go, or to be waived.
"""

import json
import operator
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from toolchain.errors import ConfigError
from toolchain.verify.model import Finding, Severity

_SCHEMA = 1


@dataclass(frozen=True)
class Baseline:
    """How often each fingerprint may occur in one app for one target."""

    counts: Mapping[str, int] = field(default_factory=dict)

    def mark(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """``findings``, those that are listed marked as known; what goes beyond the number is new."""
        left = Counter(self.counts)
        marked = []
        for finding in findings:
            known = left[finding.fingerprint] > 0
            left[finding.fingerprint] -= known
            marked.append(replace(finding, known=known))
        return tuple(marked)

    def gone(self, subjects: Sequence[Sequence[Finding]]) -> int:
        """How many of the listed findings none of ``subjects`` has any more."""
        return (Counter(self.counts) - _most(subjects)).total()


def read_baseline(text: str, *, where: str) -> Baseline:
    """Read what ``write_baseline`` wrote.

    Raises:
        ConfigError: not such a file.
    """
    hint = "write it with --update-baseline"
    try:
        table = json.loads(text)
        counts: dict[str, int] = {}
        if table["schema"] != _SCHEMA:
            raise ConfigError(f"a baseline of another version ({table['schema']})", hint=hint, where=where)
        for entry in table["findings"]:
            counts[str(entry["fingerprint"])] = operator.index(entry["count"])
    except (ValueError, KeyError, TypeError, RecursionError) as e:
        raise ConfigError(f"not a baseline: {e}", hint=hint, where=where) from e
    return Baseline(counts)


def write_baseline(subjects: Sequence[Sequence[Finding]]) -> str:
    """The baseline that lists all findings of ``subjects`` which could block: no advice, nothing waived."""
    counts = _most(subjects)
    entries = {
        finding.fingerprint: {
            "rule": finding.rule,
            "path": finding.location.path if finding.location else None,
            "message": finding.message,
            "fingerprint": finding.fingerprint,
            "count": counts[finding.fingerprint],
        }
        for findings in subjects
        for finding in findings
        if finding.fingerprint in counts
    }
    ordered = sorted(entries.values(), key=lambda e: (str(e["rule"]), str(e["path"]), str(e["fingerprint"])))
    return json.dumps({"schema": _SCHEMA, "findings": ordered}, indent=2, ensure_ascii=False) + "\n"


def _most(subjects: Sequence[Sequence[Finding]]) -> Counter[str]:
    """Per fingerprint the number in the subject that has most of it."""
    most: Counter[str] = Counter()
    for findings in subjects:
        most |= Counter(f.fingerprint for f in findings if f.severity != Severity.ADVICE and f.waiver is None)
    return most
