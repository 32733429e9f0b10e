"""The step that loads what has landed, and what the steps of all sources have in common.

A step handles a list: a bad item fails alone. What succeeded goes on through XCom even where the
task then fails.

Knows deliveries and a dataset; what a source does otherwise than others, it is given.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowSkipException,
    Asset,
    BaseOperator,
    TriggerRule,
)

from learning_warehouse.conn_ids import WAREHOUSE_CONN_ID
from learning_warehouse.errors import Failures, PermanentFailure
from learning_warehouse.steps.links import LEDGER, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from airflow.providers.common.compat.sdk import Context, XComArg

    from learning_warehouse.days import Days
    from learning_warehouse.warehouse.dataset import Dataset
    from learning_warehouse.warehouse.ledger import Delivery, Task
    from learning_warehouse.warehouse.staging_table import Reader

COUNTS = (
    "rows_read",
    "rows_merged",
    "rows_rejected",
    "rows_duplicate",
    "rows_superseded",
    "rows_filtered",
)


def run_name(context: Context) -> str:
    """The run, as ``ops.report_request`` names it."""
    run: Any = context["dag_run"]
    return f"{run.dag_id} {run.run_id}"


def started_at(context: Context) -> datetime | None:
    """When the run was started, or started again after it had ended."""
    started: datetime | None = getattr(context["dag_run"], "start_date", None)
    return started


def landed(dataset: Dataset) -> Callable[..., Reader]:
    """What reads deliveries of delimited text from where they landed."""

    def reader(_: Sequence[Delivery]) -> Reader:
        from learning_warehouse.s3 import open_uri
        from learning_warehouse.warehouse.staging import csv_reader

        return csv_reader(dataset, lambda delivery: open_uri(delivery.uri))

    return reader


def hand_on(context: Context, result: list[Any], failures: Failures) -> list[Any]:
    """Give the next step what succeeded, then fail if something did not.

    :returns: ``result``, as the task's XCom.
    """
    context["ti"].xcom_push(key="return_value", value=result)
    failures.raise_any()
    return result


def hand_on_counts(
    context: Context, asset: Asset, merged: list[dict[str, Any]], failures: Failures
) -> list[dict[str, Any]]:
    """Give the summary what was merged, and Airflow the event of an asset whose rows changed.

    :returns: ``merged``, as the task's XCom.
    :raises AirflowSkipException: no row changed.
    """
    hand_on(context, merged, failures)
    if not any(counts["changed"] for counts in merged):
        raise AirflowSkipException(f"No row of {asset.uri} changed.")
    totals = {count: sum(counts[count] for counts in merged) for count in COUNTS}
    context["outlet_events"][asset].extra = totals
    return merged


class DaysOperator(BaseOperator):
    """A task for a run's days, which its rendered fields show.

    :param look_back: how many days more it looks at where Airflow's schedule started the run.
    """

    template_fields: Sequence[str] = ("days",)
    looks_back_by_hand = False
    """Whether it looks at these days more in a run by hand, too, where no Param names days."""

    def __init__(self, *, look_back: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.look_back = look_back
        self.days = ""

    def days_of(self, context: Context) -> Days:
        """The days that the run is for.

        :raises PermanentFailure: its Params name days that cannot be.
        """
        from learning_warehouse.days import days_of

        return days_of(
            context, look_back=self.look_back, looks_back_by_hand=self.looks_back_by_hand
        )

    def render_template_fields(self, context: Context, jinja_env: Any = None) -> None:
        """Render, and say which days the run is for; wrong ones, ``execute`` refuses."""
        super().render_template_fields(context, jinja_env)
        with suppress(PermanentFailure):
            self.days = str(self.days_of(context))


class LoadOperator(BaseOperator):
    """Loads deliveries: stages them in TEMP tables and merges them, small ones as a batch.

    A further try counts what those before it have merged, and loads the rest.

    XCom: for each delivery the counts that the ledger has. A table whose rows changed is an event
    of the asset of its name, with the counts; where none changed, the task ends skipped and there
    is no event. (An AssetAlias would do without the skip, but when two tasks are the first to name
    an asset through it, Airflow 3.3 fails one of them.) Where a try was killed after it had
    committed, the next one sends the event. Reads the Params ``reload`` and ``accept_shrink``.

    :param dataset: what the deliveries are.
    :param deliveries: the ids of their lines in ``ops.delivery``.
    :param reader: makes, for the deliveries, what reads them; by default as delimited text from the
        landing zone.
    :param reader_params: the Params of the run that ``reader`` takes as keywords of their names.
    """

    template_fields: Sequence[str] = ("deliveries",)
    operator_extra_links = shown(LEDGER)

    def __init__(
        self,
        *,
        dataset: Dataset,
        deliveries: XComArg | list[int],
        reader: Callable[..., Reader] | None = None,
        reader_params: Sequence[str] = (),
        warehouse_conn_id: str = WAREHOUSE_CONN_ID,
        **kwargs: Any,
    ) -> None:
        self.asset = Asset(dataset.table)
        super().__init__(trigger_rule=TriggerRule.NONE_SKIPPED, outlets=[self.asset], **kwargs)
        self.dataset = dataset
        self.deliveries: Any = deliveries
        self.reader = reader or landed(dataset)
        self.reader_params = reader_params
        self.warehouse_conn_id = warehouse_conn_id
        self._merged: list[str] = []

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Load what is not merged."""
        from dataclasses import asdict

        from learning_warehouse.warehouse import ledger
        from learning_warehouse.warehouse.connection import connected
        from learning_warehouse.warehouse.loading import load

        if not self.deliveries:
            raise AirflowSkipException(f"Nothing new for {self.dataset.table}.")
        LEDGER.say_lines(self, context, self.deliveries)
        given = context["params"]
        failures = Failures()
        with connected(self.warehouse_conn_id) as warehouse:
            deliveries = ledger.find_all(warehouse(), self.deliveries)
            merged = load(
                warehouse,
                deliveries,
                self.dataset,
                self.reader(deliveries, **{name: given.get(name) for name in self.reader_params}),
                by=task_of(self, context),
                failures=failures,
                reload=bool(given.get("reload")),
                accept_shrink=bool(given.get("accept_shrink")),
            )
        uris = {delivery.delivery_id: delivery.uri for delivery in deliveries}
        self._merged = [uris[counts.delivery_id] for counts in merged]
        return hand_on_counts(context, self.asset, [asdict(counts) for counts in merged], failures)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """For OpenLineage: the objects whose rows the table took."""
        from learning_warehouse.steps.lineage import lineage, objects, table

        if not self._merged:
            return lineage()
        return lineage(
            inputs=objects(self._merged),
            outputs=[table(self.dataset.table, self.warehouse_conn_id)],
        )


def task_of(operator: BaseOperator, context: Context) -> Task:
    """The task that is executed, as the ledger names it."""
    from learning_warehouse.warehouse.ledger import Task

    run: Any = context["dag_run"]
    return Task(run.dag_id, run.run_id, operator.task_id)
