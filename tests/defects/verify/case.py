"""One way of being bad, or a close neighbour that is good."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from toolchain.verify import Candidate, Severity


@dataclass(frozen=True)
class Case:
    """``make`` builds the candidate in an empty folder.

    ``at`` is the place that the finding must name (``file:line``, empty is no place at all), None for a
    candidate that the rule lets pass. ``severity`` is the rule's own unless it says otherwise.
    """

    rule: str
    name: str
    make: Callable[[Path], Candidate]
    at: str | None
    severity: Severity | None = None

    def __str__(self) -> str:
        return f"{self.rule}: {self.name}"


def fails(
    rule: str, name: str, make: Callable[[Path], Candidate], at: str, severity: Severity | None = None
) -> Case:
    """A defect that ``rule`` reports at ``at``."""
    return Case(rule, name, make, at, severity)


def passes(rule: str, name: str, make: Callable[[Path], Candidate]) -> Case:
    """A candidate that ``rule`` has nothing against."""
    return Case(rule, name, make, None)
