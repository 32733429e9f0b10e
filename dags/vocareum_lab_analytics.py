"""Vocareum lab analytics: credentials, then for each dataset land → load."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, Param, TaskGroup

from learning_warehouse.dag_files import DEFAULT_ARGS, origins
from learning_warehouse.params import params, refuse_wrong_params
from learning_warehouse.steps.loading import LoadOperator
from learning_warehouse.steps.summary import SummaryOperator
from learning_warehouse.timetable import UTCDays
from learning_warehouse.vocareum.files import REGISTRY
from learning_warehouse.vocareum.operators import (
    LandVocareumFilesOperator,
    VocareumCredentialsOperator,
)

DATASETS = [files.dataset.name for files in REGISTRY]

DOC = """
### Vocareum lab analytics

Copies the CSV files that Vocareum writes for your org to the landing zone and loads them into the
schema `vocareum` of the warehouse.

* **Schedule**: 07:00 UTC, for the day before (Vocareum writes a day's files within about six
  hours). A scheduled run also looks at the files of the seven days and the month before, which
  Vocareum may have rewritten; a file that did not change is not read again, and where nothing is
  new, `land` and `load` are skipped. It also loads files of days that runs missed in the last 35
  days, counting from the first one loaded.
* **By hand**: without Params it loads the day before the logical date, which is yesterday for a run
  that is triggered now. `first_day` and `last_day` choose the daily files (`lab_sessions`,
  `aws_cost`, `azure_cost`) and the monthly ones (`service_spend`); grades, enrollment and mappings
  are loaded as they are now. `courses` limits grades and enrollment.
* **Again**: `reload` loads the newest version of each file from the landing zone, whether Vocareum
  still has it or not; for files without a date in their name (grades, enrollment, mappings), the
  version that was current at the end of `last_day`. That stays loaded until Vocareum writes another
  version, or until a `reload` without days.
* **Connections**: `CONN_ID`, `landing_zone`, `learning_warehouse`.
* **When it fails**: the last line of the task's log says what to do; then clear the task. A file is
  *held* if it would shrink by more than half: look at it, and if it is right, run again with the
  Params that the sentence names. Rejected rows are in `ops.rejected_row`.
"""


def lab_analytics(dag_id: str, conn_id: str) -> DAG:
    """The DAG of one org, from its connection."""
    with DAG(
        dag_id,
        description="Loads Vocareum's lab analytics files into the warehouse",
        doc_md=DOC.replace("CONN_ID", conn_id),
        schedule=UTCDays(start_after=timedelta(hours=7)),
        start_date=datetime(2020, 1, 1, tzinfo=UTC),
        catchup=False,
        tags=["learning warehouse", "vocareum"],
        default_args=DEFAULT_ARGS,
    ) as dag:
        credentials = VocareumCredentialsOperator(
            task_id="credentials", vocareum_conn_id=conn_id, pre_execute=refuse_wrong_params
        )
        loads = []
        for files in REGISTRY:
            with TaskGroup(files.dataset.name):
                land = LandVocareumFilesOperator(
                    task_id="land",
                    files=files,
                    credentials=credentials.output,
                    vocareum_conn_id=conn_id,
                )
                load = LoadOperator(task_id="load", dataset=files.dataset, deliveries=land.output)
                loads.append(load.output)
        SummaryOperator(task_id="summarise", loads=loads, schemas=["vocareum"])
    # Last, for each operator would copy those that the DAG has when it is made.
    dag.params.update(
        {
            **params(),
            "datasets": Param(
                DATASETS,
                type="array",
                items={"type": "string", "enum": DATASETS},
                examples=DATASETS,
                minItems=1,
                description="The datasets to load.",
            ),
            "courses": Param(
                [],
                type=["null", "array"],
                items={"type": "string", "pattern": "^[^/]+$"},
                description="Load grades and enrollment of these courses only, by their ids. "
                "Empty: all courses.",
            ),
        }
    )
    return dag


DAGS = [lab_analytics(dag_id, conn_id) for dag_id, conn_id in origins("vocareum").items()]
