"""Echo360 reports: plan, then for each report submit → wait → land → load."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, Param, TaskGroup

from learning_warehouse.dag_files import DEFAULT_ARGS, origins
from learning_warehouse.echo360.operators import (
    Echo360PlanOperator,
    Echo360SubmitOperator,
    LandEcho360ReportsOperator,
)
from learning_warehouse.echo360.reports import DELIMITERS, REPORTS
from learning_warehouse.echo360.sensors import Echo360ReportSensor
from learning_warehouse.echo360.staging import assets_of
from learning_warehouse.params import params
from learning_warehouse.steps.loading import LoadOperator
from learning_warehouse.steps.summary import SummaryOperator
from learning_warehouse.timetable import UTCDays

DOC = """
### Echo360 reports

Asks Echo360 for its reports, waits without a worker's slot until they are made, copies them to the
landing zone and loads them into the schema `echo360` of the warehouse.

* **Schedule**: each UTC day, eight hours after its close. Echo360 completes a day within 48 hours
  of its close, so a scheduled run asks for the days that were not complete when they were loaded,
  the last three, in one request a report (of `assetbydate` one a day), and replaces them. Days that
  scheduled runs left undone in the last 35 days are taken up as well, once one has asked Echo360 at
  all; the log of `plan` names them, and those that are further back.
* **By hand**: without Params it loads yesterday. `first_day` and `last_day` choose the days;
  `reports` chooses the reports. A **backfill** takes each run's day, one request a report and day:
  for a long past trigger one run over it instead. Days that the warehouse has as complete as
  Echo360 ever will are not asked for again, unless `reload` is set.
* **What a year costs**: a request covers seven days at most, so a year is 53 requests a dated
  report. `assetbydate` counts what is in its window and cannot be cut afterwards: it is asked for
  day by day, 365 requests a year, and Echo360 tells of no more than the last year. Three are in
  flight at a time, whoever asks, and one may take Echo360 several hours. The log of `plan` says how
  many a run makes before the first is submitted.
* **`asset`** has no dates: it is asked for once in a run, kept as a snapshot of the day on which
  Echo360 made it, and left out of a backfill, which could not tell what was so then.
* **`polling` and `qanda`** have a second version, `pollingv2` and `qanda2`, and are asked for only
  where Echo360 still offers them, as is every report.
* **Connections**: `CONN_ID` (host = base URL, login = client id, password = client secret),
  `landing_zone`, `learning_warehouse`.
* **When it fails**: the last line of the task's log says what to do; then clear the task. No
  request is submitted twice by that: what was asked for is in `ops.report_request`. A request
  that failed is asked again, a window that keeps failing is split into shorter ones, and a day
  that keeps failing is named with its request id, for Echo360's support. A report that is *held*
  would have shrunk a day by more than half: look at it, and if it is right run again with
  the Params that the sentence names. Until then that day is asked for in a request
  of its own, and so is one that was given up. Rejected rows are in `ops.rejected_row`.
"""


def reports(dag_id: str, conn_id: str) -> DAG:
    """The DAG of one region, from its connection."""
    with DAG(
        dag_id,
        description="Echo360's reports, loaded into the warehouse",
        doc_md=DOC.replace("CONN_ID", conn_id),
        schedule=UTCDays(start_after=timedelta(hours=8)),
        start_date=datetime(2020, 1, 1, tzinfo=UTC),
        catchup=False,
        tags=["learning warehouse", "echo360"],
        default_args=DEFAULT_ARGS,
    ) as dag:
        plan = Echo360PlanOperator(task_id="plan", echo360_conn_id=conn_id)
        loads = []
        for name, report in REPORTS.items():
            with TaskGroup(name):
                submit = Echo360SubmitOperator(
                    task_id="submit",
                    report=report,
                    # An XComArg can be indexed, which its type does not say.
                    windows=plan.output[name],  # type: ignore[index]
                    echo360_conn_id=conn_id,
                )
                wait = Echo360ReportSensor(
                    task_id="wait",
                    report=report,
                    windows=submit.output,
                    echo360_conn_id=conn_id,
                    poll_interval="{{ params.poll_interval }}",
                )
                land = LandEcho360ReportsOperator(
                    task_id="land", report=report, request_ids=wait.output, echo360_conn_id=conn_id
                )
                load = LoadOperator(
                    task_id="load",
                    dataset=report.dataset,
                    deliveries=land.output,
                    reader=assets_of(report),
                )
                loads.append(load.output)
        SummaryOperator(task_id="summarise", loads=loads, schemas=["echo360"])
    # Last, for each operator would copy those that the DAG has when it is made.
    dag.params.update(
        {
            **params(),
            "reports": Param(
                list(REPORTS),
                type="array",
                items={"type": "string", "enum": list(REPORTS)},
                examples=list(REPORTS),
                title="Reports",
                description="Which of Echo360's reports to ask for. A request covers seven days "
                "at most, of assetbydate one: a year costs 53 requests a report, 365 for "
                "assetbydate, one for asset. Three are in flight at a time.",
            ),
            "delimiter": Param(
                ",",
                type="string",
                enum=list(DELIMITERS),
                values_display=DELIMITERS,
                title="Delimiter",
                description="Between the values of the reports that Echo360 makes.",
            ),
            "compression": Param(
                True,
                type="boolean",
                title="Compression",
                description="Whether Echo360 compresses the reports that it makes.",
            ),
            "poll_interval": Param(
                30,
                type="integer",
                minimum=5,
                title="Seconds between two looks",
                description="How often Echo360 is asked whether its reports are made; it allows "
                "120 calls a minute to an institution.",
            ),
        }
    )
    return dag


DAGS = [reports(dag_id, conn_id) for dag_id, conn_id in origins("echo360").items()]
