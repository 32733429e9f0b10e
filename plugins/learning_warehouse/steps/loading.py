"""The steps that load what has landed: stage, then merge.

They handle lists: each item stands by itself, and a bad one fails alone. What succeeded goes
on through XCom even where the task then fails, and the next step takes it up.

Knows deliveries and a dataset; what a source does otherwise than others, it is given.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
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
    from collections.abc import Sequence
    from datetime import datetime

    from airflow.providers.common.compat.sdk import Context, XComArg

    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.dataset import Dataset
    from learning_warehouse.warehouse.ledger import Delivery
    from learning_warehouse.warehouse.merging import Stage

COUNTS = (
    "rows_read",
    "rows_merged",
    "rows_duplicate",
    "rows_superseded",
    "rows_filtered",
    "rows_rejected",
)


def run_name(context: Context) -> str:
    """The run, as ``ops.report_request`` names it."""
    run: Any = context["dag_run"]
    return f"{run.dag_id} {run.run_id}"


def started_at(context: Context) -> datetime | None:
    """When the run was started, or started again after it had ended."""
    started: datetime | None = getattr(context["dag_run"], "start_date", None)
    return started


def stage_landed(dataset: Dataset) -> Stage:
    """How a delivery of delimited text is staged from where it landed."""

    def stage(conn: Connection, delivery: Delivery) -> int:
        from learning_warehouse.s3 import open_uri
        from learning_warehouse.warehouse.staging import stage_csv

        return stage_csv(conn, delivery, dataset, lambda: open_uri(delivery.uri))

    return stage


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


def _with_params(stage: Stage, names: Sequence[str], context: Context) -> Stage:
    return partial(stage, **{name: context["params"].get(name) for name in names})


class DaysOperator(BaseOperator):
    """A task for a run's days, which stand in its rendered fields.

    :param look_back: how many days more it looks at where Airflow's schedule started the run.
    """

    template_fields: Sequence[str] = ("days",)

    def __init__(self, *, look_back: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.look_back = look_back
        self.days = ""

    def render_template_fields(self, context: Context, jinja_env: Any = None) -> None:
        """Render, and say which days the run is for; wrong ones, ``execute`` refuses."""
        from learning_warehouse.days import days_of

        super().render_template_fields(context, jinja_env)
        with suppress(PermanentFailure):
            self.days = str(days_of(context, look_back=self.look_back))


class StageOperator(BaseOperator):
    """Streams deliveries into staging tables of their own.

    A further try takes up what those before it, which failed, have staged.

    XCom: the ids of their lines in ``ops.staged``.

    :param dataset: what the deliveries are.
    :param deliveries: the ids of their lines in ``ops.delivery``.
    :param stage: how one is staged; by default as delimited text from the landing zone.
    :param stage_params: the Params of the run that ``stage`` takes as keywords of their names.
    """

    template_fields: Sequence[str] = ("deliveries",)
    operator_extra_links = shown(LEDGER)

    def __init__(
        self,
        *,
        dataset: Dataset,
        deliveries: XComArg | list[int],
        stage: Stage | None = None,
        stage_params: Sequence[str] = (),
        warehouse_conn_id: str = WAREHOUSE_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(trigger_rule=TriggerRule.NONE_SKIPPED, **kwargs)
        self.dataset = dataset
        self.deliveries: Any = deliveries
        self.stage = stage or stage_landed(dataset)
        self.stage_params = stage_params
        self.warehouse_conn_id = warehouse_conn_id
        self._read: list[str] = []

    def execute(self, context: Context) -> list[int]:
        """Stage each delivery by itself."""
        from learning_warehouse.warehouse import ledger, staging
        from learning_warehouse.warehouse.connection import connected

        if not self.deliveries:
            raise AirflowSkipException(f"Nothing new for {self.dataset.table}.")
        LEDGER.say_lines(self, context, self.deliveries)
        stage = _with_params(self.stage, self.stage_params, context)
        task = f"{run_name(context)} {self.task_id}"
        staged: list[int] = []
        failures = Failures()
        with connected(self.warehouse_conn_id) as warehouse:
            before = staging.staged_by(warehouse(), task, since=started_at(context))
            for delivery_id in self.deliveries:
                with failures.apart(f"delivery {delivery_id}"):
                    conn = warehouse()
                    delivery = ledger.find(conn, delivery_id)
                    if delivery.removed_at:
                        raise PermanentFailure(
                            f"{delivery.name} as it was made on {delivery.made_at:%Y-%m-%d} was "
                            f"removed from the landing zone on {delivery.removed_at:%Y-%m-%d}, as "
                            "include/retention.toml says: reload the state of a later day."
                        )
                    self._read.append(delivery.uri)
                    if delivery_id in before:
                        self.log.info("%s was staged by an earlier try.", delivery.name)
                        staged.append(before[delivery_id])
                        continue
                    staged.append(stage(conn, delivery))
                    staging.sign(conn, staged[-1], task)
            hand_on(context, staged, failures)
            staging.unsign(warehouse(), task)
        return staged

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """For OpenLineage: from which objects was read."""
        from learning_warehouse.steps.lineage import lineage, objects

        return lineage(inputs=objects(self._read))


class MergeOperator(BaseOperator):
    """Merges what was staged, each delivery in its own transaction.

    XCom: for each the counts that the ledger has. A table whose rows changed is an event of the
    asset of its name, with the counts; where none changed, the task ends skipped and there is no
    event. (An AssetAlias would do without the skip, but when two tasks are the first to name an
    asset through it, Airflow 3.3 fails one of them.) One that is executed again after it had
    committed sends its event once more. Reads the Params ``reload`` and ``accept_shrink``.

    :param dataset: what the deliveries are.
    :param staged: the ids of their lines in ``ops.staged``.
    :param stage: how a delivery is staged again whose table a crash of the server emptied.
    :param stage_params: the Params of the run that ``stage`` takes as keywords of their names.
    """

    template_fields: Sequence[str] = ("staged",)
    operator_extra_links = shown(LEDGER)

    def __init__(
        self,
        *,
        dataset: Dataset,
        staged: XComArg | list[int],
        stage: Stage | None = None,
        stage_params: Sequence[str] = (),
        warehouse_conn_id: str = WAREHOUSE_CONN_ID,
        **kwargs: Any,
    ) -> None:
        self.asset = Asset(dataset.table)
        super().__init__(trigger_rule=TriggerRule.NONE_SKIPPED, outlets=[self.asset], **kwargs)
        self.dataset = dataset
        self.staged: Any = staged
        self.stage = stage or stage_landed(dataset)
        self.stage_params = stage_params
        self.warehouse_conn_id = warehouse_conn_id
        self._merged: list[str] = []

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Merge each staged delivery."""
        from dataclasses import asdict

        from learning_warehouse.warehouse import ledger
        from learning_warehouse.warehouse.connection import connected
        from learning_warehouse.warehouse.merging import merge

        if not self.staged:
            raise AirflowSkipException(f"Nothing was staged for {self.dataset.table}.")
        given = context["params"]
        stage = _with_params(self.stage, self.stage_params, context)
        merged: list[dict[str, Any]] = []
        failures = Failures()
        with connected(self.warehouse_conn_id) as warehouse:
            uris = ledger.deliveries_of(warehouse(), self.staged)
            LEDGER.say_lines(self, context, list(uris))
            for staged_id in self.staged:
                with failures.apart(f"staged {staged_id}"):
                    counts = merge(
                        warehouse(),
                        staged_id,
                        self.dataset,
                        stage,
                        reload=bool(given.get("reload")),
                        accept_shrink=bool(given.get("accept_shrink")),
                    )
                    merged.append(asdict(counts))
                    self._merged.append(uris[counts.delivery_id])
        return hand_on_counts(context, self.asset, merged, failures)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """For OpenLineage: the objects whose rows the table took."""
        from learning_warehouse.steps.lineage import lineage, objects, table

        if not self._merged:
            return lineage()
        return lineage(
            inputs=objects(self._merged),
            outputs=[table(self.dataset.table, self.warehouse_conn_id)],
        )
