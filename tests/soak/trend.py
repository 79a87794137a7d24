"""Whether a series of samples grows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

Point = tuple[float, float]  # seconds since the start, value
HOUR = 3600.0
WARM_UP = 0.2  # of the whole time: caches, free lists and the allocator's arenas fill


class Bound(NamedTuple):
    """How much a series may grow over the window that is measured."""

    name: str
    growth: float
    unit: str = ""


class Trend(NamedTuple):
    """The line of least squares through the points of a window."""

    per_hour: float
    window: float  # seconds from the first point to the last
    first: float
    last: float
    most: float

    @property
    def growth(self) -> float:
        """How much the line rises over the window; a single high sample moves it little."""
        return self.per_hour * self.window / HOUR


def slope(points: Sequence[Point]) -> float:
    """The slope of the line of least squares, in units a second.

    Raises ValueError for points that are all of one time, or fewer than two.
    """
    if len({time for time, _ in points}) < 2:
        raise ValueError("a trend needs samples of two times")
    middle = sum(time for time, _ in points) / len(points)
    mean = sum(value for _, value in points) / len(points)
    over = sum((time - middle) * (value - mean) for time, value in points)
    return over / sum((time - middle) ** 2 for time, _ in points)


def after_warm_up(points: Sequence[Point], total: float) -> list[Point]:
    """The points behind the warm-up of a run of ``total`` seconds."""
    return [point for point in points if point[0] >= total * WARM_UP]


def trend(points: Sequence[Point]) -> Trend:
    """The trend of points that are in the order of time. Raises ValueError as `slope` does."""
    values = [value for _, value in points]
    window = points[-1][0] - points[0][0] if points else 0.0
    return Trend(slope(points) * HOUR, window, values[0], values[-1], max(values))


def objection(found: Trend, bound: Bound) -> str | None:
    """Why the series isn't flat; None where it is. Falling is no fault."""
    most = bound.growth * HOUR / found.window
    if found.per_hour <= most:
        return None
    return (
        f"{bound.name} grow by {found.per_hour:.1f}{bound.unit} an hour,"
        f" {found.growth:.1f} in {found.window:.0f} s;"
        f" at most {most:.1f} an hour, {bound.growth:g} in that time, are allowed"
    )
