"""The step that a run ends with: what was merged, what is wrong with it, and who is told.

Asks the ledger, and writes nothing; knows no vendor.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator, TriggerRule

from learning_warehouse.conn_ids import WAREHOUSE_CONN_ID
from learning_warehouse.errors import StepsFailed, in_lines
from learning_warehouse.params import REJECT_SHARE, wrong_params
from learning_warehouse.steps.alerts import FAILURE_KEY, alert
from learning_warehouse.steps.loading import COUNTS, run_name, started_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow.providers.common.compat.sdk import Context

    from learning_warehouse.warehouse.connection import Connection

MOST_FILES = 3
"""How many files a sentence names."""

HEADERS = {count: count.removeprefix("rows_") for count in COUNTS}
"""Short ones, so that all columns fit the page of a log."""


class SummaryOperator(BaseOperator):
    """Says what a run did, as a table, and ends it failed if any of its steps failed.

    What the ledger finds wrong with what came in the meantime is said in the log, and told to whom
    ``include/alerts.toml`` names: tables and files of which more than the Param ``reject_share``
    was rejected, changes of a schema, and days that a scheduled run skipped.

    XCom: a row for each table. Being last and run whatever happened, it would make a run with
    failures succeed; so it fails after it has said what there is to say.

    :param loads: the XComs of the run's loads.
    :param schemas: the schemas of the warehouse that the run is for.
    :param would_load: the XCom of a step that, in a dry run, says what would be loaded.
    :param remark: says more of the run's deliveries in the log, or nothing.
    :param findings: the XCom of a step with sentences that the run's end has to say.
    """

    template_fields: Sequence[str] = ("loads", "would_load", "findings")

    def __init__(
        self,
        *,
        loads: list[Any],
        schemas: Sequence[str],
        would_load: Any = None,
        remark: Callable[[Connection, Sequence[int]], str | None] | None = None,
        findings: Any = None,
        warehouse_conn_id: str = WAREHOUSE_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(trigger_rule=TriggerRule.ALL_DONE, **kwargs)
        self.loads = loads
        self.schemas = list(schemas)
        self.would_load = would_load
        self.remark = remark
        self.findings = findings
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Print the table, and look for failures."""
        from learning_warehouse.warehouse.connection import connect

        merged = [counts for load in self.loads for counts in load or []]
        summary = self.would_load or []
        if merged:
            with connect(self.warehouse_conn_id) as conn:
                summary = _by_table(conn, context, merged)
        if merged:
            since = _since_its_start(context)
            self.log.info("What this run merged%s:\n%s", since, _as_table(summary))
        elif summary:
            self.log.info("A dry run; it would load:\n%s", _as_table(summary))
        else:
            self.log.info("There was nothing new to merge.")
        for sentence in self.findings or []:
            self.log.warning("%s", in_lines(sentence))
        self._tell_findings(context, merged)
        failed = _failed_tasks(context)
        if failed:
            raise StepsFailed(_what_failed(context, failed, is_any_loaded=bool(merged)))
        return summary

    def _tell_findings(self, context: Context, merged: list[dict[str, Any]]) -> None:
        """Say what is wrong with what came; where that cannot be found out, no run fails."""
        from learning_warehouse.warehouse.connection import connect

        try:
            with connect(self.warehouse_conn_id) as conn:
                findings = _findings(conn, context, merged, self.schemas)
                if self.remark and merged:
                    said = self.remark(conn, [counts["delivery_id"] for counts in merged])
                    if said:
                        self.log.info("%s", said)
        except Exception as error:
            self.log.warning(
                "What was loaded could not be checked for rejected rows, gaps and "
                "changed columns: %s",
                error,
            )
            return
        for kind, sentences in findings.items():
            for sentence in sentences:
                self.log.warning("%s", in_lines(sentence))
            if sentences:
                alert(kind, f"{run_name(context)}: {' '.join(sentences)}", context)


def _as_table(summary: list[dict[str, Any]]) -> str:
    """It as a table. (To import pandas takes most of the time of a run with nothing new.)"""
    import pandas as pd

    return pd.DataFrame(summary).rename(columns=HEADERS).fillna("").to_string(index=False)


def _by_table(
    conn: Connection, context: Context, merged: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Of each table the counts of rows, the deliveries, their days, and the requests for them."""
    import pandas as pd

    from learning_warehouse.warehouse.sql import statement

    frame = pd.DataFrame(merged)
    counts = frame.groupby("dataset")[list(COUNTS)].sum()
    counts["deliveries"] = frame.groupby("dataset").size()
    counted: dict[Any, dict[Any, Any]] = counts.to_dict("index")
    of_run = conn.execute(
        statement("ops/summary", "of_run"),
        {"deliveries": frame["delivery_id"].tolist(), "run": run_name(context)},
    )
    return [{"dataset": row["dataset"], **counted[row["dataset"]], **row} for row in of_run]


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
        "rejects": _rejects(found("rejects")),
        "schema_change": [_schema_change(**row) for row in found("schema_changes")],
        "gap": [
            f"{row['dataset']} of {row['origin']}: nothing was loaded for "
            f"{Days(row['first_day'], row['last_day'])}, though days before and after are loaded; "
            "trigger the DAG with these days."
            for row in (found("gaps") if follows_schedule(context) else [])
        ],
    }


def _rejects(rows: list[dict[str, Any]]) -> list[str]:
    """A sentence for each table, which names the worst of its files."""
    sentences = []
    for dataset, (whole, *files) in groupby(rows, key=lambda row: row["dataset"]):
        worst = [
            f"{file['name']}: {_share(file)}" for file in files if _share(file) != _share(whole)
        ]
        shown = ", ".join(worst[:MOST_FILES])
        if len(worst) > MOST_FILES:
            shown += f" and {len(worst) - MOST_FILES} more"
        sentences.append(
            f"{dataset}: {_share(whole)} rows were rejected{f' ({shown})' if shown else ''}; "
            "ops.rejected_row says why."
        )
    return sentences


def _share(counts: dict[str, Any]) -> str:
    return f"{counts['rows_rejected']} of {counts['rows_read']}"


def _schema_change(dataset: str, origin: str, change: str, headers: list[str]) -> str:
    table = f"{dataset} of {origin}"
    if headers == ["report"]:
        return f"{table}: Echo360 offers this report, which has no table here."
    if headers[0].startswith("parameter "):
        return f"{table}: Echo360 requires the {', '.join(headers)}, which is not known here."
    columns = ", ".join(map(repr, headers))
    if len(headers) == 1:
        return f"{table}: the column {columns} is {change}."
    return f"{table}: the columns {columns} are {change}."


def _since_its_start(context: Context) -> str:
    started = started_at(context)
    return f" in {(datetime.now(UTC) - started).total_seconds():.0f} s" if started else ""


def _failed_tasks(context: Context) -> list[str]:
    """The run's tasks that failed themselves."""
    ti: Any = context["ti"]
    run: Any = context["dag_run"]
    if hasattr(ti, "get_task_states"):
        states = ti.get_task_states(dag_id=run.dag_id, run_ids=[run.run_id]).get(run.run_id, {})
    else:
        states = {other.task_id: other.state for other in run.get_task_instances()}
    return sorted(task for task, state in states.items() if state == "failed")


def _what_failed(context: Context, failed: list[str], *, is_any_loaded: bool) -> str:
    """The sentence of each task; tasks that failed for the same reason share it."""
    ti: Any = context["ti"]
    tasks: dict[str, list[str]] = {}
    for task in failed:
        said = ti.xcom_pull(task_ids=task, key=FAILURE_KEY) or "it was killed: see its log."
        tasks.setdefault(said, []).append(task)
    sentences = [f"{', '.join(names)} failed: {said}" for said, names in tasks.items()]
    rest = "Everything else of this run is loaded." if is_any_loaded else "Nothing was loaded."
    retry = "" if wrong_params(context) else "After fixing that, clear the failed tasks. "
    return f"{' | '.join(sentences)} {retry}{rest}"
