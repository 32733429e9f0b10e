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
from learning_warehouse.params import params, refuse_wrong_params
from learning_warehouse.steps.loading import LoadOperator
from learning_warehouse.steps.summary import SummaryOperator
from learning_warehouse.timetable import UTCDays

DOC = """
### Echo360 reports

Requests Echo360's reports, waits for them without taking a worker's slot, copies them to the
landing zone and loads them into the schema `echo360` of the warehouse.

* **Schedule**: 08:00 UTC, for the day before. Echo360 completes a day within 48 hours after it
  ends, so a scheduled run requests the last three days together, in one request for each report
  (`assetbydate`: one for each day), and replaces them. It also loads days that scheduled runs
  missed in the last 35 days, counting from the first scheduled run. The log of `plan` lists them,
  and older gaps.
* **By hand**: without Params it loads the day before the logical date, which is yesterday for a run
  that is triggered now. `first_day` and `last_day` choose the days, `reports` the reports. A
  **backfill** makes one run for each day, with one request for each report and day: for a long
  period, trigger one run over all of it instead. Days whose data was already final when loaded are
  not requested again, unless `reload` is set.
* **What a year costs**: a request covers at most seven days, so a year is 53 requests for each
  report with dates. `assetbydate` counts what is in its window and cannot be split afterwards: it
  is requested day by day, 365 requests for a year, and Echo360 keeps only the last year of it. At
  most three requests are in flight at once, counting all runs and every other client of your
  institution, and one may take Echo360 several hours. The log of `plan` says how many a run makes
  before the first is submitted.
* **`asset`** has no dates. Each run requests it once and keeps it as a snapshot of that day.
  Backfills skip it: Echo360 reports only the present state.
* **`polling` and `qanda`** have a second version, `pollingv2` and `qanda2`. Every report is
  requested only where Echo360 still offers it.
* **Connections**: `CONN_ID` (host = base URL, login = client id, password = client secret),
  `landing_zone`, `learning_warehouse`.
* **When it fails**: the last line of the task's log says what to do; then clear the task. No
  request is submitted twice by that: each is recorded in `ops.report_request` before it is sent. A
  failed request is tried again after ten minutes, then after an hour; a window that keeps failing
  is split until the failing day is isolated, and the error names that day and its request id, for
  Echo360's support. A report is
  *held* if it would shrink a day by more than half: look at it, and if it is right, run again with
  the Params that the sentence names. Until then that day has a request of its own, and so has a day
  that kept failing. Rejected rows are in `ops.rejected_row`.
"""


def reports(dag_id: str, conn_id: str) -> DAG:
    """The DAG of one region, from its connection."""
    with DAG(
        dag_id,
        description="Loads Echo360's reports into the warehouse",
        doc_md=DOC.replace("CONN_ID", conn_id),
        schedule=UTCDays(start_after=timedelta(hours=8)),
        start_date=datetime(2020, 1, 1, tzinfo=UTC),
        catchup=False,
        tags=["learning warehouse", "echo360"],
        default_args=DEFAULT_ARGS,
    ) as dag:
        plan = Echo360PlanOperator(
            task_id="plan", echo360_conn_id=conn_id, pre_execute=refuse_wrong_params
        )
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
                minItems=1,
                description="The reports to request. A request covers at most seven days "
                "(assetbydate: one), so a year costs 53 requests for each report, 365 for "
                "assetbydate, one for asset. At most three are in flight at once.",
            ),
            "delimiter": Param(
                ",",
                type="string",
                enum=list(DELIMITERS),
                values_display=DELIMITERS,
                description="What Echo360 puts between the values of a row.",
            ),
            "compression": Param(
                True,
                type="boolean",
                description="Have Echo360 compress the reports.",
            ),
            "poll_interval": Param(
                30,
                type="integer",
                minimum=5,
                description="Seconds between two looks at whether a report is ready. Echo360 "
                "allows an institution 120 calls a minute.",
            ),
        }
    )
    return dag


DAGS = [reports(dag_id, conn_id) for dag_id, conn_id in origins("echo360").items()]
