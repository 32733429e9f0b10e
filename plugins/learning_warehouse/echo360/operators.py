"""The tasks around the wait for Echo360: what to ask for, asking for it, and landing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator, TriggerRule

from learning_warehouse.echo360.reports import (
    ECHO360_CONN_ID,
    REPORTS,
    Report,
    Window,
    windows_of,
)
from learning_warehouse.errors import Failures, PermanentFailure
from learning_warehouse.landing import LANDING_CONN_ID
from learning_warehouse.operators import hand_on
from learning_warehouse.warehouse.connection import WAREHOUSE_CONN_ID
from learning_warehouse.window import days_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

    from learning_warehouse.echo360.hook import Echo360Hook
    from learning_warehouse.landing import LandingZone
    from learning_warehouse.warehouse.connection import Connection

LOOK_BACK = 2
"""Days before the one of a scheduled run that it asks for as well: Echo360 completes a day within
48 hours of its close."""


def run_name(context: Context) -> str:
    """The run, as ``ops.report_request`` names it."""
    run: Any = context["dag_run"]
    return f"{run.dag_id} {run.run_id}"


class Echo360PlanOperator(BaseOperator):
    """Decides in which windows a run asks for which reports.

    XCom, by the report's name: its windows, adjacent, of at most as many days as a request may
    have; none for a report that was not asked for or that Echo360 does not offer. A report without
    dates is asked for once in a run, and not in a backfill: what was so on a past day it cannot
    tell. Reads the Param ``reports``.

    :param look_back: days before the one of a scheduled run that it takes up as well.
    """

    def __init__(
        self,
        *,
        look_back: int = LOOK_BACK,
        echo360_conn_id: str = ECHO360_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(multiple_outputs=True, **kwargs)
        self.look_back = look_back
        self.echo360_conn_id = echo360_conn_id

    def execute(self, context: Context) -> dict[str, list[dict[str, str]]]:
        """Cut the run's days into windows."""
        from learning_warehouse.echo360.hook import Echo360Hook

        days = days_of(context, look_back=self.look_back)
        asked_for = context["params"].get("reports", list(REPORTS))
        offered = Echo360Hook(self.echo360_conn_id).reports()
        run_type = str(getattr(context["dag_run"], "run_type", "")).rpartition(".")[2].lower()
        plan: dict[str, list[Window]] = {}
        for name, report in REPORTS.items():
            plan[name] = []
            if name not in asked_for:
                self.log.info("%s: not asked for.", name)
            elif name not in offered:
                self.log.warning("%s: Echo360 does not offer it to this institution.", name)
            elif report.days is None and run_type == "backfill":
                self.log.info("%s: it has no dates, so a backfill cannot ask for it.", name)
            else:
                plan[name] = windows_of(report, days)
                self.log.info("%s: %d windows of %s", name, len(plan[name]), days)
        self.log.info(
            "This run makes at most %d requests, unless some fail; three are in flight at a time.",
            sum(map(len, plan.values())),
        )
        return {name: [w.as_json() for w in windows] for name, windows in plan.items()}


class Echo360SubmitOperator(BaseOperator):
    """Asks for a report, as far as free slots allow; the sensor asks for the rest.

    XCom: the windows, for the sensor.

    :param report: the report.
    :param windows: its windows, as ``plan`` cut them.
    """

    template_fields: Sequence[str] = ("windows",)

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
        from learning_warehouse.echo360.hook import Echo360Hook
        from learning_warehouse.echo360.protocol import advance

        if not self.windows:
            raise AirflowSkipException(
                f"{self.report.name}: there is nothing to ask for; the log of 'plan' says why."
            )
        progress = advance(
            Echo360Hook(self.echo360_conn_id),
            self.report,
            [Window.from_json(window) for window in self.windows],
            run=run_name(context),
            afresh=True,
            warehouse_conn_id=self.warehouse_conn_id,
        )
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

    def execute(self, context: Context) -> list[int]:
        """Land each request."""
        from learning_warehouse.echo360.hook import Echo360Hook
        from learning_warehouse.landing import LandingZone
        from learning_warehouse.warehouse.connection import connect

        if not self.request_ids:
            raise AirflowSkipException(f"{self.report.name}: no request is available.")
        hook = Echo360Hook(self.echo360_conn_id)
        zone = LandingZone(self.landing_conn_id)
        deliveries: list[int] = []
        failures = Failures()
        for request_id in self.request_ids:
            with (
                failures.apart(f"request {request_id}"),
                connect(self.warehouse_conn_id) as conn,
            ):
                deliveries.append(self._land(conn, hook, zone, request_id))
        return hand_on(context, deliveries, failures)

    def _land(self, conn: Connection, hook: Echo360Hook, zone: LandingZone, request_id: str) -> int:
        from learning_warehouse.echo360.protocol import find
        from learning_warehouse.warehouse import ledger

        window, created = find(conn, hook.origin, request_id)
        table, name = self.report.dataset.table, f"{self.report.name} {window}"
        known = ledger.versions(conn, dataset=table, origin=hook.origin, names=[name])
        if (name, request_id) in known:
            self.log.info("%s of request %s was landed before.", name, request_id)
            return known[name, request_id].delivery_id
        place = f"echo360/{hook.origin}/{self.report.name}/"
        place += f"{window.first_day}_{window.end_day}/{request_id}"
        assets = self._copy(hook, zone, request_id, place)
        delivery = ledger.deliver(
            conn,
            dataset=table,
            origin=hook.origin,
            name=name,
            version=request_id,
            made_at=created,
            first_day=window.first_day,
            end_day=window.end_day,
            uri=assets[0][0] if len(assets) == 1 else f"s3://{zone.bucket}/{place}/",
            size=sum(size for _, size in assets),
            details={"assets": [uri for uri, _ in assets]},
        )
        return delivery.delivery_id

    def _copy(
        self, hook: Echo360Hook, zone: LandingZone, request_id: str, place: str
    ) -> list[tuple[str, int]]:
        """Copy the assets; a link that is no longer good is fetched anew, once for each asset.

        :returns: URI and bytes of each copy.
        """
        from urllib.parse import unquote, urlsplit

        from learning_warehouse.echo360.hook import LinkRefused

        links = _links(hook, request_id)
        copies = []
        for ordinal in range(len(links)):
            try:
                body = hook.open_asset(links[ordinal])
            except LinkRefused as refusal:
                self.log.info("%s Fetching the request again.", refusal)
                links = _links(hook, request_id)
                body = hook.open_asset(links[ordinal])
            with body:
                file = unquote(urlsplit(links[ordinal]).path).rpartition("/")[2]
                copies.append(zone.put_stream(f"{place}/{ordinal + 1}-{file}", body))
        return copies


def _links(hook: Echo360Hook, request_id: str) -> tuple[str, ...]:
    """The signed links of a request, as long as it is available."""
    told = hook.request(request_id)
    if told is None or told.status != "Available":
        status = told.status if told else "unknown"
        raise PermanentFailure(
            f"Request {request_id} is {status} at Echo360: clear the task 'submit', which asks "
            "for it again."
        )
    return told.links
