import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import US, Figure, Sample, Target, compare, interleave, median


def walls(*values: float) -> list[Sample]:
    return [{"wall": value} for value in values]


def test_contenders_take_turns_after_a_warm_up_and_the_order_alternates() -> None:
    calls: list[str] = []

    def contender(name: str) -> Callable[[], Sample]:
        def run() -> Sample:
            calls.append(name)
            return {"wall": float(len(calls))}

        return run

    series = interleave({name: contender(name) for name in "ab"}, runs=3)
    assert "".join(calls) == "ab" + "ab" + "ba" + "ab"
    assert series == {"a": walls(3, 6, 7), "b": walls(4, 5, 8)}


def test_ratio_is_of_medians_so_that_a_slow_run_changes_nothing() -> None:
    series = {US: walls(1, 2, 900), "peer": walls(4, 4, 5)}
    figure = compare(series, "wall", "peer", Target(0.5))
    assert (figure.ours, figure.theirs, figure.ratio, figure.unit) == (2, 4, 0.5, "s")
    assert figure.met is True


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_median_has_as_many_above_as_below(values: list[float]) -> None:
    middle = median(walls(*values), "wall")
    half = len(values) / 2
    assert sum(value < middle for value in values) <= half
    assert sum(value > middle for value in values) <= half


@pytest.mark.parametrize(
    ("target", "met"),
    [
        (None, None),
        (Target(1.0), True),
        (Target(1.0, strict=True), False),
        (Target(0.99), False),
        (Target(3.0, "median"), True),
        (Target(2.9, "median"), False),
    ],
)
def test_targets_of_ratios_and_of_our_own_median(target: Target | None, met: bool | None) -> None:
    assert Figure("wall", 3, "peer", 3, target).met is met


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_ratio_turns_over_with_the_sides(one: float, other: float) -> None:
    there, back = Figure("wall", one, "p", other), Figure("wall", other, "p", one)
    assert math.isclose(there.ratio * back.ratio, 1)
