"""The tasks around the wait for Echo360: what to request, requesting it, and landing it.

Knows tasks and what they hand on; knows neither the protocol's rules nor how a report lands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator, TriggerRule

from learning_warehouse.conn_ids import ECHO360_CONN_ID, LANDING_CONN_ID, WAREHOUSE_CONN_ID
from learning_warehouse.echo360.pursuing import pursue
from learning_warehouse.echo360.reports import REPORTS, Report
from learning_warehouse.errors import Failures
from learning_warehouse.steps.links import LANDED, LEDGER, REQUESTS, shown
from learning_warehouse.steps.loading import DaysOperator, hand_on, run_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

    from learning_warehouse.echo360.windows import Window
    from learning_warehouse.warehouse.connection import Connection


class Echo360PlanOperator(DaysOperator):
    """Decides in which windows a run requests which reports.

    XCom, by the report's name: its windows, as :func:`~learning_warehouse.echo360.planning.plan`
    cuts them, each with a token of this plan; none for a report that was not chosen or that
    Echo360 does not offer. Requests belong to the token: only where this task is executed again
    may its windows be requested again. Reads the Params ``reports`` and ``reload``.
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
        from uuid import uuid4

        from learning_warehouse.days import days_of
        from learning_warehouse.echo360.hook import Echo360Hook
        from learning_warehouse.echo360.planning import plan
        from learning_warehouse.warehouse.connection import connect

        days = days_of(context)
        hook = Echo360Hook(self.echo360_conn_id)
        offered = hook.reports()
        planned: dict[str, list[Window]] = {}
        with connect(self.warehouse_conn_id) as conn:
            self._note_news(conn, hook.origin, offered)
            for name, report in REPORTS.items():
                planned[name] = []
                if name not in context["params"].get("reports", list(REPORTS)):
                    self.log.info("%s: the Param reports leaves it out.", name)
                elif not offered.keys() & set(report.names):
                    self.log.warning("%s: Echo360 does not offer it to this institution.", name)
                else:
                    planned[name] = plan(context, conn, hook.origin, report, days)
        self.log.info(
            "This run makes at most %d requests, unless some fail; three are in flight at a time.",
            sum(map(len, planned.values())),
        )
        token = uuid4().hex
        return {
            name: [{**window.as_json(), "plan": token} for window in windows]
            for name, windows in planned.items()
        }

    def _note_news(self, conn: Connection, origin: str, offered: dict[str, list[str]]) -> None:
        """Record reports, and parameters that they require, of which nothing is known here."""
        from learning_warehouse.warehouse.ledger import note_schema_changes

        known = {name: report for report in REPORTS.values() for name in report.names}
        for name, required in offered.items():
            if name not in known:
                sentence = f"Echo360 offers a report {name}, which has no table here."
                news = {"report": sentence}
            else:
                unknown = set(required) - set(known[name].parameters)
                news = {
                    f"parameter {parameter}": f"Echo360 requires {parameter} for {name}, which is "
                    "not known here: the report is requested without it."
                    for parameter in sorted(unknown)
                }
            for header, sentence in news.items():
                dataset = known[name].dataset.table if name in known else f"echo360.{name}"
                note_schema_changes(
                    conn, dataset=dataset, origin=origin, changes={(header, "new"): None}
                )
                self.log.warning("%s", sentence)


class Echo360SubmitOperator(BaseOperator):
    """Requests a report, as far as free slots allow; the sensor requests the rest.

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
                f"{self.report.name}: there is nothing to request; the log of 'plan' says why."
            )
        from learning_warehouse.echo360.request_lines import Busy

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
        from learning_warehouse.echo360.hook import Echo360Hook
        from learning_warehouse.echo360.landing import land_requests
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
        from learning_warehouse.steps.lineage import dataset, lineage, objects

        if not self._landed:
            return lineage()
        report = dataset(f"echo360://{self._origin}", self.report.name)
        return lineage(inputs=[report], outputs=objects(self._landed))
