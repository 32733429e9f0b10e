"""Which days a run is for."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from learning_warehouse.errors import PermanentFailure
from learning_warehouse.timetable import UTCDays
from learning_warehouse.window import EARLIEST, Days, days_of

YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)


def run(run_type: str, day: int) -> dict[str, Any]:
    """The context of a run for a day of January 2026."""
    start = datetime(2026, 1, day, tzinfo=UTC)
    return {
        "params": {},
        "dag_run": SimpleNamespace(run_type=run_type),
        "data_interval_start": start,
        "data_interval_end": start + timedelta(days=1),
    }


def test_a_run_by_hand_without_params_is_for_yesterday() -> None:
    assert days_of({"params": {}}) == Days(YESTERDAY, YESTERDAY)


@pytest.mark.parametrize("given", [{}, {"first_day": "2026-01-04"}])
def test_a_run_by_hand_that_is_cleared_later_stays_for_its_day(given: dict[str, Any]) -> None:
    triggered = datetime(2026, 1, 5, 23, 59, tzinfo=UTC)
    context = {"params": given, "dag_run": SimpleNamespace(run_type="manual", run_after=triggered)}
    assert days_of(context) == Days(date(2026, 1, 4), date(2026, 1, 4))


def test_a_backfilled_run_is_for_its_own_day() -> None:
    assert days_of(run("backfill", 5), look_back=7) == Days(date(2026, 1, 5), date(2026, 1, 5))


def test_a_scheduled_run_looks_back() -> None:
    assert days_of(run("scheduled", 9), look_back=7) == Days(date(2026, 1, 2), date(2026, 1, 9))


@pytest.mark.parametrize(
    ("params", "days"),
    [
        ({"first_day": "2026-01-01", "last_day": "2026-01-03"}, ("2026-01-01", "2026-01-03")),
        ({"last_day": "2026-01-03"}, ("2026-01-03", "2026-01-03")),
        ({"first_day": "2026-01-01"}, ("2026-01-01", str(YESTERDAY))),
        ({"earliest": True, "last_day": "2026-01-03"}, (str(EARLIEST), "2026-01-03")),
    ],
)
def test_the_params_days(params: dict[str, Any], days: tuple[str, str]) -> None:
    first, last = map(date.fromisoformat, days)
    assert days_of({**run("manual", 9), "params": params}) == Days(first, last)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"first_day": "2026-01-03", "last_day": "2026-01-01"}, "is before the first day"),
        ({"first_day": "2026-02-30"}, "first_day is '2026-02-30', which is no date"),
        ({"last_day": str(YESTERDAY + timedelta(days=1))}, "is not over"),
    ],
)
def test_days_that_cannot_be(params: dict[str, Any], said: str) -> None:
    with pytest.raises(PermanentFailure, match=said):
        days_of({"params": params})


def test_windows_are_adjacent() -> None:
    """A public client of Echo360 asks for six days and steps by seven: it loses a day a week."""
    year = Days(date(2025, 1, 1), date(2025, 12, 31))
    windows = list(year.weeks())
    assert len(windows) == 53
    assert [day for window in windows for day in window] == list(year)


def test_the_timetable_survives_the_metadata_database() -> None:
    timetable = UTCDays(start_after=timedelta(hours=7))
    assert UTCDays.deserialize(timetable.serialize()) == timetable
