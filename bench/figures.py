"""What is measured, and what it says: samples, medians, ratios, targets. No clocks and no processes."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Unit = Literal["s", "bytes", "commands", "frames", "processes"]
Sample = Mapping[str, float]
"""One run: quantity → value in its unit."""

Series = Mapping[str, Sequence[Sample]]
"""Contender → its runs, in their order."""

UNITS: Mapping[str, Unit] = {
    "wall": "s",
    "cpu": "s",
    "transfer": "s",
    "memory": "bytes",
    "size": "bytes",
    "commands": "commands",
    "frames": "frames",
    "loads": "commands",
    "flash": "bytes",
    "processes": "processes",
}
"""Every quantity. ``cpu`` is user and system time with all children, ``memory`` the peak of the largest.

``commands`` are all that a device got, ``loads`` those that load, ``frames`` what they take over USB.
"""

US = "ours"


@dataclass(frozen=True)
class Target:
    """``of`` is to be at most ``limit``, or below it if ``strict``."""

    limit: float
    of: Literal["ratio", "median"] = "ratio"
    strict: bool = False

    def is_met(self, value: float) -> bool:
        """Whether ``value`` keeps the target."""
        return value < self.limit if self.strict else value <= self.limit


@dataclass(frozen=True)
class Figure:
    """Our median of one quantity, and a peer's in the same run."""

    quantity: str
    ours: float
    peer: str
    theirs: float
    target: Target | None = None

    @property
    def unit(self) -> Unit:
        """Of both medians."""
        return UNITS[self.quantity]

    @property
    def ratio(self) -> float:
        """Ours to theirs: below 1 is less of it."""
        return self.ours / self.theirs

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        return self.target.is_met(self.ratio if self.target.of == "ratio" else self.ours)


@dataclass(frozen=True)
class Measured:
    """A comparison that took place, of ``subject``: what was built or loaded, and how."""

    comparison: str
    subject: str
    figures: tuple[Figure, ...]
    series: Series


@dataclass(frozen=True)
class NotMeasured:
    """A comparison that did not take place: why, and what to install."""

    comparison: str
    subject: str
    reason: str
    fix: str


Result = Measured | NotMeasured


def interleave(contenders: Mapping[str, Callable[[], Sample]], runs: int) -> Series:
    """Run every contender once to warm up, then ``runs`` times each, by turns and in alternating order.

    What slows the machine down for a while then slows all of them down.
    """
    for contender in contenders.values():
        contender()
    series: dict[str, list[Sample]] = {name: [] for name in contenders}
    order = list(contenders)
    for _ in range(runs):
        for name in order:
            series[name].append(contenders[name]())
        order.reverse()
    return series


def median(samples: Sequence[Sample], quantity: str) -> float:
    """The median of ``quantity``."""
    return statistics.median(sample[quantity] for sample in samples)


def compare(series: Series, quantity: str, peer: str, target: Target | None = None) -> Figure:
    """Our median beside that of ``peer``."""
    return Figure(quantity, median(series[US], quantity), peer, median(series[peer], quantity), target)
