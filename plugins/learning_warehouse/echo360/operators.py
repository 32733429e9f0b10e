"""The tasks around the wait for Echo360: what to ask for, asking for it, and landing it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator, TriggerRule

from learning_warehouse.echo360.reports import (
    ECHO360_CONN_ID,
    REPORTS,
    Report,
    Window,
    windows_of,
)
from learning_warehouse.errors import Failures
from learning_warehouse.landing import LANDING_CONN_ID
from learning_warehouse.links import LANDED, LEDGER, REQUESTS, shown
from learning_warehouse.operators import DaysOperator, hand_on, run_name
from learning_warehouse.warehouse.connection import WAREHOUSE_CONN_ID
from learning_warehouse.window import Days, days_of, follows_schedule, run_type

if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from datetime import date

    from airflow.providers.common.compat.sdk import Context, XComArg

    from learning_warehouse.echo360.protocol import Progress
    from learning_warehouse.warehouse.connection import Connection

TRAILING_DAYS = 3
"""How many days a scheduled run asks for where nothing was loaded before: Echo360 completes a day
within 48 hours of its close, so that the days before need not be asked for again."""

HEALED_DAYS = 35
"""How far back a scheduled run takes up days that earlier ones left undone."""

REMEMBERED_DAYS = 365
"""How far back it looks for such days, to say that they are to be loaded by hand."""


def pursue(
    context: Context,
    report: Report,
    windows: list[dict[str, str]],
    *,
    echo360_conn_id: str,
    warehouse_conn_id: str,
    **how: Any,
) -> Progress:
    """Go through the protocol once for a run, with its Params.

    :param windows: as ``plan`` cut them.
    :param how: what else :func:`~learning_warehouse.echo360.protocol.advance` is told.
    """
    from learning_warehouse.echo360.hook import Echo360Hook
    from learning_warehouse.echo360.protocol import OUTPUT, advance

    given = context["params"]
    return advance(
        Echo360Hook(echo360_conn_id),
        report,
        [Window.from_json(window) for window in windows],
        run=run_name(context),
        reload=bool(given.get("reload")),
        output={option: given.get(option, default) for option, default in OUTPUT.items()},
        warehouse_conn_id=warehouse_conn_id,
        **how,
    )


class _History:
    """What earlier runs tell of a report's days."""

    def __init__(self, conn: Connection, origin: str, report: Report) -> None:
        from learning_warehouse.echo360.protocol import ATTEMPTS, FAILED

        self._conn = conn
        self._values = {
            "origin": origin,
            "report": report.name,
            "dataset": report.dataset.table,
            "attempts": ATTEMPTS,
            "failed": list(FAILED),
        }

    def first_scheduled(self, *, since: date) -> date | None:
        """The first day from then on for which a scheduled run has asked."""
        (row,) = self._execute("first_scheduled", first_day=since)
        first_day: date | None = row["first_day"]
        return first_day

    def troubled_days(self) -> set[date]:
        """Days that were held or given up: no other day may wait for them."""
        return {row["day"] for row in self._execute("troubled")}

    def _execute(self, section: str, **values: Any) -> list[dict[str, Any]]:
        from learning_warehouse.warehouse.sql import statement

        query = statement("echo360/history", section)
        return self._conn.execute(query, {**self._values, **values}).fetchall()


class Echo360PlanOperator(DaysOperator):
    """Decides in which windows a run asks for which reports.

    XCom, by the report's name: its windows, adjacent, of at most as many days as a request may
    have; none for a report that was not asked for or that Echo360 does not offer.

    A day of which the warehouse has all that Echo360 ever will is left out, unless the Param
    ``reload`` is set. A scheduled run takes up the days before its own of which it has not: those
    that were loaded too early to be complete, and those that earlier runs left undone. A report
    without dates is asked for once in a run, and not in a backfill: what was so on a past day it
    cannot tell. Reads the Param ``reports``.
    """

    def __init__(
        self,
        *,
        echo360_conn_id: str = ECHO360_CONN_ID,
        warehouse_conn_id: str = WAREHOUSE_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(multiple_outputs=True, **kwargs)
        self.echo360_conn_id = echo360_conn_id
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> dict[str, list[dict[str, str]]]:
        """Cut the run's days into windows."""
        from learning_warehouse.echo360.hook import Echo360Hook
        from learning_warehouse.warehouse.connection import connect

        days = days_of(context)
        hook = Echo360Hook(self.echo360_conn_id)
        offered = hook.reports()
        plan: dict[str, list[Window]] = {}
        with connect(self.warehouse_conn_id) as conn:
            self._note_news(conn, hook.origin, offered)
            for name, report in REPORTS.items():
                plan[name] = []
                if name not in context["params"].get("reports", list(REPORTS)):
                    self.log.info("%s: not asked for.", name)
                elif not offered.keys() & set(report.names):
                    self.log.warning("%s: Echo360 does not offer it to this institution.", name)
                elif report.days is None:
                    plan[name] = self._snapshot(context, report)
                else:
                    plan[name] = self._windows(context, conn, hook.origin, report, days)
        self.log.info(
            "This run makes at most %d requests, unless some fail; three are in flight at a time.",
            sum(map(len, plan.values())),
        )
        return {name: [w.as_json() for w in windows] for name, windows in plan.items()}

    def _note_news(self, conn: Connection, origin: str, offered: dict[str, list[str]]) -> None:
        """Record reports, and parameters that they require, of which nothing is known here."""
        from learning_warehouse.warehouse.ledger import note_schema_change

        known = {name: report for report in REPORTS.values() for name in report.names}
        for name, required in offered.items():
            if name not in known:
                sentence = f"Echo360 offers a report {name}, which has no table here."
                news = {"report": sentence}
            else:
                unknown = set(required) - set(known[name].parameters)
                news = {
                    f"parameter {parameter}": f"Echo360 requires {parameter} for {name}, which is "
                    "not known here: the report is asked for without it."
                    for parameter in sorted(unknown)
                }
            for header, sentence in news.items():
                dataset = known[name].dataset.table if name in known else f"echo360.{name}"
                note_schema_change(
                    conn, dataset=dataset, origin=origin, header=header, change="new"
                )
                self.log.warning("%s", sentence)

    def _snapshot(self, context: Context, report: Report) -> list[Window]:
        if run_type(context) == "backfill":
            self.log.info("%s: it has no dates, so a backfill cannot ask for it.", report.name)
            return []
        return [Window.of(datetime.now(UTC).date())]

    def _windows(
        self, context: Context, conn: Connection, origin: str, report: Report, days: Days
    ) -> list[Window]:
        from learning_warehouse.warehouse.ledger import standing_days

        history = _History(conn, origin, report)
        standing = standing_days(
            conn,
            dataset=report.dataset.table,
            origin=origin,
            first_day=min(days.first_day, days.last_day - timedelta(days=REMEMBERED_DAYS)),
            end_day=days.end_day,
        )
        done = {d for d, made_at in standing.items() if made_at >= Window.of(d).complete_at}
        if follows_schedule(context):
            days = self._with_undone(report, days, history, done)
        days_in_reach = self._within_reach(report, days)
        if days_in_reach is None:
            return []
        windows = windows_of(
            report,
            days_in_reach,
            done=() if context["params"].get("reload") else done,
            alone=history.troubled_days(),
        )
        if windows:
            self.log.info("%s: %d windows of %s", report.name, len(windows), days_in_reach)
        else:
            self.log.info(
                "%s: %s is loaded, as complete as Echo360 will have it; the Param reload asks for "
                "it again.", report.name, days_in_reach,
            )  # fmt: skip
        return windows

    def _with_undone(
        self, report: Report, days: Days, history: _History, done: Container[date]
    ) -> Days:
        """The run's day, and with it the days from the first one that is not done."""
        last_day = days.last_day
        trailing = last_day - timedelta(days=TRAILING_DAYS - 1)
        horizon = last_day - timedelta(days=HEALED_DAYS)
        begun = history.first_scheduled(since=last_day - timedelta(days=REMEMBERED_DAYS))
        since_begun = Days(min(trailing, begun or trailing), last_day)
        undone = [day for day in since_begun if day not in done]
        forgotten = [day for day in undone if day < horizon]
        if forgotten:
            self.log.warning(
                "%s: %d days from %s to %s are not loaded or not complete: trigger the DAG with "
                "these days.", report.name, len(forgotten), forgotten[0], forgotten[-1],
            )  # fmt: skip
        left = [day for day in undone if horizon <= day < trailing]
        if left:
            self.log.warning(
                "%s: %d days before %s were left undone and are taken up, from %s on.",
                report.name, len(left), trailing, left[0],
            )  # fmt: skip
        first_day = next((day for day in undone if day >= horizon), last_day)
        return Days(first_day, last_day)

    def _within_reach(self, report: Report, days: Days) -> Days | None:
        """The days that are not too long ago for Echo360 to tell of."""
        if report.reach is None:
            return days
        earliest = datetime.now(UTC).date() - report.reach
        if days.first_day < earliest:
            self.log.warning(
                "%s: Echo360 tells of no day before %s, %d days ago: the days from %s on are left "
                "out.", report.name, earliest, report.reach.days, days.first_day,
            )  # fmt: skip
        if days.last_day < earliest:
            return None
        return Days(max(days.first_day, earliest), days.last_day)


class Echo360SubmitOperator(BaseOperator):
    """Asks for a report, as far as free slots allow; the sensor asks for the rest.

    XCom: the windows, for the sensor.

    :param report: the report.
    :param windows: its windows, as ``plan`` cut them.
    """

    template_fields: Sequence[str] = ("windows",)
    operator_extra_links = shown(REQUESTS)

    def __init__(
        self,
        *,
        report: Report,
        windows: XComArg | list[dict[str, str]],
        echo360_conn_id: str = ECHO360_CONN_ID,
        warehouse_conn_id: str = WAREHOUSE_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.report = report
        self.windows: Any = windows
        self.echo360_conn_id = echo360_conn_id
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> list[dict[str, str]]:
        """Go through the protocol once."""
        if not self.windows:
            raise AirflowSkipException(
                f"{self.report.name}: there is nothing to ask for; the log of 'plan' says why."
            )
        from learning_warehouse.echo360.protocol import Busy

        REQUESTS.say_requests(self, context, run=run_name(context), report=self.report.name)
        try:
            progress = pursue(
                context,
                self.report,
                self.windows,
                afresh=True,
                echo360_conn_id=self.echo360_conn_id,
                warehouse_conn_id=self.warehouse_conn_id,
            )
        except Busy as busy:
            self.log.info("%s The task 'wait' goes on.", busy)
            return list(self.windows)
        for sentence in progress.lost:
            self.log.error("%s", sentence)
        return list(self.windows)


class LandEcho360ReportsOperator(BaseOperator):
    """Copies the assets of available requests to the landing zone, bytes unchanged.

    XCom: the ids of their deliveries. All assets of a request are one delivery; a request without
    any is a delivery without rows.

    :param report: the report.
    :param request_ids: its requests, from the sensor.
    """

    template_fields: Sequence[str] = ("request_ids",)
    operator_extra_links = shown(LANDED, LEDGER, REQUESTS)

    def __init__(
        self,
        *,
        report: Report,
        request_ids: XComArg | list[str],
        echo360_conn_id: str = ECHO360_CONN_ID,
        landing_conn_id: str = LANDING_CONN_ID,
        warehouse_conn_id: str = WAREHOUSE_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(trigger_rule=TriggerRule.NONE_SKIPPED, **kwargs)
        self.report = report
        self.request_ids: Any = request_ids
        self.echo360_conn_id = echo360_conn_id
        self.landing_conn_id = landing_conn_id
        self.warehouse_conn_id = warehouse_conn_id
        self._origin = ""
        self._landed: list[str] = []

    def execute(self, context: Context) -> list[int]:
        """Land each request."""
        from learning_warehouse.echo360.copying import land_requests
        from learning_warehouse.echo360.hook import Echo360Hook
        from learning_warehouse.landing import LandingZone

        if not self.request_ids:
            raise AirflowSkipException(f"{self.report.name}: no request is available.")
        hook = Echo360Hook(self.echo360_conn_id)
        zone = LandingZone(self.landing_conn_id)
        REQUESTS.say_requests(self, context, run=run_name(context), report=self.report.name)
        failures = Failures()
        deliveries = land_requests(
            hook,
            zone,
            self.report,
            self.request_ids,
            failures,
            warehouse_conn_id=self.warehouse_conn_id,
        )
        ids = [delivery.delivery_id for delivery in deliveries]
        LEDGER.say_lines(self, context, ids)
        self._origin, self._landed = hook.origin, [delivery.uri for delivery in deliveries]
        LANDED.say(self, context, zone.address(self._landed))
        return hand_on(context, ids, failures)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """For OpenLineage: Echo360's report, and its copies."""
        from learning_warehouse.lineage import dataset, lineage, objects

        if not self._landed:
            return lineage()
        report = dataset(f"echo360://{self._origin}", self.report.name)
        return lineage(inputs=[report], outputs=objects(self._landed))
