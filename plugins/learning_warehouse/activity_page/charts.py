"""Bars of weeks, for an SVG that is stretched to the width that there is.

Knows numbers; knows no warehouse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HEIGHT = 100


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


def top_of(values: Sequence[float]) -> float:
    """Where a scale ends that shows all of them: 1, 2 or 5 and zeros."""
    most = max(values, default=0)
    if most <= 0:
        return 1
    unit = float(10 ** math.floor(math.log10(most)))
    return next(unit * step for step in (1, 2, 5, 10) if unit * step >= most)
