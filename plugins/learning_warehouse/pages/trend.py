"""A small line of a row's counts, for an SVG without styles of its own.

Knows numbers; knows no warehouse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HEIGHT = 10


def points(values: Sequence[float]) -> str:
    """The points of a polyline, one for each value: the largest one at the top, 0 at the bottom."""
    most = max(values, default=0) or 1
    return " ".join(f"{x},{HEIGHT - HEIGHT * value / most:.3g}" for x, value in enumerate(values))
