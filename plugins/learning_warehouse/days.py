"""Which days a run is for, and how far back a run looks.

Knows a run's Params and interval; knows neither vendors nor what is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from learning_warehouse.errors import PermanentFailure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EARLIEST = date(2011, 1, 1)
"""Before the first of the three vendors had any data."""

HEALED_DAYS = 35
"""How far back a scheduled run loads what earlier ones missed."""


@dataclass(frozen=True)
class Days:
    """UTC days, from the first to the last, both included."""

    first_day: date
    last_day: date

    def __iter__(self) -> Iterator[date]:
        day = self.first_day
        while day <= self.last_day:
            yield day
            day += timedelta(days=1)

    def __contains__(self, day: date) -> bool:
        return self.first_day <= day <= self.last_day

    def __str__(self) -> str:
        return f"{self.first_day} to {self.last_day}"

    @property
    def end_day(self) -> date:
        """The day after the last one."""
        return self.last_day + timedelta(days=1)

    def weeks(self, length: int = 7) -> Iterator[Days]:
        """Adjacent windows of at most ``length`` days, without gap or overlap."""
        first = self.first_day
        while first <= self.last_day:
            last = min(first + timedelta(days=length - 1), self.last_day)
            yield Days(first, last)
            first = last + timedelta(days=1)


def days_of(
    context: Mapping[str, Any], *, look_back: int = 0, looks_back_by_hand: bool = False
) -> Days:
    """The days that a run is for.

    The Params' days; else the days of the run's data interval; else (a run by hand) the UTC day
    before the one on which it was triggered, whenever a step of it is cleared.

    :param look_back: how many days more before these where Airflow's schedule started the run.
    :param looks_back_by_hand: whether that holds for a run by hand without days, too.
    :raises PermanentFailure: a Param is no date, the last day is before the first, or a day is not
        over yet.
    """
    given: Mapping[str, Any] = context.get("params") or {}
    run = context.get("dag_run")
    triggered: datetime | None = getattr(run, "run_after", None)
    if triggered is None and run_type(context) == "manual":
        # Airflow 2 knows of no other time of a trigger that stays when the run is cleared.
        triggered = getattr(run, "logical_date", None)
    triggered = triggered or datetime.now(UTC)
    day_before = triggered.astimezone(UTC).date() - timedelta(days=1)
    if names_days(given):
        return _given_days(given, day_before)
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if start is None or end is None or end <= start:
        first = last = day_before
    else:
        first = start.astimezone(UTC).date()
        last = (end.astimezone(UTC) - timedelta(microseconds=1)).date()
    if follows_schedule(context) or (looks_back_by_hand and run_type(context) != "backfill"):
        first -= timedelta(days=look_back)
    return Days(first, last)


def run_type(context: Mapping[str, Any]) -> str:
    """What started the run: ``manual``, ``scheduled`` or ``backfill``."""
    dag_run = context.get("dag_run")
    return str(getattr(dag_run, "run_type", "manual")).rpartition(".")[2].lower()


def follows_schedule(context: Mapping[str, Any]) -> bool:
    """Whether the schedule started the run, and no Param says for which days it is."""
    return run_type(context) == "scheduled" and not names_days(context.get("params") or {})


def names_days(given: Mapping[str, Any]) -> bool:
    """Whether the Params say for which days a run is."""
    return bool(given.get("first_day") or given.get("last_day") or given.get("earliest"))


def _given_days(given: Mapping[str, Any], day_before: date) -> Days:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    last = _date(given.get("last_day"), "last_day") or day_before
    first = _date(given.get("first_day"), "first_day") or last
    if given.get("earliest"):
        first = EARLIEST
    if last < first:
        raise PermanentFailure(
            f"The last day {last} is before the first day {first}: trigger the DAG again with "
            "first_day at or before last_day."
        )
    if last > yesterday:
        raise PermanentFailure(
            f"The day {last} is not over (UTC): the last complete day is {yesterday}; trigger the "
            "DAG again with a last_day no later than that."
        )
    if last < EARLIEST:
        raise PermanentFailure(
            f"The day {last} is before {EARLIEST}, for which no vendor has data: trigger the DAG "
            "again with a later last_day."
        )
    return Days(max(first, EARLIEST), last)


def _date(value: Any, param: str) -> date | None:
    if not value:
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise PermanentFailure(
            f"The Param {param} is {value!r}, which is not a date: write it as YYYY-MM-DD."
        ) from None
