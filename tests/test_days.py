"""Which days a run is for."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from airflow.timetables.base import DataInterval, TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable

from learning_warehouse.days import EARLIEST, Days, days_of
from learning_warehouse.errors import PermanentFailure
from learning_warehouse.timetable import UTCDays


def dated(word: str) -> str:
    """The date of ``today`` or ``yesterday``; any other word is a date."""
    today = datetime.now(UTC).date()
    return {"today": str(today), "yesterday": str(today - timedelta(days=1))}.get(word, word)


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
    yesterday = date.fromisoformat(dated("yesterday"))
    assert days_of({"params": {}}) == Days(yesterday, yesterday)


def test_a_run_by_hand_looks_back_where_it_is_to() -> None:
    def days(context: dict[str, Any]) -> Days:
        return days_of(context, look_back=7, looks_back_by_hand=True)

    yesterday = date.fromisoformat(dated("yesterday"))
    assert days({"params": {}}) == Days(yesterday - timedelta(days=7), yesterday)
    assert days(run("manual", 9)) == Days(date(2026, 1, 2), date(2026, 1, 9))
    assert days(run("backfill", 9)) == Days(date(2026, 1, 9), date(2026, 1, 9))
    named = {**run("manual", 9), "params": {"last_day": "2026-01-04"}}
    assert days(named) == Days(date(2026, 1, 4), date(2026, 1, 4))


@pytest.mark.parametrize("known_by", ["run_after", "logical_date"])
@pytest.mark.parametrize("given", [{}, {"first_day": "2026-01-04"}])
def test_a_run_by_hand_that_is_cleared_later_stays_for_its_day(
    given: dict[str, Any], known_by: str
) -> None:
    """On Airflow 2, which does not know ``run_after``, it grew by the days since."""
    triggered = {known_by: datetime(2026, 1, 5, 23, 59, tzinfo=UTC)}
    context = {"params": given, "dag_run": SimpleNamespace(run_type="manual", **triggered)}
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
        ({"first_day": "2026-01-01"}, ("2026-01-01", "yesterday")),
        ({"earliest": True, "last_day": "2026-01-03"}, (str(EARLIEST), "2026-01-03")),
    ],
)
def test_the_params_days(params: dict[str, Any], days: tuple[str, str]) -> None:
    first, last = (date.fromisoformat(dated(day)) for day in days)
    assert days_of({**run("manual", 9), "params": params}) == Days(first, last)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"first_day": "2026-01-03", "last_day": "2026-01-01"}, "is before the first day"),
        ({"first_day": "2026-02-30"}, "first_day is '2026-02-30', which is not a date"),
        ({"last_day": "today"}, "is not over"),
    ],
)
def test_days_that_cannot_be(params: dict[str, Any], said: str) -> None:
    with pytest.raises(PermanentFailure, match=said):
        days_of({"params": {name: dated(day) for name, day in params.items()}})


def test_windows_are_adjacent() -> None:
    """A public client of Echo360 asks for six days and steps by seven: it loses a day a week."""
    year = Days(date(2025, 1, 1), date(2025, 12, 31))
    windows = list(year.weeks())
    assert len(windows) == 53
    assert [day for window in windows for day in window] == list(year)


def test_the_timetable_survives_the_metadata_database() -> None:
    timetable = UTCDays(start_after=timedelta(hours=7))
    assert UTCDays.deserialize(timetable.serialize()) == timetable


@pytest.mark.parametrize("catchup", [True, False])
@pytest.mark.parametrize("latest", [None, "2026-01-31", "2026-01-31T12:00"])
@pytest.mark.parametrize(
    "last_day",
    [None, "2025-12-30", "2026-01-30", "2026-01-30T05:00", "2026-01-31", "2099-01-01"],
)
@pytest.mark.parametrize(
    "earliest",
    [
        None,
        "2026-01-01",
        "2026-01-01T00:00:00.000001",
        "2026-03-29T01:30+02:00",
        "2099-06-01T23:59",
    ],
)
def test_the_days_are_those_of_a_cron_for_each_midnight(
    earliest: str | None, last_day: str | None, latest: str | None, *, catchup: bool
) -> None:
    def moment(text: str | None) -> Any:
        return pendulum.parse(text) if text else None

    last = moment(last_day)
    asked: dict[str, Any] = {
        "last_automated_data_interval": last and DataInterval(last, last.add(days=1)),
        "restriction": TimeRestriction(moment(earliest), moment(latest), catchup=catchup),
    }
    by_cron = CronDataIntervalTimetable("0 0 * * *", "UTC").next_dagrun_info(**asked)
    found = UTCDays(start_after=timedelta(hours=7)).next_dagrun_info(**asked)
    assert (found and found.data_interval) == (by_cron and by_cron.data_interval)
    if found and found.data_interval:
        assert found.run_after == found.data_interval.end + timedelta(hours=7)


def test_a_schedule_that_had_shorter_intervals_goes_on_with_the_next_day() -> None:
    """Airflow 2.11 would give a day of which there was a run a second one of the same name."""
    start = pendulum.datetime(2026, 1, 30)
    found = UTCDays().next_dagrun_info(
        last_automated_data_interval=DataInterval(start, start.add(hours=1)),
        restriction=TimeRestriction(None, None, catchup=True),
    )
    assert found is not None
    assert found.data_interval == DataInterval(start.add(days=1), start.add(days=2))


@pytest.mark.parametrize("moment", ["2026-01-02", "2026-01-02T23:59:59", "2026-01-02T01:00+02:00"])
def test_a_run_by_hand_has_the_interval_of_a_cron_for_each_midnight(moment: str) -> None:
    run_after: Any = pendulum.parse(moment)
    by_cron = CronDataIntervalTimetable("0 0 * * *", "UTC")
    assert UTCDays().infer_manual_data_interval(
        run_after=run_after
    ) == by_cron.infer_manual_data_interval(run_after=run_after)
