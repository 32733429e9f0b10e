"""The windows in which the days of a report are requested.

Knows days; knows neither the API nor what is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from learning_warehouse.days import Days
    from learning_warehouse.echo360.reports import Report

COMPLETE_AFTER = timedelta(hours=48)
"""The data of a day is complete 48 hours after its close ("Processing and Retention")."""


@dataclass(frozen=True)
class Window:
    """UTC days from ``first_day`` to before ``end_day``, as Echo360 counts them ("Limitations")."""

    first_day: date
    end_day: date

    def __str__(self) -> str:
        return f"{self.first_day}/{self.end_day}"

    @classmethod
    def of(cls, day: date) -> Window:
        """A single day."""
        return cls(day, day + timedelta(days=1))

    @property
    def days(self) -> int:
        """How many days."""
        return (self.end_day - self.first_day).days

    @property
    def complete_at(self) -> datetime:
        """From when on Echo360 has all data of these days."""
        return datetime.combine(self.end_day, time(), UTC) + COMPLETE_AFTER

    def parts(self) -> Iterator[Window]:
        """The shorter windows that take its place when it keeps failing: 7 → 3 + 4 → single days.

        A single day has none.
        """
        if self.days > 4:
            middle = self.first_day + timedelta(days=self.days // 2)
            yield Window(self.first_day, middle)
            yield Window(middle, self.end_day)
        elif self.days > 1:
            for ordinal in range(self.days):
                yield Window.of(self.first_day + timedelta(days=ordinal))

    def as_json(self) -> dict[str, str]:
        """For XCom."""
        return {"first_day": self.first_day.isoformat(), "end_day": self.end_day.isoformat()}

    @classmethod
    def from_json(cls, value: dict[str, str]) -> Window:
        """From XCom."""
        return cls(date.fromisoformat(value["first_day"]), date.fromisoformat(value["end_day"]))


def windows_of(
    report: Report, days: Days, *, done: Container[date] = (), alone: Container[date] = ()
) -> list[Window]:
    """The windows in which these days of a report with dates are requested.

    They are adjacent, without gap or overlap, but for the days that are done.

    :param done: days that are left out at the beginning and the end of a window; they do not make
        two of one, unless they are alone as well.
    :param alone: days that get a window of their own, or none where they are done.
    """
    assert report.days is not None
    windows: list[Window] = []
    for week in days.weeks(report.days):
        open_window: Window | None = None
        for day in week:
            if day in done:
                open_window = None if day in alone else open_window
                continue
            if open_window is None or day in alone:
                windows.append(Window.of(day))
            else:
                windows[-1] = Window(open_window.first_day, day + timedelta(days=1))
            open_window = None if day in alone else windows[-1]
    return windows
