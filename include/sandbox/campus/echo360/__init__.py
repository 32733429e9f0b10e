"""The campus as Echo360 reports it: thirteen reports, of which only ``asset`` has no dates.

With what its reports are known for: equal rows that count each, quotes and line ends and JSON in
values, columns that are often empty, what is told on a later day than it began, old versions of a
report beside the new ones, and, if the campus is late, days that change after their close.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from include.sandbox.campus.echo360 import classroom, discussions, polls, sessions, videos
from include.sandbox.campus.echo360.lateness import known
from include.sandbox.campus.echo360.writing import written

if TYPE_CHECKING:
    from include.sandbox.campus import Campus

Row = dict[str, Any]


class Report(NamedTuple):
    """A report of events.

    :param header: the columns of the warehouse by the names of the vendor, in the vendor's order.
    :param begun_on: the events of what began on a day.
    :param days: on how many later days these may still lie.
    """

    header: dict[str, str]
    begun_on: Callable[[Campus, date], Iterator[Row]]
    days: int = 0


REPORTS = {
    "presentation": Report(classroom.PRESENTATION, classroom.presentation, 1),
    "videoview": Report(videos.VIDEOVIEW, videos.videoview),
    "liveviews": Report(classroom.LIVEVIEWS, classroom.liveviews, 1),
    "viewsessions": Report(sessions.VIEWSESSIONS, sessions.viewsessions, sessions.DAYS),
    "viewsessiondetails": Report(
        sessions.VIEWSESSIONDETAILS, sessions.viewsessiondetails, sessions.DAYS
    ),
    "confused": Report(classroom.CONFUSED, classroom.confused, 1),
    "polling": Report(polls.POLLING, polls.polling, polls.DAYS),
    "pollingv2": Report(polls.POLLINGV2, polls.pollingv2, polls.DAYS),
    "qanda": Report(discussions.QANDA, discussions.qanda, discussions.DAYS),
    "qanda2": Report(discussions.QANDA2, discussions.qanda2, discussions.DAYS),
    "notes": Report(classroom.NOTES, classroom.notes, 1),
}
COUNTING = ("asset", "assetbydate")
HEADERS = {
    **{name: list(videos.ASSET) for name in COUNTING},
    **{name: list(report.header) for name, report in REPORTS.items()},
}


def rows(
    campus: Campus, name: str, first_day: date | None, end_day: date | None, now: datetime
) -> Iterable[Row]:
    """A report's rows for a window as Echo360 writes them, of what it knows at a time."""
    if name == "asset":
        return (written(row, videos.ASSET) for row in _true_asset(campus))
    assert first_day is not None and end_day is not None
    if name == "assetbydate":
        counted = _asset_by_date(campus, first_day, end_day, now)
        return (written(row, videos.ASSET) for row in counted)
    return (
        written(row, REPORTS[name].header)
        for day, happened in _by_day(campus, name, first_day, end_day)
        for row in known(campus, name, day, happened, now)
    )


def _by_day(
    campus: Campus, name: str, first_day: date, end_day: date
) -> Iterator[tuple[date, list[Row]]]:
    """What happened on each of the campus's days in a window, in an order that is always the same.

    What began on earlier days comes first.
    """
    report = REPORTS[name]
    found: dict[date, list[Row]] = {day: [] for day in campus.days if first_day <= day < end_day}
    for begun in campus.days:
        if first_day - timedelta(days=report.days) <= begun < end_day:
            for row in report.begun_on(campus, begun):
                day = row["event_timestamp"].date()
                if day in found:
                    found[day].append(row)
    yield from found.items()


def _asset_by_date(campus: Campus, first_day: date, end_day: date, now: datetime) -> Iterator[Row]:
    days = dict(_by_day(campus, "videoview", first_day, end_day))
    if days:
        beats = (
            beat
            for day, happened in days.items()
            for beat in known(campus, "videoview", day, happened, now)
        )
        yield from videos.counted(campus, beats, list(days))


# --- the truth ------------------------------------------------------------------------------------


def _true_events(name: str, campus: Campus) -> Iterator[Row]:
    """Every event of every day."""
    end_day = campus.days[-1] + timedelta(days=1)
    for _, happened in _by_day(campus, name, campus.days[0], end_day):
        yield from happened


def _true_asset(campus: Campus) -> Iterator[Row]:
    """Each video with its totals over all days."""
    return videos.counted(campus, _true_events("videoview", campus), campus.days)


def _true_asset_by_date(campus: Campus) -> Iterator[Row]:
    """Each video with its counts of each day."""
    for day in campus.days:
        for row in videos.counted(campus, videos.videoview(campus, day), [day]):
            yield {"day": day, **row}


TRUTHS: dict[str, Callable[[Campus], Iterator[Row]]] = {
    "echo360.asset": _true_asset,
    "echo360.assetbydate": _true_asset_by_date,
    **{f"echo360.{name}": partial(_true_events, name) for name in REPORTS},
}
