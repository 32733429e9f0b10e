"""Erasure: a person's own copy of their data, or their removal, by a request in a file."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, Param

from learning_warehouse.dag_files import DEFAULT_ARGS
from learning_warehouse.params import refuse_wrong_params
from learning_warehouse.stewardship.operators import (
    DAYS,
    EraseLandedOperator,
    EraseTablesOperator,
    FinishErasuresOperator,
    RecordErasuresOperator,
)

DOC = """
### Erasure

Lists all that the warehouse has of a person, or erases the person.

* **Who**: put a CSV file below `erasure/requests/` in the landing zone. A row is a person; its
  columns are those of `people.roster`, any of them: `institution_id`, `email`, `edx_username`, ...
  The report that Open edX's retirement writes for partners is such a file as it is. No name goes
  into a Param, because Airflow keeps those; a `person_id` of `people.link` says nothing once the
  person is erased, so it may.
* **`record`**, in a dry run: finds all accounts and addresses of the person, and writes the rows
  that name them to `erasure/inventories/` in the landing zone, a file for each table: the person's
  own copy of their data.
* **`record`**, else: writes a tombstone for each account and address, into the landing zone and the
  warehouse, and removes the request and the inventory. From then on no load brings back a row of
  the person, whichever way it comes.
* **`erase_tables`**: removes the person's rows, and empties what mentions them in rows of others.
  In a run without requests, it removes those whose tombstones are there: trigger it after a
  warehouse was restored from a backup.
* **`erase_landed`**: writes each object of the landing zone that has the person again without
  them, and removes older versions that the bucket keeps. Logs of edX's own bucket are listed in
  `erasure/reports/edx_logs.csv`, for its owner.
* **`finish`**: writes a report without names, what was removed and when, to `erasure/reports/`.
* **Connections**: `stewardship_key`, `landing_zone`, `learning_warehouse`.
* **When it fails**: the last line of the task's log says what to do; then clear the task. Each task
  may be stopped and run again.

What stays for a while, and how to take back an erasure: docs/stewardship.md.
"""


def erasure() -> DAG:
    """The DAG: record → erase_tables → finish."""
    with DAG(
        "warehouse_erasure",
        description="Lists all data of a person, or erases the person",
        doc_md=DOC,
        schedule=None,
        start_date=datetime(2020, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        tags=["learning warehouse"],
        default_args=DEFAULT_ARGS,
    ) as dag:
        record = RecordErasuresOperator(task_id="record", pre_execute=refuse_wrong_params)
        erase = EraseTablesOperator(task_id="erase_tables")
        landed = EraseLandedOperator(task_id="erase_landed")
        finish = FinishErasuresOperator(task_id="finish", erasures=record.output)
        record >> erase >> landed >> finish
    # Last, for each operator would copy those that the DAG has when it is made.
    dag.params.update(
        {
            "dry_run": Param(
                True,
                type="boolean",
                description="Only write down what there is of each person; erase nobody.",
            ),
            "people": Param(
                None,
                type=["null", "array"],
                items={"type": "string", "format": "uuid"},
                description="Ids of people.link, besides the requests in the landing zone.",
            ),
            "days": Param(
                DAYS,
                type="integer",
                minimum=1,
                description="Days until the erasure has to be done: warehouse_housekeeping fails "
                "if it is not.",
            ),
            "vacuum": Param(
                False,
                type="boolean",
                description="Also remove dead rows and statistics at once (VACUUM FULL, ANALYZE), "
                "which locks each table for a while.",
            ),
        }
    )
    return dag


DAGS = [erasure()]
