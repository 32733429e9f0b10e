"""Which reports there are, and how days become windows that Echo360 accepts.

A report is one line here and one CREATE TABLE under ``include/sql/migrations``. Parsed with every
DAG file: knows neither HTTP nor SQL.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from learning_warehouse.warehouse.dataset import Dataset

LONGEST_WINDOW = 7
"""Days that ``start`` and ``end`` may span (*Limitations*)."""

COMPLETE_AFTER = timedelta(hours=48)
"""After the close of a day, in UTC, its data is complete (*Processing and Retention*)."""


@dataclass(frozen=True)
class Report:
    """One line of the registry.

    :param name: the identifier in Echo360's document; the table is ``echo360.<name>``.
    :param clock: the column whose UTC day places a row, or, for a snapshot, that is given the day.
    :param dated: whether it takes ``start`` and ``end``; one that does not is a snapshot.
    :param also: other names under which Echo360 is known to offer it.
    """

    name: str
    clock: str
    dated: bool = True
    also: tuple[str, ...] = ()

    @property
    def dataset(self) -> Dataset:
        """What the warehouse has to know of it."""
        return Dataset(
            name=self.name,
            table=f"echo360.{self.name}",
            strategy="replace_window" if self.dated else "snapshot",
            clock=self.clock,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that Echo360 may use for it."""
        return (self.name, *self.also)


REPORTS = (
    Report("videoview", clock="event_timestamp"),
    Report("asset", clock="snapshot_day", dated=False),
)


@dataclass(frozen=True)
class Window:
    """What one request is for: the UTC days from ``first_day`` to before ``end_day``, or no dates.

    Echo360 includes ``start`` and excludes ``end``, so that the end of a window is the start of the
    next one.
    """

    first_day: date | None = None
    end_day: date | None = None

    @property
    def days(self) -> int:
        """How many days it has; 0 where it has no dates."""
        return (self.end_day - self.first_day).days if self.first_day and self.end_day else 0

    @property
    def complete_at(self) -> datetime | None:
        """From when on Echo360's data for it is complete; never, where it has no dates."""
        if self.end_day is None:
            return None
        return datetime.combine(self.end_day, time(), UTC) + COMPLETE_AFTER

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the request."""
        if self.first_day is None or self.end_day is None:
            return {}
        return {"start": self.first_day.isoformat(), "end": self.end_day.isoformat()}

    def matches(self, parameters: dict[str, Any]) -> bool:
        """Whether a listed request's parameters are those of this window, times of day aside."""
        given = {name: str(value)[:10] for name, value in parameters.items() if value is not None}
        return given == self.parameters

    def halves(self) -> tuple[Window, Window]:
        """The two windows that it falls apart into: of seven days three and four."""
        assert self.first_day and self.end_day
        middle = self.first_day + timedelta(days=self.days // 2)
        return Window(self.first_day, middle), Window(middle, self.end_day)

    def __str__(self) -> str:
        return f"{self.first_day}/{self.end_day}" if self.days else "without dates"

    def to_json(self) -> list[str | None]:
        """As an XCom carries it."""
        return [day.isoformat() if day else None for day in (self.first_day, self.end_day)]

    @classmethod
    def from_json(cls, days: Iterable[str | None]) -> Window:
        """The window that :meth:`to_json` wrote."""
        first_day, end_day = (date.fromisoformat(day) if day else None for day in days)
        return cls(first_day, end_day)


def cut(days: Iterable[date]) -> list[Window]:
    """Cut days into windows of at most seven: adjacent ones where the days are, none beyond them."""
    windows: list[Window] = []
    for day in sorted(set(days)):
        last = windows[-1] if windows else None
        if last and last.end_day == day and last.days < LONGEST_WINDOW:
            windows[-1] = Window(last.first_day, day + timedelta(days=1))
        else:
            windows.append(Window(day, day + timedelta(days=1)))
    return windows
