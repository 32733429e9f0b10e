"""The warehouse from nothing: for each table, what landed of it, from the landing zone alone."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, Param, TaskGroup

from learning_warehouse.conn_ids import EDX_CONN_ID
from learning_warehouse.dag_files import DEFAULT_ARGS
from learning_warehouse.echo360.rebuild import remember_requests
from learning_warehouse.echo360.reports import REPORTS
from learning_warehouse.echo360.staging import assets_of
from learning_warehouse.edx.logs import EVENTS, logs_of
from learning_warehouse.params import params, refuse_wrong_params
from learning_warehouse.people import lists
from learning_warehouse.steps.rebuild import RebuildOperator, RebuildPlanOperator
from learning_warehouse.steps.summary import SummaryOperator
from learning_warehouse.vocareum.files import REGISTRY

TABLES = [
    *(files.dataset.table for files in REGISTRY),
    *(report.dataset.table for report in REPORTS.values()),
    EVENTS.table,
    *(one.dataset.table for one in lists.REGISTRY),
]

DOC = """
### Rebuild

Loads what is in the landing zone and not in the warehouse: all of it, if the warehouse is lost. No
vendor's API is called. In a warehouse that lacks nothing, a run changes nothing.

* **After a loss**: pause the other DAGs, point the connection `learning_warehouse` to an empty
  database, trigger this DAG, then `edx_tracking_logs` with `earliest`: logs that were read in edX's
  own bucket are not in the landing zone.
* **How**: the landing zone has a note of each delivery, below `ledger/`. For each table, the
  deliveries are loaded in the order in which the vendor made them. A task that failed or was killed
  continues where it stopped.
* **What is held**: a delivery that shrinks a day or file by more than half is held, as it was the
  first time. If it is right, trigger this DAG again with `accept_shrink` and only its table in
  `datasets`.
* **Missing notes**: a run writes the notes that are missing, of all deliveries that the ledger
  knows to have landed.
* **Connections**: `landing_zone`, `learning_warehouse`; for encrypted logs `edx_gpg`.
* **When it fails**: the last line of the task's log says what to do; then clear the task.
"""


def rebuild() -> DAG:
    """The DAG: a plan, then a task for each table."""
    with DAG(
        "warehouse_rebuild",
        description="Loads what landed into the warehouse, without the vendors",
        doc_md=DOC,
        schedule=None,
        start_date=datetime(2020, 1, 1, tzinfo=UTC),
        catchup=False,
        tags=["learning warehouse"],
        default_args=DEFAULT_ARGS,
    ) as dag:
        plan = RebuildPlanOperator(task_id="plan", pre_execute=refuse_wrong_params)
        loads = []
        with TaskGroup("vocareum") as vocareum:
            for files in REGISTRY:
                task = RebuildOperator(task_id=files.dataset.name, dataset=files.dataset)
                loads.append(task.output)
        with TaskGroup("echo360") as echo360:
            for name, report in REPORTS.items():
                task = RebuildOperator(
                    task_id=name,
                    dataset=report.dataset,
                    reader=assets_of(report),
                    remember=remember_requests(report),
                )
                loads.append(task.output)
        with TaskGroup("edx") as edx:
            task = RebuildOperator(
                task_id=EVENTS.name,
                dataset=EVENTS,
                reader=logs_of(EDX_CONN_ID),
            )
            loads.append(task.output)
        with TaskGroup("people") as people:
            for one in lists.REGISTRY:
                task = RebuildOperator(task_id=one.dataset.name, dataset=one.dataset)
                loads.append(task.output)
        plan >> [vocareum, echo360, edx, people]
        SummaryOperator(
            task_id="summarise", loads=loads, schemas=["vocareum", "echo360", "edx", "people"]
        )
    # Last, for each operator would copy those that the DAG has when it is made.
    dag.params.update(
        {
            "datasets": Param(
                TABLES,
                type="array",
                items={"type": "string", "enum": TABLES},
                examples=TABLES,
                minItems=1,
                description="The tables to load.",
            ),
            "accept_shrink": params()["accept_shrink"],
        }
    )
    return dag


DAGS = [rebuild()]
