"""Bars of weeks, for an SVG that is stretched to the width that there is, and dots of hours.

Knows numbers; knows no warehouse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HEIGHT = 100
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, kw_only=True)
class Panel:
    """What one small chart shows.

    :param name: its heading.
    :param unit: what the numbers are.
    :param values: a number for each week.
    :param filled: how much of each is filled, such as the correct ones of the attempts; None: all.
    :param top: where the scale ends.
    """

    name: str
    unit: str
    values: Sequence[float]
    top: float
    filled: Sequence[float] | None = None

    @property
    def heights(self) -> list[float]:
        """How high each bar is."""
        return [self._height(value) for value in self.values]

    @property
    def fillings(self) -> list[float]:
        """How high each bar is filled."""
        return [self._height(value) for value in self.filled or ()]

    @property
    def highest(self) -> int:
        """The week that has most, counted from 0."""
        return max(range(len(self.values)), key=self.values.__getitem__)

    def _height(self, value: float) -> float:
        return round(HEIGHT * value / self.top, 2)


@dataclass(frozen=True, kw_only=True)
class Hours:
    """How much there is in each hour of each weekday.

    :param counts: of each weekday, from Monday, 24 numbers.
    """

    counts: Sequence[Sequence[int]]

    @property
    def radii(self) -> list[list[float]]:
        """Of each the radius of a dot whose area tells it; that of the largest is 0.45."""
        most = max(map(max, self.counts))
        return [[round(0.45 * math.sqrt(n / most), 3) for n in day] for day in self.counts]

    @property
    def busiest(self) -> tuple[int, int]:
        """The weekday, from 0, and the hour that have most."""
        places = [(day, hour) for day in range(7) for hour in range(24)]
        return max(places, key=lambda place: self.counts[place[0]][place[1]])


def top_of(values: Sequence[float]) -> float:
    """Where a scale ends that shows all of them: 1, 2 or 5 and zeros."""
    most = max(values, default=0)
    if most <= 0:
        return 1
    unit = float(10 ** math.floor(math.log10(most)))
    return next(unit * step for step in (1, 2, 5, 10) if unit * step >= most)
