"""The registry of Echo360's reports, and the windows in which they are asked for.

A report's columns stand in its CREATE TABLE; here is what the table cannot say.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from learning_warehouse.warehouse.dataset import Dataset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learning_warehouse.window import Days

ECHO360_CONN_ID = "echo360"

COMPLETE_AFTER = timedelta(hours=48)
"""The data of a day is complete 48 hours after its close ("Processing and Retention")."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report that Echo360 makes on request.

    :param days: the longest window, in days, of one request; None for a report without dates,
        which tells what is so at the time of the request.
    """

    dataset: Dataset
    days: int | None

    @property
    def name(self) -> str:
        """The report's name in Echo360's document."""
        return self.dataset.name


_REPORTS = (
    Report(
        dataset=Dataset(
            name="videoview",
            table="echo360.videoview",
            strategy="replace_window",
            clock="event_timestamp",
        ),
        days=7,
    ),
    Report(
        dataset=Dataset(
            name="asset",
            table="echo360.asset",
            strategy="snapshot",
            clock="snapshot_day",
        ),
        days=None,
    ),
)

REPORTS = {report.name: report for report in _REPORTS}


@dataclass(frozen=True)
class Window:
    """UTC days from ``first_day`` to before ``end_day``, as Echo360 counts them ("Limitations")."""

    first_day: date
    end_day: date

    def __str__(self) -> str:
        return f"{self.first_day}/{self.end_day}"

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
                day = self.first_day + timedelta(days=ordinal)
                yield Window(day, day + timedelta(days=1))

    def as_json(self) -> dict[str, str]:
        """For XCom."""
        return {"first_day": self.first_day.isoformat(), "end_day": self.end_day.isoformat()}

    @classmethod
    def from_json(cls, value: dict[str, str]) -> Window:
        """From XCom."""
        return cls(date.fromisoformat(value["first_day"]), date.fromisoformat(value["end_day"]))


def windows_of(report: Report, days: Days) -> list[Window]:
    """The adjacent windows in which a report is asked for these days, without gap or overlap.

    For a report without dates: the last day, which its snapshot is kept as.
    """
    if report.days is None:
        return [Window(days.last_day, days.end_day)]
    return [Window(w.first_day, w.end_day) for w in days.weeks(report.days)]
