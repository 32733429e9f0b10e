"""In which windows a run requests a report.

Asks the warehouse what there is of its days, and what became of earlier requests; asks Echo360
nothing.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from learning_warehouse.days import HEALED_DAYS, Days, follows_schedule, run_type
from learning_warehouse.echo360.protocol import ATTEMPTS
from learning_warehouse.echo360.request_lines import FAILED
from learning_warehouse.echo360.windows import Window, windows_of
from learning_warehouse.warehouse.ledger import current_days
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Container
    from datetime import date

    from airflow.providers.common.compat.sdk import Context

    from learning_warehouse.echo360.reports import Report
    from learning_warehouse.warehouse.connection import Connection

log = logging.getLogger(__name__)

TRAILING_DAYS = 3
"""How many days a scheduled run requests where nothing was loaded before: Echo360 completes a day
within 48 hours of its close, so that the days before need not be requested again."""

REMEMBERED_DAYS = 365
"""How far back it looks for such days, to say that they are to be loaded by hand."""


def plan(
    context: Context, conn: Connection, origin: str, report: Report, days: Days
) -> list[Window]:
    """The windows in which a run requests a report.

    Adjacent, of at most as many days as a request may have. A day of which the warehouse has all
    that Echo360 ever will is left out, unless the Param ``reload`` is set. A scheduled run takes up
    the days before its own of which it has not: those that were loaded too early to be complete,
    and those that earlier runs missed. A report without dates is requested once in a run, and
    not in a backfill: what was so on a past day it cannot tell.

    :param origin: Echo360's host, as the ledger has it.
    :param days: the run's.
    """
    if report.days is None:
        if run_type(context) == "backfill":
            log.info("%s: it has no dates, so a backfill cannot request it.", report.name)
            return []
        return [Window.of(datetime.now(UTC).date())]
    history = _History(conn, origin, report)
    current = current_days(
        conn,
        dataset=report.dataset.table,
        origin=origin,
        first_day=min(days.first_day, days.last_day - timedelta(days=REMEMBERED_DAYS)),
        end_day=days.end_day,
    )
    done = {d for d, made_at in current.items() if made_at >= Window.of(d).complete_at}
    if follows_schedule(context):
        days = _with_undone(report, days, history, done)
    days_in_reach = _within_reach(report, days)
    if days_in_reach is None:
        return []
    windows = windows_of(
        report,
        days_in_reach,
        done=() if context["params"].get("reload") else done,
        alone=history.troubled_days(),
    )
    if windows:
        log.info("%s: %d windows of %s", report.name, len(windows), days_in_reach)
    else:
        log.info(
            "%s: %s was already final when loaded; the Param reload requests it again.",
            report.name, days_in_reach,
        )  # fmt: skip
    return windows


class _History:
    """What earlier runs did for a report's days."""

    def __init__(self, conn: Connection, origin: str, report: Report) -> None:
        self._conn = conn
        self._values = {
            "origin": origin,
            "report": report.name,
            "dataset": report.dataset.table,
            "attempts": ATTEMPTS,
            "failed": list(FAILED),
        }

    def first_scheduled(self, *, since: date) -> date | None:
        """The first day from then on that a scheduled run has requested."""
        (row,) = self._execute("first_scheduled", first_day=since)
        first_day: date | None = row["first_day"]
        return first_day

    def troubled_days(self) -> set[date]:
        """Days that were held or given up: no other day may wait for them."""
        return {row["day"] for row in self._execute("troubled")}

    def _execute(self, section: str, **values: Any) -> list[dict[str, Any]]:
        query = statement("echo360/history", section)
        return self._conn.execute(query, {**self._values, **values}).fetchall()


def _with_undone(report: Report, days: Days, history: _History, done: Container[date]) -> Days:
    """The run's day, and with it the days from the first one that is not done."""
    last_day = days.last_day
    trailing = last_day - timedelta(days=TRAILING_DAYS - 1)
    horizon = last_day - timedelta(days=HEALED_DAYS)
    begun = history.first_scheduled(since=last_day - timedelta(days=REMEMBERED_DAYS))
    since_begun = Days(min(trailing, begun or trailing), last_day)
    undone = [day for day in since_begun if day not in done]
    forgotten = [day for day in undone if day < horizon]
    if forgotten:
        log.warning(
            "%s: %d days from %s to %s are not loaded or not complete: trigger the DAG with "
            "these days.", report.name, len(forgotten), forgotten[0], forgotten[-1],
        )  # fmt: skip
    left = [day for day in undone if horizon <= day < trailing]
    if left:
        log.warning(
            "%s: %d days before %s were missed and are loaded now, from %s on.",
            report.name, len(left), trailing, left[0],
        )  # fmt: skip
    first_day = next((day for day in undone if day >= horizon), last_day)
    return Days(first_day, last_day)


def _within_reach(report: Report, days: Days) -> Days | None:
    """The days that are not too long ago for Echo360."""
    if report.reach is None:
        return days
    earliest = datetime.now(UTC).date() - report.reach
    if days.first_day < earliest:
        log.warning(
            "%s: Echo360 has no data before %s, %d days ago: the days from %s on are left "
            "out.", report.name, earliest, report.reach.days, days.first_day,
        )  # fmt: skip
    if days.last_day < earliest:
        return None
    return Days(max(days.first_day, earliest), days.last_day)
