"""The line through the samples, and when it counts as growth."""

import random
from collections.abc import Callable

import pytest

from tests.soak.trend import Bound, after_warm_up, objection, slope, trend

BOUND = Bound("apples", 2.0)


def series(
    function: Callable[[int], float], count: int = 100, every: int = 5
) -> list[tuple[float, float]]:
    return [(float(second), function(second)) for second in range(0, count * every, every)]


@pytest.mark.parametrize("rise", [0.0, 0.25, -3.0])
def test_the_slope_of_a_line_is_its_own(rise: float) -> None:
    assert slope(series(lambda second: 7 + rise * second)) == pytest.approx(rise)


def test_the_slope_of_least_squares_by_hand() -> None:
    assert slope([(0, 1), (1, 2), (2, 2)]) == pytest.approx(0.5)


def test_order_does_not_matter_for_the_slope() -> None:
    points = series(lambda second: second % 7)
    assert slope(points) == pytest.approx(slope(points[::-1]))


@pytest.mark.parametrize("points", [[], [(1.0, 2.0)], [(1.0, 2.0), (1.0, 3.0)]])
def test_too_few_samples_have_no_trend(points: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="two times"):
        trend(points)


def test_what_a_trend_tells() -> None:
    found = trend([(10.0, 5.0), (20.0, 9.0), (30.0, 7.0)])
    assert (found.first, found.last, found.most, found.window) == (5, 7, 9, 20)
    assert found.per_hour == pytest.approx(360)
    assert found.growth == pytest.approx(2)


def test_the_warm_up_is_left_out() -> None:
    points = series(lambda second: 50 if second < 100 else 60)
    assert after_warm_up(points, 500)[0] == (100, 60)
    assert trend(after_warm_up(points, 500)).growth == 0
    assert trend(points).growth > 2


@pytest.mark.parametrize("growth", [0.0, 1.99, -100.0])
def test_growth_up_to_the_bound_is_allowed(growth: float) -> None:
    points = series(lambda second: growth * second / 495)
    assert objection(trend(points), BOUND) is None


def test_growth_above_the_bound_is_named() -> None:
    said = objection(trend(series(lambda second: 2.1 * second / 495)), BOUND)
    assert said is not None
    assert said.startswith("apples grow by 15.3 an hour, 2.1 in 495 s")


def test_a_leak_shows_through_the_noise_and_noise_alone_is_none() -> None:
    noise = random.Random(5)
    assert objection(trend(series(lambda _: noise.gauss(20, 2))), BOUND) is None
    leak = series(lambda second: noise.gauss(20, 2) + second / 100)
    assert objection(trend(leak), BOUND) is not None


def test_one_high_sample_is_no_growth() -> None:
    assert objection(trend(series(lambda second: 50 if second == 400 else 20)), BOUND) is None
