"""The step that a run ends with: what was merged, what is wrong with it, and who is told.

Asks the ledger, and writes nothing; knows no vendor.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator, TriggerRule

from learning_warehouse.conn_ids import WAREHOUSE_CONN_ID
from learning_warehouse.errors import StepsFailed
from learning_warehouse.params import REJECT_SHARE
from learning_warehouse.steps.alerts import alert
from learning_warehouse.steps.loading import COUNTS, run_name, started_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from learning_warehouse.warehouse.connection import Connection


class SummaryOperator(BaseOperator):
    """Says what a run did, as a table, and ends it failed if any of its steps failed.

    What the ledger finds wrong with what came in the meantime is said in the log, and told to whom
    ``include/alerts.toml`` names: rejected rows above the Param ``reject_share``, changes of a
    schema, and days that a scheduled run leapt over.

    XCom: a row for each table. Being last and run whatever happened, it would make a run with
    failures succeed; so it fails after it has said what there is to say.

    :param loads: the XComs of the run's loads.
    :param schemas: the schemas of the warehouse that the run is for.
    :param would_load: the XCom of a step that, in a dry run, says what would be loaded.
    """

    template_fields: Sequence[str] = ("loads", "would_load")

    def __init__(
        self,
        *,
        loads: list[Any],
        schemas: Sequence[str],
        would_load: Any = None,
        warehouse_conn_id: str = WAREHOUSE_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(trigger_rule=TriggerRule.ALL_DONE, **kwargs)
        self.loads = loads
        self.schemas = list(schemas)
        self.would_load = would_load
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Print the table, and look for failures."""
        import pandas as pd

        from learning_warehouse.warehouse.connection import connect

        merged = [counts for load in self.loads for counts in load or []]
        summary = self.would_load or []
        if merged:
            with connect(self.warehouse_conn_id) as conn:
                summary = _by_table(conn, context, merged)
        table = pd.DataFrame(summary).fillna("").to_string(index=False)
        if merged:
            self.log.info("What this run merged%s:\n%s", _since_its_start(context), table)
        elif summary:
            self.log.info("A dry run; it would load:\n%s", table)
        else:
            self.log.info("There was nothing new to merge.")
        self._tell_findings(context, merged)
        failed = _failed_tasks(context)
        if failed:
            raise StepsFailed(
                f"{', '.join(failed)} failed: read the last line of each one's log for what to do, "
                "then clear it; everything else of this run is loaded."
            )
        return summary

    def _tell_findings(self, context: Context, merged: list[dict[str, Any]]) -> None:
        """Say what is wrong with what came; where that cannot be found out, no run fails."""
        from learning_warehouse.warehouse.connection import connect

        try:
            with connect(self.warehouse_conn_id) as conn:
                findings = _findings(conn, context, merged, self.schemas)
        except Exception as error:
            self.log.warning("What is wrong with what came could not be found out: %s", error)
            return
        for kind, sentences in findings.items():
            for sentence in sentences:
                self.log.warning("%s", sentence)
            if sentences:
                alert(kind, f"{run_name(context)}: {' '.join(sentences)}", context)


def _by_table(
    conn: Connection, context: Context, merged: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Of each table the deliveries, their days, the requests for them, and the counts of rows."""
    import pandas as pd

    from learning_warehouse.warehouse.sql import statement

    frame = pd.DataFrame(merged)
    counts = frame.groupby("dataset")[list(COUNTS)].sum()
    counts.insert(0, "deliveries", frame.groupby("dataset").size())
    counted: dict[Any, dict[Any, Any]] = counts.to_dict("index")
    of_run = conn.execute(
        statement("ops/summary", "of_run"),
        {"deliveries": frame["delivery_id"].tolist(), "run": run_name(context)},
    )
    return [{**row, **counted[row["dataset"]]} for row in of_run]


def _findings(
    conn: Connection, context: Context, merged: list[dict[str, Any]], schemas: list[str]
) -> dict[str, list[str]]:
    """What is wrong with what came in a run: by the kind of alert, sentences."""
    from learning_warehouse.days import Days, follows_schedule
    from learning_warehouse.warehouse.sql import statement

    values = {
        "deliveries": [counts["delivery_id"] for counts in merged],
        "schemas": schemas,
        "share": context["params"].get("reject_share", REJECT_SHARE),
        "since": started_at(context) or datetime.now(UTC),
    }

    def found(section: str) -> list[dict[str, Any]]:
        return conn.execute(statement("ops/summary", section), values).fetchall()

    return {
        "rejects": [
            f"{row['dataset']}: {row['rows_rejected']} of {row['rows_read']} rows were rejected; "
            "ops.rejected_row says why."
            for row in found("rejects")
        ],
        "schema_change": [
            f"{row['dataset']} of {row['origin']}: {row['header']!r} is {row['change']}."
            for row in found("schema_changes")
        ],
        "gap": [
            f"{row['dataset']} of {row['origin']}: nothing was loaded for "
            f"{Days(row['first_day'], row['last_day'])}, though for days before and after; trigger "
            "the DAG with these days."
            for row in (found("gaps") if follows_schedule(context) else [])
        ],
    }


def _since_its_start(context: Context) -> str:
    started = started_at(context)
    return f" in {(datetime.now(UTC) - started).total_seconds():.0f} s" if started else ""


def _failed_tasks(context: Context) -> list[str]:
    """The run's tasks that failed or could not run for it."""
    ti: Any = context["ti"]
    run: Any = context["dag_run"]
    if hasattr(ti, "get_task_states"):
        states = ti.get_task_states(dag_id=run.dag_id, run_ids=[run.run_id]).get(run.run_id, {})
    else:
        states = {other.task_id: other.state for other in run.get_task_instances()}
    return sorted(task for task, state in states.items() if state in ("failed", "upstream_failed"))
